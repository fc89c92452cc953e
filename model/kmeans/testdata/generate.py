"""What scikit-learn's KMeans finds from given centres, as the golden numbers of the tests: python generate.py, with
scikit-learn 1.9. Rows are those of testdata/*.csv and small ones of here; the centres to begin with are rows, by their
numbers, or points."""
import csv, json, os
import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

here = os.path.dirname(os.path.abspath(__file__))
golden = []


def case(name, x, centers, weights=None, **options):
    """The tests find the rows by their name, or, of a name that they do not know, in the case."""
    x = np.asarray(x, dtype=np.float64)
    m = KMeans(n_clusters=len(centers), init=np.asarray(centers, dtype=np.float64), n_init=1, algorithm="lloyd", **options)
    m.fit(x, sample_weight=weights)
    labels = m.labels_
    golden.append({
        "name": name, "rows": None if name in ("digits", "breast_cancer", "line") else x.tolist(),
        "weights": None if weights is None else np.asarray(weights, dtype=np.float64).tolist(), "init": np.asarray(centers).tolist(), "max_iter": m.max_iter, "tol": m.tol,
        "inertia": m.inertia_, "n_iter": m.n_iter_, "cluster_centers": m.cluster_centers_.tolist(), "labels": labels.tolist(),
        "silhouette": silhouette_score(x, labels) if len(x) <= 1000 and weights is None and 1 < len(set(labels)) < len(x) else None,
    })


def rows(name, drop):
    with open(os.path.join(here, "../../../testdata", name + ".csv")) as f:
        header, *table = csv.reader(f)
    return np.array([[float(v) for c, v in zip(header, r) if c not in drop] for r in table])


digits, cancer = rows("digits", ("id", "target")), rows("breast_cancer", ("target",))
case("digits", digits, digits[::180][:10])
case("digits", digits, digits[::180][:10], tol=0)
case("breast_cancer", cancer, cancer[:50], max_iter=3)  # of whole numbers as those of digits, many are equally near
case("breast_cancer", cancer, cancer[[0, 1]])
case("breast_cancer", cancer, cancer[:7], tol=0)
case("breast_cancer", cancer, cancer[[0]])
far = digits[:3].copy()
far[2] += 1000  # no row is near: the cluster gets the farthest row
case("digits", digits, far, tol=0)
line = [[0.0], [1], [2], [10], [11], [12], [30]]
case("line", line, [[0.0], [1], [500]], tol=0)
case("line", line, [[1.0], [11]], tol=0)
# Weights, of which one is 0. (Where a row of weight 0 is the farthest, scikit-learn gives it an empty cluster, whose mean
# then is the sum of another's rows; here it is passed over.)
case("line", line, [[1.0], [11]], [1, 0, 3, 0.5, 2, 1, 4], tol=0)
r = np.random.default_rng(3)
case("digits", digits, digits[::180][:10], r.exponential(size=len(digits)))
case("breast_cancer", cancer, cancer[:6], r.integers(0, 4, len(cancer)), tol=0)
case("digits", digits, far, r.integers(0, 3, len(digits)), tol=0)
# Fewer rows that differ than clusters, as many, one row, rows that are all the same, and rows between two centres.
case("two points", [[1.0], [1], [1], [5], [5]], [[1.0], [5], [5], [9]], tol=0)
case("three points", [[1.0], [5], [5], [9]], [[1.0], [5], [9]], tol=0)
case("one row", [[3.0, 4]], [[1.0, 1]], tol=0)
case("one point", [[5.0, 5]] * 6, [[5.0, 5], [5, 5], [1, 1]], tol=0)
case("ties", [[0.0], [2], [4], [6], [8]], [[1.0], [3], [7]], tol=0)
with open(os.path.join(here, "golden.json"), "w") as f:
    json.dump(golden, f, separators=(",", ":"))
    f.write("\n")
