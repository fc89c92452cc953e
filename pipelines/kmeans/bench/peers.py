"""The rows and the other libraries of the comparison of k-means. Each run prints a line of JSON.

    pip install numpy scikit-learn scikit-learn-intelex faiss-cpu
    python peers.py generate DIRECTORY [--rows 200000]   # clusters.npy, and centers.npy to begin with
    python peers.py sklearn DIRECTORY
    python peers.py intelex DIRECTORY
    python peers.py faiss DIRECTORY
"""

import argparse
import json
import os
import resource
import time

import numpy as np

DIM, CENTERS, ITERATIONS = 128, 1000, 10


def generate(directory, n):
    os.makedirs(directory, exist_ok=True)
    r = np.random.default_rng(7)
    centers = r.standard_normal((2000, DIM)) * 0.8
    x = (centers[r.integers(0, 2000, n)] + r.standard_normal((n, DIM))).astype(np.float32)
    np.save(os.path.join(directory, "clusters.npy"), x)
    np.save(os.path.join(directory, "centers.npy"), x[r.choice(n, CENTERS, replace=False)])


def sklearn(x, centers):
    from sklearn.cluster import KMeans

    start = clock()
    m = KMeans(CENTERS, init=centers, n_init=1, max_iter=ITERATIONS, tol=0, algorithm="lloyd").fit(x)
    return start, float(m.inertia_)


def intelex(x, centers):
    from sklearnex.cluster import KMeans

    start = clock()
    m = KMeans(CENTERS, init=centers, n_init=1, max_iter=ITERATIONS, tol=0, algorithm="lloyd").fit(x)
    return start, float(m.inertia_)


def faiss(x, centers):
    import faiss

    faiss.omp_set_num_threads(os.cpu_count())
    start = clock()
    m = faiss.Kmeans(DIM, CENTERS, niter=ITERATIONS, max_points_per_centroid=10**9)
    m.train(x, init_centroids=centers)
    squares, _ = m.index.search(x, 1)
    return start, float(squares.sum(dtype=np.float64))


def clock():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return time.time(), u.ru_utime, u.ru_stime


def main():
    p = argparse.ArgumentParser()
    p.add_argument("what", choices=["generate", "sklearn", "intelex", "faiss"])
    p.add_argument("directory")
    p.add_argument("--rows", type=int, default=200_000)
    a = p.parse_args()
    if a.what == "generate":
        return generate(a.directory, a.rows)
    x, centers = (np.load(os.path.join(a.directory, name)) for name in ("clusters.npy", "centers.npy"))
    start, inertia = {"sklearn": sklearn, "intelex": intelex, "faiss": faiss}[a.what](x, centers)
    wall, user, system = (b - a for a, b in zip(start, clock()))
    print(json.dumps({"what": a.what, "wall_s": wall, "user_s": user, "system_s": system, "inertia": inertia}))


main()
