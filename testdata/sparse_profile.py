"""Writes sparse_profile.npz, .svm, .mtx and .jsonl, which hold one sparse matrix, and sparse_profile.reference.json,
which says what NumPy and SciPy find in it.

    python testdata/sparse_profile.py

It needs numpy, scipy and scikit-learn.
"""

import json
from pathlib import Path

import numpy as np
import scipy.io
import scipy.sparse as sp
from sklearn.datasets import dump_svmlight_file

HERE = Path(__file__).parent
ROWS, COLUMNS = 60, 5_000_000


def matrix():
    """Rows of Zipf columns, among them two without an entry and three that repeat others; all others have column 7."""
    rng = np.random.default_rng(22)
    rows, columns, values = [], [], []
    for i in range(ROWS):
        n = rng.integers(3, 20)
        used = np.unique(np.minimum(rng.zipf(1.4, n) * 11 % COLUMNS, COLUMNS - 1))
        rows += [i] * len(used)
        columns += list(used)
        values += list(rng.integers(-1000, 1000, len(used)) / 64 + 1 / 128)
    x = sp.csr_matrix((values, (rows, columns)), shape=(ROWS, COLUMNS)).tolil()
    x[0, 0], x[1, COLUMNS - 1] = 0.1, 1e-30
    x[:, 7] = 2.5
    x[40], x[41], x[42] = x[3], x[3], x[5]
    x[10], x[50] = 0, 0
    x = x.tocsr()
    x.eliminate_zeros()
    x.sort_indices()
    return x


def reference(x):
    per_row = np.diff(x.indptr)
    per_column = np.bincount(x.indices, minlength=COLUMNS)
    norms = np.array([np.linalg.norm(x[i].data) for i in range(ROWS)])
    texts = {str((r.indices.tolist(), r.data.tolist())) for r in x}
    order = sorted(np.flatnonzero(per_column).tolist(), key=lambda j: (-per_column[j], j))[:100]
    dense = x[:, order].toarray()
    unused = np.flatnonzero(per_column == 0)
    mean = np.asarray(x.mean(axis=0)).ravel()
    variance = np.asarray(x.power(2).mean(axis=0)).ravel() - mean**2
    lower = {"method": "inverted_cdf"}  # of an even number, the lower median
    return {
        "rows": ROWS,
        "columns": COLUMNS,
        "nonzeros": int(x.nnz),
        "min_per_row": int(per_row.min()),
        "median_per_row": int(np.quantile(per_row, 0.5, **lower)),
        "mean_per_row": float(per_row.mean()),
        "max_per_row": int(per_row.max()),
        "empty_rows": int((per_row == 0).sum()),
        "distinct_rows": len(texts),
        "norms": [float(norms.min()), float(np.quantile(norms, 0.5, **lower)), float(norms.max())],
        "float32": bool((x.data.astype(np.float32) == x.data).all()),
        "unused_columns": len(unused),
        "first_unused_columns": unused[:100].tolist(),
        "offset": float(np.sqrt((mean**2).sum() / variance.sum())),
        "frequent_columns": [
            {"index": j, "rows": int(per_column[j]), "min": float(v.min()), "mean": float(v.mean()),
             "std": float(v.std()), "max": float(v.max())}
            for j, v in zip(order, dense.T)
        ],
    }


def main():
    x = matrix()
    sp.save_npz(HERE / "sparse_profile.npz", x)
    scipy.io.mmwrite(HERE / "sparse_profile.mtx", x, precision=17)
    dump_svmlight_file(x, np.zeros(ROWS), str(HERE / "sparse_profile.svm"), zero_based=True)
    lines = [json.dumps({"indices": r.indices.tolist(), "values": r.data.tolist()}) for r in x]
    (HERE / "sparse_profile.jsonl").write_text("\n".join(lines) + "\n", newline="\n")
    (HERE / "sparse_profile.reference.json").write_text(json.dumps(reference(x), indent=1) + "\n", newline="\n")


main()
