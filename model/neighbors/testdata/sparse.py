"""Writes sparse.json: sparse rows, and the distances to their neighbours as scikit-learn finds them in a CSR matrix.

    python3 sparse.py

needs scikit-learn and scipy. TestSparseRowsScikitLearn reads it.
"""
import json
import pathlib

import numpy as np
import scipy.sparse
from sklearn.neighbors import NearestNeighbors

rng = np.random.default_rng(11)
x = np.where(rng.random((60, 300)) < 0.02, np.round(rng.normal(size=(60, 300)) * 100) / 16, 0)
x[:, :3] += np.round(rng.random((60, 3)) * 16) / 16  # columns that most rows have
x[[5, 17]] = 0
x[23] = x[4]
rows = scipy.sparse.csr_matrix(x)
out = {"Dim": 300, "Rows": [[[int(c), float(v)] for c, v in zip(row.indices, row.data)] for row in rows], "Distances": {}}
for metric in ("cosine", "euclidean", "manhattan"):
    d, _ = NearestNeighbors(n_neighbors=9, metric=metric, algorithm="brute").fit(rows).kneighbors()
    out["Distances"][metric] = d.tolist()
for metric in ("jaccard", "dice"):  # of booleans, which scikit-learn has dense
    d, _ = NearestNeighbors(n_neighbors=9, metric=metric, algorithm="brute").fit(x != 0).kneighbors()
    out["Distances"][metric] = d.tolist()
sets = (x != 0).astype(int)  # Szymkiewicz and Simpson's, which scikit-learn has not; 0 where a set is empty
least = np.minimum.outer(sets.sum(1), sets.sum(1))
d = np.where(least > 0, (least - sets @ sets.T) / np.maximum(least, 1), 0.0)
np.fill_diagonal(d, np.inf)
out["Distances"]["overlap"] = np.sort(d, axis=1)[:, :9].tolist()
for empty in (5, 17):
    out["Distances"]["dice"][empty] = None  # the distance of two empty sets is 0/0: not a number there, 0 here
(pathlib.Path(__file__).parent / "sparse.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
