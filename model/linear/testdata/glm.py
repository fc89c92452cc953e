"""Writes glm.json.gz: generalised linear models by scikit-learn's PoissonRegressor, GammaRegressor and TweedieRegressor.

pip install numpy==2.4.6 scikit-learn==1.9.1
python glm.py

The optimum is that of newton-cholesky, and then of steps of Newton's method in float64, which must not change it by more than
scikit-learn's rounding. Rows of an exposure e are fitted as rates, y/e with the weight e^(2-power) times the row's. Folds are
those of cross.py, whose fits are in a Pipeline with a StandardScaler.
"""

import gzip
import json
import pathlib
import warnings

import numpy as np
import sklearn
from cross import folds, table
from sklearn.base import clone
from sklearn.linear_model import GammaRegressor, PoissonRegressor, TweedieRegressor
from sklearn.metrics import d2_tweedie_score, mean_absolute_error, mean_squared_error, mean_tweedie_deviance, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

here = pathlib.Path(__file__).parent
assert sklearn.__version__ == "1.9.1"

# Real rows: the disease's progress after a year; the digit drawn, from 0 on; the area of a tumour by its other measurements.
diabetes, progress = table("diabetes.csv", "target")
digits, digit = table("digits.csv", "target", leave=("id",), every=5)
tumours, _ = table("breast_cancer.csv", "target", leave=("id",), every=2)
tables = {
    "diabetes": (diabetes, progress),
    "digits": (digits[:, digits.std(0) > 0], digit),
    "areas": (np.delete(tumours, 3, 1)[:, :10], tumours[:, 3]),
}


def power_of(loss, power):
    return {"poisson": 1.0, "gamma": 2.0}.get(loss, power)


def estimator(loss, power, alpha, intercept):
    options = dict(alpha=alpha, fit_intercept=intercept, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    if loss == "poisson":
        return PoissonRegressor(**options)
    if loss == "gamma":
        return GammaRegressor(**options)
    return TweedieRegressor(power=power, **options)


def sums(x, y, w, power, alpha, point):
    """Objective without what does not depend on the point, gradient and second derivatives, with an intercept at the end."""
    p = x @ point
    ridge = np.full(len(point), float(alpha))
    ridge[-1] = 0
    if power == 0:
        slope, curvature = p - y, np.ones(len(y))
    else:
        a, b = np.exp((2 - power) * p), y * np.exp((1 - power) * p)
        slope, curvature = a - b, (2 - power) * a - (1 - power) * b
    n = w.sum()
    return x.T @ (w * slope) / n + ridge * point, (x.T * (w * curvature)) @ x / n + np.diag(ridge)


def optimum(x, y, w, loss, power, alpha, intercept):
    scaler = StandardScaler().fit(x, sample_weight=w)
    z = scaler.transform(x)
    e = estimator(loss, power, alpha, intercept)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        e.fit(z, y, sample_weight=w)
    p = power_of(loss, power)
    a = np.hstack([z, np.full((len(z), 1), float(intercept))])
    point = np.append(e.coef_, e.intercept_)
    k = len(point) - (not intercept)
    for _ in range(8):
        g, h = sums(a, y, w, p, alpha, point)
        point[:k] -= np.linalg.solve(h[:k, :k], g[:k])
    off = abs(point - np.append(e.coef_, e.intercept_)).max() / abs(point).max()
    assert off < 1e-6, (loss, power, alpha, off)
    e.coef_, e.intercept_ = point[:-1], point[-1]
    mu = e.predict(z)
    return dict(
        coef=point[:-1].tolist(), intercept=float(point[-1]), predict=mu[:10].tolist(),
        objective=float(mean_tweedie_deviance(y, mu, sample_weight=w, power=p) / 2 + alpha / 2 * (point[:-1] ** 2).sum()),
        deviance=float(mean_tweedie_deviance(y, mu, sample_weight=w, power=p)),
        d2=float(d2_tweedie_score(y, mu, sample_weight=w, power=p)),
    )


cases = []
for data, loss, power, alpha, weighted, exposed, intercept in [
    ("diabetes", "poisson", None, 0, False, False, True), ("diabetes", "poisson", None, 0.1, True, False, True),
    ("diabetes", "poisson", None, 1, False, False, False), ("digits", "poisson", None, 1e-3, False, False, True),
    ("digits", "poisson", None, 1e-2, True, True, True), ("diabetes", "poisson", None, 0, False, True, True),
    ("diabetes", "gamma", None, 0, False, False, True), ("diabetes", "gamma", None, 0.1, True, False, True),
    ("areas", "gamma", None, 1e-4, False, False, True), ("areas", "gamma", None, 1e-2, True, True, True),
    ("digits", "tweedie", 1.5, 1e-2, True, False, True), ("digits", "tweedie", 1.1, 1e-3, False, True, True),
    ("areas", "tweedie", 3, 1e-3, False, False, True), ("diabetes", "tweedie", 2.5, 1e-2, True, False, True),
    ("diabetes", "tweedie", 1, 0.1, False, False, True), ("diabetes", "tweedie", 2, 0.1, False, False, True),
    ("diabetes", "tweedie", 0, 0.1, True, False, True), ("areas", "tweedie", 1.9, 1e-2, False, False, False),
]:
    x, y = tables[data]
    w = 0.5 + np.arange(len(y)) % 4 if weighted else np.ones(len(y))
    if exposed:
        e = 0.25 + np.arange(len(y)) % 5 / 2
        y, w = y / e, w * e ** (2 - power_of(loss, power))
    if not intercept and data == "areas":
        y = y / y.mean()  # which no intercept brings it to
    case = dict(data=data, loss=loss, power=power, alpha=alpha, weighted=weighted, exposed=exposed, fit_intercept=intercept)
    cases.append(case | optimum(x, y, w, loss, power, alpha, intercept))

cross = []
for data, loss, power, alphas, weighted in [
    ("digits", "poisson", None, [1e-3, 0.1, 1], True), ("diabetes", "gamma", None, [1e-4, 1], False), ("digits", "tweedie", 1.5, [1e-2, 1], False),
]:
    x, y = tables[data]
    w = 0.5 + np.arange(len(y)) % 4 if weighted else np.ones(len(y))
    fold, scores, p = folds(y, 4, 3, False), {}, power_of(loss, power)
    for k in range(4):
        out = fold == k
        rows = {}
        for alpha in alphas:
            e = make_pipeline(StandardScaler(), clone(estimator(loss, power, alpha, True)))
            name = e.steps[1][0]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                e.fit(x[~out], y[~out], **{"standardscaler__sample_weight": w[~out], name + "__sample_weight": w[~out]})
            mu, t, v = e.predict(x[out]), y[out], w[out]
            for score, value in {
                "d2_tweedie_score": d2_tweedie_score(t, mu, sample_weight=v, power=p),
                f"neg_mean_{loss}_deviance": -mean_tweedie_deviance(t, mu, sample_weight=v, power=p),
                "r2": r2_score(t, mu, sample_weight=v),
                "neg_mean_squared_error": -mean_squared_error(t, mu, sample_weight=v),
                "neg_mean_absolute_error": -mean_absolute_error(t, mu, sample_weight=v),
            }.items():
                rows.setdefault(score, []).append(float(value))
        guess = np.full(out.sum(), np.average(y[~out], weights=w[~out]))
        rows["constant_d2"] = [float(d2_tweedie_score(y[out], guess, sample_weight=w[out], power=p))]
        rows["constant_deviance"] = [float(-mean_tweedie_deviance(y[out], guess, sample_weight=w[out], power=p))]
        for score, values in rows.items():
            scores.setdefault(score, []).append(values)
    cross.append(dict(data=data, loss=loss, power=power, alphas=alphas, weighted=weighted, folds=4, seed=3, scores=scores))

out = dict(data={k: dict(x=x.tolist(), y=y.tolist()) for k, (x, y) in tables.items()}, cases=cases, cross=cross)
with open(here / "glm.json.gz", "wb") as f, gzip.GzipFile(filename="", mode="wb", fileobj=f, mtime=0) as g:
    g.write(json.dumps(out).encode())
