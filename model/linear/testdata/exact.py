"""Writes exact.json.gz: optima that scikit-learn and scipy find on data that scikit-learn brings along.

pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
python exact.py
"""

import gzip
import json
import pathlib
import warnings

import numpy as np
import sklearn
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.model_selection import PredefinedSplit
from sklearn.preprocessing import StandardScaler

here = pathlib.Path(__file__).parent
warnings.simplefilter("ignore")
assert sklearn.__version__ == "1.9.1"

data = {}
for name, bunch in (("diabetes", load_diabetes(scaled=False)), ("breast_cancer", load_breast_cancer()), ("iris", load_iris())):
    data[name] = dict(features=bunch.data.shape[1], x=bunch.data.ravel().tolist(), y=[float(v) for v in bunch.target],
                      weights=(0.5 + np.arange(len(bunch.target)) % 4).tolist())
squares, curved = [], []


def rows(name):
    d = data[name]
    return np.array(d["x"]).reshape(-1, d["features"]), np.array(d["y"]), np.array(d["weights"])


x, y, sw = rows("diabetes")
n = len(y)
for weighted in (False, True):
    for standardize in (False, True):
        for intercept in (True, False):
            for penalty, ratio in (("none", 0), ("l2", 0), ("l1", 1), ("elasticnet", 0.3)):
                for alpha in (0.01, 1.0) if penalty != "none" else (0,):
                    scaler = StandardScaler().fit(x, sample_weight=sw if weighted else None)
                    z = scaler.transform(x) if standardize else x
                    total = sw.sum() if weighted else n
                    tight = dict(fit_intercept=intercept, tol=1e-15, max_iter=1000000)
                    est = dict(none=LinearRegression(fit_intercept=intercept),
                               l2=Ridge(alpha=alpha * total, solver="cholesky", fit_intercept=intercept),
                               l1=Lasso(alpha=alpha, **tight),
                               elasticnet=ElasticNet(alpha=alpha, l1_ratio=ratio, **tight))[penalty]
                    est.fit(z, y, sample_weight=sw if weighted else None)
                    p = est.predict(z)
                    w = sw if weighted else None
                    squares.append(dict(
                        name=f"{penalty}/{alpha}/weighted={weighted}/standardize={standardize}/intercept={intercept}", penalty=penalty,
                        alpha=alpha, l1_ratio=ratio, weighted=weighted, standardize=standardize, fit_intercept=intercept,
                        coef=est.coef_.tolist(), intercept=float(est.intercept_),
                        mse=mean_squared_error(y, p, sample_weight=w), r2=r2_score(y, p, sample_weight=w)))

# Cross-validation: the fold of a row is its number modulo 5.
grid = []
for ratio in (0.2, 0.9):
    for alpha in (0.02, 0.5):
        mse, r2 = [], []
        for train, test in PredefinedSplit(np.arange(n) % 5).split():
            scaler = StandardScaler().fit(x[train])
            est = ElasticNet(alpha=alpha, l1_ratio=ratio, tol=1e-15, max_iter=1000000).fit(scaler.transform(x[train]), y[train])
            p = est.predict(scaler.transform(x[test]))
            mse.append(mean_squared_error(y[test], p))
            r2.append(r2_score(y[test], p))
        grid.append(dict(alpha=alpha, l1_ratio=ratio, mse=mse, r2=r2))


def slopes(loss, p, y, e):
    m, r = p * y, p - y
    if loss == "log_loss":
        s = 1 / (1 + np.exp(m))
        return np.logaddexp(0, -m), -y * s, s * (1 - s)
    if loss == "squared_hinge":
        d = np.maximum(0, 1 - m)
        return d * d, -2 * y * d, 2.0 * (d > 0)
    if loss == "modified_huber":
        d = np.maximum(0, 1 - m)
        return np.where(m < -1, -4 * m, d * d), np.where(m < -1, -4 * y, -2 * y * d), 2.0 * ((m >= -1) & (m < 1))
    if loss == "huber":
        a = np.abs(r)
        return np.where(a <= e, r * r / 2, e * (a - e / 2)), np.clip(r, -e, e), 1.0 * (a <= e)
    if loss == "squared_epsilon_insensitive":
        d = np.maximum(0, np.abs(r) - e)
        return d * d, 2 * np.sign(r) * d, 2.0 * (d > 0)
    raise ValueError(loss)


def optimum(loss, z, y, s, total, alpha, e):
    """The least of the objective: scipy's, and then Newton's steps."""
    a = np.column_stack([z, np.ones(len(z))])
    reg = np.full(a.shape[1], alpha)
    reg[-1] = 0
    value = lambda w: np.sum(s * slopes(loss, a @ w, y, e)[0]) / total + reg @ (w * w) / 2
    grad = lambda w: a.T @ (s * slopes(loss, a @ w, y, e)[1]) / total + reg * w
    hess = lambda w: (a.T * (s * slopes(loss, a @ w, y, e)[2])) @ a / total + np.diag(reg)
    w = minimize(value, np.zeros(a.shape[1]), jac=grad, method="L-BFGS-B", options=dict(maxiter=100000, maxfun=10**6, ftol=1e-16, gtol=1e-12)).x
    for _ in range(50):
        step = np.linalg.solve(hess(w), grad(w))
        t = 1.0
        while t > 1e-3 and value(w - t * step) > value(w) + 1e-15:
            t /= 2
        w = w - t * step
    assert np.abs(grad(w)).max() < 1e-11 * max(1, np.abs(y).max()), (loss, grad(w))
    return w


def curve(name, loss, alpha, weighted=False, class_weight=None, epsilon=0.1):
    x, y, sw = rows(name)
    z = StandardScaler().fit_transform(x)
    s = sw if weighted else np.ones(len(y))
    coef, intercept = [], []
    classes = [] if name == "diabetes" else sorted(set(y))
    for k in ([None] if not classes else [1.0] if len(classes) == 2 else classes):
        target = y if k is None else np.where(y == k, 1.0, -1.0)
        own = s.copy()
        for c, v in (class_weight or {}).items():
            if len(classes) == 2 or c == k or loss == "log_loss":  # by row, as LogisticRegression; LinearSVC by class
                own[y == c] *= v
        if loss == "log_loss":
            est = LogisticRegression(C=1 / (alpha * s.sum()), solver="newton-cholesky", tol=1e-14, max_iter=1000).fit(z, target, sample_weight=own)
            w = np.append(est.coef_[0], est.intercept_)
        else:
            w = optimum(loss, z, target, own, s.sum(), alpha, epsilon)
        coef.append(w[:-1].tolist())
        intercept.append(float(w[-1]))
    curved.append(dict(name=f"{name}/{loss}/{alpha}/weighted={weighted}/{class_weight}", data=name, loss=loss, alpha=alpha, weighted=weighted,
                       epsilon=epsilon, class_weight={str(int(c)): v for c, v in (class_weight or {}).items()},
                       coef=coef, intercept=intercept))


for alpha in (1e-4, 1e-2):
    for loss in ("log_loss", "squared_hinge", "modified_huber"):
        curve("breast_cancer", loss, alpha)
        curve("iris", loss, alpha)
    curve("diabetes", "huber", alpha, epsilon=30)
    curve("diabetes", "squared_epsilon_insensitive", alpha, epsilon=10)
curve("breast_cancer", "log_loss", 1e-3, weighted=True, class_weight={0.0: 3.0})
curve("iris", "log_loss", 1e-3, weighted=True, class_weight={1.0: 2.5})
curve("iris", "squared_hinge", 1e-3, weighted=True, class_weight={1.0: 2.5})

with open(here / "exact.json.gz", "wb") as f, gzip.GzipFile(filename="", mode="wb", fileobj=f, mtime=0) as g:
    g.write(json.dumps(dict(sklearn=sklearn.__version__, data=data, squares=squares, grid=grid, curved=curved)).encode())
