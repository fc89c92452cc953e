"""Writes inference.json: standard errors, statistics, p-values and intervals by statsmodels.

pip install numpy==2.4.6 scikit-learn==1.9.1 statsmodels==0.15.0
python inference.py

OLS, Logit and GLM with the logarithm for a link, of standardised rows of the tables in ../../../testdata; robust ones are HC0. Weights
are statsmodels' freq_weights.
"""

import json
import pathlib

import numpy as np
import statsmodels.api as sm
from cross import table
from sklearn.preprocessing import StandardScaler

here = pathlib.Path(__file__).parent
diabetes, progress = table("diabetes.csv", "target")
tumours, benign = table("breast_cancer.csv", "target", leave=("id",))
digits, digit = table("digits.csv", "target", leave=("id",), every=5)
some = digits[:, np.argsort(-digits.std(0), kind="stable")[:6]]
tables = {"diabetes": (diabetes, progress), "breast_cancer": (tumours[:, [1, 4, 8]], benign), "digits": (some, digit)}
families = {"poisson": sm.families.Poisson, "gamma": sm.families.Gamma}
cases = []
for data, loss, weighted, exposed in [
    ("diabetes", "squared_error", False, False), ("breast_cancer", "log_loss", False, False), ("digits", "poisson", False, False),
    ("digits", "poisson", True, True), ("diabetes", "gamma", False, False), ("diabetes", "gamma", True, False), ("digits", "tweedie", False, False),
]:
    x, y = tables[data]
    w = 1.0 + np.arange(len(y)) % 3 if weighted else np.ones(len(y))
    e = 0.25 + np.arange(len(y)) % 5 / 2 if exposed else np.ones(len(y))
    z = sm.add_constant(StandardScaler().fit(x).transform(x), prepend=False)
    if loss == "squared_error":
        model = sm.OLS(y, z)
    elif loss == "log_loss":
        model = sm.Logit(y, z)
    elif loss == "tweedie":
        model = sm.GLM(y, z, family=sm.families.Tweedie(var_power=1.5))
    else:
        model = sm.GLM(y, z, family=families[loss](sm.families.links.Log()), freq_weights=w, exposure=e)
    for kind, cov in [("wald", "nonrobust"), ("robust", "HC0")]:
        if kind == "robust" and weighted:
            continue
        fit = {"disp": 0, "tol": 1e-14, "maxiter": 500} if loss == "log_loss" else {} if loss == "squared_error" else {"tol": 1e-14, "maxiter": 500}
        r = model.fit(cov_type=cov, **fit)
        bounds = r.conf_int()
        case = dict(
            data=data, loss=loss, weighted=weighted, exposed=exposed, kind=kind, coef=r.params.tolist(), error=r.bse.tolist(),
            statistic=r.tvalues.tolist(), p=r.pvalues.tolist(), lower=bounds[:, 0].tolist(), upper=bounds[:, 1].tolist(),
        )
        if loss != "tweedie":
            case |= dict(likelihood=float(r.llf), aic=float(r.aic), bic=float(getattr(r, "bic_llf", None) or r.bic))
        cases.append(case)
out = dict(data={k: dict(x=x.tolist(), y=y.tolist()) for k, (x, y) in tables.items()}, cases=cases)
(here / "inference.json").write_text(json.dumps(out))
