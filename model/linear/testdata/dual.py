"""Writes dual.json: optima with l2 of fewer rows than columns, by scikit-learn.

pip install numpy==2.4.6 scikit-learn==1.9.1
python dual.py

Rows are made by a generator of a line, so that the test makes the same.
"""

import json
import pathlib

import numpy as np
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.preprocessing import StandardScaler

n, d = 40, 2200


def table():
    state, values = 11, []
    for _ in range(n * d):
        state = (1103515245 * state + 12345) % 2**31
        values.append(state / 2**30 - 1)
    x = np.array(values).reshape(n, d) + 2 * (np.arange(d) % 3)
    return x, x[:, :12] @ (1 + np.arange(12) % 3) * np.where(np.arange(n) % 5, 1, 0.5)


x, y = table()
two, three = (y > np.median(y)).astype(int), np.digitize(y, np.quantile(y, [0.3, 0.7]))
counts = np.arange(n) % 4
w = 1.0 + np.arange(n) % 3
cases = []


def add(loss, alpha, e, target, rows=x, **more):
    coef, b = np.atleast_2d(e.coef_), np.atleast_1d(e.intercept_)
    cases.append({"loss": loss, "alpha": alpha, "intercept": b.tolist(), "columns": coef[:, ::97].tolist(),
                  "predictions": (rows @ coef.T + b).tolist(), **more})


def logistic(alpha, total, **more):
    return LogisticRegression(C=1 / (alpha * total), solver="newton-cg", tol=1e-13, max_iter=10000, **more)


for alpha in (1.0, 1e-3):
    add("squared_error", alpha, Ridge(alpha * n, solver="svd").fit(x, y), y)
    add("squared_error", alpha, Ridge(alpha * w.sum(), solver="svd").fit(x, y, w), y, weighted=True)
    add("log_loss", alpha, logistic(alpha, n).fit(x, two), two, classes=2)
    add("log_loss", alpha, logistic(alpha, n, class_weight="balanced").fit(x, three), three, classes=3, balanced=True)
add("squared_error", 0.1, Ridge(0.1 * n, solver="svd", fit_intercept=False).fit(x, y), y, plain=True)
add("log_loss", 0.1, logistic(0.1, w.sum(), fit_intercept=False).fit(x, two, w), two, classes=2, plain=True, weighted=True)
z = StandardScaler().fit_transform(x)
add("log_loss", 0.1, logistic(0.1, n).fit(z, two), two, z, classes=2, standardize=True)
add("poisson", 0.5, PoissonRegressor(alpha=0.5, solver="newton-cholesky", tol=1e-13, max_iter=1000).fit(x, counts), counts)
pathlib.Path(__file__).with_name("dual.json").write_text(json.dumps(cases) + "\n")
