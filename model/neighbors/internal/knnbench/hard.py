"""Inputs on which exact engines degenerate, beside the peers, in CPU seconds: the table "hard inputs" of BENCHMARKS.md.

    pip install numpy scipy scikit-learn scikit-learn-intelex faiss-cpu
    go build -o bench/beamlearn ./pipelines/beamlearn
    python hard.py bench/beamlearn bench [INPUT...]

Every point is a query. Each search has one thread, so that nobody waits by spinning, and of three runs the one of the least
CPU counts. beamlearn's is the whole command, from file to file; a peer's is its search alone, from memory. Inputs are of
float32. To look for another weak place, add a line to INPUTS and a function that makes its rows, or let chance look:

    python hard.py bench/beamlearn bench random:0-49

makes an input of each seed: a distribution, up to three changes of it, a size, a metric and a k, all drawn at random. A line
below 1 x is an input on which a peer is faster; its seed makes it again. With OURS=1 only beamlearn runs.
"""

import os
import resource
import subprocess
import sys

for name in "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TBB_NUM_THREADS":
    os.environ[name] = "1"

import numpy as np


def gaussian(r, n, d):
    return r.standard_normal((n, d), dtype=np.float32)


def half_equal(r, n, d):
    x = gaussian(r, n, d)
    x[n // 2 :] = x[0]
    return x


def spikes(r, n, d):
    x = gaussian(r, n, d)
    x[r.integers(0, n, 30), 5] = 1e6
    return x


def spikes_everywhere(r, n, d):
    """One cell of a hundred is a thousand times as large as the others: in most rows there is one."""
    x = gaussian(r, n, d)
    return np.where(r.random((n, d)) < 0.01, 1000 * x, x)


def one_large_column(r, n, d):
    x = gaussian(r, n, d)
    x[:, 0] = r.uniform(1e9, 1.1e9, n)
    return x


def copies(r, n, d):
    """Each row is one of a hundred."""
    return gaussian(r, 100, d)[r.integers(0, 100, n)]


def jitter(r, n, d):
    """Rows that differ from one of a hundred in the last digits of float32."""
    return copies(r, n, d) + 1e-4 * gaussian(r, n, d)


def lognormal(r, n, d):
    return np.exp(3 * gaussian(r, n, d))


def one_hot(r, n, d):
    """Ten columns of each row are 1, the others 0: distances have ten values."""
    x = np.zeros((n, d))
    for _ in range(10):
        x[np.arange(n), r.integers(0, d, n)] = 1
    return x


def line(r, n, d):
    """The rows are in order on a line."""
    return np.linspace(0, 1, n)[:, None] * gaussian(r, 1, d) + 1e-5 * gaussian(r, n, d)


def shells(r, n, d):
    """Rows at distances from the origin over six orders of magnitude."""
    x = gaussian(r, n, d)
    return x / np.linalg.norm(x, axis=1, keepdims=True) * 10 ** r.uniform(-3, 3, (n, 1))


def mass_at_zero(r, n, d):
    """In nine of ten cells 0: a cell is seldom anything else."""
    return gaussian(r, n, d) * (r.random((n, d)) < 0.1)


def equal(r, n, d):
    return np.ones((n, d))


def cauchy(r, n, d):
    return r.standard_cauchy((n, d))


def uniform(r, n, d):
    return r.random((n, d))


# What random: draws from: distributions, and changes of their rows.
DISTRIBUTIONS = {
    "gaussian": gaussian,
    "uniform": uniform,
    "cauchy": cauchy,
    "lognormal": lognormal,
    "student": lambda r, n, d: r.standard_t(2, (n, d)),
    "exponential": lambda r, n, d: r.exponential(size=(n, d)),
    "integers": lambda r, n, d: r.integers(0, 4, (n, d)),
    "bits": lambda r, n, d: r.integers(0, 2, (n, d)),
    "poisson": lambda r, n, d: r.poisson(0.3, (n, d)),
    "clusters": lambda r, n, d: 10 * gaussian(r, 50, d)[r.integers(0, 50, n)] + gaussian(r, n, d),
    "low_rank": lambda r, n, d: gaussian(r, n, 3) @ gaussian(r, 3, d) + 0.01 * gaussian(r, n, d),
    "shells": shells,
    "line": line,
}
CHANGES = {
    "far_from_0": lambda r, x: x + 1000 * r.standard_normal(),
    "columns_of_all_scales": lambda r, x: x * 10 ** r.uniform(-3, 3, x.shape[1]),
    "rows_of_all_scales": lambda r, x: x * 10 ** r.uniform(-2, 2, (len(x), 1)),
    "half_copies": lambda r, x: np.where(r.random((len(x), 1)) < 0.5, x[r.integers(0, len(x), len(x))], x),
    "three_values": lambda r, x: np.sign(x - np.median(x)),
    "rounded": lambda r, x: np.round(x),
    "spikes": lambda r, x: np.where(r.random(x.shape) < 1e-5, 1e5, x),
    "zeros": lambda r, x: x * (r.random(x.shape) < 0.1),
    "rows_of_zeros": lambda r, x: x * (r.random((len(x), 1)) < 0.9),
    "sorted": lambda r, x: x[np.argsort(x[:, 0])],
    "outliers": lambda r, x: np.where(r.random((len(x), 1)) < 0.01, 100 * x, x),
    "cube": lambda r, x: x**3,
}


def drawn(seed):
    """An input by chance: what it is called, and how it is made, as in INPUTS."""
    r = np.random.default_rng(seed)
    d = int(r.choice([2, 3, 5, 8, 12, 32, 64, 128, 384, 768]))
    distribution = str(r.choice(list(DISTRIBUTIONS)))
    changes = [str(c) for c in r.choice(list(CHANGES), r.integers(0, 4), replace=False)]
    metric = str(r.choice(["euclidean"] * 3 + ["cosine", "manhattan"]))
    options = {"k": int(r.choice([1, 10, 10, 30, 100])), "metric": metric}
    n, peers = 15_000, BRUTE
    if metric != "cosine" and d <= 12:
        n, peers = 60_000, TREE
    elif metric == "manhattan":
        n, peers = 8_000, ("sklearnex",)

    def make(r, n, d):
        x = np.asarray(DISTRIBUTIONS[distribution](r, n, d), dtype=np.float64)
        for c in changes:
            x = CHANGES[c](r, x)
        return np.clip(x, -1e9, 1e9)

    return f"random_{seed}: " + " ".join([distribution] + changes), (make, n, d, options, peers)


def inputs(names):
    """Those of INPUTS by their names, and random:FROM-TO by its seeds."""
    for name in names or INPUTS:
        if name.startswith("random:"):
            first, last = name.removeprefix("random:").split("-")
            for seed in range(int(first), int(last) + 1):
                yield drawn(seed)
        else:
            yield name, INPUTS[name]


# name: how it is made, rows, columns, flags, and the peers to ask
BRUTE, TREE = ("sklearnex", "faiss"), ("ckdtree",)
INPUTS = {
    "gaussian": (gaussian, 30_000, 128, {}, BRUTE),
    "equal": (equal, 30_000, 128, {}, BRUTE),
    "half_equal": (half_equal, 30_000, 128, {}, BRUTE),
    "spikes": (spikes, 30_000, 128, {}, BRUTE),
    "spikes_everywhere": (spikes_everywhere, 30_000, 128, {}, BRUTE),
    "cauchy": (cauchy, 30_000, 128, {}, BRUTE),
    "lognormal": (lognormal, 30_000, 128, {}, BRUTE),
    "one_large_column": (one_large_column, 30_000, 128, {}, BRUTE),
    "copies": (copies, 30_000, 128, {}, BRUTE),
    "jitter": (jitter, 30_000, 128, {}, BRUTE),
    "one_hot": (one_hot, 30_000, 128, {}, BRUTE),
    "line": (line, 30_000, 128, {}, BRUTE),
    "shells": (shells, 30_000, 128, {}, BRUTE),
    "mass_at_zero": (mass_at_zero, 30_000, 128, {}, BRUTE),
    "k_1000": (gaussian, 30_000, 128, {"k": 1000}, BRUTE),
    "cosine_wide": (gaussian, 10_000, 3072, {"metric": "cosine"}, BRUTE),
    "minkowski_3": (gaussian, 4_000, 32, {"metric": "minkowski", "p": 3}, TREE),
    "minkowski_3_clusters": (jitter, 4_000, 32, {"metric": "minkowski", "p": 3}, TREE),
    "manhattan_low": (uniform, 200_000, 3, {"metric": "manhattan"}, TREE),
    "chebyshev_low": (uniform, 200_000, 3, {"metric": "chebyshev"}, TREE),
    "radius_low": (uniform, 200_000, 3, {"radius": 0.03}, TREE),
    "uniform_2": (uniform, 200_000, 2, {}, TREE),
    "uniform_3": (uniform, 200_000, 3, {}, TREE),
    "line_3": (line, 200_000, 3, {}, TREE),
    "cauchy_3": (cauchy, 200_000, 3, {}, TREE),
}


def units(x):
    """The rows at length 1, but for those of zeros."""
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(lengths > 0, lengths, 1)


def peer(name, x, k, metric, radius, p):
    """A peer's search, or None where it has no such one."""
    if name == "ckdtree":
        from scipy.spatial import cKDTree

        p = {"euclidean": 2, "manhattan": 1, "chebyshev": np.inf}.get(metric, p)
        if radius:
            # Of its two ways to say what is within a radius, the one that gives the distances too.
            return lambda: cKDTree(x).sparse_distance_matrix(cKDTree(x), radius, output_type="ndarray")
        return lambda: cKDTree(x).query(x, k + 1, p=p)
    if name == "faiss":
        import faiss

        faiss.omp_set_num_threads(1)
        if metric == "euclidean":
            return lambda: faiss.knn(x, x, k + 1)
        unit = units(x)
        return lambda: faiss.knn(unit, unit, k + 1, metric=faiss.METRIC_INNER_PRODUCT)
    if metric == "cosine":
        x, metric = units(x), "euclidean"
    from sklearnex.neighbors import NearestNeighbors

    return lambda: NearestNeighbors(n_neighbors=k + 1, algorithm="brute", metric=metric).fit(x).kneighbors(x)


def timed(run, who):
    best = np.inf
    for _ in range(int(os.environ.get("RUNS", 3))):
        before = resource.getrusage(who)
        run()
        after = resource.getrusage(who)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


def main():
    beamlearn, directory, *names = sys.argv[1:]
    for name, (make, n, d, options, peers) in inputs(names):
        o = {"k": 10, "metric": "euclidean", "radius": None, "p": 2} | options
        x = make(np.random.default_rng(1), n, d).astype(np.float32)
        file = os.path.join(directory, name.split(":")[0] + ".npy")
        np.save(file, x)
        command = [beamlearn, "kneighbors", "--input=" + file, "--metric=" + o["metric"], "--threads=1", "--quiet",
                   "--report=none", "--output=" + os.path.join(directory, "neighbours" + (".parquet" if o["radius"] else ".npy"))]
        command += [f"--radius={o['radius']}"] if o["radius"] else [f"--k={o['k']}"]
        command += [f"--p={o['p']}"] if o["metric"] == "minkowski" else []
        own = timed(lambda: subprocess.run(command, check=True), resource.RUSAGE_CHILDREN)
        theirs = {}
        if not os.environ.get("OURS"):
            theirs = {p: timed(peer(p, x, **o), resource.RUSAGE_SELF) for p in peers}
        best = min(theirs, key=theirs.get, default=None)
        told = f"{best} {theirs[best]:.2f} | {theirs[best] / own:.1f} ×" if best else "not asked |"
        flags = ", ".join(f"{k}={v}" for k, v in options.items())
        print(f"| {name}: {n:,} × {d} {flags} | {own:.2f} | {told} | {theirs} |", flush=True)


if __name__ == "__main__":
    main()
