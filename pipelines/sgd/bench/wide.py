"""Wide tables beside scikit-learn: python pipelines/sgd/bench/wide.py PROGRAM DIRECTORY [RUNS [JOB …]].

Writes ridge_x.npy of 10,000 × 5,000 float32 and few_x.npy of 2,000 × 20,000 float64, of which 60 columns matter, with targets _y.npy
and classes few_c.npy, and tells, of the best of RUNS by turns, CPU and wall seconds: of ours of the whole process, of scikit-learn's
of loading the .npy and fit, with two threads.
"""

import json
import os
import resource
import subprocess
import sys
import time

import numpy as np

program, directory = os.path.abspath(sys.argv[1]), sys.argv[2]
runs, wanted = int(sys.argv[3]) if len(sys.argv) > 3 else 3, sys.argv[4:]
for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "2"
os.makedirs(directory, exist_ok=True)
os.chdir(directory)


def generate():
    r = np.random.default_rng(0)
    x = r.normal(size=(12_000, 5000)).astype(np.float32)
    y = x @ r.normal(size=5000)
    y += 0.1 * np.sqrt(5000) * r.normal(size=12_000)
    np.save("ridge_x", x[:10_000])
    np.save("ridge_y", y[:10_000])
    r = np.random.default_rng(1)
    x, truth = r.normal(size=(2000, 20_000)), np.zeros(20_000)
    truth[r.choice(20_000, 60, False)] = 2 * r.normal(size=60)
    y = x @ truth + 3 * r.normal(size=2000)
    np.save("few_x", x)
    np.save("few_y", y)
    np.save("few_c", (y > np.median(y)).astype(float))


def ours(flags):
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
    subprocess.run([program, "sgd", "--output_model=m.json", "--report=none", *flags.split()], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    t = json.load(open("m.json"))["training"]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.time() - start, f"{t['epochs']} passes, objective {t['objective'][0]!r}, gap {t.get('gap')}"


def theirs(estimator, x, y):
    code = f"""import time, numpy as np
from sklearn.linear_model import *
cpu, start = time.process_time(), time.time()
e = {estimator}.fit({x}, np.load("{y}.npy"))
print(time.process_time() - cpu, time.time() - start, e.n_iter_)"""
    cpu, wall, passes = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split(maxsplit=2)
    return float(cpu), float(wall), f"{passes.strip()} passes"


few, doubles = "np.load('few_x.npy')", "np.load('ridge_x.npy').astype(float)"
jobs = {
    "ridge": ("--input=ridge_x.npy --target=ridge_y.npy --task=regression", [
        ("Ridge(1., solver='lsqr', tol=1e-6)", doubles, "ridge_y"), ("Ridge(1., solver='lsqr', tol=1e-10)", doubles, "ridge_y"),
        ("Ridge(1., solver='lsqr', tol=1e-6)", "np.load('ridge_x.npy')", "ridge_y")]),
    "l1": ("--input=few_x.npy --target=few_y.npy --task=regression --penalty=l1 --alpha=0.5",
           [("Lasso(0.5, tol=1e-8, max_iter=100000)", few, "few_y")]),
    "l1_small": ("--input=few_x.npy --target=few_y.npy --task=regression --penalty=l1 --alpha=0.2",
                 [("Lasso(0.2, tol=1e-8, max_iter=100000)", few, "few_y")]),
    "l2": ("--input=few_x.npy --target=few_y.npy --task=regression --alpha=1", [("Ridge(2000.)", few, "few_y")]),
    "log_loss": ("--input=few_x.npy --target=few_c.npy --task=classification --alpha=0.01",
                 [("LogisticRegression(C=1/20, tol=1e-6, max_iter=3000)", few, "few_c")]),
}
generate()
for name, (flags, peers) in jobs.items():
    if wanted and name not in wanted:
        continue
    best = {}
    for _ in range(runs):
        for who, run in [("ours", lambda: ours(flags)), *((f"{p[0]} of {p[1]}", lambda p=p: theirs(*p)) for p in peers)]:
            best[who] = min(best.get(who, (np.inf,)), run())
    for who, (cpu, wall, what) in best.items():
        print(f"{name}, {who}: CPU {cpu:.1f} s, wall {wall:.1f} s; {what}", flush=True)
