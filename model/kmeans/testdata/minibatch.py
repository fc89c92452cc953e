"""What scikit-learn's MiniBatchKMeans makes of batches taken in turn, from given centres, and how good its clusters are by
its own starts, as the golden numbers of the tests: OMP_NUM_THREADS=1 python minibatch.py, with scikit-learn 1.9. The steps are those of its
fit, whose batches are drawn. Its rule of when to stop, ten batches without a new least smoothed inertia, waits for chance
to raise it, which it seldom does where batches come in turn: so what is less than one in 10,000 is no improvement."""
import csv, json, os
import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.cluster._kmeans import _mini_batch_step

here = os.path.dirname(os.path.abspath(__file__))


def rows(name, drop):
    with open(os.path.join(here, "../../../testdata", name + ".csv")) as f:
        header, *table = csv.reader(f)
    return np.array([[float(v) for c, v in zip(header, r) if c not in drop] for r in table])


def steps(name, x, k, size, epochs, weights=None, ratio=0.01):
    centers = x[:: len(x) // k][:k].copy()
    first = centers.tolist()
    m = MiniBatchKMeans(k, init=centers, n_init=1)
    m._batch_size, m._counts, m._n_since_last_reassign = size, np.zeros(k), 0
    smoothed, least, stale = None, np.inf, 0
    w = np.ones(len(x)) if weights is None else weights
    step, stopped = 0, False
    for epoch in range(epochs):
        for at in range(0, len(x), size):
            b, v = x[at : at + size], w[at : at + size]
            new = np.empty_like(centers)
            inertia = _mini_batch_step(
                b, v, centers, new, m._counts, np.random.RandomState(0), random_reassign=m._random_reassign(),
                reassignment_ratio=ratio,
            )
            centers = new
            step += 1
            if step == 1:
                continue
            alpha = min(size * 2.0 / (len(x) + 1), 1)
            smoothed = inertia / size if step == 2 else smoothed * (1 - alpha) + inertia / size * alpha
            if smoothed < least * (1 - 1e-4):
                least, stale = smoothed, 0
            else:
                stale += 1
            if stopped := stale >= 10:
                break
        if stopped:
            break
    m.cluster_centers_, m._n_threads, m._n_features_out = centers, 1, k
    distances = ((x[:, None, :] - centers) ** 2).sum(2).min(1)
    return {
        "name": name, "rows": len(x), "batch_size": size, "max_iter": epochs, "init": first, "n_iter": epoch + 1,
        "weights": None if weights is None else w.tolist(), "cluster_centers": centers.tolist(),
        "inertia": float((distances * w).sum()), "stopped": stopped,
    }


digits, cancer = rows("digits", ("id", "target")), rows("breast_cancer", ("target",))
golden = []
for args in [
    ("digits", digits[:1700], 8, 100, 2), ("digits", digits[:1700], 8, 170, 99), ("breast_cancer", cancer[:560], 4, 70, 99),
    ("breast_cancer", cancer[:560], 4, 56, 3, np.random.default_rng(1).integers(1, 4, 560).astype(float)),
]:
    golden.append(steps(*args))
    assert golden[-1] == steps(*args, **({"weights": None} if len(args) < 6 else {}), ratio=0), "centres were reassigned"
found = {
    f"{name} {k}": float(np.mean([MiniBatchKMeans(k, batch_size=256, n_init=1, random_state=s).fit(x).inertia_ for s in range(20)]))
    for name, x in (("digits", digits), ("breast_cancer", cancer)) for k in (5, 20)
}
with open(os.path.join(here, "minibatch.json"), "w") as f:
    json.dump({"steps": golden, "inertia": found}, f, separators=(",", ":"))
    f.write("\n")
print([(g["name"], g["n_iter"], g["stopped"], g["inertia"]) for g in golden], found)
