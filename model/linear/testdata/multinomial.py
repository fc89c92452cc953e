"""Writes multinomial.json.gz: optima of multinomial log_loss, by scikit-learn's LogisticRegression, and scores of cross-validations.

pip install numpy==2.4.6 scikit-learn==1.9.1
python multinomial.py

C is 1/(alpha · Σ weights). The optimum is that of newton-cholesky, and then of a few steps of Newton's method in float64, which must
not change it by more than scikit-learn's rounding; the objective is that of the steps' end. Folds are those of cross.py, whose fits
are LogisticRegression's in a Pipeline.
"""
import gzip
import json
import pathlib

import numpy as np
import sklearn
from sklearn.datasets import load_digits, load_iris, load_wine
from cross import folds
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_class_weight

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(21)


def blobs(sizes, columns, spread):
    y = np.repeat(np.arange(len(sizes)), sizes)
    x = rng.normal(size=(len(y), columns)) * spread + rng.normal(size=(len(sizes), columns))[y]
    order = rng.permutation(len(y))
    return x[order], y[order]


def overlap():
    x, y = blobs([60, 50, 40, 30], 5, 1.5)
    return x, y


iris, wine, digits = load_iris(), load_wine(), load_digits()
scales = 10.0 ** (np.arange(13) - 6)
tables = dict(
    iris=(iris.data, iris.target),
    wine=(wine.data, wine.target),
    scaled=(wine.data * scales + 3 * scales, wine.target),
    digits=(digits.data[:300], digits.target[:300]),
    rare=blobs([80, 70, 2], 4, 1.0),
    separable=blobs([30, 30, 30], 3, 0.05),
    overlap=overlap(),
)
x, y = overlap()
tables["collinear"] = (np.column_stack([x, x[:, 0] + x[:, 1], 2 * x[:, 2], np.full(len(y), 3.0)]), y)


def derivatives(z, onehot, s, alpha, w, intercept):
    """Objective, gradient and second derivatives at w, classes × (columns + 1)."""
    a = np.column_stack([z, np.ones(len(z)) if intercept else np.zeros(len(z))])
    d = a @ w.T
    d -= d.max(1, keepdims=True)
    p = np.exp(d)
    total = p.sum(1, keepdims=True)
    p /= total
    value = s @ (np.log(total[:, 0]) - (d * onehot).sum(1)) + alpha * np.sum(w[:, :-1] ** 2) / 2
    reg = np.full(w.shape, alpha)
    reg[:, -1] = 0
    g = (s[:, None] * (p - onehot)).T @ a + reg * w
    k, m = w.shape
    h = np.zeros((k, m, k, m))
    for i in range(k):
        for j in range(k):
            c = s * p[:, i] * ((i == j) - p[:, j])
            h[i, :, j, :] = (a.T * c) @ a + (np.diag(reg[i]) if i == j else 0)
    return value, g, h.reshape(k * m, k * m)


cases = []


def case(data, alpha, weighted=False, class_weight=None, standardize=False, intercept=True, coef=True):
    x, y = tables[data]
    z = StandardScaler().fit_transform(x) if standardize else x
    w = 0.5 + np.arange(len(y)) % 4 if weighted else np.ones(len(y))
    est = LogisticRegression(C=1 / (alpha * w.sum()) if alpha else np.inf, solver="newton-cholesky" if coef else "lbfgs", tol=1e-12,
                             max_iter=5000, class_weight=class_weight, fit_intercept=intercept)
    est.fit(z, y, sample_weight=w)
    classes = np.unique(y)
    onehot = (y[:, None] == classes).astype(float)
    by = compute_class_weight(class_weight, classes=classes, y=y, sample_weight=w)
    s = w * by[np.searchsorted(classes, y)] / w.sum()
    v = np.column_stack([est.coef_, est.intercept_ - np.mean(est.intercept_)])
    before = v.copy()
    for _ in range(20):
        value, g, h = derivatives(z, onehot, s, alpha, v, intercept)
        scale = 1 / np.sqrt(np.maximum(np.diag(h), 1e-300))
        step = (scale * np.linalg.lstsq(h * scale * scale[:, None], scale * g.ravel(), rcond=1e-13)[0]).reshape(v.shape)
        if not intercept:
            step[:, -1] = 0
        if derivatives(z, onehot, s, alpha, v - step, intercept)[0] <= value + 1e-14 * value:
            v = v - step
    v -= v.mean(0)
    moved = np.abs(v - before).max() / np.abs(v).max()
    assert not coef or moved < 1e-6, (data, alpha, moved)
    value = derivatives(z, onehot, s, alpha, v, intercept)[0]
    d = z @ v[:, :-1].T + v[:, -1]
    est.coef_, est.intercept_ = v[:, :-1], v[:, -1]
    cases.append(dict(data=data, alpha=alpha, weighted=weighted, standardize=standardize, fit_intercept=intercept, unique=coef,
                      balanced=class_weight == "balanced", class_weight={str(k): u for k, u in class_weight.items()} if isinstance(class_weight, dict) else None,
                      coef=v[:, :-1].tolist(), intercept=v[:, -1].tolist(), objective=float(value),
                      decision=d[:10].tolist(), proba=est.predict_proba(z[:10]).tolist()))
    print(data, alpha, "moved", moved, "objective", value)


for alpha in (1e-5, 1e-3, 1e-1):
    case("iris", alpha)
case("iris", 1e-3, weighted=True)
case("iris", 1e-3, weighted=True, class_weight="balanced")
case("iris", 1e-3, class_weight={0: 1.0, 1: 2.5, 2: 1.0})
case("iris", 1e-2, intercept=False)
case("wine", 1e-2, standardize=True)
case("wine", 1e-4, standardize=True)
case("scaled", 1e-3, standardize=True)
case("scaled", 1e-3, standardize=True, weighted=False, class_weight="balanced")
case("digits", 1e-2)
case("digits", 1e-3, standardize=True)
case("rare", 1e-4)
case("rare", 1e-3, class_weight="balanced")
case("separable", 1e-8)
case("collinear", 1e-3)
case("collinear", 1e-6, standardize=True)
case("overlap", 0)
case("overlap", 0, weighted=True)
case("collinear", 0, coef=False)

crossed = []


def cross(data, alphas, k, seed, standardize=True, class_weight=None, weighted=False):
    x, y = tables[data]
    w = 0.5 + np.arange(len(y)) % 4 if weighted else np.ones(len(y))
    split, classes = folds(y.astype(float), k, seed, True), np.unique(y)
    scores = dict(accuracy=[], f1_macro=[], neg_log_loss=[])
    for fold in range(k):
        learn, held = split != fold, split == fold
        a, b = x[learn], x[held]
        if standardize:
            scaler = StandardScaler().fit(a, sample_weight=w[learn])
            a, b = scaler.transform(a), scaler.transform(b)
        by_alpha = dict(accuracy=[], f1_macro=[], neg_log_loss=[])
        for alpha in alphas:
            est = LogisticRegression(C=1 / (alpha * w[learn].sum()), solver="newton-cholesky", tol=1e-10, max_iter=500, class_weight=class_weight)
            est.fit(a, y[learn], sample_weight=w[learn])
            by_alpha["accuracy"].append(accuracy_score(y[held], est.predict(b), sample_weight=w[held]))
            by_alpha["f1_macro"].append(f1_score(y[held], est.predict(b), average="macro", sample_weight=w[held]))
            by_alpha["neg_log_loss"].append(-log_loss(y[held], est.predict_proba(b), labels=classes, sample_weight=w[held]))
        for name, v in by_alpha.items():
            scores[name].append(v)
    crossed.append(dict(data=data, alphas=alphas, folds=k, seed=seed, standardize=standardize, balanced=class_weight == "balanced",
                        weighted=weighted, scores=scores))
    print(data, scores["neg_log_loss"])


cross("iris", [1e-4, 1e-2, 1], 5, 0)
cross("iris", [1e-3], 3, 7, standardize=False)
cross("wine", [1e-3, 0.1], 4, 1, class_weight="balanced", weighted=True)
cross("collinear", [1e-3], 3, 2)
cross("digits", [1e-2, 1e-1], 3, 1)

if __name__ == "__main__":
    data = {name: dict(x=x.tolist(), y=[float(v) for v in y]) for name, (x, y) in tables.items()}
    with open(here / "multinomial.json.gz", "wb") as f, gzip.GzipFile(filename="", mode="wb", fileobj=f, mtime=0) as g:
        g.write(json.dumps(dict(sklearn=sklearn.__version__, data=data, cases=cases, cross=crossed)).encode())
