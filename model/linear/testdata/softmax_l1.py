"""Writes softmax_l1.json: optima of multinomial log_loss with l1 and elasticnet, by saga.

pip install numpy==2.4.6 scikit-learn==1.9.1
python softmax_l1.py

The objective is (1/Σw) Σ w·loss + alpha·(l1_ratio·‖coef‖₁ + (1−l1_ratio)/2·‖coef‖²), the intercepts free. A subgradient of it must
vanish to 1e-8. With l1 alone and an even number of classes what is added to a column's coefficients in all classes may change
nothing, so that there is no one choice of zeros: those are of an odd number. Rows are made by a generator of a line, so that the test
makes the same.
"""

import json
import pathlib
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression

warnings.simplefilter("ignore")
n, d = 180, 5


def table(classes):
    state, values = 7, []
    for _ in range(n * (d + 1)):
        state = (1103515245 * state + 12345) % 2**31
        values.append(state / 2**30 - 1)
    v = np.array(values).reshape(n, d + 1)
    place = v[:, 0] + 0.5 * v[:, 1] - v[:, 2] * v[:, 0] + 0.5 * v[:, d]
    return v[:, :d], np.minimum(np.floor((place + 1.5) * classes / 3).clip(0), classes - 1)


cases = []
for classes, alpha, ratio, weighted in [(3, 0.01, 1, False), (3, 0.05, 1, True), (4, 0.02, 0.5, False), (5, 0.003, 1, False), (4, 0.01, 1, False)]:
    x, y = table(classes)
    w = 1.0 + np.arange(n) % 3 if weighted else np.ones(n)
    e = LogisticRegression(l1_ratio=ratio, C=1 / (alpha * w.sum()), solver="saga", tol=1e-12, max_iter=1000000).fit(x, y, w)
    p = e.predict_proba(x)
    loss = -(w * np.log(p[np.arange(n), y.astype(int)])).sum() / w.sum()
    g = (w[:, None] * (p - np.eye(classes)[y.astype(int)])).T @ x / w.sum() + alpha * (1 - ratio) * e.coef_
    off = np.where(e.coef_ != 0, abs(g + alpha * ratio * np.sign(e.coef_)), np.maximum(abs(g) - alpha * ratio, 0)).max()
    assert off < 1e-8, off
    cases.append(dict(
        classes=classes, alpha=alpha, l1_ratio=ratio, weighted=weighted, coef=e.coef_.tolist(),
        objective=float(loss + alpha * (ratio * abs(e.coef_).sum() + (1 - ratio) / 2 * (e.coef_**2).sum())),
    ))
    print(classes, alpha, ratio, (e.coef_ != 0).sum(), "of", e.coef_.size, off)
pathlib.Path(__file__).with_name("softmax_l1.json").write_text(json.dumps(cases, indent=1) + "\n")
