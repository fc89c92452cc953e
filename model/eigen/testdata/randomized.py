"""Writes randomized.json: how near scikit-learn 1.9.1's randomised PCA, with iterated_power="auto", comes to the
eigenvalues of the covariance, of rows whose spectrum falls slowly. The rows are splitmix64's numbers, which the test
makes, too. python3 model/eigen/testdata/randomized.py"""

import json
import pathlib

import numpy as np
from sklearn.decomposition import PCA


def splitmix(n):
    with np.errstate(over="ignore"):
        z = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def rows(n, d, fall):
    """Uniform noise, whose columns fall from 1 like (j+1)^-fall."""
    x = (splitmix(n * d) >> np.uint64(11)).astype(np.float64) / 2**53
    return x.reshape(n, d) * np.arange(1, d + 1, dtype=np.float64) ** -fall


cases = []
for n, d, k, fall in [(400, 250, 10, 0.0), (400, 250, 40, 0.0), (300, 200, 8, 0.25), (300, 200, 5, 2.0)]:
    x = rows(n, d, fall)
    exact = np.linalg.eigvalsh(np.cov(x.T))[::-1][:k]
    off = [
        float(np.max(np.abs(PCA(k, svd_solver="randomized", random_state=seed).fit(x).explained_variance_ / exact - 1)))
        for seed in range(10)
    ]
    cases.append({"rows": n, "columns": d, "components": k, "fall": fall, "exact": exact.tolist(), "off": max(off)})
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(cases, indent=1) + "\n")
