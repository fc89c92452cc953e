"""Writes corners.json: optima of losses with corners and the penalty l2; and corners_l1.json: those with l1 and elasticnet.

pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
python corners.py

The objective is (1/Σw) Σ w·class_weight·loss + alpha·‖coef‖²/2, the intercept free. Of hinge and epsilon_insensitive it is that of
libsvm's SVC and SVR with a linear kernel and C = 1/(alpha·Σw), whose objective is within 10⁻⁶ of the least. Of quantile it is a
linear programme where alpha is nearly 0, which QuantileRegressor solves with alpha=0 by HiGHS; else the dual problem in its slopes is
solved here, one pair at a time, and the duality gap must be at most 1e-9 of the objective. With l1 all are linear programmes, of
quantile that of QuantileRegressor; with elasticnet a quadratic one, by SciPy's SLSQP.

Rows are made by a generator of a line, so that the test makes the same.
"""

import json
import pathlib
import warnings

import numpy as np
from scipy.optimize import linprog, minimize
from sklearn.linear_model import QuantileRegressor
from sklearn.svm import SVC, SVR

warnings.simplefilter("ignore")
n, d = 240, 6


def table():
    state, values = 20, []
    for _ in range(n * (d + 1)):
        state = (1103515245 * state + 12345) % 2**31
        values.append(state / 2**30 - 1)
    v = np.array(values).reshape(n, d + 1)
    x = v[:, :d] * np.array([1, 2, 0.5, 1, 1, 3])
    y = x @ np.array([1, -0.5, 2, 0, 0.25, 0.1]) + 1.5 * v[:, d] ** 3 + 0.5
    return x, y, v[:, d]


def objective(kind, x, y, w, coef, b, k):
    p = x @ coef + b
    if kind == "hinge":
        loss = np.maximum(0, 1 - y * p) * np.where(y > 0, *k["class_weight"])
    elif kind == "quantile":
        loss = np.maximum(k["quantile"] * (y - p), (k["quantile"] - 1) * (y - p))
    else:
        loss = np.maximum(0, abs(y - p) - k["epsilon"])
    return (w * loss).sum() / w.sum() + k["alpha"] / 2 * coef @ coef


def quantile(x, y, w, k):
    """Sequential minimal optimisation of the dual: slopes a in w·[q−1, q]/Σw with sum 0, coef = Σ a·x/alpha."""
    q, alpha, v = k["quantile"], k["alpha"], w / w.sum()
    low, high, a = (q - 1) * v, q * v, np.zeros(len(y))
    gram = x @ x.T / alpha
    g = y.copy()  # y − x·coef
    for _ in range(2_000_000):
        up, down = np.where(a < high, g, -np.inf), np.where(a > low, g, np.inf)
        i, j = up.argmax(), down.argmin()
        if up[i] - down[j] < 1e-11:
            break
        t = min((g[i] - g[j]) / max(gram[i, i] + gram[j, j] - 2 * gram[i, j], 1e-300), high[i] - a[i], a[j] - low[j])
        a[i] += t
        a[j] -= t
        g -= t * (gram[i] - gram[j])
    coef, b = x.T @ a / alpha, (up[i] + down[j]) / 2
    value = objective("quantile", x, y, w, coef, b, k)
    bound = a @ y - alpha / 2 * coef @ coef
    assert value - bound <= 1e-9 * value, (k, value, bound)
    return value


x, y, noise = table()
c = np.where(y > 0.6, 1.0, -1.0)
cases = []
for weighted in (False, True):
    w = np.array([float(i % 4) for i in range(n)]) if weighted else np.ones(n)
    for alpha in (1e-1, 1e-3):
        for class_weight in ((1, 1), (3, 0.5)):
            k = {"loss": "hinge", "alpha": alpha, "class_weight": class_weight, "weighted": weighted}
            m = SVC(kernel="linear", C=1 / (alpha * w.sum()), tol=1e-9, class_weight={1.0: class_weight[0], -1.0: class_weight[1]})
            m.fit(x, c, w)
            k["objective"] = objective("hinge", x, c, w, m.coef_[0], m.intercept_[0], k)
            cases.append(k)
        for epsilon in (0.0, 0.1, 0.5):
            k = {"loss": "epsilon_insensitive", "alpha": alpha, "epsilon": epsilon, "weighted": weighted}
            m = SVR(kernel="linear", C=1 / (alpha * w.sum()), tol=1e-9, epsilon=epsilon).fit(x, y, w)
            k["objective"] = objective("epsilon_insensitive", x, y, w, m.coef_[0], m.intercept_[0], k)
            cases.append(k)
        for q in (0.1, 0.5, 0.9):
            k = {"loss": "quantile", "alpha": alpha, "quantile": q, "weighted": weighted}
            k["objective"] = quantile(x, y, w, k)
            cases.append(k)
    k = {"loss": "quantile", "alpha": 1e-9, "quantile": 0.9, "weighted": weighted}
    m = QuantileRegressor(quantile=0.9, alpha=0).fit(x, y, w)
    k["objective"] = objective("quantile", x, y, w, m.coef_, m.intercept_, k)
    k["coef"] = m.coef_.tolist()
    cases.append(k)
pathlib.Path(__file__).with_name("corners.json").write_text(json.dumps(cases, indent=1) + "\n")


def programme(kind, x, y, w, k):
    """Variables ≥ 0: coef and −coef, the intercept and its negative, and of each row what is above a line, by rows of a ≤ b."""
    m = len(y)
    design = np.hstack([x, -x, np.ones((m, 1)), -np.ones((m, 1))])
    v, eye = w / w.sum(), np.eye(m)
    if kind == "hinge":  # 1 − y·p ≤ t
        a, b, cost = np.hstack([-y[:, None] * design, -eye]), -np.ones(m), v * np.where(y > 0, *k["class_weight"])
        return a, b, cost
    if kind == "quantile":
        q = k["quantile"]
        a = np.vstack([np.hstack([-q * design, -eye]), np.hstack([(1 - q) * design, -eye])])
        return a, np.r_[-q * y, (1 - q) * y], v
    a = np.vstack([np.hstack([design, -eye]), np.hstack([-design, -eye])])
    return a, np.r_[y + k["epsilon"], k["epsilon"] - y], v


tight = dict(primal_feasibility_tolerance=1e-10, dual_feasibility_tolerance=1e-10)


def lasso(kind, x, y, w, k):
    """Coefficients and objective with l1·‖coef‖₁ + l2·‖coef‖²/2."""
    l1, l2 = k["alpha"] * k["l1_ratio"], k["alpha"] * (1 - k["l1_ratio"])
    a, b, cost = programme(kind, x, y, w, k)
    c = np.r_[np.full(2 * d, l1), 0, 0, cost]
    r = linprog(c, a, b, bounds=(0, None), method="highs", options=tight)
    z = r.x
    if l2 > 0:
        def f(z):
            u = z[:d] - z[d : 2 * d]
            return c @ z + l2 / 2 * u @ u

        def slope(z):
            u = l2 * (z[:d] - z[d : 2 * d])
            return c + np.r_[u, -u, np.zeros(len(c) - 2 * d)]

        z = minimize(f, z, jac=slope, bounds=[(0, None)] * len(c), method="SLSQP", options=dict(ftol=1e-13, maxiter=1000),
                     constraints=[dict(type="ineq", fun=lambda z: b - a @ z, jac=lambda z: -a)]).x
    coef, b0 = z[:d] - z[d : 2 * d], z[2 * d] - z[2 * d + 1]
    plain = dict(k, alpha=0)
    value = objective(kind, x, y, w, coef, b0, plain) + l1 * abs(coef).sum() + l2 / 2 * coef @ coef
    return coef, value


cases = []
for weighted in (False, True):
    w = np.array([float(i % 4) for i in range(n)]) if weighted else np.ones(n)
    for ratio in (1.0, 0.4):
        for alpha in (0.05, 0.002):
            for more in ({"loss": "hinge", "class_weight": (3, 0.5)}, {"loss": "epsilon_insensitive", "epsilon": 0.1},
                         {"loss": "quantile", "quantile": 0.5}, {"loss": "quantile", "quantile": 0.9}):
                k = {**more, "alpha": alpha, "l1_ratio": ratio, "weighted": weighted}
                target = c if k["loss"] == "hinge" else y
                coef, k["objective"] = lasso(k["loss"], x, target, w, k)
                if ratio == 1 and k["loss"] == "quantile":
                    m = QuantileRegressor(quantile=k["quantile"], alpha=alpha).fit(x, y, w)
                    theirs = objective("quantile", x, y, w, m.coef_, m.intercept_, dict(k, alpha=0)) + alpha * abs(m.coef_).sum()
                    assert abs(theirs - k["objective"]) <= 1e-9, (k, theirs)
                    coef, k["objective"] = m.coef_, theirs
                k["zeros"] = [bool(abs(v) < 1e-7) for v in coef]
                k["coef"] = coef.tolist()
                cases.append(k)
pathlib.Path(__file__).with_name("corners_l1.json").write_text(json.dumps(cases, indent=1) + "\n")
