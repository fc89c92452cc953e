"""Writes sklearn.json: scikit-learn's local outlier factors of the tables in the repository, read by the tests.

Run it in this directory: python3 generate.py
"""

import csv
import json
import warnings

import numpy as np
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

warnings.simplefilter("ignore")


def table(name):
    with open(f"../../../../testdata/{name}.csv") as f:
        rows = list(csv.reader(f))[1:]
    return np.array([[float(v) for v in r[:-1]] for r in rows])


def copies(x):
    """The first rows 30 times, the next ones twice."""
    return np.concatenate([np.repeat(x[:5], 30, axis=0), np.repeat(x[5:60], 2, axis=0), x[60:250]])


cases = []
for name, make in [("breast_cancer", table), ("diabetes", table), ("breast_cancer copies", lambda n: copies(table(n.split()[0])))]:
    x = make(name)
    for k, contamination in [(20, "auto"), (5, 0.1)]:
        lof = LocalOutlierFactor(n_neighbors=k, contamination=contamination, algorithm="kd_tree")
        flags = lof.fit_predict(x)
        half = len(x) * 2 // 3
        novel = LocalOutlierFactor(n_neighbors=k, contamination=contamination, novelty=True, algorithm="kd_tree").fit(x[:half])
        kth = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(x).kneighbors()[0][:, -1]
        cases.append(dict(
            name=name, k=k, contamination=0 if contamination == "auto" else contamination, scores=lof.negative_outlier_factor_.tolist(),
            offset=float(lof.offset_), outliers=int((flags == -1).sum()), half=half, novelty=novel.score_samples(x[half:]).tolist(),
            novelty_offset=float(novel.offset_), kth=kth.tolist(), kth_offset=float(np.percentile(-kth, 10)),
        ))
with open("sklearn.json", "w") as f:
    json.dump(cases, f)
    f.write("\n")
