"""l1 of many columns beside scikit-learn: python pipelines/sgd/bench/wide_l1.py PROGRAM DIRECTORY [ROWS COLUMNS].

Writes rows of normal numbers, of which 60 columns matter, and tells CPU and wall seconds of the best of three runs of both, by
turns, and by how much the objectives differ. LogisticRegression is liblinear's, which penalises an intercept: both have none.
Ours reads the file, in each pass; scikit-learn has the rows in memory.
"""

import json
import os
import subprocess
import sys
import time

import numpy as np
from sklearn.linear_model import Lasso, LogisticRegression, Ridge

program, directory = os.path.abspath(sys.argv[1]), sys.argv[2]
n, d = map(int, sys.argv[3:5]) if len(sys.argv) > 3 else (2000, 20000)
os.makedirs(directory, exist_ok=True)
os.chdir(directory)
r = np.random.default_rng(1)
x, truth = r.normal(size=(n, d)), np.zeros(d)
truth[r.choice(d, 60, False)] = 2 * r.normal(size=60)
y = x @ truth + 3 * r.normal(size=n)
c = (y > np.median(y)).astype(float)
for name, values in (("x", x), ("y", y), ("c", c)):
    np.save(name, values)


def ours(*flags):
    before, start = os.times(), time.perf_counter()
    subprocess.run([program, "sgd", "--input=x.npy", "--output_model=m.json", "--report=none", *flags], check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system, time.perf_counter() - start


def theirs(e, target):
    cpu, start = time.process_time(), time.perf_counter()
    e.fit(x, target)
    return time.process_time() - cpu, time.perf_counter() - start


def compare(name, flags, e, target, loss, penalty):
    best = [min((f() for _ in range(3)), key=lambda v: v[0]) for f in (lambda: ours(*flags), lambda: theirs(e, target))]
    m = json.load(open("m.json"))
    w, v = np.array(m["coef"][0]), np.ravel(e.coef_)
    objectives = [loss(x @ u + b) + penalty(u) for u, b in ((w, m["intercept"][0]), (v, np.ravel(e.intercept_)[0]))]
    print(f"{name}: {m['training']['epochs']} passes, {(w != 0).sum()} and {(v != 0).sum()} coefficients; CPU {best[0][0]:.1f} and {best[1][0]:.1f} s, "
          f"wall {best[0][1]:.1f} and {best[1][1]:.1f} s; objective {objectives[0] / objectives[1] - 1:+.1e} of theirs", flush=True)


def squares(p):
    return ((y - p) ** 2).mean() / 2


def logistic(p):
    return np.logaddexp(0, -(2 * c - 1) * p).mean()


for alpha in (0.5, 0.2):
    compare(f"Lasso, alpha {alpha}", ["--target=y.npy", "--task=regression", "--penalty=l1", f"--alpha={alpha}"],
            Lasso(alpha, tol=1e-8, max_iter=100000), y, squares, lambda w: alpha * abs(w).sum())
for alpha in (0.05, 0.02):
    compare(f"log_loss, alpha {alpha}", ["--target=c.npy", "--task=classification", "--penalty=l1", f"--alpha={alpha}", "--fit_intercept=false"],
            LogisticRegression(l1_ratio=1, C=1 / (alpha * n), solver="liblinear", fit_intercept=False, tol=1e-8, max_iter=100000), c,
            logistic, lambda w: alpha * abs(w).sum())
compare("Ridge, alpha 0.1", ["--target=y.npy", "--task=regression", "--alpha=0.1"], Ridge(0.1 * n), y, squares, lambda w: 0.05 * w @ w)
