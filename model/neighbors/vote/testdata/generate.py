"""Writes reference.json and digits.json: what scikit-learn's KNeighbors* and RadiusNeighbors* predict, with every bit.

The neighbours are those with the smallest (distance, position), by float64 arithmetic on whole numbers, whose distances have the same
bits everywhere; scikit-learn breaks ties at the last place otherwise, and is given them. What it makes of them is its own.

    python3 model/neighbors/vote/testdata/generate.py
"""

import hashlib
import json
import pathlib
import warnings

import numpy as np
from sklearn import datasets, metrics, neighbors

HERE = pathlib.Path(__file__).parent
warnings.filterwarnings("ignore")


def letters(n=600, seed=0):
    """Whole numbers about the centres of 26 classes, with many ties and duplicates."""
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 16, size=(26, 6))
    y = rng.integers(0, 26, size=n)
    return np.clip(centres[y] + rng.integers(-3, 4, size=(n, 6)), 0, 15), y


def tables():
    digits, iris = datasets.load_digits(), datasets.load_iris()
    diabetes = datasets.load_diabetes(scaled=False)
    x, y = letters()
    rng = np.random.default_rng(1)
    yield "digits", digits.data[:700], digits.target[:700], "classification", 20
    yield "iris", np.round(10 * iris.data), iris.target, "classification", 4
    yield "letters", x, y, "classification", 3
    yield "diabetes", np.round(diabetes.data * 10), diabetes.target, "regression", 120
    yield "letters as numbers", x, np.round(rng.normal(size=len(y)) * 10.0 ** rng.integers(-3, 4, len(y)), 6), "regression", 3


def listed(base):
    """An estimator that is told its neighbours."""

    class Listed(base):
        def kneighbors(self, X=None, n_neighbors=None, return_distance=True):
            d, i = self.lists
            return (d, i) if return_distance else i

        def radius_neighbors(self, X=None, radius=None, return_distance=True):
            d, i = self.lists
            return (d.copy(), i) if return_distance else i

    return Listed


def ragged(rows):
    out = np.empty(len(rows), dtype=object)
    out[:] = [np.asarray(r) for r in rows]
    return out


def bits(*arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(a, dtype="<f8").tobytes() for a in arrays)).hexdigest()


def cases(name, x, y, task, radius):
    n = len(x)
    d2 = ((x[:, None, :] - x[None, :, :]) ** 2).sum(axis=2)
    d2[np.arange(n), np.arange(n)] = np.inf
    order = np.argsort(d2, axis=1, kind="stable")
    dist = np.sqrt(np.take_along_axis(d2, order, axis=1))
    classes = task == "classification"
    kneighbors = listed(neighbors.KNeighborsClassifier if classes else neighbors.KNeighborsRegressor)
    within = listed(neighbors.RadiusNeighborsClassifier if classes else neighbors.RadiusNeighborsRegressor)
    for weights in ("uniform", "distance"):
        for k in (1, 2, 5, 8, 15, 30, 130):
            e = kneighbors(n_neighbors=k, weights=weights, algorithm="kd_tree").fit(x, y)
            e.lists = dist[:, :k], order[:, :k]
            case = {"k": k, "weights": weights}
            answer(case, e, x, y, classes)
            yield case
        inside = dist <= radius
        # within a radius scikit-learn has them in the order of the points
        near = [np.sort(order[i][inside[i]]) for i in range(n)]
        far = [np.sqrt(d2[i][near[i]]) for i in range(n)]
        extra = {"outlier_label": "most_frequent"} if classes else {}
        e = within(radius=radius, weights=weights, algorithm="kd_tree", **extra).fit(x, y)
        e.lists = ragged(far), ragged(near)
        case = {"radius": radius, "weights": weights, "outlier": "most_frequent" if classes else "nan"}
        case["alone"] = int(sum(len(i) == 0 for i in near))
        answer(case, e, x, y, classes)
        yield case


def answer(case, e, x, y, classes):
    p = e.predict(x)
    case["first"] = p[:8].tolist() if not np.isnan(p[:8].astype(float)).any() else None
    if classes:
        proba = e.predict_proba(x)
        case["bits"] = bits(p, proba)
        labels = e.classes_
        case["scores"] = {
            "accuracy": metrics.accuracy_score(y, p),
            "neg_log_loss": -metrics.log_loss(y, proba, labels=labels),
            "f1_macro": metrics.f1_score(y, p, average="macro"),
        }
        return
    case["bits"] = bits(np.where(np.isnan(p), 0, p), np.isnan(p))
    there = ~np.isnan(p)
    case["scores"] = {
        "r2": metrics.r2_score(y[there], p[there]),
        "neg_mean_squared_error": -metrics.mean_squared_error(y[there], p[there]),
        "neg_mean_absolute_error": -metrics.mean_absolute_error(y[there], p[there]),
    }


def digits():
    """What each of testdata/digits.csv is by the others, by those of them whose number is not 3 mod 10."""
    d = datasets.load_digits()
    x, y, known = d.data, d.target, np.arange(len(d.target)) % 10 != 3
    d2 = ((x[:, None, :] - x[None, known, :]) ** 2).sum(axis=2)
    d2[np.flatnonzero(known), np.arange(known.sum())] = np.inf
    order = np.argsort(d2, axis=1, kind="stable")
    dist = np.sqrt(np.take_along_axis(d2, order, axis=1))
    out = {}
    for k in (1, 3, 5, 10):
        e = listed(neighbors.KNeighborsClassifier)(n_neighbors=k, weights="distance", algorithm="kd_tree").fit(x[known], y[known])
        e.lists = dist[:, :k], order[:, :k]
        p, proba = e.predict(x), e.predict_proba(x)
        out[k] = {
            "accuracy": metrics.accuracy_score(y[known], p[known]),
            "neg_log_loss": -metrics.log_loss(y[known], proba[known]),
            "f1_macro": metrics.f1_score(y[known], p[known], average="macro"),
            "predictions": "".join(map(str, p)),
            "bits": bits(p[known], proba[known]),
        }
    return out


def main():
    (HERE / "digits.json").write_text(json.dumps(digits(), indent=1) + "\n")
    out = []
    for name, x, y, task, radius in tables():
        stored = {"name": name, "task": task, "columns": x.shape[1]}
        stored["x"] = x.astype(int).ravel().tolist()
        stored["y"] = y.tolist()
        stored["cases"] = list(cases(name, x.astype(float), y, task, radius))
        out.append(stored)
    lines = ",\n".join(json.dumps(t, separators=(",", ":")) for t in out)
    (HERE / "reference.json").write_text("[\n" + lines + "\n]\n")


if __name__ == "__main__":
    main()
