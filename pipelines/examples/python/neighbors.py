"""Nearest neighbours in a Beam pipeline in Python, by the transform of this module, compared with scikit-learn's.

    beamlearn expansion --port=8097 &
    python pipelines/examples/python/neighbors.py localhost:8097 out/neighbors --runner=PortableRunner …
"""
import csv
import glob
import json
import sys
import typing

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.external import ExternalTransform, ImplicitSchemaPayloadBuilder


class Vector(typing.NamedTuple):
    id: str
    values: typing.Sequence[float]


beam.coders.registry.register_coder(Vector, beam.coders.RowCoder)


def vectors():
    with open("testdata/digits.csv") as f:
        return [Vector(r["id"], [float(r[c]) for c in r if c.startswith("pixel")]) for r in csv.DictReader(f)]


def line(n):
    return json.dumps({"id": n.id, "neighbors": list(n.neighbors), "distances": list(n.distances)})


def run(service, output, options):
    with beam.Pipeline(options=PipelineOptions(options)) as p:
        nearest = (
            p
            | beam.Create(vectors()).with_output_types(Vector)
            | ExternalTransform("beamlearn:knn:v1", ImplicitSchemaPayloadBuilder({"k": 10}), service))
        nearest | beam.Map(line) | beam.io.WriteToText(output + "/nearest", file_name_suffix=".jsonl")

        # Others than the points ask, by the cosine, as lines of JSON.
        queries = p | "queries" >> beam.Create([json.dumps({"id": v.id, "values": v.values}) for v in vectors()[:50]])
        points = p | "points" >> beam.Create(vectors()[50:]).with_output_types(Vector)
        asked = {"points": points, "queries": queries} | "asked" >> ExternalTransform(
            "beamlearn:knn:v1", ImplicitSchemaPayloadBuilder({"k": 3, "metric": "cosine"}), service)
        asked | "line" >> beam.Map(line) | "write" >> beam.io.WriteToText(output + "/asked", file_name_suffix=".jsonl")


def check(output):
    import numpy as np
    from sklearn.neighbors import NearestNeighbors

    def compare(name, points, queries, k, metric):
        found = {}
        for part in glob.glob(name + "-[0-9]*-of-*.jsonl"):
            with open(part) as f:
                found |= {r["id"]: r for r in map(json.loads, f)}
        assert len(found) == len(queries), (len(found), len(queries))
        x = np.array([v.values for v in points], float)
        index = NearestNeighbors(n_neighbors=k, metric=metric, algorithm="brute").fit(x)
        # Without rows to ask, each point asks, and is no neighbour of itself.
        distances, _ = index.kneighbors(None if queries is points else np.array([v.values for v in queries], float))
        row = {v.id: np.array(v.values, float) for v in points}
        for v, d in zip(queries, distances):
            r = found[v.id]
            np.testing.assert_allclose(r["distances"], d, rtol=1e-9, atol=1e-12)
            assert len(set(r["neighbors"])) == k and (queries is not points or v.id not in r["neighbors"])
            # Equal distances have several right orders, so the ids are checked by their distances.
            for other, distance in zip(r["neighbors"], r["distances"]):
                a, b = np.array(v.values, float), row[other]
                want = np.linalg.norm(a - b) if metric == "euclidean" else 1 - a @ b / np.sqrt((a @ a) * (b @ b))
                np.testing.assert_allclose(distance, want, rtol=1e-9, atol=1e-12)

    points = vectors()
    compare(output + "/nearest", points, points, 10, "euclidean")
    compare(output + "/asked", points[50:], points[:50], 3, "cosine")


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], sys.argv[3:])
    check(sys.argv[2])
