"""What model/BENCHMARKS.md compares l1, Poisson and wide models with.

    python glm.py generate DIRECTORY     # x.npy of 1,000,000 × 50 float32, classes.npy, counts.npy
    python glm.py saga|liblinear|poisson DIRECTORY
    python glm.py onehot DIRECTORY       # onehot.npy of 1,000,000 × 50, 30 of them three columns of ten categories; its counts
    python glm.py onehot_lbfgs|onehot_newton-cholesky DIRECTORY
    python glm.py wide DIRECTORY         # wide.npy of 10,000 × 5,000 float32, wide_y.npy; and Ridge of them

Seconds of the processor are those of fit alone, of rows in memory.
"""

import argparse
import pathlib
import resource

import numpy as np
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge


def generate(at, n=1_000_000, d=50):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(n, d)).astype(np.float32)
    p = x @ np.where(np.arange(d) < 20, rng.normal(size=d) * 0.3, 0)
    np.save(at / "x.npy", x)
    np.save(at / "classes.npy", (rng.random(n) < 1 / (1 + np.exp(-p))).astype(np.int64))
    np.save(at / "counts.npy", rng.poisson(np.exp(0.5 * p - 0.5)).astype(np.float64))


def onehot(at, n=1_000_000):
    rng = np.random.default_rng(6)
    x = np.zeros((n, 50), np.float32)
    x[:, :20] = rng.normal(size=(n, 20))
    for first in (20, 30, 40):
        share = rng.dirichlet(np.ones(10))
        x[np.arange(n), first + rng.choice(10, size=n, p=share)] = 1
    p = x @ (rng.normal(size=50) * 0.3) - 0.5
    np.save(at / "onehot.npy", x)
    np.save(at / "onehot_counts.npy", rng.poisson(np.exp(p)).astype(np.float64))


def fit(what, at):
    what, _, solver = what.partition("_")
    x = np.load(at / ("onehot.npy" if solver else "x.npy")).astype(np.float64)
    y = np.load(at / ("onehot_counts.npy" if solver else "counts.npy" if what == "poisson" else "classes.npy"))
    if solver or what == "poisson":
        e = PoissonRegressor(alpha=1e-4, solver=solver or "newton-cholesky", tol=1e-4, max_iter=1000)
    else:
        e = LogisticRegression(l1_ratio=1, C=1 / (2e-3 * len(x)), solver=what, tol=1e-4, max_iter=1000)
    before = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    e.fit(x, y)
    seconds = sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) - before
    print(f"{what} {solver}: {seconds:.1f} s, {(e.coef_ != 0).sum()} coefficients, {e.n_iter_} iterations")
    if what != "saga" and what != "liblinear":
        mean = np.exp(x @ e.coef_ + e.intercept_)
        log = np.log(np.where(y > 0, y, 1) / mean)
        objective = np.mean(np.where(y > 0, y * log, 0) - y + mean) + 1e-4 / 2 * (e.coef_ @ e.coef_)
        print(f"objective {objective:.15g}")


def wide(at, n=10_000, d=5_000):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, d)).astype(np.float32)
    y = x @ rng.normal(size=d)
    y += 0.2 * y.std() * rng.normal(size=n)
    np.save(at / "wide.npy", x)
    np.save(at / "wide_y.npy", y)
    x = x.astype(np.float64)
    for solver, tol in [("auto", 1e-4), ("lsqr", 1e-6), ("lsqr", 1e-10)]:
        before = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        e = Ridge(alpha=1e-4 * n, solver=solver, tol=tol).fit(x, y)
        seconds = sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) - before
        off = y - e.predict(x)
        objective = off @ off / n / 2 + 1e-4 / 2 * (e.coef_ @ e.coef_)
        print(f"{solver}, tol {tol}: {seconds:.1f} s, objective {objective:.15g}, {e.n_iter_} iterations")


p = argparse.ArgumentParser(description=__doc__)
p.add_argument("what", choices="generate saga liblinear poisson wide onehot onehot_lbfgs onehot_newton-cholesky".split())
p.add_argument("directory", type=pathlib.Path)
a = p.parse_args()
if a.what == "generate":
    generate(a.directory)
elif a.what == "wide":
    wide(a.directory)
elif a.what == "onehot":
    onehot(a.directory)
else:
    fit(a.what, a.directory)
