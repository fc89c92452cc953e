"""Few rows of many correlated columns, as of gene expression: python pipelines/sgd/bench/few_rows.py DIRECTORY.

Writes a_x.npy of 600 × 2,500 and g_x.npy of 500 × 100,000 with targets _y.npy and classes _c.npy, and tells the CPU seconds of
scikit-learn's fit alone, of rows in memory.
"""

import os
import sys
import time

import numpy as np
from sklearn.linear_model import Lasso, LassoCV, LogisticRegressionCV

os.makedirs(sys.argv[1], exist_ok=True)
os.chdir(sys.argv[1])
r = np.random.default_rng(3)


def generate(name, n, d):
    x = r.normal(size=(n, 30)) @ r.normal(size=(30, d)) + r.normal(size=(n, d)) * 0.7 + 4
    w = np.zeros(d)
    w[r.choice(d, 60, False)] = 2 * r.normal(size=60)
    y = x @ w
    y += 0.3 * y.std() * r.normal(size=n)
    c = (y > np.median(y)).astype(float)
    for part, values in (("x", x), ("y", y), ("c", c)):
        np.save(f"{name}_{part}", values)
    return x, y, c


def timed(name, e, x, y):
    start = time.process_time()
    e.fit(x, y)
    print(f"{name}: {time.process_time() - start:.1f} s", flush=True)


x, y, c = generate("a", 600, 2500)
alphas = [0.1, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02, 0.015, 0.01]
timed("LassoCV", LassoCV(alphas=[20, 15, 10, 7, 5, 4, 3, 2.5, 2, 1.5], cv=5, tol=1e-4, max_iter=10000), x, y)
timed("LogisticRegressionCV, liblinear",
      LogisticRegressionCV(Cs=[1 / (a * len(x)) for a in alphas], cv=5, l1_ratios=(1,), solver="liblinear", max_iter=1000,
                           scoring="neg_log_loss", use_legacy_attributes=False), x, c)
x, y, c = generate("g", 500, 100000)
timed("Lasso, alpha 5", Lasso(5, tol=1e-8, max_iter=100000), x, y)
