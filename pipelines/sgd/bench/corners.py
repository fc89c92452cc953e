"""What model/BENCHMARKS.md compares losses with corners, huber and a sparse softmax with.

    python corners.py generate DIRECTORY     # x.npy of 100,000 × 50 float64, y.npy, classes.npy; huber.csv of 2,250 × 1,500
    python corners.py hinge|epsilon|quantile DIRECTORY
    python corners.py saga                   # of testdata/digits.csv, from the top of the repository

Seconds of the processor are those of fit alone, of rows in memory; objectives are those that the models of sgd have.
"""

import argparse
import pathlib
import time

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression, QuantileRegressor
from sklearn.svm import LinearSVC, LinearSVR


def generate(at, n=100_000, d=50):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(n, d)), rng.normal(size=d)
    np.save(at / "x.npy", x)
    np.save(at / "y.npy", x @ w + rng.standard_t(3, size=n) * 2)
    np.save(at / "classes.npy", np.sign(x @ w + 3 * rng.logistic(size=n)))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2250, 1500))
    w = rng.normal(size=1500) * (rng.random(1500) < 0.1)
    y = x @ w + rng.standard_t(2, size=2250) * 5
    names = [f"x{j}" for j in range(1500)] + ["y"]
    np.savetxt(at / "huber.csv", np.c_[x, y], delimiter=",", fmt="%.6g", header=",".join(names), comments="")


def corners(what, at, alpha=1e-4):
    x, y = np.load(at / "x.npy"), np.load(at / ("classes.npy" if what == "hinge" else "y.npy"))
    c = 1 / (alpha * len(x))
    if what == "hinge":
        e, loss = LinearSVC(loss="hinge", C=c), lambda p: np.maximum(0, 1 - y * p)
    elif what == "epsilon":
        e, loss = LinearSVR(epsilon=0.1, C=c), lambda p: np.maximum(0, abs(y - p) - 0.1)
    else:
        x, y = x[:10_000], y[:10_000]
        e, loss = QuantileRegressor(quantile=0.9, alpha=0), lambda p: np.maximum(0.9 * (y - p), -0.1 * (y - p))
    start = time.process_time()
    e.fit(x, y)
    seconds = time.process_time() - start
    coef = e.coef_.ravel()
    print(f"{what}: {seconds:.1f} s, objective {loss(x @ coef + e.intercept_).mean() + alpha / 2 * coef @ coef:.8f}")


def saga(alpha=0.003):
    rows = pd.read_csv("testdata/digits.csv").drop(columns="id")
    y, x = rows.pop("target").to_numpy(), rows.to_numpy(float)
    x = (x - x.mean(0)) / np.where(x.std(0) > 0, x.std(0), 1)
    e = LogisticRegression(l1_ratio=1, C=1 / (alpha * len(x)), solver="saga", tol=1e-4, max_iter=20000)
    start = time.process_time()
    e.fit(x, y)
    seconds = time.process_time() - start
    p = e.predict_proba(x)[np.arange(len(y)), y]
    print(f"saga: {seconds:.1f} s, objective {alpha * abs(e.coef_).sum() - np.log(p).mean():.8f}, {(e.coef_ != 0).sum()} coefficients")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["generate", "hinge", "epsilon", "quantile", "saga"])
    parser.add_argument("at", type=pathlib.Path, nargs="?")
    given = parser.parse_args()
    if given.what == "generate":
        generate(given.at)
    elif given.what == "saga":
        saga()
    else:
        corners(given.what, given.at)
