"""scikit-learn's MiniBatchKMeans.partial_fit over batches that come one after the other: online.json."""
import json

import numpy
import sklearn
from sklearn.cluster import MiniBatchKMeans

assert sklearn.__version__ == "1.9.1", sklearn.__version__
rng = numpy.random.default_rng(7)
middles = rng.normal(size=(4, 3)) * 5
rows = numpy.concatenate([rng.normal(size=(120, 3)) + m for m in middles])
rows = numpy.round(rows[rng.permutation(len(rows))], 6)
files = [rows[:200], rows[200:230], rows[230:480]]
init = rows[:4].copy()
out = {"files": [f.tolist() for f in files], "init": init.tolist(), "batch": 50, "after": []}
model = MiniBatchKMeans(4, init=init, n_init=1, batch_size=50, reassignment_ratio=0)
for f in files:
    judged = 0.0
    for at in range(0, len(f), 50):
        batch = f[at : at + 50]
        centers = getattr(model, "cluster_centers_", init)
        judged += float((((batch[:, None] - centers[None]) ** 2).sum(2)).min(1).sum())
        model.partial_fit(batch)
    out["after"].append(
        {"centers": model.cluster_centers_.tolist(), "counts": model._counts.tolist(), "judged": judged}
    )
with open("online.json", "w") as w:
    json.dump(out, w)
    w.write("\n")
