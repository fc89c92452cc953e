"""What scikit-learn's PCA finds, as the golden numbers of the tests: python generate.py, with scikit-learn 1.9."""
import csv, json, os
import numpy as np
from sklearn.decomposition import PCA

here = os.path.dirname(os.path.abspath(__file__))
golden = {}
for name, drop in (("digits", ("id", "target")), ("breast_cancer", ("target",))):
    with open(os.path.join(here, "../../../testdata", name + ".csv")) as f:
        header, *rows = csv.reader(f)
    x = np.array([[float(v) for c, v in zip(header, r) if c not in drop] for r in rows])
    spread = x.std(0)
    for tag, rows in (("", x), ("_standardized", (x - x.mean(0)) / np.where(spread > 0, spread, 1))):
        p = PCA(svd_solver="full").fit(rows)
        w = PCA(svd_solver="full", whiten=True, n_components=5).fit(rows)
        golden[name + tag] = {
            "components": p.components_[:30].tolist(), "explained_variance": p.explained_variance_.tolist(),
            "explained_variance_ratio": p.explained_variance_ratio_.tolist(),
            "projected": p.transform(rows[::200])[:, :30].tolist(), "whitened": w.transform(rows[::200]).tolist(),
        }
with open(os.path.join(here, "golden.json"), "w") as f:
    json.dump(golden, f, separators=(",", ":"))
