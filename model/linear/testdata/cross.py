"""Writes cross.json.gz: scores of cross-validations on the tables in ../../../testdata, fold by fold.

pip install numpy==2.4.6 scikit-learn==1.9.1
python cross.py

The folds are those that beamlearn makes, made here once more: each class's rows in the order of a hash, cut into equal parts.
Every estimator is fitted, as in a Pipeline with a StandardScaler, by the rows of the other folds: LogisticRegression, alone or in
a OneVsRestClassifier, with C = 1/(alpha · Σ weights), RidgeClassifier and Ridge with alpha · Σ weights. The objectives of other
losses, (1/Σw) Σ w·loss + alpha/2·‖coef‖², are brought to their least by Newton's method in float64; of hinge,
epsilon_insensitive and quantile so with their corners rounded off, less and less, until it is known which rows are on corners: then
the optimum is the solution of a system of equations, whose conditions of optimality are asserted, and that it is not above what
libsvm's SVC and SVR find. That of quantile with an alpha of nearly 0 is asserted to be QuantileRegressor's.
"""

import csv
import gzip
import json
import pathlib
import warnings

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression, QuantileRegressor, Ridge
from sklearn.metrics import (accuracy_score, f1_score, log_loss, mean_absolute_error, mean_pinball_loss, mean_squared_error, r2_score,
                             roc_auc_score)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

here = pathlib.Path(__file__).parent
warnings.simplefilter("ignore")
assert sklearn.__version__ == "1.9.1"
M = (1 << 64) - 1
CORNERS = ("hinge", "epsilon_insensitive", "quantile")


def mix(x):
    z = (x + 0x9E3779B97F4A7C15) & M
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & M
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & M
    return z ^ z >> 31


def folds(y, k, seed, classification):
    n = len(y)
    if not classification:
        return np.array([(i % k + mix(mix(seed) ^ i // k) % k) % k for i in range(n)])
    out = np.empty(n, int)
    most = max(1024, 64 * k)
    for c, label in enumerate(np.unique(y)):
        rows = np.flatnonzero(y == label)
        h = {i: mix(mix(seed) ^ int(i)) for i in rows}
        if len(rows) <= most:
            order = sorted(rows, key=h.get)
            fold = {i: sum(r >= -(-(j + 1) * len(rows) // k) for j in range(k - 1)) for r, i in enumerate(order)}
        else:
            fold = {i: sum(h[i] >= M // k * (j + 1) for j in range(k - 1)) for i in rows}
        for i in rows:
            out[i] = (fold[i] + c) % k
    return out


def table(name, target, leave=(), every=1):
    open_ = gzip.open if name.endswith(".gz") else open
    with open_(here.parents[2] / "testdata" / name, "rt") as f:
        all_rows = list(csv.reader(f))
    head, body = all_rows[0], all_rows[1:][::every]
    at = [i for i, h in enumerate(head) if h != target and h not in leave]
    x = np.array([[float(r[i]) for i in at] for r in body])
    return x, np.array([float(r[head.index(target)]) for r in body])


def derivatives(loss, p, y, epsilon):
    """Loss, slope and curvature of predictions; y is ±1 in classification."""
    m = y * p
    if loss == "squared_hinge":
        d = np.maximum(0, 1 - m)
        return d * d, -2 * y * d, 2.0 * (d > 0)
    if loss == "modified_huber":
        d = np.maximum(0, 1 - m)
        far = m < -1
        return np.where(far, -4 * m, d * d), np.where(far, -4 * y, -2 * y * d), np.where(far | (m >= 1), 0.0, 2.0)
    if loss == "huber":
        r = p - y
        far = abs(r) > epsilon
        return np.where(far, epsilon * (abs(r) - epsilon / 2), r * r / 2), np.clip(r, -epsilon, epsilon), 1.0 * ~far
    if loss == "squared_epsilon_insensitive":
        r = p - y
        d = np.maximum(0, abs(r) - epsilon)
        return d * d, 2 * d * np.sign(r), 2.0 * (d > 0)
    raise ValueError(loss)


def newton(loss, x, y, w, alpha, epsilon):
    """The least of (1/Σw) Σ w·loss + alpha/2·‖coef‖², by damped Newton steps."""
    a = np.hstack([x, np.ones((len(x), 1))])
    ridge = np.full(a.shape[1], float(alpha))
    ridge[-1] = 0
    n, point = w.sum(), np.zeros(a.shape[1])

    def objective(point):
        return (w * derivatives(loss, a @ point, y, epsilon)[0]).sum() / n + (ridge * point * point).sum() / 2

    for _ in range(500):
        _, slope, curvature = derivatives(loss, a @ point, y, epsilon)
        g = a.T @ (w * slope) / n + ridge * point
        h = (a.T * (w * curvature)) @ a / n + np.diag(ridge + 1e-13)
        step = -np.linalg.solve(h, g)
        if -g @ step < 1e-22:
            return point
        t, before = 1.0, objective(point)
        while objective(point + t * step) > before + 1e-4 * t * (g @ step) + 1e-15 * abs(before) and t > 1e-9:
            t /= 2
        point = point + t * step
    raise ValueError("no convergence")


def corners(loss, y, epsilon):
    """A loss as a sum of max over low ≤ s ≤ low+1 of s·z, z = sign·prediction + off: lists of low, sign and off."""
    one = np.ones(len(y))
    if loss == "hinge":
        return [(-1.0, y, -one)]
    if loss == "quantile":
        return [(-epsilon, one, -y)]
    return [(0.0, one, -y - epsilon), (-1.0, one, -y + epsilon)]


def cornered(loss, x, y, w, alpha, epsilon):
    """The least of (1/Σw) Σ w·loss + alpha/2·‖coef‖², of a loss with corners."""
    a = np.hstack([x, np.ones((len(x), 1))])
    parts = corners(loss, y, epsilon)
    low = np.concatenate([np.full(len(y), p[0]) for p in parts])
    a = np.vstack([a * p[1][:, None] for p in parts])
    off = np.concatenate([p[2] for p in parts])
    v = np.concatenate([w / w.sum()] * len(parts))
    ridge = np.full(a.shape[1], float(alpha))
    ridge[-1] = 0

    def exactly(point):
        z = a @ point + off
        return (v * np.maximum(low * z, (low + 1) * z)).sum() + (ridge * point * point).sum() / 2

    point, mu = np.zeros(a.shape[1]), 8 * np.abs(off).max()
    while mu > 1e-13:
        for _ in range(200):  # Newton's method, of the loss rounded off within mu of its corners
            z = a @ point + off
            s = np.clip(z / mu, low, low + 1)

            def rounded(point):
                z = a @ point + off
                s = np.clip(z / mu, low, low + 1)
                return (v * (s * z - mu * s * s / 2)).sum() + (ridge * point * point).sum() / 2

            g = a.T @ (v * s) + ridge * point
            near = (s > low) & (s < low + 1)
            h = (a[near].T * (v[near] / mu)) @ a[near] + np.diag(ridge)
            h[-1, -1] += 1e-6 / mu
            step = -np.linalg.solve(h, g)
            t, before = 1.0, rounded(point)
            while rounded(point + t * step) > before + 1e-4 * t * (g @ step) and t > 1e-12:
                t /= 2
            point = point + t * step
            if abs(g @ step) < 1e-18 or t <= 1e-12:
                break
        # Rows on a corner are those whose slopes are within its bounds. With them there, the rest follows.
        z = a @ point + off
        s = np.clip(z / mu, low, low + 1)
        on = (s > low) & (s < low + 1)
        m, d = on.sum(), a.shape[1]
        b = a[on]
        kkt = np.block([[np.diag(ridge), b.T * v[on]], [b, np.zeros((m, m))]])
        right = np.concatenate([-(a[~on].T @ (v * s)[~on]), -off[on]])
        solution = np.linalg.lstsq(kkt, right, rcond=1e-15)[0]
        p, slopes = solution[:d], solution[d:]
        z = a @ p + off
        close = 1e-11 * np.abs(off).max()
        right_side = np.where(s <= low, z <= close, np.where(s >= low + 1, z >= -close, abs(z) <= close)).all()
        inside = (slopes >= low[on] - 1e-9).all() and (slopes <= low[on] + 1 + 1e-9).all()
        s[on] = slopes
        g = a.T @ (v * s) + ridge * p
        if right_side and inside and abs(g).max() <= 1e-12 * max(1, abs(a).max()):
            check_corners(loss, x, y, w, alpha, epsilon, p, exactly)
            return p
        mu /= 2
    raise ValueError("no convergence")


def check_corners(loss, x, y, w, alpha, epsilon, point, objective):
    """Asserts what scikit-learn's estimators say of an optimum."""
    if loss == "quantile":
        if alpha > 1e-8:
            return
        m = QuantileRegressor(quantile=epsilon, alpha=0).fit(x, y, sample_weight=w)
        assert np.allclose(np.append(m.coef_, m.intercept_), point, rtol=1e-6, atol=1e-6 * abs(point).max()), (m.coef_, point)
        return
    c = 1 / (alpha * w.sum())
    if loss == "hinge":
        m = SVC(kernel="linear", C=c, tol=1e-6).fit(x, y, w)
    else:
        m = SVR(kernel="linear", C=c, tol=1e-6, epsilon=epsilon).fit(x, y, w)
    theirs, ours = objective(np.append(m.coef_[0], m.intercept_[0])), objective(point)
    assert ours <= theirs * (1 + 1e-12) and theirs <= ours * (1 + 1e-4), (theirs, ours)


def balanced(y, w):
    """Weights of rows by the weights of their classes, as LinearSVC has them."""
    values = np.unique(y)
    of = {v: w.sum() / (len(values) * w[y == v].sum()) for v in values}
    return np.array([of[v] for v in y])


def fit(case, x, y, w):
    """Predictions of a fit: a function that gives decision values and probabilities or None."""
    alpha, loss = case["alpha"], case["loss"]
    classes = np.unique(y)
    if loss == "log_loss":
        est = LogisticRegression(C=1 / (alpha * w.sum()), solver="newton-cholesky", tol=1e-12, max_iter=200,
                                 class_weight=case["class_weight"])
        if len(classes) > 2:
            assert np.all(w == 1)
            est = OneVsRestClassifier(est).fit(x, y)
        else:
            est.fit(x, y, sample_weight=w)
        return est.decision_function, est.predict_proba
    if case["task"] == "regression" and loss == "squared_error":
        est = Ridge(alpha=alpha * w.sum(), solver="cholesky").fit(x, y, sample_weight=w)
        return est.predict, None
    points = []
    for c in classes[1:] if len(classes) == 2 else classes if case["task"] == "classification" else [None]:
        t = y if c is None else np.where(y == c, 1.0, -1.0)
        cw = balanced(y, w) if case["class_weight"] else np.ones(len(y))
        if len(classes) > 2 and c is not None:
            cw = np.where(t > 0, cw, 1.0)  # as SGDClassifier and LinearSVC do
        least = cornered if loss in CORNERS else newton
        points.append(least(loss, x, t, w * cw, alpha, case["epsilon"]))
    coef = np.array(points).T

    def decision(x):
        d = x @ coef[:-1] + coef[-1]
        return d[:, 0] if d.shape[1] == 1 else d

    def proba(x):
        if loss != "modified_huber":
            return None
        p = (np.clip(decision(x), -1, 1) + 1) / 2
        if p.ndim == 1:
            return np.stack([1 - p, p], 1)
        none = p.sum(1) == 0
        p[none] = 1
        return p / p.sum(1, keepdims=True)

    return decision, proba


def scores(case, x, y, w):
    split = folds(y, case["folds"], case["seed"], case["task"] == "classification")
    out = []
    for k in range(case["folds"]):
        learn, held = split != k, split == k
        a, b = x[learn], x[held]
        if case["standardize"]:
            scaler = StandardScaler().fit(a, sample_weight=w[learn])
            a, b = scaler.transform(a), scaler.transform(b)
        decision, proba = fit(case, a, y[learn], w[learn])
        d, t, hw = decision(b), y[held], w[held]
        if case["task"] == "regression":
            out.append(dict(r2=r2_score(t, d, sample_weight=hw), neg_mean_squared_error=-mean_squared_error(t, d, sample_weight=hw)))
            if case["loss"] == "quantile":
                out[-1]["neg_mean_pinball_loss"] = -mean_pinball_loss(t, d, sample_weight=hw, alpha=case["epsilon"])
            if case["loss"] != "squared_error":
                out[-1]["neg_mean_absolute_error"] = -mean_absolute_error(t, d, sample_weight=hw)
            continue
        classes = np.unique(y)
        said = classes[d.argmax(1)] if d.ndim > 1 else classes[(d > 0).astype(int)]
        s = dict(accuracy=accuracy_score(t, said, sample_weight=hw))
        if len(classes) == 2:
            s["f1"] = f1_score(t, said, sample_weight=hw)
            s["roc_auc"] = roc_auc_score(t, d, sample_weight=hw)
        else:
            s["f1_macro"] = f1_score(t, said, average="macro", sample_weight=hw)
        p = proba(b) if proba else None
        if p is not None:
            s["neg_log_loss"] = -log_loss(t, p, labels=classes, sample_weight=hw)
        out.append(s)
    return split, out


tables = dict(
    breast_cancer=table("breast_cancer.csv", "target"),
    digits=table("digits.csv", "target", leave=("id",)),
    shuttle=table("shuttle.csv.gz", "anomaly", every=10),
    diabetes=table("diabetes.csv", "target"),
    flights=table("flights_numbers.csv", "delayed"),
)
cases = []


def case(data, task, loss, alphas, folds=5, seed=0, standardize=True, epsilon=0.1, class_weight=None, weighted=False):
    x, y = tables[data]
    w = 0.5 + np.arange(len(y)) % 4 if weighted else np.ones(len(y))
    c = dict(data=data, task=task, loss=loss, alphas=alphas, folds=folds, seed=seed, standardize=standardize, epsilon=epsilon,
             class_weight=class_weight, weighted=weighted)
    by_alpha = []
    for alpha in alphas:
        split, s = scores(dict(c, alpha=alpha), x, y, w)
        by_alpha.append(s)
    c["rows"] = [int(n) for n in np.bincount(split)]
    c["scores"] = {name: [[s[k][name] for s in by_alpha] for k in range(folds)] for name in by_alpha[0][0]}
    cases.append(c)
    print(data, loss, {n: float(np.mean(v)) for n, v in c["scores"].items()})


if __name__ == "__main__":
    case("breast_cancer", "classification", "log_loss", [1e-4, 1e-3, 1e-2, 1.0])
    case("breast_cancer", "classification", "log_loss", [1e-3, 0.1], folds=3, seed=7, class_weight="balanced", weighted=True)
    case("breast_cancer", "classification", "squared_hinge", [1e-2, 1.0], folds=4)
    case("breast_cancer", "classification", "modified_huber", [1e-2, 1.0], weighted=True)
    case("digits", "classification", "log_loss", [1e-3, 1e-1])
    case("digits", "classification", "log_loss", [1e-2], folds=3, seed=1, class_weight="balanced")
    case("digits", "classification", "squared_hinge", [1e-1], folds=3, class_weight="balanced")
    case("shuttle", "classification", "log_loss", [1e-5, 1e-3, 1e-1])
    case("shuttle", "classification", "log_loss", [1e-3], standardize=False)
    case("diabetes", "regression", "huber", [1e-3, 1e-1], epsilon=50)
    case("diabetes", "regression", "squared_epsilon_insensitive", [1e-2], epsilon=20, weighted=True, seed=3)
    case("breast_cancer", "classification", "hinge", [1e-3, 1e-1])
    case("breast_cancer", "classification", "hinge", [1e-2], folds=3, seed=7, class_weight="balanced", weighted=True)
    case("digits", "classification", "hinge", [1e-1], folds=2)
    case("diabetes", "regression", "epsilon_insensitive", [1e-3, 1e-2], epsilon=20, weighted=True, seed=3)
    case("diabetes", "regression", "quantile", [1e-9, 1e-2, 1.0], epsilon=0.9)  # the quantile
    case("diabetes", "regression", "quantile", [1e-1], epsilon=0.5, folds=3, standardize=False)
    case("diabetes", "regression", "squared_error", [1e-3, 1e-1, 10], weighted=True)
    case("flights", "classification", "log_loss", [1e-5, 1e-3, 1e-1, 10])
    case("flights", "classification", "squared_hinge", [1e-2], folds=3, class_weight="balanced", weighted=True)
    with gzip.GzipFile(here / "cross.json.gz", "wb", mtime=0) as f:
        f.write(json.dumps(cases).encode())
