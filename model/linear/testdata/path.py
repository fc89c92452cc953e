"""Writes path.json: what scikit-learn's estimators that choose alpha by cross-validation choose, on the tables of cross.py.

pip install numpy==2.4.6 scikit-learn==1.9.1
python path.py

LassoCV and ElasticNetCV make their own path of alphas, from the columns; LogisticRegressionCV and GridSearchCV of Ridge are given
that of beamlearn's rule for l2, made here once more. Folds are those of beamlearn. Columns are standardised before, where a case
says so.
"""

import json

import numpy as np
from sklearn.linear_model import ElasticNetCV, LassoCV, LogisticRegressionCV, Ridge
from sklearn.model_selection import GridSearchCV, PredefinedSplit

from cross import folds, here, tables


def digits(path):
    return [float(f"{v:.3g}") for v in path]


def l2_path(x, curvature):
    v = x.var(axis=0)
    top = 10 * curvature * v.sum()
    bottom = max(1e-7 * curvature * v[v > 1e-30].min(), 1e-16 * top)
    return digits(np.geomspace(top, bottom, 20))


def case(data, penalty, ratio=1.0, standardize=False, k=5):
    x, y = tables[data]
    if standardize:
        x = (x - x.mean(axis=0)) / x.std(axis=0)
    logistic = len(np.unique(y)) == 2
    split = PredefinedSplit(folds(y, k, 0, logistic))
    n = len(y) * (k - 1) / k  # rows that a fold's fit learns from
    c = dict(data=data, penalty=penalty, l1_ratio=ratio, standardize=standardize, folds=k)
    if logistic:
        c["alphas"] = l2_path(x, 0.25)
        e = LogisticRegressionCV(Cs=[1 / (a * n) for a in c["alphas"]], cv=split, scoring="neg_log_loss", solver="newton-cholesky",
                                 l1_ratios=(0,), max_iter=1000, tol=1e-10, use_legacy_attributes=False).fit(x, y)
        c["alpha"] = c["alphas"][int(np.argmin(np.abs(np.log(np.array([1 / (a * n) for a in c["alphas"]]) / e.C_))))]
        c["scores"] = e.scores_.reshape(k, -1).mean(axis=0).tolist()
    elif penalty == "l2":
        c["alphas"] = l2_path(x, 1)
        e = GridSearchCV(Ridge(), {"alpha": [a * n for a in c["alphas"]]}, cv=split, scoring="neg_mean_squared_error").fit(x, y)
        c["alpha"] = c["alphas"][e.best_index_]
        c["scores"] = e.cv_results_["mean_test_score"].tolist()
    else:
        kwargs = dict(eps=1e-3, alphas=31, cv=split, tol=1e-12, max_iter=1_000_000)
        e = (LassoCV(**kwargs) if penalty == "l1" else ElasticNetCV(l1_ratio=ratio, **kwargs)).fit(x, y)
        c["alphas"] = digits(e.alphas_)
        c["alpha"] = digits([e.alpha_])[0]
        c["scores"] = (-e.mse_path_.mean(axis=-1)).tolist()
    print(data, penalty, c["alpha"], max(c["scores"]))
    return c


if __name__ == "__main__":
    cases = [
        case("diabetes", "l1"),
        case("diabetes", "l1", standardize=True),
        case("diabetes", "elasticnet", ratio=0.5, standardize=True, k=4),
        case("diabetes", "l2", standardize=True),
        case("diabetes", "l2"),
        case("breast_cancer", "l2", standardize=True),
    ]
    (here / "path.json").write_text(json.dumps(cases, indent=1) + "\n")
