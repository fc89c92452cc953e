"""A path of 100 alphas of l1 log_loss: python pipelines/sgd/bench/path.py DIRECTORY [saga|liblinear].

Writes path.npy of 100,000 × 50 float32, with the class as its last column, and path_alphas, 100 of them with commas between; and tells the
CPU seconds of scikit-learn's fits of one fold of five with all of these, each from the optimum before, of rows in memory.
"""

import os
import sys
import time

import numpy as np
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

os.makedirs(sys.argv[1], exist_ok=True)
os.chdir(sys.argv[1])
x, y = make_classification(100_000, 50, n_informative=10, n_redundant=5, n_clusters_per_class=2, flip_y=0.1, random_state=0)
x = x.astype(np.float32)
x = (x - x.mean(0)) / x.std(0)
np.save("path", np.hstack([x, y[:, None]]).astype(np.float32))
x = x.astype(np.float64)
most = np.abs(x.T @ (y - y.mean())).max() / len(x)
alphas = np.geomspace(most * 0.99, most * 1e-3, 100)
with open("path_alphas", "w") as f:
    f.write(",".join(f"{a:.6g}" for a in alphas))
if len(sys.argv) > 2:
    rows = np.arange(len(x)) % 5 > 0
    x, y = np.ascontiguousarray(x[rows]), y[rows]
    e = LogisticRegression(l1_ratio=1, solver=sys.argv[2], max_iter=2000, tol=1e-4, warm_start=True)
    start = time.process_time()
    for a in alphas:
        e.C = 1 / (a * 100_000)
        e.fit(x, y)
        print(f"{a:.4g}: {e.n_iter_[0]} iterations, {time.process_time() - start:.1f} s in all", flush=True)
