"""Writes constant.json: what constant predictions score by scikit-learn 1.9.1, of each fold of the targets below, by
the other folds: DummyRegressor's quantile for the pinball loss, and its median for the absolute error.
python3 model/linear/testdata/constant.py"""

import json
import pathlib

from sklearn.dummy import DummyRegressor
from sklearn.metrics import mean_absolute_error, mean_pinball_loss

folds = [[3, 1, 4, 1, 5], [9, 2, 6, 5, 3, 5, 8], [9, 7, 9, 3, 2, 3, 8]]
out = {"folds": folds, "quantile": 0.8, "pinball": [], "absolute": []}
for i, held in enumerate(folds):
    rest = [y for j, f in enumerate(folds) if j != i for y in f]
    x, z = [[0]] * len(rest), [[0]] * len(held)
    w = [1] * len(rest)  # with weights, quantiles are not interpolated
    q = DummyRegressor(strategy="quantile", quantile=0.8).fit(x, rest, w).predict(z)
    out["pinball"].append(-mean_pinball_loss(held, q, alpha=0.8))
    out["absolute"].append(-mean_absolute_error(held, DummyRegressor(strategy="median").fit(x, rest, w).predict(z)))
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out) + "\n")
