"""Writes golden.json: what scikit-learn's naive Bayes classifiers make of some rows.

pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
python generate.py
"""

import json
import pathlib
import warnings

import numpy as np
import sklearn
from sklearn import naive_bayes
from sklearn.feature_extraction.text import HashingVectorizer

warnings.simplefilter("error")
assert sklearn.__version__ == "1.9.1"
rng = np.random.default_rng(7)
n, d = 240, 5
y = rng.permutation(np.repeat(["no", "perhaps", "yes"], [60, 80, 100]))
place = np.unique(y, return_inverse=True)[1]
weight = np.round(rng.uniform(0.1, 3, n), 2)
normal = np.round(rng.normal(size=(n, d)) * [1, 10, 0.01, 3, 1] + place[:, None] * [1, -2, 0.005, 0, 0.1], 6)
far = np.round(normal + [1e6, -1e5, 1e3, 1e7, 0], 6)
counts = rng.poisson(1.5 + place[:, None] * [0, 1, 2, 0.5, 0.1], size=(n, d)).astype(float)
shares = np.round(counts * rng.uniform(0.1, 1, (n, 1)), 3)
categories = rng.integers(0, [2, 3, 5, 1, 8], size=(n, d)).astype(float)
categories[:, 2] = np.minimum(categories[:, 2], place + 1)
data = dict(normal=normal, far=far, counts=counts, shares=shares, categories=categories)
names = dict(GaussianNB="gaussian", MultinomialNB="multinomial", ComplementNB="complement", BernoulliNB="bernoulli", CategoricalNB="categorical")
attributes = ["class_count_", "class_log_prior_", "theta_", "var_", "epsilon_", "feature_log_prob_"]
cases = []


def run(kind, rows, weighted=False, **params):
    x = data[rows]
    priors = params.pop("priors", None)
    if priors is not None:
        params["priors" if kind == "GaussianNB" else "class_prior"] = list(priors.values())
    est = getattr(naive_bayes, kind)(**params).fit(x, y, sample_weight=weight if weighted else None)
    case = dict(kind=names[kind], rows=rows, weighted=weighted, params=params, priors=priors, attributes={})
    for a in attributes:
        if hasattr(est, a):
            v = getattr(est, a)
            # Categories are those of the first column, then those of the second, and so on.
            v = np.hstack(v) if isinstance(v, list) else v
            case["attributes"][a] = np.atleast_1d(v).tolist()
    if kind == "GaussianNB":
        case["attributes"]["class_log_prior_"] = np.log(est.class_prior_).tolist()
    case["joint"] = est.predict_joint_log_proba(x[:20]).tolist()
    case["log_proba"] = est.predict_log_proba(x[:20]).tolist()
    case["proba"] = est.predict_proba(x[:20]).tolist()
    case["predicted"] = est.predict(x).tolist()
    cases.append(case)


prior = {"no": 0.5, "perhaps": 0.25, "yes": 0.25}
for w in (False, True):
    run("GaussianNB", "normal", w)
    run("GaussianNB", "normal", w, var_smoothing=1e-3, priors=prior)
    run("GaussianNB", "far", w, var_smoothing=1e-12)
    for kind in ("MultinomialNB", "ComplementNB"):
        for rows in ("counts", "shares"):
            run(kind, rows, w)
        run(kind, "counts", w, alpha=0.01, fit_prior=False)
        run(kind, "counts", w, priors=prior)
    run("ComplementNB", "counts", w, alpha=0.3, norm=True)
    run("BernoulliNB", "counts", w)
    run("BernoulliNB", "normal", w, binarize=0.5, alpha=0.1)
    run("BernoulliNB", "counts", w, binarize=1.5, fit_prior=False)
    run("CategoricalNB", "categories", w)
    run("CategoricalNB", "categories", w, alpha=0.2, min_categories=4, priors=prior)

# Texts, whose words are hashed.
words = ["offer", "money", "now", "meeting", "report", "Tuesday", "please", "thanks", "ärger", "you"]
chance = np.vectorize(dict(no=0, perhaps=1, yes=2).get)(y)[:, None] * np.linspace(-0.3, 0.3, 10) + 1
texts = [" ".join(rng.choice(words, size=rng.integers(3, 12), p=p / p.sum())) for p in chance]
hashed = HashingVectorizer(n_features=2**6, alternate_sign=False, norm=None).transform(texts)
text_proba = {}
for kind in ("MultinomialNB", "BernoulliNB"):
    text_proba[names[kind]] = getattr(naive_bayes, kind)(alpha=0.5).fit(hashed, y).predict_proba(hashed).tolist()

here = pathlib.Path(__file__).parent
out = dict(texts=texts, text_proba=text_proba, y=y.tolist(), weight=weight.tolist(), data={k: v.tolist() for k, v in data.items()}, cases=cases)
(here / "golden.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
