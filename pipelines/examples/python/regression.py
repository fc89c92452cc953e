"""A linear model learned and applied in Beam pipelines in Python, by transforms of this module, compared with
scikit-learn's Ridge.

    beamlearn expansion --port=8097 &
    python pipelines/examples/python/regression.py localhost:8097 out/regression --runner=PortableRunner …
"""
import csv
import glob
import json
import sys
import typing

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.external import ExternalTransform, ImplicitSchemaPayloadBuilder

with open("testdata/diabetes.csv") as f:
    table = [{c: float(r[c]) for c in r} for r in csv.DictReader(f)]
features = [c for c in table[0] if c != "target"]

# A row has a field for each column. Its id is a text or an integer.
Row = typing.NamedTuple("Row", [("id", str)] + [(c, float) for c in table[0]])
beam.coders.registry.register_coder(Row, beam.coders.RowCoder)
rows = [Row(str(i), **r) for i, r in enumerate(table)]


def line(p):
    return json.dumps({"id": p.id, "value": p.value})


def run(service, output, options):
    with beam.Pipeline(options=PipelineOptions(options)) as p:
        known = p | "known" >> beam.Create(rows[:300]).with_output_types(Row)
        others = p | "others" >> beam.Create(rows[300:]).with_output_types(Row)
        model = known | ExternalTransform("beamlearn:train:v1", ImplicitSchemaPayloadBuilder(
            {"task": "regression", "target": "target", "alpha": [0.01]}), service)
        predicted = {"rows": others, "model": model} | ExternalTransform(
            "beamlearn:predict:v1", ImplicitSchemaPayloadBuilder({"id": "id"}), service)
        predicted | beam.Map(line) | beam.io.WriteToText(output + "/trained", file_name_suffix=".jsonl")
        (model | beam.Map(lambda m: m.file.decode()) | "model" >> beam.io.WriteToText(
            output + "/model.json", shard_name_template="", append_trailing_newlines=False))

    # Another pipeline reads the model's file. Rows are lines of JSON here, as in a .jsonl.
    with beam.Pipeline(options=PipelineOptions(options)) as p:
        (p
         | beam.Create([json.dumps(r._asdict()) for r in rows[300:]])
         | ExternalTransform(
             "beamlearn:predict:v1", ImplicitSchemaPayloadBuilder({"model": output + "/model.json"}), service)
         | beam.Map(line)
         | beam.io.WriteToText(output + "/read", file_name_suffix=".jsonl"))


def check(output):
    import numpy as np
    from sklearn.linear_model import Ridge

    x, y = np.array([[r[c] for c in features] for r in table]), np.array([r["target"] for r in table])
    want = Ridge(alpha=0.01 * 300, solver="cholesky").fit(x[:300], y[:300]).predict(x[300:])
    for name in output + "/trained", output + "/read":
        found = {}
        for part in glob.glob(name + "-[0-9]*-of-*.jsonl"):
            with open(part) as f:
                found |= {r["id"]: r["value"] for r in map(json.loads, f)}
        assert len(found) == len(want), (len(found), len(want))
        np.testing.assert_allclose([found[r.id] for r in rows[300:]], want, rtol=1e-9)


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], sys.argv[3:])
    check(sys.argv[2])
