"""The data sets and the other libraries of the comparison in the README: the same lines of JSON as knnbench prints.

    pip install numpy scipy scikit-learn scikit-learn-intelex faiss-cpu hnswlib annoy pynndescent scann pipnn
    python peers.py generate DIRECTORY
    python peers.py embeddings REAL.npy ROWS OUT.npy
    python peers.py run [--k 10] [--threads 2] [--repeat 3] FILE.npy SYSTEM...

A SYSTEM is faiss_knn, sklearnex_brute, sklearn_brute, sklearn_kdtree or ckdtree, which are exact, or pynndescent,
hnswlib[:EF], faiss_ivf[:NPROBE], scann[:LEAVES], annoy[:SEARCH_K] or pipnn[:RUNS], which are not: their query_s is that
of the build and the queries together, without pynndescent's compilation, and their recall that of 1000 sampled queries.
Each runs in a process of its own, every point is a query, k + 1 neighbours are asked for, as these libraries count a
point among its own, and the fastest run counts.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time


def clustered(r, n, d, clusters):
    """Clusters of unequal sizes and spreads, each of 12 intrinsic dimensions and a little noise."""
    import numpy as np

    intrinsic = 12
    label = r.choice(clusters, n, p=r.dirichlet(np.full(clusters, 0.7)))
    x = np.empty((n, d), np.float32)
    order = np.argsort(label, kind="stable")
    bounds = np.searchsorted(label[order], np.arange(clusters + 1))
    for c in range(clusters):
        rows = order[bounds[c] : bounds[c + 1]]
        basis = r.normal(size=(intrinsic, d)) / np.sqrt(intrinsic)
        spread = r.uniform(0.2, 0.8) * (r.normal(size=(len(rows), intrinsic)) @ basis)
        x[rows] = r.normal(size=d) + spread + 0.1 * r.normal(size=(len(rows), d))
    return x


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
    sets["D_clusters_50k_128"] = clustered(r, 50_000, 128, 300)
    sets["E_clust_200k_96"] = clustered(np.random.default_rng(2), 200_000, 96, 1000)
    sets["F_clust_1m_128"] = clustered(np.random.default_rng(3), 1_000_000, 128, 5000)
    sets["G_clust_4m_128"] = clustered(np.random.default_rng(4), 4_000_000, 128, 20_000)
    os.makedirs(directory, exist_ok=True)
    for name, x in sets.items():
        np.save(os.path.join(directory, name + ".npy"), x)


def embeddings(real, n, out):
    """Enlarges real embeddings of unit length to n rows of float16, and says how near and how intrinsic both are.

    Each row is a real one and noise as long as the distance of its nearest neighbour, brought to unit length. Nine
    tenths of the noise's square are a normal combination of the differences to the 64 nearest real rows, so that it
    goes where embeddings are; one tenth is normal in all columns. All real rows have as many copies, in random order,
    so that the first rows of the file are such a set, too.
    """
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    x = np.load(real).astype(np.float32)
    slots = np.random.default_rng(5).permutation(n)
    rows = np.empty((n, x.shape[1]), np.float16)

    def copies(chunk):
        for i, near, distances in neighbours(x, chunk, 64):
            r, to = np.random.default_rng([6, i]), slots[i :: len(x)]
            inside = r.standard_normal((len(to), 64), dtype=np.float32) @ (x[near] - x[i])
            outside = r.standard_normal((len(to), x.shape[1]), dtype=np.float32)
            noise = sum(np.float32(np.sqrt(share)) * unit(y) for share, y in ((0.9, inside), (0.1, outside)))
            rows[to] = unit(x[i] + distances[0] * noise)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(copies, np.array_split(np.arange(len(x)), 400)))
    np.save(out, rows)
    nearness("real", x)
    nearness("enlarged", rows)


def unit(y):
    import numpy as np

    return y / np.maximum(np.linalg.norm(y, axis=1, keepdims=True), np.float32(1e-12))


def neighbours(x, queries, k):
    """The k nearest other rows of each query of x, and their distances, ascending: brute force in float32."""
    import numpy as np

    for s in range(0, len(queries), 100):
        chunk = list(queries[s : s + 100])
        q = x[chunk].astype(np.float32)
        near, best = np.empty((len(q), 0), int), np.empty((len(q), 0), np.float32)
        for b in range(0, len(x), 100_000):
            y = x[b : b + 100_000].astype(np.float32)
            d = (q * q).sum(1)[:, None] - 2 * q @ y.T + (y * y).sum(1)
            at = np.argpartition(d, k, axis=1)[:, : k + 1]
            near = np.hstack([near, at + b])
            best = np.hstack([best, np.take_along_axis(d, at, axis=1)])
        for i, p, d in zip(chunk, near, best):
            d = np.sqrt(np.maximum(np.where(p == i, np.inf, d), 1e-12))
            order = np.argsort(d)[:k]
            yield i, p[order], d[order]


def nearness(name, x):
    """Prints how far the nearest and the 15th neighbour of 1,000 rows are, and the local intrinsic dimension: the
    maximum-likelihood estimate of Levina and Bickel (NIPS 2004) by 20 neighbours, its inverse averaged over the rows.
    """
    import numpy as np

    rows = np.random.default_rng(7).choice(len(x), 1000, replace=False)
    d = np.array([d for _, _, d in neighbours(x, rows, 20)])
    inverse = np.log(d[:, -1:] / d[:, :-1]).mean(1)
    print(json.dumps({"rows": name, "n": len(x),
                      "nearest_5_50_95_percent": np.quantile(d[:, 0], [.05, .5, .95]).round(3).tolist(),
                      "15th_5_50_95_percent": np.quantile(d[:, 14], [.05, .5, .95]).round(3).tolist(),
                      "intrinsic_dimension": round(float(1 / inverse.mean()), 1),
                      "its_median": round(float(1 / np.median(inverse)), 1)}), flush=True)


def search(system, x, k, threads):
    """What is to be timed."""
    if system == "faiss_knn":
        import faiss

        faiss.omp_set_num_threads(threads)
        return lambda: faiss.knn(x, x, k + 1)
    if system == "ckdtree":
        from scipy.spatial import cKDTree

        return lambda: cKDTree(x).query(x, k + 1, workers=threads)
    name, _, setting = system.partition(":")
    if name in APPROXIMATE:
        return APPROXIMATE[name](x, k, threads, setting)
    library, algorithm = system.split("_")
    if library == "sklearnex":
        from sklearnex.neighbors import NearestNeighbors
    else:
        from sklearn.neighbors import NearestNeighbors
    algorithm = {"brute": "brute", "kdtree": "kd_tree"}[algorithm]
    return lambda: NearestNeighbors(n_neighbors=k, algorithm=algorithm, n_jobs=threads).fit(x).kneighbors(x, k + 1)


def pynndescent(x, k, threads, _):
    import pynndescent

    def graph(x):
        return pynndescent.NNDescent(x, n_neighbors=k + 1, random_state=1, n_jobs=threads).neighbor_graph[0]

    graph(x[:2000])  # compiles
    return lambda: graph(x)


def hnswlib(x, k, threads, ef):
    import hnswlib

    def run():
        index = hnswlib.Index(space="l2", dim=x.shape[1])
        index.init_index(max_elements=len(x), M=16, ef_construction=100, random_seed=1)
        index.set_num_threads(threads)
        index.add_items(x)
        index.set_ef(max(int(ef or 32), k + 1))
        return index.knn_query(x, k + 1)[0]

    return run


def faiss_ivf(x, k, threads, nprobe):
    import faiss

    faiss.omp_set_num_threads(threads)

    def run():
        index = faiss.IndexIVFFlat(faiss.IndexFlatL2(x.shape[1]), x.shape[1], 512)
        index.train(x)
        index.add(x)
        index.nprobe = int(nprobe or 8)
        return index.search(x, k + 1)[1]

    return run


def scann(x, k, threads, leaves):
    import scann

    def run():
        builder = scann.scann_ops_pybind.builder(x, k + 1, "squared_l2")
        builder = builder.tree(num_leaves=1000, num_leaves_to_search=10, training_sample_size=min(len(x), 100_000))
        index = builder.score_ah(2, anisotropic_quantization_threshold=float("nan")).reorder(50)
        index = index.set_n_training_threads(threads).build()
        index.set_num_threads(threads)
        return index.search_batched_parallel(x, final_num_neighbors=k + 1, leaves_to_search=int(leaves or 20))[0]

    return run


def annoy(x, k, threads, search_k):
    from concurrent.futures import ThreadPoolExecutor

    import annoy
    import numpy as np

    def run():
        index = annoy.AnnoyIndex(x.shape[1], "euclidean")
        index.set_seed(1)
        for i, row in enumerate(x):
            index.add_item(i, row)
        index.build(20, n_jobs=threads)
        found = np.full((len(x), k + 1), -1)

        def part(t):
            for i in range(t, len(x), threads):
                row = index.get_nns_by_item(i, k + 1, int(search_k or -1))
                found[i, :len(row)] = row

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(part, range(threads)))
        return found

    return run


def pipnn(x, k, threads, runs):
    import pipnn

    return lambda: pipnn.self_knn_graph(x, k, n_jobs=threads, runs=int(runs or 1))[0]


APPROXIMATE = {f.__name__: f for f in (pynndescent, hnswlib, faiss_ivf, scann, annoy, pipnn)}


def recall(x, found, k):
    """The share of the true neighbours of sampled rows; one as far as the k-th counts."""
    import numpy as np

    rows = np.random.default_rng(7).choice(len(x), min(1000, len(x)), replace=False)
    good = 0
    for i in rows:
        d = np.empty(len(x))
        for s in range(0, len(x), 65_536):
            d[s:s + 65_536] = ((x[s:s + 65_536].astype(np.float64) - x[i].astype(np.float64)) ** 2).sum(1)
        d[i] = np.inf
        kth = np.partition(d, k - 1)[k - 1]
        of = np.unique(found[i])
        of = of[(of >= 0) & (of != i)]
        good += min(int((d[of] <= kth).sum()), k)
    return good / (k * len(rows))


def worker(args):
    import numpy as np

    x = np.load(args.file).astype(np.float32, copy=False)
    run = search(args.systems[0], x, args.k, args.threads)
    best = cpu = float("inf")
    for _ in range(args.repeat):
        start, used = time.perf_counter(), time.process_time()
        found = run()
        best, cpu = min(best, time.perf_counter() - start), min(cpu, time.process_time() - used)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    line = {"system": args.systems[0], "threads": args.threads, "n": x.shape[0], "d": x.shape[1], "k": args.k,
            "query_s": round(best, 3), "cpu_s": round(cpu, 3), "peak_rss_mb": peak, "data_mb": x.nbytes >> 20}
    if args.systems[0].partition(":")[0] in APPROXIMATE:
        line["recall"] = round(recall(x, found, args.k), 4)
    print(json.dumps(line), flush=True)


def main():
    if sys.argv[1:2] == ["generate"]:
        return generate(sys.argv[2])
    if sys.argv[1:2] == ["embeddings"]:
        return embeddings(sys.argv[2], int(sys.argv[3]), sys.argv[4])
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
