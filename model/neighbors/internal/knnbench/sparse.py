"""Makes sparse rows, and finds the 10 nearest of all of them by cosine with a peer, from file to file:

    python sparse.py generate DIR [TEXTS.tsv]          # zipf.npz, and of an id, a tab and a text in each line, tfidf.npz
    python sparse.py topn|sklearn FILE.npz             # prints seconds and processor seconds, reading included

needs scipy, scikit-learn and sparse_dot_topn. Ours is kneighbors --input=FILE.npz --metric=cosine --k=10.
"""
import resource
import sys
import time

import numpy as np
import scipy.sparse as sp


def generate(directory, texts=None):
    if texts:
        from sklearn.feature_extraction.text import TfidfVectorizer
        lines = [line.split("\t", 1)[1].rstrip("\n") for line in open(texts, encoding="utf-8")]
        x = TfidfVectorizer(ngram_range=(1, 2)).fit_transform(lines).tocsr()
        x.sort_indices()
        sp.save_npz(f"{directory}/tfidf.npz", x, compressed=False)
    rng = np.random.default_rng(0)
    n, columns, entries = 20_000, 130_000, 50
    p = 1 / np.arange(1, columns + 1)
    where = np.repeat(np.arange(n), entries), rng.choice(columns, size=n * entries, p=p / p.sum())
    x = sp.coo_matrix((rng.random(n * entries), where), shape=(n, columns)).tocsr()
    x.sum_duplicates()
    sp.save_npz(f"{directory}/zipf.npz", x, compressed=False)


def seconds():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return time.time(), r.ru_utime + r.ru_stime


def run(peer, file):
    wall, processor = seconds()
    x = sp.load_npz(file)
    if peer == "sklearn":
        from sklearn.neighbors import NearestNeighbors
        out = NearestNeighbors(n_neighbors=10, metric="cosine", algorithm="brute", n_jobs=2).fit(x).kneighbors_graph(mode="distance")
    else:
        from sklearn.preprocessing import normalize
        from sparse_dot_topn import sp_matmul_topn
        x = normalize(x)
        out = sp_matmul_topn(x, x.T.tocsr(), top_n=11, sort=True, n_threads=2)
    sp.save_npz(file.removesuffix(".npz") + f".{peer}.npz", out, compressed=False)
    after = seconds()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{peer} {file}: {after[0] - wall:.2f} s, processor {after[1] - processor:.2f} s, peak {peak:.0f} MiB")


if sys.argv[1] == "generate":
    generate(*sys.argv[2:])
else:
    run(*sys.argv[1:])
