"""Several targets: 200,000 x 100 normal columns and 10 targets of them, in targets.npy, and scikit-learn's fits of y of
two dimensions.

    python targets.py generate DIRECTORY
    python targets.py run DIRECTORY Ridge|LinearRegression TARGETS
"""
import sys
import time

import numpy as np

FEATURES, ROWS = 100, 200_000


def generate(path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, FEATURES))
    y = x @ rng.normal(size=(FEATURES, 10)) + rng.normal(size=(ROWS, 10))
    np.save(path, np.hstack([x, y]))


def run(path, name, targets):
    from sklearn.linear_model import LinearRegression, Ridge
    rows = np.load(path)
    x, y = np.ascontiguousarray(rows[:, :FEATURES]), np.ascontiguousarray(rows[:, FEATURES:FEATURES + targets])
    del rows
    e = {"Ridge": Ridge(alpha=1e-4 * ROWS), "LinearRegression": LinearRegression()}[name]
    cpu, wall = time.process_time(), time.perf_counter()
    e.fit(x, y)
    print(f"{name}, {targets} targets: {time.process_time() - cpu:.2f} CPU s, {time.perf_counter() - wall:.2f} s")


if __name__ == "__main__":
    data = sys.argv[2] + "/targets.npy"
    if sys.argv[1] == "generate":
        generate(data)
    else:
        run(data, sys.argv[3], int(sys.argv[4]))
