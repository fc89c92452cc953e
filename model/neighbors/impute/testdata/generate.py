"""Writes sklearn.json: what scikit-learn's KNNImputer makes of rows in which numbers are missing (null).

    python3 generate.py
"""
import json
import warnings

import numpy as np
import sklearn
from sklearn.impute import KNNImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

warnings.filterwarnings("ignore")


def rows(a):
    return [[None if np.isnan(v) else float(v) for v in row] for row in a]


def missing(rng, n, d, share):
    x = rng.normal(size=(n, d)) * 10 ** rng.uniform(-1, 2, size=d)
    x[rng.random((n, d)) < share] = np.nan
    return x


def case(name, x, q, k, weights, standardize=False):
    # keep_empty_features puts 0 where no point has a number; such a cell stays missing here.
    imputer = KNNImputer(n_neighbors=k, weights=weights, keep_empty_features=True)
    if standardize:
        scaler = StandardScaler()
        filled = imputer.fit(scaler.fit_transform(x)).transform(scaler.transform(q))
        filled = scaler.inverse_transform(filled)
    else:
        filled = imputer.fit(x).transform(q)
    empty = np.isnan(x).all(axis=0)
    filled[np.isnan(q) & empty] = np.nan
    return {"name": name, "k": k, "weights": weights, "standardize": standardize,
            "x": rows(x), "q": rows(q), "filled": rows(filled)}


rng = np.random.default_rng(20)
cases = []
for n, d, share in [(40, 3, 0.2), (60, 9, 0.3), (35, 17, 0.5)]:
    x = missing(rng, n, d, share)
    q = missing(rng, 15, d, share)
    for weights in ["uniform", "distance"]:
        cases.append(case(f"{n}x{d}", x, x, 5, weights))
        cases.append(case(f"{n}x{d} queries", x, q, 3, weights))
        cases.append(case(f"{n}x{d} standardized", x, q, 4, weights, True))
x = missing(rng, 20, 4, 0.4)
x[:, 2] = np.nan  # no point has it
x[3] = np.nan  # nothing to go by: the means
x[5] = [1.5, np.nan, np.nan, np.nan]
x[:, 0] = np.where(np.arange(20) == 5, 1.5, np.nan)  # one donor, with which nothing is in common
for weights in ["uniform", "distance"]:
    cases.append(case("empty", x, x, 2, weights))
    cases.append(case("more than there are", x, x, 50, weights))
copies = np.repeat(np.arange(6.0).reshape(3, 2), 3, axis=0)  # copies: distances of 0
copies = np.hstack([copies, np.arange(9.0).reshape(-1, 1)])
q = copies[::3].copy()
q[:, 2] = np.nan
cases.append(case("copies", copies, q, 3, "distance"))
cases.append(case("one column", np.array([[1.0], [2], [np.nan]]), np.array([[np.nan], [3]]), 2, "uniform"))

with open("sklearn.json", "w") as f:
    json.dump({"scikit-learn": sklearn.__version__, "cases": cases}, f)
