"""Writes small binary tables as numpy, pandas and pyarrow do, and beside each what is in it, as they read it back:

    python3 tables.py

needs numpy, scipy, pandas and pyarrow. TestTables reads all of them.
"""
import gzip
import json
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet
import scipy.io
import scipy.sparse

here = pathlib.Path(__file__).parent / "tables"
here.mkdir(exist_ok=True)
rng = np.random.default_rng(7)
cases = []


def case(file, rows=None, fault=None, **more):
    """Notes what a file gives: rows of the vector as float64, ids, labels; or the fault that it is refused by."""
    c = {"File": file, **more}
    if fault:
        c["Fault"] = fault
    else:
        c["Rows"] = [[float(v) for v in row] for row in rows]
    cases.append(c)


x = np.round(rng.normal(size=(23, 3)) * 1000) / 8
counts = rng.integers(-100, 100, size=(23, 2)).astype(np.int16)

# .npy: every order and byte order, and the types that are numbers.
for name, a in {
    "fortran": np.asfortranarray(x), "fortran_big": np.asfortranarray(x.astype(">f4")), "slice": x[::2].T, "half": x.astype(np.float16),
    "big": counts.astype(">i8"), "bool": counts > 0, "u8": counts.astype(np.uint16).astype(np.uint64), "one": x[:, :1], "flat": x[:, 0],
}.items():
    np.save(here / f"{name}.npy", a)
    back = np.load(here / f"{name}.npy")
    case(f"{name}.npy", back.reshape(len(back), -1).astype(np.float64))
np.save(here / "structured.npy", np.zeros(3, dtype=[("a", "<f4"), ("b", "<i8")]))
case("structured.npy", fault="found a structured array")
np.save(here / "text.npy", np.array(["a", "Köln"]))
case("text.npy", fault='found the type "<U4" (text)')
np.save(here / "cube.npy", np.zeros((2, 2, 2)))
case("cube.npy", fault="found 3 dimensions")

# .npz
np.savez(here / "plain.npz", x=x, y=np.arange(23))
case("plain.npz", x)
case("plain.npz", [[i] for i in range(23)], Array="y")
case("plain.npz", fault='found the arrays x (23 × 3), y (23), expected the array "z"', Array="z")
np.savez_compressed(here / "packed.npz", x=x, z=counts)
case("packed.npz", fault="found the arrays x (23 × 3), z (23 × 2), expected one array of two dimensions")
case("packed.npz", x, Array="x")
case("packed.npz", counts, Array="z")
np.savez_compressed(here / "packed_fortran.npz", np.asfortranarray(x))
case("packed_fortran.npz", x)

# Sparse matrices: SciPy's .npz, packed and not, of either width and byte order; Matrix Market's .mtx.
dense = np.where(rng.random((23, 40)) < 0.1, np.round(rng.normal(size=(23, 40)) * 1000) / 8, 0)
dense[[3, 22]] = 0
csr = scipy.sparse.csr_array(dense)
wide = csr.copy()
wide.indices, wide.indptr = wide.indices.astype(">i8"), wide.indptr.astype("i8")
shuffled = csr.copy()
for i in range(23):
    at = slice(csr.indptr[i], csr.indptr[i + 1])
    shuffled.indices[at], shuffled.data[at] = csr.indices[at][::-1].copy(), csr.data[at][::-1].copy()
for name, m, packed in [("csr", csr, False), ("csr_packed", csr, True), ("csr_wide", wide, False), ("csr_shuffled", shuffled, False),
                        ("csr_shuffled_packed", shuffled, True), ("csr_bool", csr.astype(bool), False), ("csr_f4", csr.astype("f4"), True),
                        ("csr_matrix", scipy.sparse.csr_matrix(dense), True)]:
    scipy.sparse.save_npz(here / f"{name}.npz", m, compressed=packed)
    case(f"{name}.npz", scipy.sparse.load_npz(here / f"{name}.npz").toarray().astype(float))
np.savez(here / "csr_beside.npz", format=np.array("csr"), shape=np.array(csr.shape), indptr=csr.indptr, indices=csr.indices, data=csr.data,
         target=np.arange(23.0), number=np.arange(23) + 100)
case("csr_beside.npz", dense, IDColumn="number", IDs=[str(v + 100) for v in range(23)])
case("csr_beside.npz", fault='found none, expected an array "id" of a number for each row', IDColumn="id")
twice = scipy.sparse.csr_array((np.ones(3), np.array([0, 2, 2]), np.array([0, 3])), shape=(1, 4))
scipy.sparse.save_npz(here / "csr_twice.npz", twice)
case("csr_twice.npz", fault="found two in row 0, column 2, expected one entry of each row and column (matrix.sum_duplicates())")
for form in ("csc", "coo"):
    scipy.sparse.save_npz(here / f"{form}.npz", csr.asformat(form))
    case(f"{form}.npz", fault=f'found one in the form "{form}", expected a matrix in rows: scipy.sparse.save_npz(name, matrix.tocsr())')
square = np.where(rng.random((9, 9)) < 0.2, np.round(rng.normal(size=(9, 9)) * 100) / 4, 0)
for name, m, more in [
    ("general", csr, {}), ("columns", csr.tocsc().tocoo(), {}), ("pattern", csr.astype(bool), {"field": "pattern"}),
    ("integer", csr.astype(int), {}), ("symmetric", scipy.sparse.csr_array(square + square.T), {"symmetry": "symmetric"}),
    ("skew", scipy.sparse.csr_array(square - square.T), {"symmetry": "skew-symmetric"}),
]:
    scipy.io.mmwrite(here / f"{name}.mtx", m, precision=17, comment="made by tables.py", **more)
    back = scipy.io.mmread(here / f"{name}.mtx").toarray().astype(float)
    case(f"{name}.mtx", back)
    with gzip.GzipFile(here / f"{name}.mtx.gz", "wb", mtime=0) as f:
        f.write((here / f"{name}.mtx").read_bytes())
    case(f"{name}.mtx.gz", back)
scipy.io.mmwrite(here / "dense.mtx", square)
case("dense.mtx", fault='found the form "array", expected entries with their coordinates')

# Arrow: files, streams, Feather; Parquet of the same table.
ids = [f"r{i}" for i in range(23)]
long = [2**60 + i for i in range(23)]
table = pa.table({
    "id": pa.array(ids), "long": pa.array(long, pa.int64()), "kind": pa.array([["red", "green", "blue"][i % 3] for i in range(23)]).dictionary_encode(),
    "when": pa.array(np.arange(23), pa.timestamp("ms")), "a": pa.array(x[:, 0]), "b": pa.array(x[:, 1], pa.float32()), "c": pa.array(counts[:, 0]),
    "d": pa.array(x[:, 2].astype(np.float16)), "e": pa.array(counts[:, 1] > 0), "level": pa.array(counts[:, 0] % 3, pa.int32()).dictionary_encode(),
})
wide = np.column_stack([x[:, 0], x[:, 1], counts[:, 0], x[:, 2].astype(np.float16), counts[:, 1] > 0, counts[:, 0] % 3])


def write(name, t):
    """A table in every form, in batches of 7 rows."""
    for form, options in {"arrow": None, "lz4.arrow": "lz4", "zstd.arrow": "zstd"}.items():
        with pa.ipc.new_file(here / f"{name}.{form}", t.schema, options=pa.ipc.IpcWriteOptions(compression=options)) as w:
            w.write_table(t, max_chunksize=7)
    with pa.ipc.new_stream(here / f"{name}.arrows", t.schema) as w:
        w.write_table(t, max_chunksize=7)
    pa.feather.write_feather(t, here / f"{name}.feather", chunksize=7)
    pa.parquet.write_table(t, here / f"{name}.parquet", row_group_size=7)
    return [f"{name}.{e}" for e in ("arrow", "lz4.arrow", "zstd.arrow", "arrows", "feather", "parquet")]


for file in write("mixed", table):
    labels = [["red", "green", "blue"][i % 3] for i in range(23)]
    case(file, wide, IDColumn="id", TargetColumn="kind", Labels=labels, IDs=ids, Columns=["a", "b", "c", "d", "e", "level"],
         LeftOut=["long (number)", "when (timestamp)"])
    case(file, wide[:, [3, 0]], IDColumn="long", IDs=[str(v) for v in long], Columns=["d", "a"])
    case(file, wide, IDColumn="long", IDs=[str(v) for v in long], LeftOut=["id (text)", "kind (text)", "when (timestamp)"])
    case(file, wide[:, :1], TargetColumn="long", Labels=[str(v) for v in long], Columns=["a"])
    case(file, wide[:, :1], TargetColumn="e", Labels=[str(v) for v in counts[:, 1] > 0], Columns=["a"])
lists = [list(map(float, row)) for row in x]
for kind, t in {"list": pa.list_(pa.float64()), "large": pa.large_list(pa.float32()), "fixed": pa.list_(pa.float64(), 3)}.items():
    for file in write(kind, pa.table({"id": pa.array(ids), "x": pa.array(lists, t)})):
        case(file, x, IDColumn="id", IDs=ids)
holes = pa.table({"a": pa.array([1.0, None, 3.0]), "b": pa.array([1, 2, 3])})
for file in write("holes", holes):
    case(file, fault="row 1, column a: found null, expected a number")
for file in write("ragged", pa.table({"x": pa.array([[1.0, 2.0], [3.0], [4.0, 5.0]])})):
    case(file, fault="row 1, column x: found a list of 1, expected a list of 2 numbers, as in the first that has any")
for file in write("gap", pa.table({"x": pa.array([[1.0, 2.0], [3.0, None], [4.0, 5.0]])})):
    case(file, fault="row 1, column x[1]: found null, expected a number")
pa.feather.write_feather(holes, here / "old.feather", version=1)
case("old.feather", fault="found Feather of version 1")

# For the copies of rows.
days = pa.array([1, None], pa.duration("s"))
pa.parquet.write_table(pa.table({"x": [1.5, 2.0], "t": days}), here / "durations.parquet", store_schema=True)
pa.parquet.write_table(pa.table({"x": [1.5, 2.0], "t": pa.array([b"a", None]).dictionary_encode()}), here / "bytes.parquet")

(here / "tables.json").write_text(json.dumps(cases, ensure_ascii=False, indent=None, separators=(",", ":")).replace('{"File"', '\n{"File"') + "\n")
print(len(cases), "cases")
