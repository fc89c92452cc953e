"""Makes the tables of Iceberg that the tests read, and what is in them: pyiceberg writes and reads them; fastavro and
pyroaring make their deletes, which it does not write: pip install pyiceberg sqlalchemy pyarrow fastavro pyroaring numpy (last:
0.12.0, 2.1.9, 26.0.1, 1.13.1, 1.2.0). The tables are written in /lake, which stands in their paths, and moved here.

    python model/lake/testdata/generate_iceberg.py
"""
import glob
import json
import os
import shutil
import uuid
import zlib

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import StaticTable
from pyiceberg.transforms import BucketTransform, IdentityTransform
from pyiceberg.types import DoubleType, FloatType, IntegerType, LongType, NestedField, StringType
from pyroaring import BitMap64

HERE, LAKE = os.path.dirname(os.path.abspath(__file__)), "/lake"
shutil.rmtree(LAKE, ignore_errors=True)
os.makedirs(LAKE)
catalog = SqlCatalog("lake", uri="sqlite://", warehouse="file://" + LAKE)
catalog.create_namespace("t")


def rows(first, n):
    i = np.arange(first, first + n)
    return pa.table({
        "id": pa.array(i), "a": pa.array((i % 50).astype(np.int32)), "b": pa.array((i * 0.25).astype(np.float32)),
        "c": pa.array(i * 7 % 11 * 1.0), "word": pa.array(["w%d" % (v % 3) if v % 5 else None for v in i]),
        "kind": pa.array(["k %d" % (v % 2) if v % 4 else None for v in i])})


SCHEMA = Schema(NestedField(1, "id", LongType()), NestedField(2, "a", IntegerType()), NestedField(3, "b", FloatType()),
                NestedField(4, "c", DoubleType()), NestedField(5, "word", StringType()),
                NestedField(6, "kind", StringType()))


def metadata(name):
    return max(glob.glob("%s/%s/metadata/*.metadata.json" % (LAKE, name)))


def cells(t):
    t = t.sort_by("id")
    return {c: t[c].to_pylist() for c in t.column_names}


def finish(name, snapshots, extra=None):
    """Moves a table here, with its newest metadata alone, and writes what its snapshots have."""
    t = StaticTable.from_metadata(metadata(name))
    want = {str(s): cells(t.scan(snapshot_id=s).to_arrow()) for s in snapshots}
    want.update(extra or {})
    if "" not in want:
        want[""] = cells(t.scan().to_arrow())
    newest = metadata(name)
    for m in glob.glob("%s/%s/metadata/*.metadata.json" % (LAKE, name)):
        if m != newest:
            os.remove(m)
    shutil.rmtree(os.path.join(HERE, name), ignore_errors=True)
    shutil.move("%s/%s" % (LAKE, name), os.path.join(HERE, name))
    with open(os.path.join(HERE, name + ".json"), "w") as f:
        json.dump(want, f)


def create(name, spec=PartitionSpec(), version="2"):
    return catalog.create_table("t." + name, SCHEMA, location="file://%s/%s" % (LAKE, name), partition_spec=spec,
                                properties={"format-version": version})


def read_avro(path):
    with open(path.removeprefix("file://"), "rb") as f:
        r = fastavro.reader(f)
        return r.writer_schema, list(r), {k: v for k, v in r.metadata.items() if k != "avro.schema"}


def commit(name, content, entries, version=2, more=()):
    """Adds a snapshot with files by hand: their entries in one manifest."""
    with open(metadata(name)) as f:
        m = json.load(f)
    old = next(s for s in m["snapshots"] if s["snapshot-id"] == m["current-snapshot-id"])
    listing, manifests, _ = read_avro(old["manifest-list"])
    schema, known, meta = read_avro(manifests[0]["manifest_path"])
    data = next(f for f in schema["fields"] if f["name"] == "data_file")["type"]
    for field in more:
        data["fields"].append(field)
    snapshot, sequence = old["snapshot-id"] // 2 + len(m["snapshots"]), m["last-sequence-number"] + 1
    blank = {f["name"]: None for f in data["fields"]}
    out = []
    for e in entries:
        e = {**blank, "content": 0, "file_format": "PARQUET", "partition": known[0]["data_file"]["partition"], **e}
        e["file_size_in_bytes"] = os.path.getsize(e["file_path"].removeprefix("file://"))
        out.append({"status": 1, "snapshot_id": snapshot, "sequence_number": None, "file_sequence_number": None,
                    "data_file": e})
    base = "file://%s/%s/metadata/" % (LAKE, name)
    manifest = base + "%s-m0.avro" % uuid.UUID(int=sequence)
    meta = {k: v for k, v in meta.items() if not k.startswith("avro.")}
    meta.update({"content": "deletes" if content else "data"})
    with open(manifest.removeprefix("file://"), "wb") as f:
        fastavro.writer(f, schema, out, codec="deflate", metadata=meta)
    manifests.append({**manifests[0], "manifest_path": manifest, "content": content, "sequence_number": sequence,
                      "manifest_length": os.path.getsize(manifest.removeprefix("file://")),
                      "min_sequence_number": sequence, "added_snapshot_id": snapshot})
    snap = base + "snap-%d.avro" % snapshot
    with open(snap.removeprefix("file://"), "wb") as f:
        fastavro.writer(f, listing, manifests, codec="null")
    m["snapshots"].append({**old, "snapshot-id": snapshot, "parent-snapshot-id": old["snapshot-id"],
                           "sequence-number": sequence, "manifest-list": snap, "summary": {"operation": "overwrite"}})
    m["current-snapshot-id"], m["last-sequence-number"], m["format-version"] = snapshot, sequence, version
    m["refs"]["main"]["snapshot-id"] = snapshot
    if version == 3:
        m.setdefault("next-row-id", 0)
    path = "%s/%s/metadata/%05d-%s.metadata.json" % (LAKE, name, len(m["snapshots"]) + 20, uuid.UUID(int=sequence))
    with open(path, "w") as f:
        json.dump(m, f)
    return snapshot


def data_files(name):
    return sorted(glob.glob("%s/%s/data/**/*.parquet" % (LAKE, name), recursive=True))


# Columns that are added, renamed, moved, dropped and widened; a table split up by text with nulls and by a hash; rows
# that are deleted by writing files anew; and a file by another program, without numbers and without the column that the
# table is split up by.
t = create("evolved", PartitionSpec(PartitionField(6, 1000, IdentityTransform(), "kind"),
                                    PartitionField(1, 1001, BucketTransform(2), "id_bucket")))
t.append(rows(0, 20))
first = t.current_snapshot().snapshot_id
t.delete("a = 3")
second = t.current_snapshot().snapshot_id
with t.update_schema() as u:
    u.rename_column("a", "b2")
    u.update_column("a", LongType())
    u.update_column("b", DoubleType())
    u.delete_column("c")
    u.add_column("later", DoubleType())
    u.move_first("word")
with t.update_schema() as u:
    u.rename_column("b", "a")
with t.update_schema() as u:
    u.rename_column("b2", "b")
new = rows(20, 7)
new = new.rename_columns(["id", "b", "a", "later", "word", "kind"])
t.append(new.select(["word", "id", "b", "a", "kind", "later"]).cast(t.schema().as_arrow()))
third = t.current_snapshot().snapshot_id
with t.transaction() as tx:
    mapping = [{"field-id": i, "names": n} for i, n in
               [(1, ["id"]), (2, ["b", "bee"]), (3, ["a"]), (5, ["word"]), (6, ["kind"]), (7, ["later"])]]
    tx.set_properties({"schema.name-mapping.default": json.dumps(mapping)})
foreign = "%s/evolved/data/foreign.parquet" % LAKE
plain = new.slice(0, 3).select(["id", "b", "later"]).rename_columns(["id", "bee", "later"])
plain = plain.set_column(0, "id", pa.array([100, 101, 102]))
pq.write_table(plain, foreign)
commit("evolved", 0, [{"file_path": "file://" + foreign, "record_count": 3,
                       "partition": {"kind": "k 9", "id_bucket": 1}}])
finish("evolved", [first, second, third])

# Deletes by position and by equality, of which later files know nothing.
t = create("deletes")
t.append(rows(0, 60))
t.append(rows(60, 30))
files = sorted(("file://" + f for f in data_files("deletes")),
               key=lambda f: -pq.read_metadata(f.removeprefix("file://")).num_rows)
where = "%s/deletes/data/" % LAKE
positions = [(files[0], p) for p in [0, 3, 4, 5, 40, 59]] + [(files[1], p) for p in [2, 29]]
pq.write_table(pa.table({"file_path": [f for f, _ in sorted(positions)], "pos": [p for _, p in sorted(positions)]}),
               where + "positions.parquet")
by_position = commit("deletes", 1, [{"file_path": "file://" + where + "positions.parquet", "content": 1,
                                     "record_count": len(positions)}])


def numbered(name, number, type):
    return pa.field(name, type, metadata={"PARQUET:field_id": str(number)})


pq.write_table(pa.table({"word": ["w1", None], "a": [7, 20]}, schema=pa.schema([
    numbered("word", 5, pa.string()), numbered("a", 2, pa.int32())])), where + "pairs.parquet")
pq.write_table(pa.table({"number": [11, 88, 1000]}, schema=pa.schema([numbered("number", 1, pa.int64())])),
               where + "ids.parquet")
commit("deletes", 1, [
    {"file_path": "file://" + where + "pairs.parquet", "content": 2, "record_count": 2, "equality_ids": [5, 2]},
    {"file_path": "file://" + where + "ids.parquet", "content": 2, "record_count": 3, "equality_ids": [1]}])
t = StaticTable.from_metadata(metadata("deletes"))
left = t.scan(snapshot_id=by_position).to_arrow().to_pylist()
left = [r for r in left if (r["word"], r["a"]) not in [("w1", 7), (None, 20)] and r["id"] not in [11, 88, 1000]]
again = os.path.join(where, "again.parquet")
again_rows = rows(7, 5).set_column(0, "id", pa.array([207, 208, 209, 210, 88]))
pq.write_table(pa.table(again_rows.to_pydict(), schema=t.schema().as_arrow()), again)
commit("deletes", 0, [{"file_path": "file://" + again, "record_count": 5}])
want = pa.Table.from_pylist(left + again_rows.to_pylist())
finish("deletes", [by_position], {"": cells(want)})


def vector(deleted):
    data = (1681511377).to_bytes(4, "little") + BitMap64(deleted).serialize()
    return len(data).to_bytes(4, "big") + data + zlib.crc32(data).to_bytes(4, "big")


# Deletion vectors of version 3, which take the place of deletes by position.
t = create("vectors3")
t.append(rows(0, 200).drop(["kind"]))
t.append(rows(200, 20).drop(["kind"]))
files = sorted(("file://" + f for f in data_files("vectors3")),
               key=lambda f: -pq.read_metadata(f.removeprefix("file://")).num_rows)
where = "%s/vectors3/data/" % LAKE
pq.write_table(pa.table({"file_path": [files[0]], "pos": [9]}), where + "older.parquet")
commit("vectors3", 1, [{"file_path": "file://" + where + "older.parquet", "content": 1, "record_count": 1}])
deleted = [set(range(20, 90)) | {0, 9, 199}, {3, 5, 19}]
blobs, store = [], b"PFA1"
for file, numbers in zip(files, deleted):
    data = vector(numbers)
    blobs.append({"type": "deletion-vector-v1", "fields": [], "snapshot-id": -1, "sequence-number": -1,
                  "offset": len(store), "length": len(data),
                  "properties": {"referenced-data-file": file, "cardinality": str(len(numbers))}})
    store += data
footer = json.dumps({"blobs": blobs}).encode()
store += b"PFA1" + footer + len(footer).to_bytes(4, "little") + b"\0" * 4 + b"PFA1"
with open(where + "deletes.puffin", "wb") as f:
    f.write(store)
commit("vectors3", 1, [
    {"file_path": "file://" + where + "deletes.puffin", "content": 1, "file_format": "PUFFIN",
     "record_count": len(numbers), "referenced_data_file": b["properties"]["referenced-data-file"],
     "content_offset": b["offset"], "content_size_in_bytes": b["length"]} for b, numbers in zip(blobs, deleted)],
    version=3, more=[{"name": "referenced_data_file", "type": ["null", "string"], "default": None, "field-id": 143},
                     {"name": "content_offset", "type": ["null", "long"], "default": None, "field-id": 144},
                     {"name": "content_size_in_bytes", "type": ["null", "long"], "default": None, "field-id": 145}])
finish("vectors3", [])
shutil.rmtree(LAKE)
