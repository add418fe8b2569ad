"""stats --json, with other truths too, and diff --json against scikit-learn, scipy and statsmodels,
which are installed from PyPI into a venv in the build tree; skipped, loudly, where PyPI is away. The
figures are computed from the csv that was imported, by those libraries alone."""
import csv, json, os, pathlib, random, subprocess, sys

from harness import CliTest, main, skip_loudly

PACKAGES = ["numpy==2.2.6", "scipy==1.15.3", "scikit-learn==1.6.1", "statsmodels==0.14.4"]
SECONDS = 240  # for the whole installation
FOLDER = pathlib.Path(os.environ.get("XLENS_PEERS_DIR", "peers"))
CLASSES, PICTURES = 12, 3000
# The same twelve as classes of ImageNet: three that are no dogs, from killer whale on, and nine dogs.
FIRST, OTHERS = 148, 3

# Reads {"label": …, "a": {"top": [[5]], "prob": [[5]]}, "b": …} and prints what peers say; with
# "sets", the labels of each picture after reassessment, what they say of these.
PEERS = r"""
import json, sys
import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import (accuracy_score, confusion_matrix, precision_recall_fscore_support,
                             top_k_accuracy_score)
from sklearn.preprocessing import MultiLabelBinarizer
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

data, classes = json.load(sys.stdin), int(sys.argv[1])
labels, out = np.array(data["label"]), {}

def ece(right, best):
    bins = np.clip(np.digitize(best, np.linspace(0, 1, 16), right=True) - 1, 0, 14)
    return sum(abs(right[bins == m].mean() - best[bins == m].mean()) * (bins == m).sum()
               for m in range(15) if (bins == m).any()) / len(right)

def wilson(hits, n):
    return {k: [100 * x for x in proportion_confint(h, n, method="wilson")] for k, h in hits.items()}

def plain(top, prob):
    right = top[:, 0] == labels
    p, r, f, support = precision_recall_fscore_support(
        labels, top[:, 0], labels=range(classes), zero_division=0)
    hits = {"top1": right.sum(), "top5": (top == labels[:, None]).any(axis=1).sum()}
    if all(len(set(five)) == 5 for five in top.tolist()):
        scores = np.zeros((len(labels), classes))
        np.put_along_axis(scores, top, prob.astype(float) + 1, axis=1)
        again = top_k_accuracy_score(labels, scores, k=5, labels=range(classes))
        assert round(again * len(labels)) == hits["top5"], (again, hits)
    return right, {
        "labelled": len(labels),
        "top1": 100 * accuracy_score(labels, top[:, 0]), "top5": 100 * hits["top5"] / len(labels),
        "wilson": wilson(hits, len(labels)),
        "confusion": confusion_matrix(labels, top[:, 0], labels=range(classes)).tolist(),
        "precision": p.tolist(), "recall": r.tolist(), "f1": f.tolist(),
        "support": support.tolist(), "ece": ece(right, prob[:, 0].astype(float))}

def reassessed(top, prob):
    counted = np.array([bool(s) for s in data["sets"]])
    binary = MultiLabelBinarizer(classes=range(classes))
    truth = binary.fit_transform([data["sets"][i] for i in np.flatnonzero(counted)])
    one, five = (binary.transform(top[counted, :k].tolist()) for k in (1, 5))
    right, any5 = (truth & one).any(axis=1), (truth & five).any(axis=1)
    hits = {"top1": right.sum(), "top5": any5.sum()}
    both = confusion_matrix((top[:, 0] == labels)[counted], right, labels=[False, True])
    return {"labelled": int(counted.sum()), "top1": 100 * right.mean(), "top5": 100 * any5.mean(),
            "wilson": wilson(hits, counted.sum()), "table": both.tolist(),
            "ece": ece(right, prob[counted, 0].astype(float))}

runs = {run: (np.array(data[run]["top"]), np.array(data[run]["prob"], dtype=np.float32))
        for run in "ab" if run in data}
if "sets" in data:
    print(json.dumps({run: reassessed(*rows) for run, rows in runs.items()}))
    sys.exit()
right = {}
for run, rows in runs.items():
    right[run], out[run] = plain(*rows)
if "b" in runs:
    a, b = right["a"], right["b"]
    table = [[int((a & b).sum()), int((a & ~b).sum())], [int((~a & b).sum()), int((~a & ~b).sum())]]
    exact = sum(table[i][1 - i] for i in (0, 1)) < 25
    test = mcnemar(table, exact=exact, correction=True)
    out["table"] = table
    out["mcnemar"] = {"exact": exact, "statistic": float(test.statistic), "p": float(test.pvalue)}
    if exact and table[0][1] + table[1][0]:
        again = binomtest(table[0][1], table[0][1] + table[1][0]).pvalue
        assert abs(again - test.pvalue) < 1e-12, (again, test.pvalue)
print(json.dumps(out))
"""


def interpreter():
    """The venv's python with the packages in it; None when they cannot be had."""
    python, stamp = FOLDER / "venv/bin/python", FOLDER / "installed"
    if stamp.is_file() and stamp.read_text() == "\n".join(PACKAGES):
        return python
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        for command in ([sys.executable, "-m", "venv", "--clear", FOLDER / "venv"],
                        [python, "-m", "pip", "install", "--quiet", "--only-binary=:all:",
                         "--disable-pip-version-check", "--retries", "1", *PACKAGES]):
            subprocess.run(command, check=True, timeout=SECONDS, capture_output=True, text=True)
    except (subprocess.SubprocessError, OSError) as error:
        print(getattr(error, "stderr", None) or error, file=sys.stderr)
        return None
    stamp.write_text("\n".join(PACKAGES))
    return python


class Peers(CliTest):
    def rows(self, seed, right):
        """A run that is right about `right` of the pictures: (top five, probabilities)."""
        noise, rows = random.Random(seed), []
        for label in self.labels:
            order = noise.sample(range(CLASSES), 5)
            if noise.random() < right:
                order = [label] + [c for c in order if c != label][:4]
            left, probs = 1.0, []
            for _ in range(5):
                probs.append(left * noise.uniform(0.2, 0.99))
                left -= probs[-1]
            probs = [float(f"{p:.6f}") for p in sorted(probs, reverse=True)]
            # Equal ones would be ordered by class, and zeros be no prediction to the peers.
            for k in range(1, 5):
                probs[k] = min(probs[k], probs[k - 1] - 1e-6) if probs[k] > 1e-5 else probs[k]
            rows.append((order, probs))
        return rows

    def bring(self, name, rows, first=0):
        """As a run; class 0 is the first-th of ImageNet when that is given."""
        path = self.tmp / f"{name}.csv"
        with path.open("w") as out:
            write = csv.writer(out)
            write.writerow(["file", "label", *(f"{what}{k}" for k in range(1, 6)
                                               for what in ("top", "prob"))])
            for i, (top, prob) in enumerate(rows):
                write.writerow([f"ILSVRC2012_val_{i + 1:08}.JPEG", first + self.labels[i],
                                *(x for t, p in zip(top, prob) for x in (first + t, f"{p:.6f}"))])
        names = [] if first else ["--label", self.names(CLASSES)]
        self.xlens("import", "--run", name, path, "--db", self.db, *names)

    def ask(self, python, classes=CLASSES, fold=lambda c: c, sets=None, **runs):
        data = {"label": [fold(c) for c in self.labels]}
        if sets:
            data["sets"] = [[fold(c) for c in s] for s in sets]
        for run, rows in runs.items():
            data[run] = {"top": [[fold(c) for c in t] for t, _ in rows], "prob": [p for _, p in rows]}
        done = subprocess.run([python, "-c", PEERS, str(classes)], input=json.dumps(data),
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def check_accuracy(self, got, want):
        self.assertEqual(got["labelled"], want["labelled"])
        for top in ("top1", "top5"):
            self.assertAlmostEqual(got[top], want[top], 9)
            for end, value in zip(("low", "high"), want["wilson"][top]):
                self.assertAlmostEqual(got[f"{top}_{end}"], value, 9)
        # Both sum 3000 float32 confidences; ours exactly, numpy's in double precision.
        self.assertAlmostEqual(got["ece"], want["ece"], 9)

    def check_stats(self, name, want, *options, place=lambda c: c):
        """place: that of a class of xlens among those of the peers."""
        got = self.document("stats", "--db", self.db, "--run", name, *options)
        self.check_accuracy(got, want)
        self.assertEqual(len(got["classes"]), len(want["support"]))
        for c in got["classes"]:
            i = place(c["index"])
            self.assertEqual((c["support"], c["correct"]),
                             (want["support"][i], want["confusion"][i][i]))
            for key in ("precision", "recall", "f1"):
                self.assertAlmostEqual(c[key], want[key][i], 12)
        pairs = {(place(p["truth"]), place(p["predicted"])): p["count"] for p in got["pairs"]}
        self.assertEqual(pairs, {(t, p): n for t, line in enumerate(want["confusion"])
                                 for p, n in enumerate(line) if n and t != p})

    def check_diff(self, want):
        got = self.document("diff", "--db", self.db, "-a", "a", "-b", "b", "--limit", "1")
        self.assertEqual([[got["table"]["both_right"], got["table"]["a_right"]],
                          [got["table"]["b_right"], got["table"]["both_wrong"]]], want["table"])
        for run in "ab":
            for top in ("top1", "top5"):
                self.assertAlmostEqual(got[run][top], want[run][top], 9)
                for end, value in zip(("low", "high"), want[run]["wilson"][top]):
                    self.assertAlmostEqual(got[run][f"{top}_{end}"], value, 9)
        test = want["mcnemar"]
        self.assertEqual(got["mcnemar"]["method"], "exact" if test["exact"] else "chi2")
        self.assertAlmostEqual(got["mcnemar"]["statistic"], test["statistic"], 9)
        # Tiny p-values count as well: to nine digits of their own.
        self.assertAlmostEqual(got["mcnemar"]["p"] / test["p"], 1, 9)
        return test

    def setUp(self):
        super().setUp()
        self.python = interpreter()
        if not self.python:
            skip_loudly("PyPI cannot be reached: nothing was compared with scikit-learn, scipy "
                        "and statsmodels")
        noise = random.Random(7)
        self.labels = [noise.randrange(CLASSES) for _ in range(PICTURES)]

    def test_figures(self):
        a = self.rows(1, 0.7)
        # Much worse; a little other; in some pictures only, which is the exact test.
        others = [self.rows(2, 0.6), self.rows(3, 0.7)]
        few = list(a)
        for i in range(0, PICTURES, 137):
            few[i] = self.rows(4, 0.5)[i]
        methods = set()
        self.bring("a", a)
        for b in (*others, few):
            self.bring("b", b)
            want = self.ask(self.python, a=a, b=b)
            self.check_stats("a", want["a"])
            self.check_stats("b", want["b"])
            methods.add(self.check_diff(want)["exact"])
        self.assertEqual(methods, {True, False})

    def test_other_truths(self):
        """--fold dog and --real: three animals as they are, nine dogs as one class; reassessed
        labels, several, one or none, with and without folding."""
        def fold(c):
            return min(c, OTHERS)
        rows, noise = self.rows(5, 0.6), random.Random(8)
        self.bring("a", rows, first=FIRST)
        want = self.ask(self.python, classes=OTHERS + 1, fold=fold, a=rows)["a"]
        dog = [c["index"] for c in self.document("stats", "--db", self.db, "--fold", "dog")["classes"]
               if c["label"].startswith("dog")]
        self.assertEqual(len(dog), 1)
        self.check_stats("a", want, "--fold", "dog",
                         place=lambda c: OTHERS if c == dog[0] else c - FIRST)
        sets = [noise.sample(range(CLASSES), noise.randrange(4)) for _ in self.labels]
        known, real = PICTURES - 50, self.tmp / "real.json"  # the last ones are not in the file
        real.write_text(json.dumps([[FIRST + c for c in s] for s in sets[:known]]))
        sets[known:] = [[]] * 50
        for options, more in (([], {}), (["--fold", "dog"], {"classes": OTHERS + 1, "fold": fold})):
            want = self.ask(self.python, sets=sets, a=rows, **more)["a"]
            got = self.document("stats", "--db", self.db, "--real", real, *options)
            self.check_accuracy(got, want)
            r = got["real"]
            self.assertEqual([[r["right_by_neither"], r["right_by_real_only"]],
                              [r["right_by_original_only"], r["right_by_both"]]], want["table"])
            self.assertEqual((r["unknown"], r["excluded"]), (50, sum(not s for s in sets[:known])))


main()
