"""Writes positive.json: coefficients that may not be negative, as scikit-learn and SciPy have them of a500x8.csv.

pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 pandas==3.1.1
python positive.py
"""

import json

import numpy as np
import pandas as pd
import sklearn
from scipy.optimize import nnls
from sklearn.linear_model import ElasticNet, Lasso, LassoCV, LinearRegression, Ridge
from sklearn.model_selection import PredefinedSplit

rows = pd.read_csv("a500x8.csv")
features = [c for c in rows if c.startswith("x")]
x, y = rows[features].to_numpy(), rows["y_reg"].to_numpy()
twins = np.hstack([x, x[:, :2] + x[:, 2:4], -x[:, 4:6]])  # columns that are sums of others, or opposites
n = len(x)
cases = []


def add(name, z, penalty, alpha, ratio, intercept, coef):
    """Coefficients by an estimator, which must be the least of all that are not negative."""
    means = (z.mean(0), y.mean()) if intercept else (0, 0)
    centred, target = z - means[0], y - means[1]
    l1, l2 = {"none": (0, 0), "l2": (0, alpha), "l1": (alpha, 0), "elasticnet": (alpha * ratio, alpha * (1 - ratio))}[penalty]
    slopes = centred.T @ (target - centred @ coef) / n - l2 * coef - l1
    size = np.abs(centred.T @ target).max() / n
    assert coef.min() >= 0 and (np.abs(slopes[coef > 0]) < 1e-9 * size).all() and (slopes < 1e-9 * size).all(), (name, slopes)
    cases.append({"name": name, "twins": z is twins, "penalty": penalty, "alpha": alpha, "l1_ratio": ratio,
                  "fit_intercept": intercept, "coef": coef.tolist(), "intercept": float(means[1] - np.dot(means[0], coef)) if intercept else 0.0,
                  "loss": float(((target - centred @ coef) ** 2).mean() / 2)})


for intercept in (True, False):
    for z in (x, twins):
        e = LinearRegression(positive=True, fit_intercept=intercept).fit(z, y)
        add(f"LinearRegression {z.shape[1]} {intercept}", z, "none", 0, 0, intercept, e.coef_)
        for alpha in (1e-3, 0.1):
            # Ridge(positive=True) is by L-BFGS-B, to some five digits: SciPy's active sets are exact.
            c = z - z.mean(0) * intercept
            coef, _ = nnls(np.vstack([c, np.sqrt(alpha * n) * np.eye(z.shape[1])]),
                           np.concatenate([y - y.mean() * intercept, np.zeros(z.shape[1])]))
            e = Ridge(alpha * n, positive=True, fit_intercept=intercept, tol=1e-14, max_iter=100000).fit(z, y)
            assert np.allclose(e.coef_, coef, rtol=1e-4, atol=1e-4), (e.coef_, coef)
            add(f"Ridge {alpha} {z.shape[1]} {intercept}", z, "l2", alpha, 0, intercept, coef)
            tight = dict(positive=True, fit_intercept=intercept, tol=1e-15, max_iter=1000000)
            e = ElasticNet(alpha, l1_ratio=0.3, **tight).fit(z, y)
            add(f"ElasticNet {alpha} {z.shape[1]} {intercept}", z, "elasticnet", alpha, 0.3, intercept, e.coef_)
            if z is x:
                add(f"Lasso {alpha} {intercept}", z, "l1", alpha, 1, intercept, Lasso(alpha, **tight).fit(z, y).coef_)
folds = np.arange(n) % 5
e = LassoCV(alphas=[1e-3, 1e-2, 0.1], cv=PredefinedSplit(folds), positive=True, tol=1e-12, max_iter=100000).fit(x, y)
order = np.argsort(e.alphas_)
with open("positive.json", "w") as f:
    json.dump({"sklearn": sklearn.__version__, "features": features, "cases": cases,
               "cv_alphas": e.alphas_[order].tolist(), "cv_mse": e.mse_path_[order].tolist()}, f)
