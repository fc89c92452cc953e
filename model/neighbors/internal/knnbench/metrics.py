"""Metrics beside the fastest other library that has them, in CPU seconds and on the clock: the table of BENCHMARKS.md.

    pip install numpy scipy scikit-learn faiss-cpu
    go build -o bench/beamlearn ./pipelines/beamlearn
    python metrics.py bench/beamlearn bench [METRIC...]

Every point is a query, k = 10, on two threads; of three runs the one of the least CPU counts. beamlearn's is the whole command,
from file to file. A peer that would take minutes answers some of the points, and its times are multiplied.
"""

import os
import resource
import subprocess
import sys
import time

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "2"

import numpy as np

K = 10


def data(name):
    r = np.random.default_rng(1)
    if name == "haversine":
        return np.stack([np.arcsin(r.uniform(-1, 1, 100_000)), r.uniform(-np.pi, np.pi, 100_000)], 1)
    if name == "hamming":
        return r.integers(0, 256, (100_000, 32), dtype=np.uint8)
    if name == "minkowski":
        return r.standard_normal((4_000, 32)).astype(np.float32)
    x = r.standard_normal((20_000, 128)).astype(np.float32)
    if name == "nan_euclidean":
        x[r.random(x.shape) < 0.1] = np.nan
    return x


def all_distances(x, rows, metric, **parameters):
    """Some rows' neighbours from SciPy's matrix of distances."""
    from scipy.spatial.distance import cdist

    x = x.astype(float)
    if metric == "mahalanobis":
        parameters["VI"] = np.linalg.inv(np.cov(x.T))
    np.argpartition(cdist(x[:rows], x, metric, **parameters), K + 1, axis=1)[:, : K + 1]


def missing_distances(x, rows):
    """Some rows' neighbours from scikit-learn's matrix of distances over the columns that both rows have."""
    from sklearn.metrics.pairwise import nan_euclidean_distances

    x = x.astype(float)
    np.argpartition(nan_euclidean_distances(x[:rows], x), K + 1, axis=1)[:, : K + 1]


def peer(name, x):
    """The peer's name, its search, and the number of points that it answers."""
    if name == "haversine":
        from sklearn.neighbors import NearestNeighbors

        tree = lambda: NearestNeighbors(algorithm="ball_tree", metric="haversine", n_jobs=2)
        return "scikit-learn BallTree", lambda: tree().fit(x).kneighbors(x, K + 1), len(x)
    if name == "hamming":
        import faiss

        faiss.omp_set_num_threads(2)

        def binary():
            index = faiss.IndexBinaryFlat(8 * x.shape[1])
            index.add(x)
            index.search(x[:10_000], K + 1)

        return "faiss IndexBinaryFlat", binary, 10_000
    if name == "minkowski":
        from scipy.spatial import cKDTree

        return "SciPy cKDTree", lambda: cKDTree(x).query(x, K + 1, p=3, workers=2), len(x)
    if name == "nan_euclidean":
        return "scikit-learn nan_euclidean_distances, argpartition", lambda: missing_distances(x, 2_000), 2_000
    rows = {"mahalanobis": 40, "canberra": 1_000, "braycurtis": 1_000}.get(name, 2_000)
    return "SciPy cdist, argpartition", lambda: all_distances(x, rows, name), rows


FLAGS = {"hamming": ["--bits"], "minkowski": ["--p=3"]}


def timed(run, who):
    best = None
    for _ in range(3):
        before, start = resource.getrusage(who), time.time()
        run()
        wall, after = time.time() - start, resource.getrusage(who)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best = min(best or (cpu, wall), (cpu, wall))
    return best


def main():
    beamlearn, directory, *names = sys.argv[1:]
    for name in names or ["haversine", "hamming", "minkowski", "correlation", "seuclidean", "mahalanobis",
                          "canberra", "braycurtis", "nan_euclidean"]:
        x, file = data(name), os.path.join(directory, name + ".npy")
        np.save(file, x)
        command = [beamlearn, "kneighbors", "--input=" + file, "--metric=" + name, f"--k={K}", "--threads=2", "--quiet",
                   "--report=none", "--output=" + os.path.join(directory, "neighbours.parquet"), *FLAGS.get(name, [])]
        own = timed(lambda: subprocess.run(command, check=True), resource.RUSAGE_CHILDREN)
        what, run, rows = peer(name, x)
        cpu, wall = (v * len(x) / rows for v in timed(run, resource.RUSAGE_SELF))
        print(f"| {len(x):,} × {x.shape[1]} | {name} | {own[0]:.2f} | {own[1]:.2f} | {what} | {cpu:.2f} | {wall:.2f} | "
              f"{cpu / own[0]:.1f} × |", flush=True)


if __name__ == "__main__":
    main()
