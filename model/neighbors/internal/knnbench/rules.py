"""Rules about which points may be neighbours, beside what a user of a library writes for the same answers, in CPU seconds:
a table of BENCHMARKS.md.

    pip install numpy pyarrow scikit-learn scikit-learn-intelex
    go build -o bench/beamlearn ./pipelines/beamlearn
    python rules.py bench/beamlearn bench [RULE...]

60,000 x 64 gaussian points, each a query, k = 10, one thread each; of three runs, or of as many as RUNS says, the one of
the least CPU counts. beamlearn's is the whole command, from .parquet to .parquet; a peer's is its search alone, from
memory. The last column is the share of the rows that have the same neighbours in both: a peer computes in float32.
"""

import os
import resource
import subprocess
import sys

from hard import timed  # which makes peers have one thread, and so comes before NumPy

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

N, D, K, BRANDS = 60_000, 64, 10, 100
NONE = -1  # in the place of a neighbour where there are fewer than K


def nearest(points, queries, k):
    """The peer's distances and positions, in order."""
    from sklearnex.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points).kneighbors(queries)


def without_self(distances, ids, k):
    """The first k columns of each row without the row itself."""
    distances = np.where(ids == np.arange(len(ids))[:, None], np.inf, distances)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, order, 1), np.take_along_axis(ids, order, 1)


def everyone(x, day, brand, price):
    return without_self(*nearest(x, x, K + 1), K)[1]


def cheap(x, day, brand, price):
    """The points that are left, in an index of their own."""
    left = np.flatnonzero(price < 1)
    distances, at = nearest(x[left], x, K + 1)
    return without_self(distances, left[at], K)[1]


def earlier(x, day, brand, price, block=500):
    """Products of blocks of queries with all that comes before the last of the block."""
    order = np.argsort(day)
    x, squares = x[order], (x[order] ** 2).sum(1)
    found = np.full((len(x), K), NONE)
    for first in range(0, len(x), block):
        last = min(first + block, len(x))
        scores = squares[:last] - 2 * (x[first:last] @ x[:last].T)
        scores[:, first:][np.triu_indices(last - first)] = np.inf
        k = min(K, last)
        at = np.argpartition(scores, k - 1, axis=1)[:, :k]
        at = np.where(np.isinf(np.take_along_axis(scores, at, 1)), NONE, order[at])
        found[order[first:last], :k] = at
    return found


def two_of_each(x, day, brand, price):
    """The two nearest of each brand, of all of which the nearest."""
    distances, ids = [], []
    for b in range(BRANDS):
        points = np.flatnonzero(brand == b)
        d, at = nearest(x[points], x, 3)
        d, at = without_self(d, points[at], 2)
        distances.append(d)
        ids.append(at)
    return without_self(np.hstack(distances), np.hstack(ids), K)[1]


# name: the flags, what the peer is, and its search
RULES = {
    "none": ([], "scikit-learn-intelex", everyone),
    "before": (["--before=day"], "NumPy, products of blocks", earlier),
    "max_per": (["--max_per=brand:2"], "scikit-learn-intelex, a search for each value", two_of_each),
    "filter": (["--filter=price<1"], "scikit-learn-intelex on what is left", cheap),
}


def main():
    beamlearn, directory, *names = sys.argv[1:]
    r = np.random.default_rng(1)
    x = r.standard_normal((N, D), dtype=np.float32)
    columns = {"day": r.permutation(N), "brand": r.integers(0, BRANDS, N), "price": r.integers(0, 100, N)}
    file, output = os.path.join(directory, "rules.parquet"), os.path.join(directory, "neighbours.parquet")
    pq.write_table(pa.table({f"x{j}": x[:, j] for j in range(D)} | columns), file)
    command = [beamlearn, "kneighbors", "--input=" + file, "--columns=x*", f"--k={K}", "--threads=1", "--quiet",
               "--report=none", "--output=" + output]
    for name in names or RULES:
        flags, what, search = RULES[name]
        own = timed(lambda: subprocess.run(command + flags, check=True), resource.RUSAGE_CHILDREN)
        found = []
        theirs = timed(lambda: found.append(search(x, **columns)), resource.RUSAGE_SELF)
        answers = pq.read_table(output)["neighbors"].to_pylist()
        same = np.mean([set(a) == set(b) - {NONE} for a, b in zip(answers, found[0].tolist())])
        rule = " ".join(flags) or "none"
        print(f"| {rule} | {own:.2f} | {what} | {theirs:.2f} | {theirs / own:.1f} × | {same:.2%} |", flush=True)


if __name__ == "__main__":
    main()
