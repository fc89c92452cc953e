"""Makes untargeted.{csv,jsonl,parquet,arrow,svm}, untargeted.npy and untargeted_y.npy: rows of numbers of which some have no target, and
untargeted.reference.json: what scikit-learn makes of them after pandas' dropna.

    pip install numpy pandas pyarrow scikit-learn==1.9.1
    python untargeted.py
"""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor

ALPHA = 1e-3


def main():
    rng = np.random.default_rng(19)
    n = 60
    x = rng.normal(size=(n, 3)).round(3)
    y = (x @ [1, -2, 0.5] + 1 + 0.3 * rng.normal(size=n)).round(3)
    y[[3, 17, 18, 40, 59]] = np.nan
    table = pd.DataFrame(x, columns=list("abc")).assign(y=y, kind=[None if v != v else "up" if v > 0 else "down" for v in y])
    table.to_csv("untargeted.csv", index=False)
    arrow = pa.table({c: pa.array(table[c], from_pandas=True) for c in table})  # NaN is null
    pq.write_table(arrow, "untargeted.parquet", row_group_size=25)
    feather.write_feather(arrow, "untargeted.arrow", compression="uncompressed")
    with open("untargeted.jsonl", "w") as f:
        for row in arrow.to_pylist():
            f.write(json.dumps(row) + "\n")
    with open("untargeted.svm", "w") as f:
        for row, target in zip(x, y):
            f.write(" ".join([str(float(target))] + [f"{j + 1}:{v}" for j, v in enumerate(row)]) + "\n")
    np.save("untargeted.npy", x)
    np.save("untargeted_y.npy", y)

    rows = table.dropna(subset="y")
    x, y, kind = rows[list("abc")].to_numpy(), rows.y.to_numpy(), rows.kind
    ridge = Ridge(alpha=ALPHA * len(rows), solver="cholesky").fit(x, y)
    logistic = LogisticRegression(C=1 / (ALPHA * len(rows)), tol=1e-12, max_iter=10_000).fit(x, kind)
    neighbours = KNeighborsRegressor(3, algorithm="brute").fit(x, y)
    reference = {
        "alpha": ALPHA,
        "rows": len(rows),
        "missing": n - len(rows),
        "ridge": [*ridge.coef_, ridge.intercept_],
        "r2": ridge.score(x, y),
        "logistic": [*logistic.coef_[0], logistic.intercept_[0]],
        "accuracy": logistic.score(x, kind),
        "bayes": GaussianNB().fit(x, kind).score(x, kind),
        "neighbours": list(neighbours.predict(None)),  # of every point by the others
    }
    with open("untargeted.reference.json", "w") as f:
        json.dump(reference, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
