"""Writes the files of this directory; README.md says what they are.

    python testdata/generate.py [DIRECTORY OF EMBEDDINGS]

It needs numpy, scikit-learn and river. The words are written only where the directory of embeddings is given: it holds
wordnet_20k_384_f16.npy, and wordnet_20k.tsv with a line "id TAB text" for each row.
"""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
from scipy.spatial.distance import cdist
from sklearn import datasets
from sklearn.metrics import DistanceMetric, pairwise_distances
from sklearn.neighbors import VALID_METRICS, NearestNeighbors

HERE = Path(__file__).parent


def number(v):
    """The shortest decimal that reads back as v, without an exponent."""
    return np.format_float_positional(float(v), trim="-")


def write_csv(name, header, rows):
    lines = [",".join(header)] + [",".join(r) for r in rows]
    (HERE / name).write_text("\n".join(lines) + "\n", newline="\n")


def bundled():
    """Data that the wheels of scikit-learn and river have with them."""
    digits = datasets.load_digits()
    write_csv(
        "digits.csv",
        ["id", *(f"pixel_{j}" for j in range(64)), "target"],
        ([str(i), *map(number, x), str(y)] for i, (x, y) in enumerate(zip(digits.data, digits.target))),
    )
    for name, data in [
        ("diabetes.csv", datasets.load_diabetes(scaled=False)),
        ("breast_cancer.csv", datasets.load_breast_cancer()),
    ]:
        write_csv(name, [*data.feature_names, "target"], (map(number, [*x, y]) for x, y in zip(data.data, data.target)))
    import river.datasets

    shutil.copyfile(river.datasets.Shuttle().path, HERE / "shuttle.csv.gz")


def digits_svm(n=100):
    """The first n digits in the text of SVMlight, their columns numbered from 0."""
    digits = datasets.load_digits()
    query = np.arange(n) // 10
    datasets.dump_svmlight_file(
        digits.data[:n], digits.target[:n], str(HERE / "digits.svm"), comment="digits.csv", query_id=query
    )


def digits_neighbors(k=10):
    """What the README's first command writes. All is exact: the squared distances are small integers."""
    x = datasets.load_digits().data
    d = np.sqrt(((x[:, None, :] - x[None, :, :]) ** 2).sum(2))
    positions, distances = nearest(d, k, own=True)
    write_csv(
        "digits.neighbors.csv",
        ["query_id", "rank", "neighbor_id", "distance"],
        (
            [str(i), str(r + 1), str(positions[i][r]), number(distances[i][r])]
            for i in range(len(x))
            for r in range(k)
        ),
    )


# The lexicographer files of WordNet 3.0 that words are taken from, as ranges of synset numbers.
KINDS = {
    "animal": (1313000, 2666500),
    "artifact": (2666500, 4618000),
    "food": (7555000, 7938000),
    "plant": (11529500, 13240000),
}


def words(source):
    """Of the kinds above, the nouns whose first lemma is one word in lower case: the first synset of each word."""
    lines = (source / "wordnet_20k.tsv").read_text().splitlines()
    chosen = {}
    for i, line in enumerate(lines):
        synset, text = line.split("\t")
        kind, offset = synset.split(":")
        word = re.split("[,:]", text)[0]
        if kind == "noun" and re.fullmatch("[a-z]+", word) and any(a <= int(offset) < b for a, b in KINDS.values()):
            chosen.setdefault(word, i)
    rows = sorted(chosen.values())
    np.save(HERE / "words.npy", np.load(source / "wordnet_20k_384_f16.npy")[rows])
    (HERE / "words.tsv").write_text("".join(lines[i] + "\n" for i in rows), newline="\n")


# References for the neighbours.
#
# scikit-learn leaves open which of equally far points are the neighbours, and in which order; and where more than k
# points equal a point, its answer "without the point itself" may have the point itself and lack another. Here the order
# is (distance, position), and a point's own row is left out, no other. So the reference is sorted from the matrix of
# all distances, by scikit-learn's own metrics, which take differences of the components as the definition here does;
# and what NearestNeighbors says, by each of its algorithms, is asserted to be at the same distances.
#
# Values are multiples of 1/64: both float32 and float64 hold them, and ties of sums of their products are exact.


def matrix(x, y, metric, p):
    """All distances of the rows of x to those of y."""
    if metric == "inner_product":
        return -(x @ y.T) + 0.0  # scikit-learn has none
    if metric == "cosine":
        # Multiplying matrices makes equal rows differ in the last digits: those of a row's first copy serve for all.
        # Were x the same array as y, the diagonal would be 0, but zero vectors are at 1, from themselves too.
        _, first, copy = np.unique(y, axis=0, return_index=True, return_inverse=True)
        return pairwise_distances(x.copy(), y, metric="cosine")[:, first[copy.ravel()]]
    if metric == "correlation":
        # As with the cosine; SciPy says NaN where a row is constant, here it is 1, as of zero vectors.
        _, first, copy = np.unique(y, axis=0, return_index=True, return_inverse=True)
        with np.errstate(invalid="ignore"):
            return np.nan_to_num(cdist(x, y, metric)[:, first[copy.ravel()]], nan=1.0)
    if metric in BOOLEAN:
        # 0/0 is 0 here; scikit-learn says so of jaccard, and NaN of the others.
        return np.nan_to_num(DistanceMetric.get_metric(metric).pairwise(x, y), nan=0.0)
    if metric == "sqeuclidean":
        return pairwise_distances(x, y, metric="sqeuclidean")
    return DistanceMetric.get_metric(metric, **parameters(y, metric, p)).pairwise(x, y)


BOOLEAN = ("jaccard", "dice", "rogerstanimoto", "russellrao", "sokalsneath")


def parameters(points, metric, p):
    """What scikit-learn's metrics are given, which SciPy takes from the points by itself."""
    if metric == "minkowski":
        return {"p": p}
    if metric == "seuclidean":
        return {"V": np.var(points, axis=0, ddof=1)}
    if metric == "mahalanobis":
        return {"VI": np.linalg.inv(np.cov(points.T))}
    return {}


def nearest(d, k, own=False):
    """The columns with the k smallest (distance, column) of each row, and the distances; own leaves out the diagonal."""
    positions, distances = [], []
    for i, row in enumerate(d):
        order = [int(j) for j in np.lexsort((np.arange(len(row)), row)) if not (own and j == i)][:k]
        positions.append(order)
        distances.append([float(row[j]) for j in order])
    return positions, distances


def within(d, radius, own=False):
    """The columns within the radius in each row, by (distance, column)."""
    positions, distances = nearest(d, d.shape[1], own)
    n = [sum(v <= radius for v in row) for row in distances]
    return [p[:m] for p, m in zip(positions, n)], [v[:m] for v, m in zip(distances, n)]


def assert_scikit_learn_agrees(x, q, metric, p, k, radius, answer_k, answer_radius):
    """q is None where the points themselves ask."""
    if metric in ("correlation", *BOOLEAN) and (np.ptp(x, axis=1) == 0).any():
        return  # NaN, of rows of one value
    for algorithm in ["brute", "kd_tree", "ball_tree"]:
        if metric not in VALID_METRICS[algorithm]:
            continue
        if metric == "braycurtis" and algorithm == "ball_tree":
            continue  # which it prunes by a triangle inequality that does not hold
        given = parameters(x, metric, p) if metric in ("seuclidean", "mahalanobis") else None
        nn = NearestNeighbors(algorithm=algorithm, metric=metric, p=p, metric_params=given).fit(x)
        # brute takes ‖x‖²+‖y‖²−2⟨x,y⟩ for Euclidean distances, so that small ones are right to a few digits only.
        np.testing.assert_allclose(nn.kneighbors(q, k)[0], answer_k[1], rtol=1e-9, atol=1e-6)
        found = nn.radius_neighbors(q, radius, sort_results=True)[0]
        for a, b in zip(found, answer_radius[1], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-6)


def write_references(name, x, q, searches):
    """A line with the points and queries; then, for each search of (metric, p, k, radius), lines of its answers."""
    lines = [{"points": x.tolist(), "queries": q.tolist()}]
    for metric, p, k, radius in searches:
        for own in [True, False]:
            d = matrix(x if own else q, x, metric, p)
            gaps = np.diff(np.sort(d))
            assert np.all((gaps == 0) | (gaps > 1e-9)), "rounding decides an order"
            answers = nearest(d, k, own), within(d, radius, own)
            assert_scikit_learn_agrees(x, None if own else q, metric, p, k, radius, *answers)
            for limit, (positions, distances) in zip([{"k": k}, {"radius": radius}], answers):
                search = {"metric": metric, "p": p, "self": own, **limit}
                lines.append({**search, "positions": positions, "distances": distances})
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    (HERE / "neighbors" / name).write_text(text, newline="\n")


def references():
    r = np.random.default_rng(1)

    def gaussian(n, dim):
        return np.round(r.standard_normal((n, dim)) * 64) / 64

    # Hardly two distances of a point are equal, but for chebyshev and hamming.
    write_references(
        "gaussian.jsonl",
        gaussian(60, 5),
        gaussian(15, 5),
        [
            ("euclidean", 2, 4, 1.25),
            ("sqeuclidean", 2, 4, 1.5),
            ("cosine", 2, 4, 0.125),
            ("inner_product", 2, 4, -4.0),
            ("manhattan", 2, 4, 2.25),
            ("chebyshev", 2, 4, 0.75),
            ("minkowski", 3, 4, 1.0),
            ("minkowski", 1.5, 4, 1.5),
            ("hamming", 2, 4, 0.8),
        ],
    )
    # A grid of small integers: ties everywhere, at the k-th place and, but for minkowski, at the radius.
    write_references(
        "grid.jsonl",
        r.integers(-2, 3, (70, 3)).astype(float),
        r.integers(-3, 4, (15, 3)).astype(float),
        [
            ("euclidean", 2, 5, 1.0),
            ("sqeuclidean", 2, 5, 2.0),
            ("inner_product", 2, 5, -5.0),
            ("manhattan", 2, 5, 1.0),
            ("chebyshev", 2, 5, 1.0),
            ("minkowski", 3, 5, 1.1),
            ("hamming", 2, 5, 1 / 3),
        ],
    )
    # Copies of rows, more of some than k, and zero vectors. A query is a copy, one the zero vector.
    x = gaussian(40, 10)
    x[10:20] = x[r.integers(0, 10, 10)]
    x[20:26] = x[3]
    x[[8, 30, 39]] = 0
    q = gaussian(8, 10)
    q[1], q[2] = x[3], 0
    write_references(
        "duplicates.jsonl",
        x,
        q,
        [
            ("euclidean", 2, 4, 2.0),
            ("sqeuclidean", 2, 4, 4.0),
            ("cosine", 2, 4, 0.5),
            ("inner_product", 2, 4, -6.0),
            ("manhattan", 2, 4, 6.0),
            ("chebyshev", 2, 4, 1.0),
            ("minkowski", 3, 4, 1.5),
            ("minkowski", 1.5, 4, 3.0),
            ("hamming", 2, 4, 0.5),
        ],
    )


def more_references():
    """Of the metrics that are not of every row, or that have parameters of the points."""
    r = np.random.default_rng(2)
    # Far from the origin, with copies and, but in the queries, rows of one value.
    x = np.round(r.standard_normal((50, 5)) * 64 * [1, 2, 4, 8, 1]) / 64 + 100
    x[20:30] = x[r.integers(0, 10, 10)]
    x[[8, 30]] = 99.5
    q = np.round(r.standard_normal((12, 5)) * 64) / 64 + 100
    q[1], q[2] = x[3], 99.5
    write_references(
        "offset.jsonl",
        x,
        q,
        [
            ("correlation", 2, 4, 0.25),
            ("seuclidean", 2, 4, 1.5),
            ("mahalanobis", 2, 4, 1.5),
            ("canberra", 2, 4, 0.03),
            ("braycurtis", 2, 4, 0.008),
        ],
    )
    # Counts with ties, copies and rows of zeros. Fractions of them are exact, or the same where they are equal.
    x = r.choice([0, 0, 1, 3], (70, 6)).astype(float)
    x[50:60] = x[r.integers(0, 10, 10)]
    x[[8, 61]] = 0
    q = r.choice([0, 0, 1, 3], (15, 6)).astype(float)
    q[1], q[2] = x[3], 0
    write_references(
        "counts.jsonl",
        x,
        q,
        [
            ("seuclidean", 2, 5, 2.0),
            ("mahalanobis", 2, 5, 2.0),
            ("canberra", 2, 5, 1.5),
            ("braycurtis", 2, 5, 0.5),
            ("jaccard", 2, 5, 0.5),
            ("dice", 2, 5, 0.4),
            ("rogerstanimoto", 2, 5, 0.5),
            ("russellrao", 2, 5, 0.75),
            ("sokalsneath", 2, 5, 0.6),
        ],
    )
    # Places in radians: near each other, at both ends of the map, copies, and a cross of equal distances.
    x = np.round(r.uniform([-1.5, -3.1], [1.5, 3.1], (60, 2)) * 1024) / 1024
    x[:20] = np.round((np.array([0.75, 0.25]) + r.normal(0, 0.01, (20, 2))) * 2**16) / 2**16
    x[20:26] = x[r.integers(0, 10, 6)]
    x[26:31] = [[0, 0], [0, 0.5], [0, -0.5], [0.5, 0], [-0.5, 0]]
    x[31:33] = [[0.25, 3.140625], [0.25, -3.140625]]
    q = np.round(r.uniform([-1.5, -3.1], [1.5, 3.1], (12, 2)) * 1024) / 1024
    q[1], q[2] = x[3], 0
    write_references("places.jsonl", x, q, [("haversine", 2, 5, 0.5)])


if __name__ == "__main__":
    bundled()
    digits_svm()
    digits_neighbors()
    references()
    more_references()
    if len(sys.argv) > 1:
        words(Path(sys.argv[1]))
