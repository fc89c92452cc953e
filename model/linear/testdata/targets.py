"""Makes targets.json: what scikit-learn makes of several targets of the rows of a500x8.csv. Run in this directory.

Ridge of two-dimensional y, by Cholesky, and MultiOutputClassifier of LogisticRegression, by newton-cholesky, of two and
of three classes: coefficients and intercepts of each target.
"""
import json
import warnings

import numpy as np
import pandas as pd
import sklearn
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier

warnings.simplefilter("ignore")
rows = pd.read_csv("a500x8.csv")
features = [f"x{j}" for j in range(7)]
x, n = rows[features].to_numpy(), len(rows)
cases = []


def add(name, task, targets, alpha, penalty, parts):
    cases.append({"name": name, "task": task, "targets": targets, "alpha": alpha, "penalty": penalty,
                  "coef": [np.atleast_2d(c).tolist() for c, _ in parts],
                  "intercept": [np.atleast_1d(b).tolist() for _, b in parts]})


numbers = ["y_reg", "x7", "y_bin"]
y = rows[numbers].to_numpy(float)
for alpha in (1e-4, 0.1):
    e = Ridge(alpha=alpha * n, solver="cholesky").fit(x, y)
    add(f"Ridge {alpha}", "regression", numbers, alpha, "l2", list(zip(e.coef_, e.intercept_)))
e = LinearRegression().fit(x, y)
add("LinearRegression", "regression", numbers, 0, "none", list(zip(e.coef_, e.intercept_)))
labels = ["y_bin", "y_multi"]
for alpha in (1e-3, 0.1):
    one = LogisticRegression(C=1 / (alpha * n), solver="newton-cholesky", tol=1e-14, max_iter=1000)
    e = MultiOutputClassifier(one).fit(x, rows[labels])
    add(f"LogisticRegression {alpha}", "classification", labels, alpha, "l2",
        [(p.coef_, p.intercept_) for p in e.estimators_])
with open("targets.json", "w") as f:
    json.dump({"sklearn": sklearn.__version__, "features": features, "cases": cases}, f)
