"""Writes the .npy files that npy_test.go expects byte for byte. It needs numpy; run it in this directory."""

import numpy as np

np.save("neighbors.indices.npy", np.array([[1, 2], [0, 2], [-7, 9007199254740993]], dtype="<i8"))
np.save("neighbors.distances.npy", np.array([[0.1, 2.5], [1e-17, 3.0], [0.0, np.inf]], dtype="<f8"))
np.save("empty.indices.npy", np.empty((0, 5), dtype="<i8"))
np.save("empty.distances.npy", np.empty((0, 5), dtype="<f8"))
np.save("vector.npy", np.array([0.1, -2, 1e300]))

# Headers alone, of shapes whose arrays would be large.
with open("headers.bin", "wb") as f:
    for rows, columns in [(1, 1), (1797, 10), (10**9, 100), (10**12, 2**31 - 1), (10**18, 10**18)]:
        np.lib.format.write_array_header_1_0(f, {"descr": "<f8", "fortran_order": False, "shape": (rows, columns)})
