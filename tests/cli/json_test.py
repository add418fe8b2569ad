"""Every document of --json against docs/schema, and progress beside it: on stderr, and only
when that is a terminal. A command without a schema, a schema that nothing was held against and
a key that never came are failures."""
import json, math, re, struct, sys, warnings

from harness import DATA, HERE, MODEL, REFERENCE, CliTest, main, skip_loudly

try:
    import jsonschema
except ImportError:
    jsonschema = None
warnings.filterwarnings("ignore", category=DeprecationWarning)  # what newer ones say of RefResolver

SCHEMAS = HERE.parent.parent / "docs/schema"
DRAWN = r"\r\[[#.]{20}\] \d+/(\d+|\?) "


def objects(node):
    """All objects in a document, itself included."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from objects(child)


def described(schema):
    return {name for part in objects(schema) for name in part.get("properties", ())}


class Json(CliTest):
    def setUp(self):
        super().setUp()
        if not jsonschema:
            skip_loudly("no Python package jsonschema: no document was held against its schema")
        self.schemas = {p.name.split(".")[0]: json.loads(p.read_text()) for p in SCHEMAS.glob("*.json")}
        self.store = {(SCHEMAS / f"{n}.schema.json").as_uri(): s for n, s in self.schemas.items()}
        self.seen = {}

    def hold(self, name, document):
        """The document is what docs/schema/NAME says."""
        schema = self.schemas[name]
        base = (SCHEMAS / f"{name}.schema.json").as_uri()
        validator = jsonschema.Draft202012Validator(
            schema, resolver=jsonschema.RefResolver(base, schema, store=self.store))
        for error in validator.iter_errors(document):
            path = "/".join(map(str, error.absolute_path))
            self.fail(f"{name}: {path}: {error.message[:300]}\n"
                      + "\n".join(e.message[:300] for e in error.context or ()))
        self.assertFalse(validator.is_valid({**document, "stranger": 1}), name)
        for key in document:
            if key in schema.get("required", ()):
                self.assertFalse(validator.is_valid({k: v for k, v in document.items() if k != key}), key)
        self.seen.setdefault(name, set()).update(key for part in objects(document) for key in part)
        return document

    def valid(self, command, *args, status=0):
        """Run with stderr a pipe: no progress there, and what stdout has is as the schema says."""
        out, err = self.xlens(command, *args, "--json", status=status)
        self.assertNotIn("\r", err, "progress in a pipe")
        return self.hold(command.lstrip("-"), json.loads(out))

    def drawn(self, command, *args, status=0):
        """The same with stderr a terminal: a bar there, and still one document on stdout."""
        self.valid(command, *args, status=status)
        with open(self.tmp / "stdout", "w+b") as stdout:
            # One thread, so that the one that draws has something to do.
            seen, code = self.on_terminal(command, *args, "--json", "--threads", "1", stdout=stdout)
            stdout.seek(0)
            self.assertEqual(code, status, seen)
            self.assertRegex(seen, DRAWN, command)
            return self.hold(command, json.load(stdout))

    # ---- command by command ----

    def test_every_document(self):
        self.labels, self.root = self.names(), self.pictures(broken=True)
        self.models()
        self.runs()
        self.recipe()
        self.exports()
        self.background()
        self.no_key_is_unseen(unless=self.published())

    def models(self):
        pictures = [self.root / "bee/00.jpg", self.root / "bee/broken.jpg"]
        self.valid("predict", "-m", MODEL, "--label", self.labels, *pictures, status=1)
        ppcls = DATA / "paddle2/ppcls_xception.pdmodel"
        self.valid("predict", "-m", ppcls, "--label", self.labels, pictures[0])
        for model in (MODEL, ppcls, DATA / "paddle2/ppcls_xception_deeplab.pdmodel"):
            self.valid("info", model)
        self.valid("info", self.root)
        self.valid("convert", "-m", MODEL, "-o", self.tmp / "native")
        self.valid("bench", "-m", MODEL, "--iterations", "2", "--layers", "--peak", "--percentiles", "[50,99.9]")
        self.valid("bench", "-m", MODEL, "--iterations", "1", "-i", "2", "-p", "2", "--forward_mode", "1")
        self.drawn("verify", self.root, status=1)
        self.valid("doctor", "--terminal")
        many = self.many(10)
        self.drawn("doctor", "-m", MODEL, many)
        quantize = ["quantize", "-m", MODEL, "--calib", many, "--allow-missing-classes", "--force", "-o", self.tmp / "q"]
        self.drawn(*quantize, "-n", "8")
        self.valid(*quantize, "--method", "kl")  # of all of them, so that none are left
        self.valid("--version")

    def runs(self):
        """Two runs, the other one with other answers, and all that is said of them."""
        evaluation = ["eval", "-m", MODEL, "--label", self.labels, "--db", self.db, self.root]
        self.drawn(*evaluation, status=1)
        self.drawn(*evaluation, "--preprocess", "timm", status=1)
        theirs = self.tmp / "theirs.csv"
        theirs.write_text("file,label,top1,prob1\n" + "".join(
            f"{p.relative_to(self.root)},{8 if 'bee' in str(p) else 1},1,0.9\n"
            for p in sorted(self.root.rglob("*.*"))))
        self.drawn("import", "--run", "theirs", theirs, "--dataset", self.root, "--db", self.db,
                   "--label", self.labels)
        self.valid("diff", "--db", self.db, "-a", "1", "-b", "theirs", "--only", "all")
        for by in ([], ["--by", "class"], ["--by", "pair"], ["--by", "bin"]):
            self.valid("stats", "--db", self.db, *by)
        merged = self.tmp / "merged.db"
        self.drawn("merge", "--mixed", "--db", merged, self.db)
        self.valid("runs", "--db", merged)
        self.valid("info", merged)

    def recipe(self):
        """From pictures to a score, by files."""
        out, listed = self.tmp / "out", self.tmp / "list.txt"
        self.drawn("npz", "--dataset_path", self.root / "dog", "--target_path", self.tmp / "npz",
                   "--text_path", listed)
        run = ["run", "-m", MODEL, "--datalist", listed, "--path_output", out]
        self.drawn(*run)
        truth = self.tmp / "truth.txt"
        truth.write_text("".join(f"{line} 1\n" for line in listed.read_text().splitlines()))
        score = ["score", "--result_path", out, "--datalist", listed, "--label", self.labels]
        self.drawn(*score, "--val_label", truth)
        self.valid(*score, "--val_label", truth, "--compat-vamp")
        val, labels = self.tmp / "val", self.tmp / "val_label.txt"
        val.mkdir()
        for name in ("a.JPEG", "b.JPEG", "stranger.JPEG"):
            (val / name).write_text(name)
        labels.write_text("a.JPEG 0\nb.JPEG 999\nnone.JPEG 1\n")
        self.drawn("valprep", val, "--val_label", labels, status=1)

    def exports(self):
        """What files hold, and what is said of them; other truths over ImageNet's classes."""
        seen = ["export", "--db", self.db, "--force", "--format"]
        self.valid(*seen, "jsonl", "-o", self.tmp / "rows")
        for line in (self.tmp / "rows").read_text().splitlines():
            self.hold("jsonl", json.loads(line))
        self.drawn(*seen, "fiftyone", "-o", self.tmp / "fo")
        for name in ("labels", "predictions"):
            self.hold("fiftyone", json.loads((self.tmp / f"fo/{name}.json").read_text()))
        imagenet, real = self.tmp / "imagenet.csv", self.tmp / "real.json"
        imagenet.write_text("file,label,top1,prob1\n" + "".join(
            f"ILSVRC2012_val_{i:08}.JPEG,{i},{i % 2},0.5\n" for i in range(1, 4)))
        real.write_text("[[1], [], [3, 4]]")
        views = ["--real", real, "--fold", "fish,bird"]
        self.valid("import", "--run", "imagenet", imagenet, "--db", self.db)
        self.valid("stats", "--db", self.db, *views)
        self.valid(*seen, "csv", "-o", self.tmp / "rows", *views)
        self.valid(*seen, "jsonl", "-o", self.tmp / "rows")
        for line in (self.tmp / "rows").read_text().splitlines():
            self.hold("jsonl", json.loads(line))
        truth, results = self.tmp / "val_label.txt", self.tmp / "relay.txt"
        truth.write_text("ILSVRC2012_val_00000001.JPEG 1\n")
        listed = self.tmp / "relay_list.txt"
        listed.write_text("ILSVRC2012_val_00000001.JPEG\n")
        results.write_text("".join(f"ILSVRC2012_val_00000001.JPEG: Relay top-{k} id: {k}, prob: 0.1, "
                                   f"class name: x\n" for k in range(5)))
        self.valid("score", "--result_path", results, "--datalist", listed, "--val_label", truth, *views)

    def background(self):
        self.valid("eval", "-m", MODEL, "--detach", "--db", self.db, self.root)
        self.valid("jobs", "--db", self.db)
        for job in self.document("jobs", "--db", self.db)["jobs"]:
            self.xlens("jobs", "stop", str(job["id"]), "--db", self.db)

    def published(self):
        """A model whose publisher gives figures must have their size: zeros that take no disk."""
        manifest = REFERENCE / "models/reference/timm_xception.manifest.tsv"
        if not manifest.is_file():
            print("SKIPPED: no reference folder: published figures of a model", file=sys.stderr)
            return {"published", "params_m", "work_g", "counts"}
        header, end = {}, 0
        for line in manifest.read_text().splitlines()[1:]:
            name, shape = line.split("\t")[:2]
            shape = [int(n) for n in shape.split("x")]
            begin, end = end, end + 4 * math.prod(shape)
            header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
        text = json.dumps(header).encode()
        path = self.tmp / "zeros.safetensors"
        path.write_bytes(struct.pack("<Q", len(text)) + text)
        with path.open("r+b") as out:
            out.truncate(8 + len(text) + end)
        self.valid("info", path)
        return set()

    # ---- nothing is left out ----

    def no_key_is_unseen(self, unless):
        commands = re.findall(r"(?m)^  (\w+) ", self.xlens("--help")[0])
        self.assertGreater(len(commands), 15)
        files = {"version", "jsonl", "fiftyone"}
        self.assertEqual(set(commands) | files | {"common"}, set(self.schemas))
        self.assertEqual(set(commands) | files, set(self.seen))
        for name in self.seen:
            self.assertEqual(described(self.schemas[name]) - self.seen[name] - unless, set(), name)
        shared = set().union(*self.seen.values())
        self.assertEqual(described(self.schemas["common"]) - shared, set())

    def test_schemas_are_schemas(self):
        for name, schema in self.schemas.items():
            jsonschema.Draft202012Validator.check_schema(schema)
            # Each object says which keys it has, which of them always, and that there are no others.
            for part in objects(schema):
                if "properties" in part:
                    self.assertIs(part["additionalProperties"], False, name)
                    self.assertLessEqual(set(part["required"]), set(part["properties"]), name)


main()
