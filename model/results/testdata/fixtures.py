"""Writes the files that npy_test.go and graph_test.go expect. It needs numpy and scipy; run it in this directory."""

import numpy as np
from scipy import sparse

np.save("neighbors.indices.npy", np.array([[1, 2], [0, 2], [-7, 9007199254740993]], dtype="<i8"))
np.save("neighbors.distances.npy", np.array([[0.1, 2.5], [1e-17, 3.0], [0.0, np.inf]], dtype="<f8"))
np.save("empty.indices.npy", np.empty((0, 5), dtype="<i8"))
np.save("empty.distances.npy", np.empty((0, 5), dtype="<f8"))
np.save("vector.npy", np.array([0.1, -2, 1e300]))

# Headers alone, of shapes whose arrays would be large.
with open("headers.bin", "wb") as f:
    for rows, columns in [(1, 1), (1797, 10), (10**9, 100), (10**12, 2**31 - 1), (10**18, 10**18)]:
        np.lib.format.write_array_header_1_0(f, {"descr": "<f8", "fortran_order": False, "shape": (rows, columns)})

# A graph of 5 queries and 7 points: an empty row, a distance 0, columns by distance.
indptr = np.array([0, 2, 2, 5, 6, 6], dtype=np.int32)
indices = np.array([3, 0, 6, 1, 0, 2], dtype=np.int32)
data = np.array([0, 0.1, 1e-17, 2.5, 2.5, 1e300])
sparse.save_npz("graph.npz", sparse.csr_matrix((data, indices, indptr), shape=(5, 7)), compressed=False)
