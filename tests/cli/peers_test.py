"""stats --json and diff --json against scikit-learn, scipy and statsmodels, which are installed
from PyPI into a venv in the build tree; skipped, loudly, where PyPI is away. The figures are
computed from the csv that was imported, by those libraries alone."""
import csv, json, os, pathlib, random, subprocess, sys

from harness import CliTest, main, skip_loudly

PACKAGES = ["numpy==2.2.6", "scipy==1.15.3", "scikit-learn==1.6.1", "statsmodels==0.14.4"]
SECONDS = 240  # for the whole installation
FOLDER = pathlib.Path(os.environ.get("XLENS_PEERS_DIR", "peers"))
CLASSES, PICTURES = 12, 3000

# Reads {"label": …, "a": {"top": [[5]], "prob": [[5]]}, "b": …} and prints what peers say.
PEERS = r"""
import json, sys
import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import (accuracy_score, confusion_matrix, precision_recall_fscore_support,
                             top_k_accuracy_score)
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

data, classes = json.load(sys.stdin), int(sys.argv[1])
labels, out = np.array(data["label"]), {}
right = {}
for run in "ab":
    top, prob = np.array(data[run]["top"]), np.array(data[run]["prob"], dtype=np.float32)
    right[run] = top[:, 0] == labels
    scores = np.zeros((len(labels), classes))
    np.put_along_axis(scores, top, prob.astype(float) + 1, axis=1)
    p, r, f, support = precision_recall_fscore_support(
        labels, top[:, 0], labels=range(classes), zero_division=0)
    best = prob[:, 0].astype(float)
    edges = np.linspace(0, 1, 16)
    bins = np.clip(np.digitize(best, edges, right=True) - 1, 0, 14)
    ece = sum(abs(right[run][bins == m].mean() - best[bins == m].mean()) * (bins == m).sum()
              for m in range(15) if (bins == m).any()) / len(labels)
    hits = {"top1": right[run].sum(), "top5": (top == labels[:, None]).any(axis=1).sum()}
    out[run] = {
        "top1": 100 * accuracy_score(labels, top[:, 0]),
        "top5": 100 * top_k_accuracy_score(labels, scores, k=5, labels=range(classes)),
        "wilson": {k: [100 * x for x in proportion_confint(h, len(labels), method="wilson")]
                   for k, h in hits.items()},
        "confusion": confusion_matrix(labels, top[:, 0], labels=range(classes)).tolist(),
        "precision": p.tolist(), "recall": r.tolist(), "f1": f.tolist(),
        "support": support.tolist(), "ece": ece}
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

    def bring(self, name, rows):
        path = self.tmp / f"{name}.csv"
        with path.open("w") as out:
            write = csv.writer(out)
            write.writerow(["file", "label", *(f"{what}{k}" for k in range(1, 6)
                                               for what in ("top", "prob"))])
            for i, (top, prob) in enumerate(rows):
                write.writerow([f"{i:05}.png", self.labels[i],
                                *(x for pair in zip(top, map("{:.6f}".format, prob))
                                  for x in pair)])
        self.xlens("import", "--run", name, path, "--db", self.db, "--label", self.names(CLASSES))

    def ask(self, python, a, b):
        data = {"label": self.labels}
        for run, rows in (("a", a), ("b", b)):
            data[run] = {"top": [t for t, _ in rows], "prob": [p for _, p in rows]}
        done = subprocess.run([python, "-c", PEERS, str(CLASSES)], input=json.dumps(data),
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def check_stats(self, name, want):
        got = self.document("stats", "--db", self.db, "--run", name)
        self.assertEqual(got["labelled"], PICTURES)
        for top in ("top1", "top5"):
            self.assertAlmostEqual(got[top], want[top], 9)
            for end, value in zip(("low", "high"), want["wilson"][top]):
                self.assertAlmostEqual(got[f"{top}_{end}"], value, 9)
        # Both sum 3000 float32 confidences; ours exactly, numpy's in double precision.
        self.assertAlmostEqual(got["ece"], want["ece"], 9)
        self.assertEqual(len(got["classes"]), CLASSES)
        for c in got["classes"]:
            i = c["index"]
            self.assertEqual((c["support"], c["correct"]),
                             (want["support"][i], want["confusion"][i][i]))
            for key in ("precision", "recall", "f1"):
                self.assertAlmostEqual(c[key], want[key][i], 12)
        pairs = {(p["truth"], p["predicted"]): p["count"] for p in got["pairs"]}
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

    def test_figures(self):
        python = interpreter()
        if not python:
            skip_loudly("PyPI cannot be reached: nothing was compared with scikit-learn, scipy "
                        "and statsmodels")
        noise = random.Random(7)
        self.labels = [noise.randrange(CLASSES) for _ in range(PICTURES)]
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
            want = self.ask(python, a, b)
            self.check_stats("a", want["a"])
            self.check_stats("b", want["b"])
            methods.add(self.check_diff(want)["exact"])
        self.assertEqual(methods, {True, False})


main()
