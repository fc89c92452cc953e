"""Compares models as ONNX, run by onnxruntime, with predict, transform and eigen: python3 testdata/onnx_models.py PROGRAM.

Each case is a table, the command that learns from it, and the one that applies what it has learned. The numbers must be equal
to 1e-9 of their size, of probabilities however small they are, and labels the same.
"""

import concurrent.futures
import csv
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime

program = os.path.abspath(sys.argv[1])
top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.chdir(tempfile.mkdtemp())


def write(name, header, rows):
    with open(name, "w", newline="") as f:
        w = csv.writer(f)
        w.writerow(header)
        w.writerows(rows)


def read(name):
    with open(name, newline="") as f:
        rows = list(csv.reader(f))
    return {column: [row[j] for row in rows[1:]] for j, column in enumerate(rows[0])}


def run(*args, fails=False):
    p = subprocess.run([program, *args], capture_output=True, text=True)
    if (p.returncode != 0) != fails:
        raise AssertionError(f"{' '.join(args)}\n{p.stderr}")
    return p.stderr


def tables():
    """The tables: some of numbers, and one of everything that a column can be."""
    r = np.random.default_rng(0)
    n = 300
    x = r.normal(size=(n, 4)) * [1, 10, 0.1, 1]
    three = np.argmax(x[:, :3] / [1, 10, 0.1] + r.normal(size=(n, 3)), 1)
    years = r.uniform(0.5, 3, n)
    counts = r.poisson(years * np.exp(0.3 * x[:, 0]))
    names = ["a", "b", "c", "d"]
    numbers = lambda *columns: [[repr(float(v)) for v in row] for row in np.column_stack([x, *columns])]
    write("numbers.csv", [*names, "y"], numbers(x @ [1, 0.1, -3, 0] + r.normal(size=n)))
    write("two.csv", [*names, "y"], numbers(three > 0))
    write("three.csv", [*names, "y"], numbers(three))
    write("pair.csv", ["a", "b", "c", "y", "truth", "word"], [[repr(float(v)) for v in row] + [k % 2, ["é", "no", "yes"][k]] for row, k in zip(np.abs(x), three)])
    write("signs.csv", [*names, "y"], numbers(2 * (three > 0) - 1))
    write("texts.csv", [*names, "label"], [row[:4] + [["é", "no", "yes"][k]] for row, k in zip(numbers(), three)])
    write("years.csv", [*names, "years", "y"], numbers(years, counts))
    write("logs.csv", [*names, "log_years", "y"], numbers(np.log(years), counts))
    write("whole.csv", [*names, "y"], np.column_stack([r.integers(0, [2, 3, 5, 4], (n, 4)), three]).tolist())
    far = 1e6 * x  # where the probabilities of each class against the rest vanish together
    write("far.csv", [*names, "y"], [[repr(float(v)) for v in row] + [k] for row, k in zip(far, three)])
    blocks = np.round(x[:, :2] / [1, 10]) * 0.1  # many rows are as near to one centre as to another
    write("grid.csv", ["a", "b"], [[repr(float(v)) for v in row] for row in blocks])
    some = lambda v, share: "" if r.random() < share else v
    write(
        "mixed.csv",
        ["num", "label", "truth", "city", "code", "hour", "y"],
        [
            [
                some(repr(float(x[i, 0])), 0.2),
                repr(float(x[i, 1])),
                some(["true", "false"][i % 2], 0.1),
                some(["Rome", "Köln", "a,b", "rare " + str(i % 7), "rare " + str(i % 5)][r.choice(5, p=[0.4, 0.3, 0.2, 0.05, 0.05])], 0.1),
                some(int(r.choice([10, 20, 35, 40 + i % 9], p=[0.4, 0.3, 0.2, 0.1])), 0.1),
                repr(float(r.uniform(0, 24))),
                int(three[i] > 0),
            ]
            for i in range(n)
        ],
    )
    rows = read("mixed.csv")
    for j, name in enumerate(rows):  # what was never seen, and nothing
        rows[name][:2] = [["", ""], ["2", "0"], ["true", ""], ["Oslo", ""], ["99", ""], ["-5", "30"], ["0", "1"]][j]
    write("others.csv", list(rows), [list(row) for row in zip(*rows.values())])
    write("dates.csv", ["when", "a", "y"], [[f"2020-01-{1 + i % 28:02d}", i % 5, i % 2] for i in range(50)])
    write("words.csv", ["s", "a", "y"], [["good day to all " + str(i), i % 5, i % 2] for i in range(50)])


MIXED = ["--categorical=code", "--min_frequency=8", "--splines=hour:6", "--interactions=city*code,num*label,label*label"]
LINEAR = [
    ("two", "--task=classification"),
    ("two", "--task=classification", "--standardize", "--penalty=l1", "--alpha=0.01"),
    ("two", "--task=classification", "--loss=modified_huber", "--solver=sgd"),
    ("two", "--task=classification", "--loss=hinge", "--solver=sgd"),
    ("three", "--task=classification", "--standardize"),
    ("three", "--task=classification", "--multi_class=ovr"),
    ("three", "--task=classification", "--loss=modified_huber", "--solver=sgd", "--standardize"),
    ("three", "--task=classification", "--loss=squared_hinge"),
    ("signs", "--task=classification", "--loss=squared_hinge"),
    ("texts", "--task=classification"),
    ("numbers", "--task=regression", "--standardize"),
    ("numbers", "--task=regression", "--loss=huber"),
    ("years", "--task=regression", "--loss=poisson", "--exposure=years"),
    ("logs", "--task=regression", "--loss=poisson", "--offset=log_years"),
    ("years", "--task=regression", "--loss=tweedie", "--power=0"),
    ("mixed", "--task=classification", *MIXED),
    ("mixed", "--task=regression", "--standardize", *MIXED, "--impute=mean", "--categorical=truth,code"),
]
BAYES = [
    ("three", "--kind=gaussian"),
    ("texts", "--kind=gaussian", "--fit_prior=false"),
    ("whole", "--kind=multinomial"),
    ("whole", "--kind=complement", "--norm"),
    ("whole", "--kind=bernoulli", "--binarize=1"),
    ("whole", "--kind=categorical"),
    ("mixed", "--kind=categorical", "--numeric=", "--drop=num,label,hour", "--categorical=truth,code"),
    ("mixed", "--kind=bernoulli"),
]
TARGETS = [
    ("pair", "c,y", "--task=regression", "--standardize"),
    ("pair", "c,y", "--task=regression", "--loss=poisson", "--alpha=1"),
    ("pair", "truth,word", "--task=classification", "--columns=a,b", "--encode=auto"),
    ("pair", "truth,word", "--task=classification", "--loss=hinge", "--drop=y", "--encode=auto"),
]
OTHERS = {"mixed": ["others"], "three": ["far"]}  # rows that the model has not learned from
CLUSTERS = [("three", "--n_clusters=3"), ("three", "--n_clusters=9", "--standardize"), ("grid", "--n_clusters=12"), ("mixed", "--n_clusters=5")]
COMPONENTS = [("three",), ("numbers", "--standardize", "--whiten", "--components=3"), ("mixed", "--splines=hour:4")]


def session(model, at):
    said = run("predict", f"--model={model}", f"--output_onnx={at}.onnx")
    assert "ONNX, opset 18" in said, said
    return onnxruntime.InferenceSession(f"{at}.onnx", providers=["CPUExecutionProvider"])


def cell(text):
    return {"": np.nan, "true": 1.0, "false": 0.0}.get(text, None) if text in ("", "true", "false") else float(text)


def outputs(s, rows):
    """What the graph makes of the rows of a table."""
    inputs = s.get_inputs()
    if [i.name for i in inputs] == ["X"]:
        names = json.loads(s.get_modelmeta().custom_metadata_map["feature_names"])
        feed = {"X": np.array([[float(v) for v in rows[name]] for name in names]).T}
    else:
        feed = {}
        for i in inputs:
            text = i.type == "tensor(string)"
            feed[i.name] = np.array([v if text else cell(v) for v in rows[i.name]], object if text else float)[:, None]
    return dict(zip([o.name for o in s.get_outputs()], s.run(None, feed)))


def same(got, rows, columns, what):
    want = np.array([[float(v) for v in rows[c]] for c in columns]).T
    assert got.dtype == np.float64 and got.shape == want.shape, f"{what}: {got.shape}, not {want.shape}"
    near = np.isclose(got, want, rtol=1e-9, atol=1e-300) | (abs(got - want) <= 1e-12 * np.abs(want).max())
    if what == "probabilities":
        near = np.isclose(got, want, rtol=1e-9, atol=0)
    i = np.argwhere(~near)
    assert near.all(), f"{what}: {len(i)} differ, as {got[tuple(i[0])]!r} from {want[tuple(i[0])]!r} in {i[0]}"


def labels(got, want):
    if got.dtype.kind in "if":
        want = np.array([float(v) for v in want])
    assert got.shape == (len(want),) and (got == want).all(), f"label: {got[:5]}, not {want[:5]}"


def predicted(at, table):
    for part in [table] + OTHERS.get(table, []):
        model = json.load(open(f"{at}.json"))
        classes = model.get("task", "classification") == "classification"
        probable = classes and model.get("loss", "log_loss") in ("log_loss", "modified_huber")
        asked = (["--proba"] if probable else []) + (["--decision"] if classes else [])
        run("predict", f"--model={at}.json", f"--input={part}.csv", f"--output={at}.csv", *asked)
        rows, got = read(f"{at}.csv"), outputs(session(f"{at}.json", at), read(f"{part}.csv"))
        if not classes:
            same(got["variable"], rows, ["prediction"], "variable")
            continue
        labels(got.get("output_label", got.get("label")), rows["prediction"])
        if probable:
            same(got["probabilities"], rows, [c for c in rows if c.startswith("proba_")], "probabilities")
        same(got["decision"], rows, [c for c in rows if c.startswith("decision")], "decision")


def check_linear(at, table, *flags):
    target = "label" if table == "texts" else "y"
    run("sgd", f"--input={table}.csv", f"--target={target}", *flags, f"--output_model={at}.json")
    predicted(at, table)


def check_targets(at, table, targets, *flags):
    run("sgd", f"--input={table}.csv", f"--target={targets}", *flags, f"--output_model={at}.json")
    model = json.load(open(f"{at}.json"))["models"][0]
    classes, probable = model["task"] == "classification", model["loss"] == "log_loss"
    asked = (["--proba"] if probable else []) + (["--decision"] if classes else [])
    run("predict", f"--model={at}.json", f"--input={table}.csv", f"--output={at}.csv", *asked)
    rows, got = read(f"{at}.csv"), outputs(session(f"{at}.json", at), read(f"{table}.csv"))
    names = targets.split(",")
    if not classes:
        same(got["variable"], rows, [f"prediction_{name}" for name in names], "variable")
        return
    for name in names:
        labels(got[f"label_{name}"], rows[f"prediction_{name}"])
        if probable:
            same(got[f"probabilities_{name}"], rows, [c for c in rows if c.startswith(f"proba_{name}_")], "probabilities")
        same(got[f"decision_{name}"], rows, [c for c in rows if c.startswith(f"decision_{name}")], "decision")


def check_bayes(at, table, *flags):
    target = "label" if table == "texts" else "y"
    run("bayes", f"--input={table}.csv", f"--target={target}", *flags, f"--output_model={at}.json")
    predicted(at, table)


def check_clusters(at, table, *flags):
    run("kmeans", f"--input={table}.csv", *flags, f"--output_model={at}.json")
    run("predict", f"--model={at}.json", f"--input={table}.csv", f"--output={at}.csv")
    rows, got = read(f"{at}.csv"), outputs(session(f"{at}.json", at), read(f"{table}.csv"))
    labels(got.get("output_label", got.get("label")), rows["cluster"])
    same(got["distance"], rows, ["distance"], "distance")


def check_components(at, table, *flags):
    run("eigen", f"--input={table}.csv", *flags, f"--output_model={at}.json", f"--output={at}.csv")
    rows, got = read(f"{at}.csv"), outputs(session(f"{at}.json", at), read(f"{table}.csv"))
    same(got["variable"], rows, [c for c in rows if c.startswith("pca")], "variable")


def check_encoding(at, table, *flags):
    run("transform", f"--input={table}.csv", "--drop=y", *flags, f"--output_encoding={at}.json", f"--output={at}.csv")
    rows, got = read(f"{at}.csv"), outputs(session(f"{at}.json", at), read(f"{table}.csv"))
    same(got["variable"], rows, [c for c in rows if c != "id"], "variable")


def check_list(at):
    r = np.random.default_rng(1)
    with open(f"{at}.jsonl", "w") as f:
        for i in range(60):
            f.write(json.dumps({"v": None if i % 7 == 0 else r.normal(size=3).tolist(), "t": "ab"[i % 2], "y": i % 2}) + "\n")
    run("sgd", f"--input={at}.jsonl", "--target=y", "--task=classification", f"--output_model={at}.json")
    run("predict", f"--model={at}.json", f"--input={at}.jsonl", f"--output={at}.csv", "--decision")
    rows = [json.loads(line) for line in open(f"{at}.jsonl")]
    feed = {
        "v": np.array([[np.nan] * 3 if row["v"] is None else row["v"] for row in rows]),
        "t": np.array([[row["t"]] for row in rows], object),
    }
    s = session(f"{at}.json", at)
    got = dict(zip([o.name for o in s.get_outputs()], s.run(None, feed)))
    same(got["decision"], read(f"{at}.csv"), ["decision"], "decision")


def check_one_class(at):
    """Of which the command learns none: a model as the library saves it."""
    run("sgd", "--input=two.csv", "--target=y", "--task=classification", "--loss=hinge", "--solver=sgd", f"--output_model={at}.json")
    m = json.load(open(f"{at}.json"))
    m.update(task="one_class", classes=None, state=None)
    m["training"].pop("class_rows", None)
    m["hyperparameters"].update(nu=0.5, learning_rate="optimal", eta0=0.01)
    json.dump(m, open(f"{at}.json", "w"))
    run("predict", f"--model={at}.json", "--input=two.csv", f"--output={at}.csv", "--decision")
    rows, got = read(f"{at}.csv"), outputs(session(f"{at}.json", at), read("two.csv"))
    labels(got["label"], rows["prediction"])
    same(got["scores"], rows, ["decision"], "scores")


def check_refused(at, table, what):
    run("sgd", f"--input={table}.csv", "--target=y", "--task=classification", f"--output_model={at}.json")
    said = run("predict", f"--model={at}.json", f"--output_onnx={at}.onnx", fails=True)
    assert what in said and said.count("\n") == 1 and not os.path.exists(f"{at}.onnx"), said


tables()
cases = [(check_linear, *c) for c in LINEAR] + [(check_bayes, *c) for c in BAYES] + [(check_clusters, *c) for c in CLUSTERS]
cases += [(check_targets, *c) for c in TARGETS]
cases += [(check_components, *c) for c in COMPONENTS] + [(check_encoding, "mixed", *MIXED, "--standardize"), (check_list,), (check_one_class,)]
cases += [(check_refused, "dates", "dates"), (check_refused, "words", "hashed")]


def judge(i):
    check, *args = cases[i]
    try:
        check(f"case{i}", *args)
    except Exception as e:
        return f"{check.__name__} {' '.join(args)}: {type(e).__name__}: {e}"


with concurrent.futures.ThreadPoolExecutor(2) as pool:
    faults = [f for f in pool.map(judge, range(len(cases))) if f]
print(*faults, f"{len(cases) - len(faults)} of {len(cases)} models are the same in onnxruntime", sep="\n")
sys.exit(bool(faults))
