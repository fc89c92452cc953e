"""The data sets and the other libraries of the comparison in the README: the same lines of JSON as knnbench prints.

    pip install numpy scipy scikit-learn scikit-learn-intelex faiss-cpu
    python peers.py generate DIRECTORY
    python peers.py run [--k 10] [--threads 2] [--repeat 3] FILE.npy SYSTEM...

A SYSTEM is faiss_knn, sklearnex_brute, sklearn_brute, sklearn_kdtree or ckdtree. Each runs in a process of its own, every
point is a query, k + 1 neighbours are asked for, as these libraries count a point among its own, and the fastest run counts.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time


def generate(directory):
    import numpy as np

    r = np.random.default_rng(0)
    sets = {
        "A_gauss_50k_128": r.standard_normal((50_000, 128), dtype=np.float32),
        "B_gauss_50k_784": r.standard_normal((50_000, 784), dtype=np.float32),
        "C_gauss_200k_32": r.standard_normal((200_000, 32), dtype=np.float32),
        "unif_200k_3": r.random((200_000, 3), dtype=np.float32),
        "unif_200k_8": r.random((200_000, 8), dtype=np.float32),
        "gauss_1m_128": r.standard_normal((1_000_000, 128), dtype=np.float32),
    }
    # D: 300 clusters of unequal sizes and spreads, each of 12 intrinsic dimensions and a little noise.
    n, d, clusters, intrinsic = 50_000, 128, 300, 12
    label = r.choice(clusters, n, p=r.dirichlet(np.full(clusters, 0.7)))
    x = np.empty((n, d), np.float32)
    for c in range(clusters):
        rows = np.flatnonzero(label == c)
        basis = r.normal(size=(intrinsic, d)) / np.sqrt(intrinsic)
        spread = r.uniform(0.2, 0.8) * (r.normal(size=(len(rows), intrinsic)) @ basis)
        x[rows] = r.normal(size=d) + spread + 0.1 * r.normal(size=(len(rows), d))
    sets["D_clusters_50k_128"] = x
    os.makedirs(directory, exist_ok=True)
    for name, x in sets.items():
        np.save(os.path.join(directory, name + ".npy"), x)


def search(system, x, k, threads):
    """What is to be timed."""
    if system == "faiss_knn":
        import faiss

        faiss.omp_set_num_threads(threads)
        return lambda: faiss.knn(x, x, k + 1)
    if system == "ckdtree":
        from scipy.spatial import cKDTree

        return lambda: cKDTree(x).query(x, k + 1, workers=threads)
    library, algorithm = system.split("_")
    if library == "sklearnex":
        from sklearnex.neighbors import NearestNeighbors
    else:
        from sklearn.neighbors import NearestNeighbors
    algorithm = {"brute": "brute", "kdtree": "kd_tree"}[algorithm]
    return lambda: NearestNeighbors(n_neighbors=k, algorithm=algorithm, n_jobs=threads).fit(x).kneighbors(x, k + 1)


def worker(args):
    import numpy as np

    x = np.load(args.file)
    run = search(args.systems[0], x, args.k, args.threads)
    best = float("inf")
    for _ in range(args.repeat):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(json.dumps({"system": args.systems[0], "threads": args.threads, "n": x.shape[0], "d": x.shape[1], "k": args.k,
                      "query_s": round(best, 3), "peak_rss_mb": peak, "data_mb": x.nbytes >> 20}), flush=True)


def main():
    if sys.argv[1:2] == ["generate"]:
        return generate(sys.argv[2])
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("run", choices=["run", "worker"])
    p.add_argument("--k", type=int, default=10)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--repeat", type=int, default=3)
    p.add_argument("file")
    p.add_argument("systems", nargs="+")
    args = p.parse_args()
    if args.run == "worker":
        return worker(args)
    limits = {v: str(args.threads) for v in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    for system in args.systems:
        subprocess.run([sys.executable, __file__, "worker", f"--k={args.k}", f"--threads={args.threads}",
                        f"--repeat={args.repeat}", args.file, system], env={**os.environ, **limits}, check=True)


if __name__ == "__main__":
    main()
