"""What model/BENCHMARKS.md compares l1 and Poisson models with.

    python glm.py generate DIRECTORY     # x.npy of 1,000,000 × 50 float32, classes.npy, counts.npy
    python glm.py saga|liblinear|poisson DIRECTORY

Seconds of the processor are those of fit alone, of rows in memory.
"""

import argparse
import pathlib
import resource

import numpy as np
from sklearn.linear_model import LogisticRegression, PoissonRegressor


def generate(at, n=1_000_000, d=50):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(n, d)).astype(np.float32)
    p = x @ np.where(np.arange(d) < 20, rng.normal(size=d) * 0.3, 0)
    np.save(at / "x.npy", x)
    np.save(at / "classes.npy", (rng.random(n) < 1 / (1 + np.exp(-p))).astype(np.int64))
    np.save(at / "counts.npy", rng.poisson(np.exp(0.5 * p - 0.5)).astype(np.float64))


def fit(what, at):
    x = np.load(at / "x.npy").astype(np.float64)
    y = np.load(at / ("counts.npy" if what == "poisson" else "classes.npy"))
    if what == "poisson":
        e = PoissonRegressor(alpha=1e-4, solver="newton-cholesky", tol=1e-4, max_iter=100)
    else:
        e = LogisticRegression(l1_ratio=1, C=1 / (2e-3 * len(x)), solver=what, tol=1e-4, max_iter=1000)
    before = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    e.fit(x, y)
    seconds = sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) - before
    print(f"{what}: {seconds:.1f} s, {(e.coef_ != 0).sum()} coefficients")


p = argparse.ArgumentParser(description=__doc__)
p.add_argument("what", choices=["generate", "saga", "liblinear", "poisson"])
p.add_argument("directory", type=pathlib.Path)
a = p.parse_args()
if a.what == "generate":
    generate(a.directory)
else:
    fit(a.what, a.directory)
