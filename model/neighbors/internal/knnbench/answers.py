"""Predictions and groups beside the libraries that make them, in CPU seconds: tables of BENCHMARKS.md.

    pip install numpy scipy scikit-learn scikit-learn-intelex datasketch
    go build -o bench/beamlearn ./pipelines/beamlearn
    python answers.py bench/beamlearn bench [classify] [groups] [words]

Each runs by turns as often as RUNS says (3), and the run of the least CPU counts. beamlearn's is the whole command, from file to
file; a peer's is its fit and its answers, from memory.

classify: KNeighborsClassifier(n_neighbors=5) of 60,000 x 784, as MNIST's: ten classes of smooth pictures of bytes, each a prototype
that is moved, with noise; 10,000 others are predicted.

groups: near-duplicates among 200,000 x 64, of which 60,000 are near-copies of 20,000 others: connected components within a radius,
as DBSCAN(min_samples=1) has them, exactly.

words: near-duplicates among 200,000 sets of some 18 of 50,000 words, or as many as WORDS says, of which 30 % are near-copies of 10 %
of them: connected components of the pairs whose Jaccard dissimilarity is at most 0.3, all of them, or those that MinHashLSH with 128
permutations has among its candidates.
"""

import json
import os
import resource
import subprocess
import sys

import numpy as np

RUNS = int(os.environ.get("RUNS", 3))
WORDS = int(os.environ.get("WORDS", 200_000))
RADIUS, DISSIMILARITY = 0.1, 0.3


def used(who):
    u = resource.getrusage(who)
    return u.ru_utime + u.ru_stime


def pictures(r, n):
    """Smooth pictures of 28 x 28 bytes and their classes: a prototype of a class, moved by a few pixels, and noise."""
    shapes = np.random.default_rng(2).standard_normal((10, 3, 28, 28))
    for _ in range(12):
        shapes = (shapes + sum(np.roll(shapes, s, a) for s in (1, -1) for a in (2, 3))) / 5
    shapes /= shapes.std((2, 3), keepdims=True)
    y = r.integers(0, 10, n)
    x = np.empty((n, 28, 28), np.float32)
    for i in range(n):
        mixed = np.tensordot(r.dirichlet([1, 1, 1]), shapes[y[i]], 1)
        x[i] = np.roll(mixed, r.integers(-3, 4, 2), (0, 1)) + 0.3 * r.standard_normal((28, 28))
    return np.clip(128 + 60 * x.reshape(n, -1), 0, 255).astype(np.uint8).astype(np.float32), y


def classify_data(folder):
    x, y = pictures(np.random.default_rng(3), 70_000)
    np.save(f"{folder}/pictures.npy", x[:60_000])
    np.save(f"{folder}/pictures_y.npy", y[:60_000])
    np.save(f"{folder}/pictures_new.npy", x[60_000:])
    np.save(f"{folder}/pictures_new_y.npy", y[60_000:])


def intelex_classifier(folder):
    from sklearnex.neighbors import KNeighborsClassifier

    x, y, new = (np.load(f"{folder}/{n}.npy") for n in ("pictures", "pictures_y", "pictures_new"))
    begin = used(resource.RUSAGE_SELF)
    answers = KNeighborsClassifier(n_neighbors=5, algorithm="brute").fit(x, y).predict(new)
    seconds = used(resource.RUSAGE_SELF) - begin
    return seconds, f"accuracy {(answers == np.load(f'{folder}/pictures_new_y.npy')).mean():.4f}"


def groups_data(folder):
    r = np.random.default_rng(5)
    x = r.standard_normal((200_000, 64)).astype(np.float32)
    of = 140_000 + np.arange(60_000)
    x[of] = x[of % 20_000] + 0.001 * r.standard_normal((60_000, 64)).astype(np.float32)
    np.save(f"{folder}/near.npy", x[r.permutation(len(x))])


def dbscan(folder):
    from sklearn.cluster import DBSCAN

    x = np.load(f"{folder}/near.npy")
    begin = used(resource.RUSAGE_SELF)
    labels = DBSCAN(eps=RADIUS, min_samples=1, algorithm="brute", n_jobs=2).fit(x).labels_
    return used(resource.RUSAGE_SELF) - begin, f"{labels.max() + 1} groups"


def words_data(folder):
    """Sets of words, the frequent ones in many; a near-copy has 7 % of the words of its original changed."""
    import scipy.sparse

    r = np.random.default_rng(7)
    n, vocabulary, length = WORDS, 50_000, 30
    words = r.zipf(1.3, (n, length)) % vocabulary
    of = np.arange(n * 7 // 10, n)
    changed = r.random((len(of), length)) < 0.07
    words[of] = np.where(changed, r.integers(0, vocabulary, changed.shape), words[of % (n // 10)])
    words = words[r.permutation(n)]
    sets = scipy.sparse.csr_matrix((np.ones(words.size, np.float32), (np.repeat(np.arange(n), length), words.ravel())))
    sets.data[:] = 1
    scipy.sparse.save_npz(f"{folder}/words.npz", sets)


def lsh(folder):
    """The pairs among MinHashLSH's candidates whose similarity is as great, and the groups that they make."""
    from datasketch import MinHash, MinHashLSH
    import scipy.sparse
    from scipy.sparse.csgraph import connected_components

    sets = scipy.sparse.load_npz(f"{folder}/words.npz").tocsr()
    begin = used(resource.RUSAGE_SELF)
    words = np.array([str(w).encode() for w in range(sets.shape[1])], object)
    rows = [sets.indices[sets.indptr[i] : sets.indptr[i + 1]] for i in range(sets.shape[0])]
    hashes = MinHash.bulk([words[row] for row in rows], num_perm=128)
    index = MinHashLSH(threshold=1 - DISSIMILARITY, num_perm=128)
    for i, h in enumerate(hashes):
        index.insert(i, h, check_duplication=False)
    rows, pairs, candidates = [set(row.tolist()) for row in rows], [], 0
    for i, h in enumerate(hashes):
        for j in index.query(h):
            if j < i:
                candidates += 1
                common = len(rows[i] & rows[j])
                if 1 - common / (len(rows[i]) + len(rows[j]) - common) <= DISSIMILARITY:
                    pairs.append((i, j))
    a, b = np.array(pairs).T
    groups, _ = connected_components(scipy.sparse.coo_matrix((np.ones(len(a)), (a, b)), (len(rows), len(rows))), False)
    return used(resource.RUSAGE_SELF) - begin, f"{groups} groups, {len(pairs)} pairs of {candidates} candidates"


JOBS = {
    "classify": (
        classify_data,
        "kneighbors --input=pictures.npy --target=pictures_y.npy --task=classification --k=5 --queries=pictures_new.npy "
        "--output=predicted.csv --report=none --threads=2 --quiet",
        {"scikit-learn-intelex KNeighborsClassifier": intelex_classifier},
    ),
    "groups": (
        groups_data,
        f"groups --input=near.npy --radius={RADIUS} --output=near.csv --report=none --quiet",
        {"scikit-learn DBSCAN(min_samples=1)": dbscan},
    ),
    "words": (
        words_data,
        f"groups --input=words.npz --metric=jaccard --radius={DISSIMILARITY} --output=words.csv --summary=words.json "
        "--report=none --quiet",
        {"datasketch MinHashLSH": lsh},
    ),
}


def ours(binary, folder, command):
    before = used(resource.RUSAGE_CHILDREN)
    subprocess.run([os.path.abspath(binary), *command.split()], cwd=folder, check=True)
    return used(resource.RUSAGE_CHILDREN) - before


def outcome(folder, name):
    """What beamlearn's output says, to compare with the peers'."""
    if name == "groups":
        kept = np.loadtxt(f"{folder}/near.csv", delimiter=",", skiprows=1, usecols=1, dtype=str)
        return f"{len(np.unique(kept))} groups"
    if name == "words":
        with open(f"{folder}/words.json") as f:
            summary = json.load(f)
        return f"{summary['groups']['groups']} groups, {summary['neighbors'] // 2} pairs"
    answers = np.loadtxt(f"{folder}/predicted.csv", delimiter=",", skiprows=1, usecols=1)
    return f"accuracy {(answers == np.load(f'{folder}/pictures_new_y.npy')).mean():.4f}"


def main():
    if sys.argv[1] == "peer":  # in a process of its own, which has nothing of the others in memory
        seconds, said = JOBS[sys.argv[3]][2][sys.argv[4]](sys.argv[2])
        print(f"{seconds:.2f}|{said}")
        return
    binary, folder = sys.argv[1:3]
    for name in sys.argv[3:] or JOBS:
        make, command, peers = JOBS[name]
        make(folder)
        times, said = {"beamlearn": []}, {}
        for _ in range(RUNS):
            times["beamlearn"].append(ours(binary, folder, command))
            said["beamlearn"] = outcome(folder, name)
            for peer in peers:
                out = subprocess.run([sys.executable, __file__, "peer", folder, name, peer], check=True, text=True, capture_output=True)
                seconds, said[peer] = out.stdout.strip().splitlines()[-1].split("|")
                times.setdefault(peer, []).append(float(seconds))
        for who, all_times in times.items():
            best = min(all_times)
            print(f"{name}: {who}: {best:.2f} s of {all_times}: {best / min(times['beamlearn']):.1f} x; {said[who]}", flush=True)


if __name__ == "__main__":
    main()
