"""Writes extra.json: what scikit-learn makes of cases that grid.json and special.json do not have.

pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
python generate.py
"""

import json
import pathlib
import warnings

import numpy as np
import scipy.sparse
import sklearn
from sklearn import metrics
from sklearn.linear_model import SGDClassifier, SGDOneClassSVM, SGDRegressor
from sklearn.utils import compute_class_weight

here = pathlib.Path(__file__).parent
warnings.simplefilter("ignore")
assert sklearn.__version__ == "1.9.1"

table = np.genfromtxt(here / "a500x8.csv", delimiter=",", names=True)
x = np.column_stack([table[f"x{j}"] for j in range(8)])
# Every row has a column that few others have: what is sparse about sparse rows.
wide = np.where(np.abs(x) < 0.05, 0, x)
extra = np.zeros((500, 12))
extra[np.arange(500), (np.arange(500) * 7) % 12] = 1
wide = np.hstack([wide, extra])
chunks = [60, 1, 139, 200, 100]
cases = []


def run(name, est, target, sparse=False, weight=None, balanced=False, epochs=False):
    data = scipy.sparse.csr_matrix(wide) if sparse else x
    y = None if target is None else table[target]
    case = dict(name=name, **{"class": type(est).__name__}, sparse=sparse, target=target, chunks=chunks, balanced=balanced)
    case["params"] = {k: v for k, v in est.get_params().items() if k not in ("shuffle", "random_state", "verbose", "n_jobs", "warm_start")}
    case["sample_weight"] = weight
    w = None if weight is None else table[weight]
    is_classifier = isinstance(est, SGDClassifier)
    if is_classifier:
        case["classes"] = sorted(set(y))
    after = []

    def state():
        coef, intercept = np.atleast_2d(est.coef_), est.offset_ if target is None else est.intercept_
        return dict(coef=coef.tolist(), intercept=intercept.tolist(), t=est.t_)

    if epochs:
        est.fit(data, y)
        case["epochs"] = est.n_iter_
        after.append(state())
    else:
        at = 0
        for n in chunks:
            rows = slice(at, at + n)
            at += n
            args = {} if w is None else {"sample_weight": w[rows]}
            if is_classifier:
                args["classes"] = case["classes"]
            if balanced:
                seen = np.unique(y[:at])
                est.class_weight = dict(zip(seen, compute_class_weight("balanced", classes=seen, y=y[:at])))
            est.partial_fit(data[rows], *([] if y is None else [y[rows]]), **args)
            after.append(state())
    case["after_chunk"] = after
    case["decision"] = (est.predict if isinstance(est, SGDRegressor) else est.decision_function)(data[:20]).tolist()
    case["predict"] = est.predict(data[:20]).tolist()
    if getattr(est, "loss", "") in ("log_loss", "modified_huber") and is_classifier:
        case["proba"] = est.predict_proba(data[:20]).tolist()
    cases.append(case)


common = dict(shuffle=False, alpha=0.01, l1_ratio=0.3)
for penalty in (None, "l2", "l1", "elasticnet"):
    for rate in ("constant", "optimal", "invscaling", "pa1", "pa2"):
        params = dict(common, penalty=penalty, learning_rate=rate)
        name = f"{penalty}/{rate}"
        passive = rate.startswith("pa")
        run("sparse/clf/" + name, SGDClassifier(loss="hinge" if passive else "log_loss", **params), "y_bin", sparse=True)
        run("sparse/reg/" + name, SGDRegressor(loss="epsilon_insensitive" if passive else "huber", **params), "y_reg", sparse=True)
    run(f"sparse/avg/reg/{penalty}", SGDRegressor(penalty=penalty, average=30, **common), "y_reg", sparse=True)
    run(f"avg/reg/{penalty}", SGDRegressor(penalty=penalty, average=30, **common), "y_reg")
run("sparse/multi", SGDClassifier(loss="modified_huber", **common), "y_multi", sparse=True, weight="sw")
run("sparse/oneclass", SGDOneClassSVM(nu=0.3, shuffle=False, learning_rate="constant"), None, sparse=True)
run("oneclass/avg", SGDOneClassSVM(nu=0.3, shuffle=False, average=True), None)
run("multi/modified_huber", SGDClassifier(loss="modified_huber", **common), "y_multi")
run("multi/class_weight", SGDClassifier(loss="log_loss", class_weight={0: 3, 2: 0.25}, **common), "y_multi", weight="sw")
run("multi/balanced", SGDClassifier(loss="log_loss", learning_rate="constant", **common), "y_multi", balanced=True)
run("binary/balanced", SGDClassifier(loss="hinge", **common), "y_bin", balanced=True)
run("intercept/none", SGDClassifier(loss="squared_hinge", fit_intercept=False, learning_rate="constant", **common), "y_bin")
run("invscaling/power", SGDRegressor(power_t=0.4, eta0=0.03, **common), "y_reg")
run("scale/folds", SGDRegressor(learning_rate="constant", eta0=0.9, alpha=0.9, shuffle=False), "y_reg")
run("scale/zero", SGDRegressor(learning_rate="constant", eta0=0.9, alpha=1.2, shuffle=False), "y_reg")

# fit is PartialFit on all rows, epoch after epoch. (Not with l1, which starts afresh with each call of partial_fit.)
stop = dict(common, max_iter=400, n_iter_no_change=3)
for rate, loss, tol in (("constant", "log_loss", 1e-4), ("adaptive", "log_loss", 1e-3), ("optimal", "log_loss", 1e-2),
                        ("invscaling", "hinge", 1e-4), ("adaptive", "modified_huber", 1e-3)):
    for penalty in (None, "l2"):
        for target in ("y_bin", "y_multi"):
            run(f"fit/{rate}/{loss}/{penalty}/{target}", SGDClassifier(loss=loss, penalty=penalty, learning_rate=rate, eta0=0.1, tol=tol, **stop), target, epochs=True)
run("fit/reg", SGDRegressor(tol=1e-3, **stop), "y_reg", epochs=True)
run("fit/reg/pa1", SGDRegressor(loss="epsilon_insensitive", learning_rate="pa1", tol=0.2, **stop), "y_reg", epochs=True)
run("fit/oneclass", SGDOneClassSVM(nu=0.3, shuffle=False, learning_rate="constant", tol=1e-3), None, epochs=True)

w = table["sw"]
y, yb, ym = table["y_reg"], table["y_bin"], table["y_multi"]
guess = x[:, 0] + x[:, 1]
taken = np.digitize(x[:, 1], [-0.1, 0.1]).astype(float)
scores = np.round(x[:, 3] - x[:, 4], 1)
p = np.abs(x[:, :3]) + 0.1
p[::50] = [0, 0, 1]
p /= p.sum(axis=1, keepdims=True)
judged = {}
for name, s in (("unweighted", None), ("weighted", w)):
    judged[name] = dict(
        r2=metrics.r2_score(y, guess, sample_weight=s), mse=metrics.mean_squared_error(y, guess, sample_weight=s),
        mae=metrics.mean_absolute_error(y, guess, sample_weight=s), accuracy=metrics.accuracy_score(ym, taken, sample_weight=s),
        f1=metrics.f1_score(ym, taken, average=None, sample_weight=s).tolist(), f1_macro=metrics.f1_score(ym, taken, average="macro", sample_weight=s),
        log_loss=metrics.log_loss(ym, p, sample_weight=s), auc=metrics.roc_auc_score(yb, scores, sample_weight=s))

with open(here / "extra.json", "w") as f:
    f.write('{"sklearn": "%s", "metrics": %s,\n"cases": [\n%s\n]}\n' % (
        sklearn.__version__, json.dumps(judged), ",\n".join(json.dumps(c) for c in cases)))
