"""Writes screening.json: optima with l1 and elasticnet of more columns than rows, by scikit-learn.

pip install numpy==2.4.6 scikit-learn==1.9.1
python screening.py

Rows are made by a generator of a line, so that the test makes the same.
"""

import json
import pathlib
import warnings

import numpy as np
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression

warnings.simplefilter("ignore")
n, d = 80, 400


def table():
    state, values = 7, []
    for _ in range(n * d):
        state = (1103515245 * state + 12345) % 2**31
        values.append(state / 2**30 - 1)
    x = np.array(values).reshape(n, d)
    y = x[:, :12] @ (1 + np.arange(12) % 3) * np.where(np.arange(n) % 5, 1, 0.5) + 0.25
    return x, y


x, y = table()
c = (y > 0).astype(float)
w = 1.0 + np.arange(n) % 3
cases = []


def add(loss, penalty, alpha, ratio, weighted, e):
    coef, b = np.ravel(e.coef_), float(np.ravel(e.intercept_)[0])
    z, v = x @ coef + b, (w if weighted else np.ones(n)) / (w if weighted else np.ones(n)).sum()
    each = (y - z) ** 2 / 2 if loss == "squared_error" else np.logaddexp(0, -(2 * c - 1) * z)
    at = np.flatnonzero(coef)
    cases.append({"loss": loss, "penalty": penalty, "alpha": alpha, "l1_ratio": ratio, "weighted": weighted, "intercept": b,
                  "objective": float(v @ each + alpha * ratio * abs(coef).sum() + alpha * (1 - ratio) / 2 * coef @ coef),
                  "columns": at.tolist(), "coef": coef[at].tolist()})


for weighted in (False, True):
    sw, total = (w, w.sum()) if weighted else (None, n)
    tight = dict(tol=1e-14, max_iter=1000000)
    for alpha in (0.3, 0.05):
        add("squared_error", "l1", alpha, 1, weighted, Lasso(alpha, **tight).fit(x, y, sw))
        add("squared_error", "elasticnet", alpha, 0.5, weighted, ElasticNet(alpha, l1_ratio=0.5, **tight).fit(x, y, sw))
        for penalty, ratio in (("l1", 1), ("elasticnet", 0.5)):
            a = alpha / 5
            e = LogisticRegression(l1_ratio=ratio, C=1 / (a * total), solver="saga", tol=1e-11, max_iter=300000)
            add("log_loss", penalty, a, ratio, weighted, e.fit(x, c, sw))
pathlib.Path(__file__).with_name("screening.json").write_text(json.dumps(cases, indent=1) + "\n")
