"""How fast rows are answered that come through a pipe, line by line and all at once. Each run prints a line of JSON.

    python stream.py BEAMLEARN DIRECTORY     # a program of ./pipelines/beamlearn, and a directory for some 100 MB
"""

import json
import os
import resource
import subprocess
import sys
import time

import numpy as np

COLUMNS, POINTS, LINES, ONE_BY_ONE = 10, 10_000, 1_000_000, 5_000


def rows(n, jsonl):
    x = np.random.default_rng(7).standard_normal((n, COLUMNS)).round(3)
    if jsonl:
        return [json.dumps({f"x{i}": v for i, v in enumerate(r)}) for r in x.tolist()]
    return [",".join(f"x{i}" for i in range(COLUMNS))] + [",".join(map(str, r)) for r in x.tolist()]


def one_by_one(command, lines, header):
    """Writes a line, reads the answer, and so on."""
    p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    answers = p.stdout
    for line in lines[:header]:
        p.stdin.write(line.encode() + b"\n")
    took = []
    out = os.fdopen(os.dup(answers.fileno()), "rb")
    first = True
    for line in lines[header:]:
        start = time.perf_counter()
        p.stdin.write(line.encode() + b"\n")
        if first:
            out.readline()  # the header of .csv
            first = False
        out.readline()
        took.append(time.perf_counter() - start)
        time.sleep(0.001)
    p.stdin.close()
    assert p.wait() == 0
    ms = 1000 * np.array(took[10:])
    return {f"p{q}": round(float(np.percentile(ms, q)), 3) for q in (50, 95, 99, 99.9)} | {"first_ms": round(1000 * took[0], 1)}


def at_once(command, lines):
    data = ("\n".join(lines) + "\n").encode()
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    p = subprocess.run(command, input=data, stdout=subprocess.DEVNULL, check=True)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert p.returncode == 0
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"lines": len(lines), "s": round(seconds, 2), "lines_per_s": round(len(lines) / seconds), "cpu_s": round(cpu, 2)}


def main():
    program, directory = sys.argv[1:]
    os.makedirs(directory, exist_ok=True)
    at = lambda name: os.path.join(directory, name)
    r = np.random.default_rng(1)
    x = r.standard_normal((POINTS, COLUMNS))
    y = x @ r.standard_normal(COLUMNS) > 0
    with open(at("train.csv"), "w") as f:
        f.write(",".join(f"x{i}" for i in range(COLUMNS)) + ",y\n")
        f.writelines(",".join(map(str, [*row, int(t)])) + "\n" for row, t in zip(x.tolist(), y))
    run = lambda *args: subprocess.run([program, *args, "--quiet"], check=True)
    run("sgd", "--input=" + at("train.csv"), "--target=y", "--task=classification", "--output_model=" + at("model.json"), "--report=none")
    run("index", "--input=" + at("train.csv"), "--columns=x*", "--index=" + at("points.index"))
    through = ["--quiet", "--input=-", "--output=-"]
    for name, jsonl, lines, command in [
        ("predict .csv", False, LINES, ["predict", "--model=" + at("model.json"), "--proba"]),
        ("predict .jsonl", True, LINES, ["predict", "--model=" + at("model.json"), "--proba"]),
        ("kneighbors .csv", False, LINES // 10, ["kneighbors", "--index=" + at("points.index"), "--k=10"]),
    ]:
        all_lines, command = rows(lines, jsonl), [program, *command, *through]
        some = all_lines[:ONE_BY_ONE]
        if name.startswith("kneighbors"):
            command.append("--layout=nested")
        print(json.dumps({"what": name, **one_by_one(command, some, 0 if jsonl else 1), **at_once(command, all_lines)}), flush=True)


main()
