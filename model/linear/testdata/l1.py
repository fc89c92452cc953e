"""Writes l1.json.gz: optima of smooth losses with l1 and elasticnet.

pip install numpy==2.4.6 scikit-learn==1.9.1
python l1.py

The objective is (1/Σw) Σ w·loss + alpha·(l1_ratio·‖coef‖₁ + (1−l1_ratio)/2·‖coef‖²), the intercept free, of standardised rows. Coordinate
descent on quadratic approximations finds which coefficients are not zero, Newton's method makes them exact, and the subgradient
of all must then vanish, which makes it the optimum of this convex problem. Of log_loss, LogisticRegression by saga with tol 1e-10 must have the
same zeros and the same objective to 1e-8.
"""

import gzip
import json
import pathlib
import warnings

import numpy as np
from cross import derivatives, folds, table
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.preprocessing import StandardScaler

here = pathlib.Path(__file__).parent
warnings.simplefilter("ignore")


def curve(loss, p, y, epsilon):
    if loss == "log_loss":
        m = y * p
        q = 1 / (1 + np.exp(m))
        return np.logaddexp(0, -m), -y * q, q * (1 - q)
    if loss == "poisson":
        mu = np.exp(p)
        return np.where(y > 0, y * np.log(np.maximum(y, 1e-300)) - y, 0) - y * p + mu, mu - y, mu
    if loss == "gamma":
        return p - np.log(y) + y * np.exp(-p) - 1, 1 - y * np.exp(-p), y * np.exp(-p)
    if loss == "tweedie":  # with the power 1.5
        root = np.exp(p / 2)
        return 2 * (np.sqrt(y) - root) ** 2 / root, root - y / root, (root + y / root) / 2
    if loss == "squared_error":
        return (p - y) ** 2 / 2, p - y, np.ones(len(p))
    return derivatives(loss, p, y, epsilon)


def optimum(z, y, w, loss, alpha, ratio, epsilon):
    n, d = w.sum(), z.shape[1]
    a = np.hstack([z, np.ones((len(z), 1))])
    l1, l2 = np.full(d + 1, alpha * ratio), np.full(d + 1, alpha * (1 - ratio))
    l1[d] = l2[d] = 0

    def smooth(x):
        value, slope, _ = curve(loss, a @ x, y, epsilon)
        return (w * value).sum() / n + (l2 * x * x).sum() / 2, a.T @ (w * slope) / n + l2 * x

    x = np.zeros(d + 1)
    if loss in ("poisson", "gamma", "tweedie"):
        x[d] = np.log(np.average(y, weights=w))
    objective = lambda x: smooth(x)[0] + (l1 * abs(x)).sum()
    for _ in range(100):
        _, g = smooth(x)
        h = (a.T * (w * curve(loss, a @ x, y, epsilon)[2])) @ a / n + np.diag(l2) + 1e-12 * np.eye(d + 1)
        v, r = x.copy(), -g  # r is the gradient's negative at v
        for _ in range(3000):
            moved = 0.0
            for k in range(d + 1):
                q = r[k] + h[k, k] * v[k]
                to = np.sign(q) * max(abs(q) - l1[k], 0) / h[k, k]
                if to != v[k]:
                    moved = max(moved, abs(to - v[k]))
                    r -= h[k] * (to - v[k])
                    v[k] = to
            if moved < 1e-14:
                break
        t = 1.0
        while objective(x + t * (v - x)) > objective(x) + 1e-14 and t > 1e-9:
            t /= 2
        done = abs(v - x).max() < 1e-12
        x = np.where((t == 1.0) & (v == 0), 0, x + t * (v - x))
        if done:
            break
    live = (x != 0) | (l1 == 0)
    sign = np.sign(x) * l1
    for _ in range(30):
        _, g = smooth(x)
        c = curve(loss, a @ x, y, epsilon)[2]
        b = a[:, live]
        h = (b.T * (w * c)) @ b / n + np.diag(l2[live])
        x[live] -= np.linalg.lstsq(h, (g + sign)[live], rcond=1e-13)[0]
    f, g = smooth(x)
    assert (np.sign(x) * l1 == sign).all()
    off = np.where(live, abs(g + sign), np.maximum(abs(g) - l1, 0)).max()
    assert off < 1e-11, (loss, alpha, ratio, off)
    return x[:d], x[d], f + (l1 * abs(x)).sum()


tumours, benign = table("breast_cancer.csv", "target", leave=("id",))
diabetes, progress = table("diabetes.csv", "target")
digits, digit = table("digits.csv", "target", leave=("id",), every=5)
tables = {
    "breast_cancer": (tumours, benign),
    "diabetes": (diabetes, progress),
    "digits": (digits[:, digits.std(0) > 0], digit),
}
cases = []
for data, loss, alpha, ratio, weighted, epsilon in [
    ("breast_cancer", "log_loss", 1e-3, 1, False, 0.1), ("breast_cancer", "log_loss", 0.05, 1, True, 0.1),
    ("breast_cancer", "log_loss", 1e-2, 0.5, False, 0.1), ("breast_cancer", "squared_hinge", 1e-2, 1, False, 0.1),
    ("breast_cancer", "modified_huber", 0.05, 0.7, True, 0.1), ("breast_cancer", "squared_error", 0.02, 1, False, 0.1),
    ("diabetes", "huber", 1.0, 1, False, 30.0), ("diabetes", "squared_epsilon_insensitive", 5.0, 0.9, True, 10.0),
    ("digits", "poisson", 0.02, 1, False, 0.1), ("digits", "poisson", 0.05, 0.5, True, 0.1), ("diabetes", "poisson", 2.0, 1, False, 0.1),
    ("diabetes", "gamma", 0.03, 1, False, 0.1), ("diabetes", "tweedie", 0.2, 0.8, True, 0.1),
]:
    x, y = tables[data]
    target = y if data != "breast_cancer" else np.where(y == 1, 1.0, -1.0)
    w = 0.5 + np.arange(len(y)) % 4 if weighted else np.ones(len(y))
    z = StandardScaler().fit(x, sample_weight=w).transform(x)
    coef, intercept, objective = optimum(z, target, w, loss, alpha, ratio, epsilon)
    if loss == "log_loss":
        e = LogisticRegression(l1_ratio=ratio, C=1 / (alpha * w.sum()), solver="saga", tol=1e-10, max_iter=1000000)
        e.fit(z, y, sample_weight=w)
        value = (w * curve(loss, z @ e.coef_[0] + e.intercept_, target, 0)[0]).sum() / w.sum()
        value += alpha * (ratio * abs(e.coef_).sum() + (1 - ratio) / 2 * (e.coef_**2).sum())
        assert abs(value / objective - 1) < 1e-8 and ((e.coef_[0] != 0) == (coef != 0)).all(), (value, objective)
    cases.append(dict(
        data=data, loss=loss, alpha=alpha, l1_ratio=ratio, weighted=weighted, epsilon=epsilon, coef=coef.tolist(), intercept=float(intercept),
        objective=float(objective),
    ))
    print(data, loss, alpha, ratio, (coef != 0).sum(), "of", len(coef), flush=True)

x, y = tables["breast_cancer"]
fold, alphas, ratios, w = folds(y, 3, 5, True), [0.1, 1e-3], [0.5, 1.0], np.ones(len(y))
scores = {"accuracy": [], "neg_log_loss": []}
for k in range(3):
    out, rows = fold == k, ([], [])
    scaler = StandardScaler().fit(x[~out])
    for alpha in alphas:
        for ratio in ratios:
            coef, intercept, _ = optimum(scaler.transform(x[~out]), np.where(y[~out] == 1, 1.0, -1.0), w[~out], "log_loss", alpha, ratio, 0)
            p = 1 / (1 + np.exp(-(scaler.transform(x[out]) @ coef + intercept)))
            rows[0].append(float(accuracy_score(y[out], p > 0.5)))
            rows[1].append(float(-log_loss(y[out], p)))
    scores["accuracy"].append(rows[0])
    scores["neg_log_loss"].append(rows[1])
out = dict(
    data={k: dict(x=x.tolist(), y=y.tolist()) for k, (x, y) in tables.items()}, cases=cases,
    cross=[dict(data="breast_cancer", loss="log_loss", alphas=alphas, l1_ratios=ratios, folds=3, seed=5, scores=scores)],
)
with open(here / "l1.json.gz", "wb") as f, gzip.GzipFile(filename="", mode="wb", fileobj=f, mtime=0) as g:
    g.write(json.dumps(out).encode())
