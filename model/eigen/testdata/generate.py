"""What scikit-learn's PCA finds, as the golden numbers of the tests: python generate.py, with scikit-learn 1.9."""
import csv, json, os
import numpy as np
from sklearn.decomposition import PCA

here = os.path.dirname(os.path.abspath(__file__))
golden = {}
shares = {}  # how many components PCA(n_components=share) has
for name, drop in (("digits", ("id", "target")), ("breast_cancer", ("target",))):
    with open(os.path.join(here, "../../../testdata", name + ".csv")) as f:
        header, *rows = csv.reader(f)
    x = np.array([[float(v) for c, v in zip(header, r) if c not in drop] for r in rows])
    spread = x.std(0)
    for tag, rows in (("", x), ("_standardized", (x - x.mean(0)) / np.where(spread > 0, spread, 1))):
        p = PCA(svd_solver="full").fit(rows)
        w = PCA(svd_solver="full", whiten=True, n_components=5).fit(rows)
        shares[name + tag] = {
            str(s): int(PCA(svd_solver="full", n_components=s).fit(rows).n_components_) for s in (0.05, 0.5, 0.9, 0.95, 0.99, 0.9999)
        }
        golden[name + tag] = {
            "components": p.components_[:30].tolist(), "explained_variance": p.explained_variance_.tolist(),
            "explained_variance_ratio": p.explained_variance_ratio_.tolist(),
            "projected": p.transform(rows[::200])[:, :30].tolist(), "whitened": w.transform(rows[::200]).tolist(),
        }
with open(os.path.join(here, "golden.json"), "w") as f:
    json.dump(golden, f, separators=(",", ":"))
# Two columns of equal variance: each explains 0.5 to the bit, which does not exceed a share of 0.5.
ties = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
shares["ties"] = {str(s): int(PCA(svd_solver="full", n_components=s).fit(ties).n_components_) for s in (0.4999, 0.5, 0.5001)}
with open(os.path.join(here, "shares.json"), "w") as f:
    json.dump(shares, f, indent=1)
    f.write("\n")
