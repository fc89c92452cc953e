"""Makes the tables of Delta that the tests read, and what is in them: deltalake writes and reads them, and pyroaring
makes their deletion vectors: pip install deltalake pyarrow numpy pyroaring (last: 1.6.6, 26.0.1, 2.4.6, 1.2.0).

    python model/lake/testdata/generate.py
"""
import glob
import json
import os
import shutil
import uuid
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, QueryBuilder, write_deltalake
from pyroaring import BitMap64

HERE = os.path.dirname(os.path.abspath(__file__))


def rows(first, n, extra=False):
    i = np.arange(first, first + n)
    columns = {"id": pa.array(i), "a": pa.array(i * 0.5), "b": pa.array((i * 7 % 11).astype(np.float64)),
               "word": pa.array(["w%d" % (v % 3) for v in i]), "year": pa.array((2024 + i % 2).astype(np.int32)),
               "kind": pa.array(["7" if v % 4 < 2 else None for v in i])}
    if extra:
        columns["later"] = pa.array(i * 2.0)
    return pa.table(columns)


def dump(name, versions):
    path = os.path.join(HERE, name)
    want = {}
    for v in versions:
        query = QueryBuilder().register("t", DeltaTable(path, version=v)).execute("SELECT * FROM t ORDER BY id")
        t = pa.table(query.read_all() if hasattr(query, "read_all") else query)
        want[v] = {c: t[c].to_pylist() for c in t.column_names}
    with open(path + ".json", "w") as f:
        json.dump(want, f)


def fresh(name):
    path = os.path.join(HERE, name)
    shutil.rmtree(path, ignore_errors=True)
    return path


# Directories by whole numbers and by text with nulls; rewritten files, a checkpoint, a column that comes later.
path = fresh("partitioned")
write_deltalake(path, rows(0, 40), partition_by=["year", "kind"])
DeltaTable(path).delete("id % 5 = 0")
write_deltalake(path, rows(40, 10), mode="append")
DeltaTable(path).create_checkpoint()
write_deltalake(path, rows(50, 10, extra=True), mode="append", schema_mode="merge")
dump("partitioned", [0, 1, 2, 3])


def z85(data):
    digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
    text = ""
    for i in range(0, len(data), 4):
        v, word = int.from_bytes(data[i:i + 4], "big"), ""
        for _ in range(5):
            v, d = divmod(v, 85)
            word = digits[d] + word
        text += word
    return text


def vector(deleted):
    """A deletion vector as the protocol has it: its magic number, and CRoaring's portable bitmap of 64 bits."""
    return (1681511377).to_bytes(4, "little") + BitMap64(deleted).serialize()


def delete_by_vectors(path, version, deletes, inline):
    """Adds a commit that deletes rows by vectors, which delta-rs does not write: of each file its rows."""
    adds = {}
    for v in range(version):
        with open(os.path.join(path, "_delta_log", "%020d.json" % v)) as f:
            actions = list(map(json.loads, f))
        for action in actions:
            if "remove" in action:
                adds.pop(action["remove"]["path"], None)
        for action in actions:
            if "add" in action:
                adds[action["add"]["path"]] = action["add"]
    actions = [{"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors"],
                             "writerFeatures": ["deletionVectors"]}}]
    store, id = b"\x01", uuid.UUID(int=0x0123456789abcdef0123456789abcdef + version)
    for i, (file, deleted) in enumerate(sorted(deletes.items())):
        add, data = dict(adds[file]), vector(deleted)
        remove = {"path": file, "dataChange": True}
        if "deletionVector" in add:
            remove["deletionVector"] = add["deletionVector"]
        dv = {"sizeInBytes": len(data), "cardinality": len(deleted)}
        if inline and i == 0:
            padded = data + b"\0" * (-len(data) % 4)
            dv.update(storageType="i", pathOrInlineDv=z85(padded))
        else:
            dv.update(storageType="u", pathOrInlineDv=z85(id.bytes), offset=len(store))
            store += len(data).to_bytes(4, "big") + data + zlib.crc32(data).to_bytes(4, "big")
        add["deletionVector"] = dv
        actions += [{"add": add}, {"remove": remove}]
    with open(os.path.join(path, "deletion_vector_%s.bin" % id), "wb") as f:
        f.write(store)
    with open(os.path.join(path, "_delta_log", "%020d.json" % version), "w") as f:
        f.writelines(json.dumps(a) + "\n" for a in actions)


# Deletion vectors: some rows of one file and the first and last and runs of another, and once more with others.
path = fresh("vectors")
os.makedirs(path)
write_deltalake(path, rows(0, 1000).drop(["year", "kind"]), mode="append")
write_deltalake(path, rows(1000, 70).drop(["year", "kind"]), mode="append")
files = sorted(os.path.basename(f) for f in glob.glob(os.path.join(path, "*.parquet")))
large, small = sorted(files, key=lambda f: -len(pq.read_table(os.path.join(path, f))))
first = {large: set(range(100, 300)) | {0, 999} | set(range(301, 600, 7)), small: {3, 5, 6, 69}}
second = {large: first[large] | {1, 998}, small: first[small]}
delete_by_vectors(path, 2, first, inline=True)
delete_by_vectors(path, 3, second, inline=False)
dump("vectors", [1, 2, 3])
