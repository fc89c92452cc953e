"""Makes sparse rows, and finds the 10 nearest of all of them by cosine with a peer, from file to file:

    python sparse.py generate DIR [TEXTS.tsv]          # zipf.npz, and of an id, a tab and a text in each line, tfidf.npz
    python sparse.py splade|wide DIR                   # splade.npz: 200,000 × 30,000; wide.npz and .svm: 20,000 × 1,000,000
    python sparse.py texts DIR TEXTS.tsv               # texts.npz: 200,000 × 37,666 from the words of 20,000 texts
    python sparse.py some FILE.npz ROWS OUT.npz        # the first rows, and the columns that they have
    python sparse.py topn|sklearn|jaccard FILE.npz     # prints seconds and processor seconds, reading included

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


def splade(directory, n=200_000, columns=30_000, entries=120, topics=2_000):
    """Rows as learned sparse embeddings have them: 120 different columns by Zipf's law, of which a third are those of the
    row's topic, and weights of a lognormal distribution. Topics make rows near to each other, as texts are."""
    rng = np.random.default_rng(1)
    p = 1 / np.arange(1, columns + 1) ** 0.8
    log_p, own = np.log(p), entries // 3
    of_topics = np.argsort(-(log_p + rng.gumbel(size=(topics, columns))), axis=1)[:, :2 * own]  # without replacement
    indices, data = np.empty((n, entries), np.int32), rng.lognormal(0, 0.6, (n, entries)).astype(np.float32)
    drawn = np.cumsum(p / p.sum())
    for i in range(n):
        row = dict.fromkeys(rng.choice(of_topics[rng.integers(topics)], own, replace=False).tolist())
        while len(row) < entries:
            for c in np.searchsorted(drawn, rng.random(entries)).tolist():
                if len(row) < entries:
                    row[min(c, columns - 1)] = None
        indices[i] = sorted(row)
    x = sp.csr_matrix((data.ravel(), indices.ravel(), np.arange(0, n * entries + 1, entries)), shape=(n, columns))
    sp.save_npz(f"{directory}/splade.npz", x, compressed=False)


def texts(directory, file, n=200_000, entries=120):
    """Rows as learned sparse embeddings have them, of real texts: row i is of text i mod N and one of the 100 nearest.
    Its words bring those that occur in the same texts, as such models do; of these the 120 of the greatest weights
    stay, log(1 + weight)."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize
    lines = [line.split("\t", 1)[1].rstrip("\n") for line in open(file, encoding="utf-8")]
    x = TfidfVectorizer(dtype=np.float32).fit_transform(lines).tocsr()
    svd = TruncatedSVD(100, random_state=0, n_iter=2)
    z = normalize(svd.fit_transform(x)).astype(np.float32)
    words = normalize(svd.components_.T * svd.singular_values_).astype(np.float32)
    rng, v = np.random.default_rng(3), x.shape[1]
    near = np.empty((v, 30), np.int64)
    for lo in range(0, v, 1000):
        near[lo:lo + 1000] = np.argpartition(-(words[lo:lo + 1000] @ words.T), 30, axis=1)[:, :30]
    like = np.einsum("ijk,ik->ij", words[near], words).clip(0)
    s = sp.csr_matrix((like.ravel(), near.ravel(), np.arange(0, 30 * v + 1, 30)), shape=(v, v))
    s.setdiag(1)
    texts = x.shape[0]
    other = np.empty((texts, 100), np.int64)
    for lo in range(0, texts, 1000):
        other[lo:lo + 1000] = np.argpartition(-(z[lo:lo + 1000] @ z.T), 100, axis=1)[:, :100]
    first = np.arange(n) % texts
    second = other[first, rng.integers(0, 100, n)]
    x = x @ s
    indptr, indices, data = [0], [], []
    for lo in range(0, n, 5000):
        y = (x[first[lo:lo + 5000]] + x[second[lo:lo + 5000]]).tocsr()
        for i in range(y.shape[0]):
            c, w = y.indices[y.indptr[i]:y.indptr[i + 1]], y.data[y.indptr[i]:y.indptr[i + 1]]
            if len(w) > entries:
                keep = np.argpartition(-w, entries)[:entries]
                c, w = c[keep], w[keep]
            o = np.argsort(c)
            indices.append(c[o])
            data.append(np.log1p(w[o]))
            indptr.append(indptr[-1] + len(c))
    x = sp.csr_matrix((np.concatenate(data), np.concatenate(indices).astype(np.int32), np.array(indptr)), shape=(n, v))
    sp.save_npz(f"{directory}/texts.npz", x, compressed=False)


def wide(directory, n=20_000, columns=1_000_000, entries=50):
    """Rows with a label in column target, whose entries are anywhere."""
    rng = np.random.default_rng(2)
    where = np.repeat(np.arange(n), entries), rng.integers(0, columns, n * entries)
    x = sp.coo_matrix((rng.random(n * entries), where), shape=(n, columns)).tocsr()
    x.sum_duplicates()
    target = (np.asarray(x[:, : columns // 2].sum(axis=1)).ravel() > entries / 4).astype(float)
    sp.save_npz(f"{directory}/wide.npz", x, compressed=False)
    np.save(f"{directory}/wide.target.npy", target)
    from sklearn.datasets import dump_svmlight_file
    dump_svmlight_file(x, target, f"{directory}/wide.svm", zero_based=False)


def some(file, rows, to):
    x = sp.load_npz(file)[: int(rows)]
    sp.save_npz(to, x[:, np.unique(x.indices)], compressed=False)


def seconds():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return time.time(), r.ru_utime + r.ru_stime


def run(peer, file):
    wall, processor = seconds()
    x = sp.load_npz(file)
    if peer == "sklearn":
        from sklearn.neighbors import NearestNeighbors
        out = NearestNeighbors(n_neighbors=10, metric="cosine", algorithm="brute", n_jobs=2).fit(x).kneighbors_graph(mode="distance")
    elif peer == "jaccard":  # which scikit-learn has of dense rows alone
        from sklearn.neighbors import NearestNeighbors
        peer_of = NearestNeighbors(n_neighbors=10, metric="jaccard", algorithm="brute", n_jobs=2)
        out = peer_of.fit(x.toarray() != 0).kneighbors_graph(mode="distance")
    else:
        from sklearn.preprocessing import normalize
        from sparse_dot_topn import sp_matmul_topn
        x = normalize(x)
        out = sp_matmul_topn(x, x.T.tocsr(), top_n=11, sort=True, n_threads=2)
    sp.save_npz(file.removesuffix(".npz") + f".{peer}.npz", out, compressed=False)
    after = seconds()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{peer} {file}: {after[0] - wall:.2f} s, processor {after[1] - processor:.2f} s, peak {peak:.0f} MiB")


if sys.argv[1] in ("generate", "splade", "texts", "wide", "some"):
    {"generate": generate, "splade": splade, "texts": texts, "wide": wide, "some": some}[sys.argv[1]](*sys.argv[2:])
else:
    run(*sys.argv[1:])
