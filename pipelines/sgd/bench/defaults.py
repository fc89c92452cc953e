"""What the defaults give, beside scikit-learn: python pipelines/sgd/bench/defaults.py PROGRAM DIRECTORY.

Rows are those of scikit-learn's sets where a name says so, and otherwise drawn, of the shape and the shares of classes of the
set that is named. Seconds are of processor time, of the whole process of ours, with the file, and of the peer's fit alone.
"""

import json
import os
import resource
import subprocess
import sys
import time

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import log_loss

program, directory = map(os.path.abspath, sys.argv[1:])
os.makedirs(directory, exist_ok=True)
os.chdir(directory)
ALPHA = 1e-4


def ours(x, y, *flags, task="classification"):
    """The model, and the seconds that it took."""
    np.save("x", x)
    np.save("y", y)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([program, "sgd", "--input=x.npy", "--target=y.npy", f"--task={task}", "--output_model=m.json", "--report=none", *flags],
                          capture_output=True, text=True, timeout=600)
    if done.returncode:
        sys.exit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    m = json.load(open("m.json"))
    return np.array(m["coef"]), np.array(m["intercept"]), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, m


def fitted(e, x, y):
    start = time.process_time()
    e.fit(x, y)
    return e, time.process_time() - start


def row(name, mine, other):
    print(f"| {name} | {mine} | {other} |", flush=True)


def several(name, x, y):
    w, b, s, _ = ours(x, y)
    d = x @ w.T + b
    p = np.exp(d - d.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    e, t = fitted(LogisticRegression(C=1 / (ALPHA * len(y)), tol=1e-6, max_iter=3000), x, y)
    q = e.predict_proba(x)
    say = lambda p, s: f"{(p.argmax(1) == y).mean():.4f}, {log_loss(y, p, labels=np.unique(y)):.4f}; {s:.1f} s"
    row(f"{name}: accuracy, log loss", say(p, s), "multinomial " + say(q, t))


def classes():
    several("20,000 × 16, 26 classes, as letters", *make_classification(20000, 16, n_informative=12, n_redundant=2, n_classes=26,
                                                                       n_clusters_per_class=1, class_sep=1.5, random_state=1))
    several("6,435 × 36, 6 classes, as satellite", *make_classification(6435, 36, n_informative=12, n_redundant=24, n_classes=6,
                                                                       n_clusters_per_class=1, random_state=1))
    several("58,000 × 9, 7 classes, as shuttle", *make_classification(58000, 9, n_informative=7, n_classes=7, n_clusters_per_class=1, random_state=1,
                                                                     weights=[0.786, 0.0009, 0.003, 0.154, 0.0557, 0.0002, 0.0002]))
    x, y = load_digits(return_X_y=True)
    w, b, s, _ = ours(x, y, "--loss=hinge")
    e, t = fitted(SGDClassifier(random_state=0), x, y)
    row("digits, hinge: accuracy", f"{((x @ w.T + b).argmax(1) == y).mean():.4f}; {s:.1f} s", f"SGDClassifier {e.score(x, y):.4f}; {t:.1f} s")


def l1(name, x, y, alpha):
    def of(w, b, s):
        f = np.logaddexp(0, -(2 * y - 1) * (x @ w + b)).mean() + alpha * np.abs(w).sum()
        return f"{(w != 0).sum()}, {f:.8f}; {s:.1f} s"

    w, b, s, _ = ours(x, y, "--penalty=l1", f"--alpha={alpha}")
    e, t = fitted(LogisticRegression(l1_ratio=1, C=1 / (alpha * len(y)), solver="saga", tol=1e-7, max_iter=3000), x, y)
    row(f"{name}: coefficients, objective", of(w[0], b[0], s), "saga " + of(e.coef_[0], e.intercept_[0], t))


def sparse_models():
    r = np.random.default_rng(0)
    x = r.normal(size=(100_000, 50))
    l1("l1 log_loss, 100,000 × 50, alpha 0.01", x, (x @ (r.normal(size=50) * (r.random(50) < 0.5)) + r.logistic(size=100_000) > 0).astype(float), 0.01)
    x, y = load_breast_cancer(return_X_y=True)
    l1("breast_cancer standardised, l1 0.001", (x - x.mean(0)) / x.std(0), y.astype(float), 0.001)


def wide():
    r = np.random.default_rng(0)
    x = r.normal(size=(12_000, 5000)).astype(np.float32)
    w = r.normal(size=5000)
    y = x @ w + 0.1 * np.sqrt(5000) * r.normal(size=12_000)
    score = lambda w, b: 1 - ((x[10_000:] @ w + b - y[10_000:]) ** 2).sum() / ((y[10_000:] - y[10_000:].mean()) ** 2).sum()
    w, b, s, m = ours(x[:10_000], y[:10_000], task="regression")
    e, t = fitted(Ridge(ALPHA * 10_000, solver="lsqr", tol=1e-6), x[:10_000].astype(float), y[:10_000])
    row("ridge, 10,000 × 5,000: R² of 2,000 other rows", f"{score(w[0], b[0]):.5f}; {s:.1f} s", f"lsqr {score(e.coef_, e.intercept_):.5f}; {t:.1f} s")
    x = r.normal(size=(600, 2500))
    y = (x @ r.normal(size=2500) + 10 * r.normal(size=600) > 0).astype(float)
    f = lambda w, b: f"{np.logaddexp(0, -(2 * y - 1) * (x @ w + b)).mean() + ALPHA / 2 * w @ w:.8f}"
    w, b, s, m = ours(x, y)
    e, t = fitted(LogisticRegression(C=1 / (ALPHA * 600), tol=1e-8, max_iter=5000), x, y)
    row("log_loss, 600 × 2,500: objective", f"{f(w[0], b[0])}; {s:.1f} s", f"lbfgs {f(e.coef_[0], e.intercept_[0])}; {t:.1f} s")
    x = r.normal(size=(2250, 1500))
    y = x @ r.normal(size=1500) + r.standard_t(2, size=2250)
    *_, s, m = ours(x, y, "--loss=huber", "--epsilon=1", task="regression")
    row("huber, epsilon 1, 2,250 × 1,500", f"{m['training']['epochs']} passes; {s:.1f} s", "–")
    x = r.normal(size=(10_000, 10))
    try:
        *_, s, m = ours(x, np.arange(10_000) % 5000)
        done = f"{m['training']['epochs']} passes; {s:.1f} s"
    except subprocess.TimeoutExpired:
        done = "not done in 600 s by the clock"
    row("5,000 classes × 10,000 rows × 10", done, "–")


print("| | now | scikit-learn |\n|---|---|---|")
classes()
sparse_models()
wide()
