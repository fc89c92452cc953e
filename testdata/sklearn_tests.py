"""Holds sgd and predict to what scikit-learn's own tests of linear models assert: python3 testdata/sklearn_tests.py PROGRAM [NAME…].

A case states in our words what a test of scikit-learn 1.9.1 asserts, with its data, parameters and tolerance, and runs the command
instead of the estimator. Tests that several solvers share are one case here. Every test function of the six files, which the wheel
of scikit-learn has, is either a case or stands in NOT with the reason: one that is neither is an error, as after an update.
"""

import ast
import collections
import concurrent.futures
import csv
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import warnings

import numpy as np
import scipy.optimize
import scipy.sparse
import sklearn
import sklearn.model_selection
from numpy.testing import assert_allclose, assert_array_equal
from scipy import linalg
from sklearn import datasets, linear_model, metrics
from sklearn.datasets import make_classification, make_low_rank_matrix, make_regression
from sklearn.preprocessing import minmax_scale, scale

warnings.simplefilter("ignore")
program = os.path.abspath(sys.argv[1])
scratch = tempfile.TemporaryDirectory()
os.chdir(scratch.name)
SEED = 42  # of global_random_seed
cases, local = [], threading.local()


def case(file, **over):
    """Registers what is below as cases of the test of its name, one for each combination of the parameters."""

    def add(check):
        for values in itertools.product(*over.values()):
            cases.append((file, check, dict(zip(over, values))))
        return check

    return add


class NotHere(Exception):
    """What a case needs, and the command does not have, or has in another way on purpose."""


class Model:
    def __init__(self, name):
        with open(name) as f:
            m = json.load(f)
        self.file, self.classes, self.epochs, self.state = name, m["classes"], m["training"]["epochs"], m["state"]
        self.training = m["training"]
        self.coef, self.intercept = np.array(m["coef"]), np.array(m["intercept"])

    def decision(self, x):
        return np.asarray(x) @ self.coef.T + self.intercept

    def predict(self, x):
        """What the command predict says."""
        return np.array([row["prediction"] for row in self.rows(x)])

    def labels(self, x):
        return [int(float(v)) for v in self.predict(x)]

    def proba(self, x):
        return np.array([[float(v) for k, v in row.items() if k.startswith("proba_")] for row in self.rows(x, "--proba")])

    def rows(self, x, *flags):
        rows, out = name("csv"), name("csv")
        write(rows, np.asarray(x, float))
        run("predict", f"--model={self.file}", f"--input={rows}", f"--output={out}", *flags)
        with open(out, newline="") as f:
            return list(csv.DictReader(f))


def name(extension):
    """A file of the case's own."""
    local.files += 1
    return f"case{local.number}_{local.files}.{extension}"


def run(*args, fails=False):
    p = subprocess.run([program, *args], capture_output=True, text=True, timeout=120)
    assert (p.returncode != 0) == fails and "goroutine" not in p.stderr, f"{' '.join(args)}: exit code {p.returncode}: {p.stderr.strip()[-300:]}"
    return p.stderr


def write(to, x, y=None, w=None):
    columns = [f"x{j}" for j in range(x.shape[1])]
    with open(to, "w", newline="") as f:
        out = csv.writer(f)
        out.writerow(columns + ["y"] * (y is not None) + ["w"] * (w is not None))
        for i, row in enumerate(x):
            cells = [repr(float(v)) for v in row]
            if y is not None:
                cells.append(y[i] if isinstance(y[i], str) else repr(y[i].item() if hasattr(y[i], "item") else y[i]))
            if w is not None:
                cells.append(repr(float(w[i])))
            out.writerow(cells)


def write_sparse(to, x, y):
    with open(to, "w") as f:
        for row, label in zip(x, y):
            cells = [f"{j + 1}:{float(v)!r}" for j, v in enumerate(row) if v != 0]
            f.write(" ".join([repr(label.item() if hasattr(label, "item") else label), *cells]) + "\n")


def fit(task, x, y, *flags, w=None, sparse=False, fails=False):
    """Learns by the command. Flags with a value of None or False are left out."""
    x = np.asarray(x, float)
    out, rows = name("json"), name("svm" if sparse else "csv")
    args = ["sgd", f"--input={rows}", f"--task={task}", f"--output_model={out}", "--report=none", *flags]
    if sparse:
        assert w is None
        write_sparse(rows, x, y)
        args += [f"--features={x.shape[1]}", "--zero_based=no"]
    else:
        write(rows, x, y, w)
        args += ["--target=y"] + ["--weight_column=w"] * (w is not None)
    said = run(*args, fails=fails)
    return said if fails else Model(out)


def classify(x, y, *flags, **more):
    return fit("classification", x, y, *flags, **more)


def regress(x, y, *flags, **more):
    return fit("regression", x, y, *flags, **more)


def intercept(there):
    return f"--fit_intercept={str(there).lower()}"


def ridge(x, y, alpha, *flags, w=None, **more):
    """Ridge: its alpha is for a sum of squares, ours for half their mean."""
    n = len(y) if w is None else np.sum(w)
    return regress(x, y, f"--alpha={float(alpha / n)!r}", *flags, w=w, **more)


def lasso(x, y, alpha, *flags, **more):
    return regress(x, y, "--penalty=l1", f"--alpha={alpha!r}", *flags, **more)


def enet(x, y, alpha, l1_ratio, *flags, **more):
    return regress(x, y, "--penalty=elasticnet", f"--l1_ratio={l1_ratio}", f"--alpha={float(alpha)!r}", *flags, **more)


def logistic(x, y, c, *flags, w=None, l1_ratio=0, **more):
    """LogisticRegression: its C is for a sum of losses, ours for their mean by the weights of the rows, not of the classes."""
    n = len(y) if w is None else np.sum(w)
    if l1_ratio:
        flags += ("--penalty=elasticnet", f"--l1_ratio={l1_ratio}")
    alpha = "--penalty=none" if c == np.inf else f"--alpha={float(1 / (c * n))!r}"
    return classify(x, y, alpha, *flags, w=w, **more)


SGD = ["--solver=sgd", "--shards=1", "--average=false"]  # in the order of the rows: shuffle=False


def r2(y, of):
    return metrics.r2_score(y, of)


def near(a, b, rel=1e-6, abs_=1e-12):
    """pytest.approx"""
    a, b = np.asarray(a), np.asarray(b)
    assert np.all(np.abs(a - b) <= np.maximum(rel * np.abs(b), abs_)), f"{a} is not near {b}"


def decimals(a, b, n):
    """assert_array_almost_equal"""
    np.testing.assert_array_almost_equal(a, b, decimal=n)


# ---- test_sgd.py

SGD_FILE = "tests/test_sgd.py"
X = np.array([[-2, -1], [-1, -1], [-1, -2], [1, 1], [1, 2], [2, 1]], float)
Y = [1, 1, 1, 2, 2, 2]
T = np.array([[-1, -1], [2, 2], [3, 2]], float)
X2 = np.array([[-1, 1], [-0.75, 0.5], [-1.5, 1.5], [1, 1], [0.75, 0.5], [1.5, 1.5], [-1, -1], [0, -0.5], [1, -1]])
Y2 = ["one"] * 3 + ["two"] * 3 + ["three"] * 3
N2 = [1] * 3 + [3] * 3 + [2] * 3  # as numbers, for rows of .svm, in the order of the texts
T2 = np.array([[-1.5, 0.5], [1, 2], [0, -2]])
X3 = np.repeat([[1, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 0, 0]], 2, axis=0).astype(float)
Y3 = [1] * 4 + [2] * 4
X4 = np.zeros((8, 6))
X4[:4, :3] = [[1, 0.9, 0.8], [1, 0.84, 0.98], [1, 0.96, 0.88], [1, 0.91, 0.99]]
X4[4:, 3:] = [[0.89, 0.91, 1], [0.79, 0.84, 1], [0.91, 0.95, 1], [0.93, 1, 1]]
Y4 = np.array([1] * 4 + [2] * 4)
XW = np.array([[-1.0, -1.0], [-1.0, 0], [-0.8, -1.0], [1.0, 1.0], [1.0, 0.0]])
YW = [1, 1, 1, -1, -1]
iris = datasets.load_iris()
RATES = ["constant", "optimal", "invscaling", "adaptive"]
BOTH = [False, True]
CLASSIFIER = ["--loss=hinge", "--learning_rate=optimal"]  # SGDClassifier's defaults
REGRESSOR = ["--loss=squared_error", "--learning_rate=invscaling", "--eta0=0.01"]


def constant(eta, alpha, *more):
    return [*SGD[:2], "--loss=squared_error", "--learning_rate=constant", f"--eta0={eta}", f"--alpha={alpha}", *more]


def asgd(x, y, eta, alpha, w=None, b=0.0, sparse=False):
    """Averaged SGD of squared_error, as plainly as can be. The steps of a sparse row's intercept are a hundredth."""
    w, mean, mean_b = np.zeros(x.shape[1]) if w is None else w.copy(), np.zeros(x.shape[1]), 0.0
    for i, row in enumerate(x):
        gradient = row @ w + b - y[i]
        w = w * (1 - eta * alpha) - eta * gradient * row
        b -= eta * gradient * (0.01 if sparse else 1)
        mean, mean_b = (mean * i + w) / (i + 1), (mean_b * i + b) / (i + 1)
    return mean, mean_b


@case(SGD_FILE, task=["classification", "regression"], sparse=BOTH)
def input_format(task, sparse):
    said = fit(task, X, Y, "--alpha=0.01", "--weight_column=other", fails=True) if not sparse else None
    assert sparse or "other" in said
    fit(task, X, Y, *SGD, "--alpha=0.01", sparse=sparse)


@case(SGD_FILE, rate=["pa1", "pa2"], of=[("classification", "squared_hinge"), ("regression", "squared_error")])
def learning_rate_PA_raises(rate, of):
    assert "learning_rate" in fit(of[0], X, Y, *SGD, f"--loss={of[1]}", f"--learning_rate={rate}", fails=True)


@case(SGD_FILE, task=["classification", "regression"], sparse=BOTH)
def late_onset_averaging_not_reached(task, sparse):
    flags = [*SGD[:2], "--epochs=99", *(CLASSIFIER if task == "classification" else REGRESSOR)]
    a = fit(task, X, Y, *flags, "--average=600", sparse=sparse)
    b = fit(task, X, Y, *flags, "--average=false", sparse=sparse)
    decimals(a.coef, b.coef, 16)
    decimals(a.intercept, b.intercept, 16)


@case(SGD_FILE, task=["classification", "regression"], sparse=BOTH)
def late_onset_averaging_reached(task, sparse):
    y = np.where(np.array(Y) == 1, -1, 1)
    a = fit(task, X, y, *constant(0.001, 0.0001, "--average=7", "--epochs=2"), sparse=sparse)
    b = fit(task, X, y, *constant(0.001, 0.0001, "--average=false", "--epochs=1"), sparse=sparse)
    w, c = asgd(X, y, 0.001, 0.0001, b.coef[0], b.intercept[0], sparse)
    decimals(a.coef[0], w, 16)
    decimals(a.intercept[0], c, 16)


@case(SGD_FILE, task=["classification", "regression"], sparse=BOTH, early=BOTH)
def early_stopping(task, sparse, early):
    x, y = iris.data[iris.target > 0], iris.target[iris.target > 0]
    flags = CLASSIFIER if task == "classification" else REGRESSOR
    m = fit(task, x, y, *SGD, *flags, "--tol=1e-3", "--epochs=1000", *["--early_stopping"] * early, sparse=sparse)
    assert m.epochs < 1000, m.epochs


@case(SGD_FILE, task=["classification", "regression"], sparse=BOTH)
def adaptive_longer_than_constant(task, sparse):
    flags = [*SGD, "--eta0=0.01", "--tol=1e-3", "--epochs=100", "--loss=hinge" if task == "classification" else "--loss=squared_error"]
    a = fit(task, iris.data, iris.target, *flags, "--learning_rate=adaptive", sparse=sparse)
    b = fit(task, iris.data, iris.target, *flags, "--learning_rate=constant", sparse=sparse)
    assert a.epochs > b.epochs, (a.epochs, b.epochs)


@case(SGD_FILE, task=["classification", "regression"], early=BOTH)
def n_iter_no_change(task, early):
    flags = CLASSIFIER if task == "classification" else REGRESSOR
    flags = [*SGD, *flags, "--tol=1e-4", "--epochs=1000", *["--early_stopping"] * early]
    epochs = [fit(task, iris.data, iris.target, *flags, f"--n_iter_no_change={n}").epochs for n in (2, 3, 10)]
    assert epochs == sorted(epochs), epochs


@case(SGD_FILE, task=["classification", "regression"], l1_ratio=[0, 0.7, 1])
def sgd_l1_ratio_not_used(task, l1_ratio):
    flags = [*SGD, "--epochs=5", "--penalty=l1", *(CLASSIFIER if task == "classification" else REGRESSOR)]
    a, b = fit(task, X, Y, *flags), fit(task, X, Y, *flags, f"--l1_ratio={l1_ratio}")
    assert_allclose(a.coef, b.coef)


@case(SGD_FILE, loss=["hinge", "squared_hinge", "log_loss", "modified_huber"], sparse=BOTH)
def sgd_clf(loss, sparse):
    m = classify(X, Y, *SGD, "--learning_rate=optimal", "--alpha=0.01", f"--loss={loss}", "--epochs=10", sparse=sparse)
    assert m.labels(T) == [1, 2, 2]


@case(SGD_FILE, sparse=BOTH)
def average_binary_computed_correctly(sparse):
    r = np.random.RandomState(0)
    x, w = r.normal(size=(20, 10)), r.normal(size=10)
    y = np.sign(x @ w).astype(int)
    m = classify(x, y, *constant(0.1, 2.0, "--epochs=1", "--average=true"), sparse=sparse)
    mean, b = asgd(x, y, 0.1, 2.0, sparse=sparse)
    decimals(m.coef[0], mean, 14)
    decimals(m.intercept[0], b, 14)


@case(SGD_FILE, sparse=BOTH)
def sgd_at_least_two_labels(sparse):
    assert "class" in classify(X2, [1] * 9, *SGD, "--alpha=0.01", "--epochs=20", sparse=sparse, fails=True)


@case(SGD_FILE, sparse=BOTH)
def sgd_multiclass(sparse):
    m = classify(X2, N2 if sparse else Y2, *SGD, *CLASSIFIER, "--alpha=0.01", "--epochs=20", sparse=sparse)
    assert m.coef.shape == (3, 2) and m.intercept.shape == (3,)
    assert list(m.predict(T2)) == (["1", "3", "2"] if sparse else ["one", "two", "three"])


@case(SGD_FILE, sparse=BOTH)
def sgd_multiclass_average(sparse):
    m = classify(X2, N2 if sparse else Y2, *constant(0.001, 0.01, "--epochs=1", "--average=true"), sparse=sparse)
    for k, label in enumerate(sorted(set(Y2))):
        w, b = asgd(X2, np.where(np.array(Y2) == label, 1, -1), 0.001, 0.01, sparse=sparse)
        at = m.classes.index({"one": 1, "three": 2, "two": 3}[label] if sparse else label)
        decimals(m.coef[at], w, 16)
        decimals(m.intercept[at], b, 16)


@case(SGD_FILE, loss=["hinge", "squared_hinge", "perceptron", "log_loss", "modified_huber", "squared_error", "huber",
                      "epsilon_insensitive", "squared_epsilon_insensitive"])
def sgd_predict_proba_method_access(loss):
    m = classify(X, Y, *SGD, f"--loss={loss}", "--epochs=5")
    if loss in ("log_loss", "modified_huber"):
        assert m.proba(T).shape == (3, 2)
        return
    write(rows := name("csv"), T)
    said = run("predict", f"--model={m.file}", f"--input={rows}", "--proba", f"--output={name('csv')}", fails=True)
    assert f"the loss {loss} gives no probabilities" in said


@case(SGD_FILE, loss=["log_loss", "modified_huber"], sparse=BOTH)
def sgd_proba(loss, sparse):
    flags = [*SGD, f"--loss={loss}", "--learning_rate=optimal", "--alpha=0.01", "--epochs=10"]
    p = classify(X, Y, *flags, sparse=sparse).proba([[3, 2], [-1, -1]])
    assert p[0, 1] > 0.5 > p[1, 1]
    m = classify(X2, N2, *flags, sparse=sparse)
    x = np.array([[0.1, -0.1], [0.3, 0.2], [-1, -1], [3, 2]])
    p, d = m.proba(x), m.decision(x)
    near(p.sum(1), 1)
    assert (p >= 0).all()
    if loss == "log_loss":
        assert_array_equal(p.argmax(1), d.argmax(1))
        assert_array_equal(np.argsort(p[2]), np.argsort(d[2]))
    low = X.mean(0)
    if loss == "modified_huber" and (m.decision([low]) < -1).all():
        decimals(m.proba([low])[0], [1 / 3] * 3, 6)


@case(SGD_FILE, sparse=BOTH)
def sgd_l1(sparse):
    order = np.arange(8)
    np.random.RandomState(13).shuffle(order)
    x, y = X4[order], Y4[order]
    m = classify(x, y, *SGD, *CLASSIFIER, "--penalty=l1", "--alpha=0.2", intercept(False), "--epochs=2000", sparse=sparse)
    assert m.labels(x) == list(y)
    if not (m.coef[0, 1:-1] == 0).all():
        m = classify(x, y, *SGD, *CLASSIFIER, "--penalty=l1", "--alpha=0.2", intercept(False), "--epochs=50", sparse=sparse)
        of = linear_model.SGDClassifier(penalty="l1", alpha=0.2, fit_intercept=False, shuffle=False)
        for _ in range(50):
            of.partial_fit(scipy.sparse.csr_array(x) if sparse else x, y, classes=[1, 2])
        decimals(m.coef, of.coef_, 12)
        raise NotHere("an epoch is a partial_fit, with which the cumulative l1 penalty begins anew, in scikit-learn too")


@case(SGD_FILE, sparse=BOTH)
def class_weights(sparse):
    flags = [*SGD, *CLASSIFIER, "--alpha=0.1", "--epochs=1000", intercept(False)]
    assert classify(XW, YW, *flags, sparse=sparse).labels([[0.2, -1.0]]) == [1]
    assert classify(XW, YW, *flags, "--class_weight=1=0.001", sparse=sparse).labels([[0.2, -1.0]]) == [-1]


@case(SGD_FILE, sparse=BOTH)
def equal_class_weight(sparse):
    flags = [*SGD, *CLASSIFIER, "--alpha=0.1", "--epochs=1000"]
    a = classify([[1, 0], [1, 0], [0, 1], [0, 1]], [0, 0, 1, 1], *flags, sparse=sparse)
    b = classify([[1, 0], [0, 1]], [0, 1], *flags, "--class_weight=0=0.5,1=0.5", sparse=sparse)
    decimals(a.coef, b.coef, 2)


@case(SGD_FILE, sparse=BOTH)
def wrong_class_weight_label(sparse):
    assert "class_weight" in classify(X, Y, *SGD, "--alpha=0.1", "--epochs=100", "--class_weight=0=0.5", sparse=sparse, fails=True)


@case(SGD_FILE)
def weights_multiplied():
    w = np.random.RandomState(0).random_sample(8)
    flags = [*SGD, *CLASSIFIER, "--alpha=0.1", "--epochs=20"]
    a = classify(X4, Y4, *flags, "--class_weight=1=0.6,2=0.3", w=w)
    b = classify(X4, Y4, *flags, w=w * np.where(Y4 == 1, 0.6, 0.3))
    decimals(a.coef, b.coef, 7)


@case(SGD_FILE, sparse=BOTH)
def balanced_weight(sparse):
    order = np.arange(150)
    np.random.RandomState(6).shuffle(order)
    x, y = scale(iris.data)[order], iris.target[order]
    flags = [*SGD, *CLASSIFIER, "--alpha=0.0001", "--epochs=1000"]
    a, b = classify(x, y, *flags, sparse=sparse), classify(x, y, *flags, "--class_weight=balanced", sparse=sparse)
    f1 = lambda m: metrics.f1_score(y, m.labels(x), average="weighted")
    decimals([f1(a), f1(b)], 0.96, 1)
    decimals(a.coef, b.coef, 6)
    more_x, more_y = np.vstack([x] + [x[y == 0]] * 10), np.concatenate([y] + [y[y == 0]] * 10)
    assert f1(classify(more_x, more_y, *flags, "--class_weight=balanced", sparse=sparse)) > 0.96


@case(SGD_FILE)
def sample_weights():
    flags = [*SGD, *CLASSIFIER, "--alpha=0.1", "--epochs=1000", intercept(False)]
    assert classify(XW, YW, *flags).labels([[0.2, -1.0]]) == [1]
    assert classify(XW, YW, *flags, w=[0.001] * 3 + [1] * 2).labels([[0.2, -1.0]]) == [-1]


@case(SGD_FILE, rate=RATES, of=["two", "three"], sparse=BOTH)
def partial_fit_equal_fit_classif(rate, of, sparse):
    x, y, t = (X, Y, T) if of == "two" else (X2, N2 if sparse else Y2, T2)
    flags = [*SGD, "--loss=hinge", "--alpha=0.01", "--eta0=0.01", f"--learning_rate={rate}"]
    whole, once = classify(x, y, *flags, "--epochs=2", sparse=sparse), classify(x, y, *flags, "--epochs=1", sparse=sparse)
    twice = classify(x, y, f"--warm_start={once.file}", "--shards=1", "--epochs=1", sparse=sparse)
    assert twice.state["t"] == whole.state["t"]
    decimals(twice.decision(t), whole.decision(t), 2)


@case(SGD_FILE, rate=RATES, sparse=BOTH)
def partial_fit_equal_fit(rate, sparse):
    flags = [*SGD, "--alpha=0.01", "--eta0=0.01", f"--learning_rate={rate}"]
    whole, once = regress(X, Y, *flags, "--epochs=2", sparse=sparse), regress(X, Y, *flags, "--epochs=1", sparse=sparse)
    twice = regress(X, Y, f"--warm_start={once.file}", "--shards=1", "--epochs=1", sparse=sparse)
    assert twice.state["t"] == whole.state["t"]
    decimals(twice.decision(T), whole.decision(T), 2)


@case(SGD_FILE, sparse=BOTH)
def partial_fit_binary(sparse):
    once = classify(X[1:5], Y[1:5], *SGD, *CLASSIFIER, "--alpha=0.01", "--epochs=1", sparse=sparse)
    twice = classify(X, Y, f"--warm_start={once.file}", "--shards=1", "--epochs=1", sparse=sparse)
    assert twice.coef.shape == (1, 2) and twice.labels(T) == [1, 2, 2]


@case(SGD_FILE, loss=["epsilon_insensitive", "squared_epsilon_insensitive", "huber", "squared_error"], sparse=BOTH)
def regression_losses(loss, sparse):
    rate = {"huber": ["--learning_rate=optimal"], "squared_error": ["--learning_rate=constant", "--eta0=0.01"]}
    rate = rate.get(loss, ["--learning_rate=constant", "--eta0=0.1"])
    m = classify(X, Y, *SGD, "--alpha=0.01", f"--loss={loss}", "--epochs=5", *rate, sparse=sparse)
    assert m.labels(X) == Y


@case(SGD_FILE, sparse=BOTH)
def sgd_reg(sparse):
    m = regress([[0, 0], [1, 1], [2, 2]], [0, 1, 2], *SGD, *REGRESSOR, "--alpha=0.1", "--epochs=2", intercept(False), sparse=sparse)
    assert m.coef[0, 0] == m.coef[0, 1] != 0


def linear_rows():
    r = np.random.RandomState(0)
    x, w = r.normal(size=(20, 10)), r.normal(size=10)
    return x, x @ w


@case(SGD_FILE, sparse=BOTH)
def sgd_averaged_computed_correctly(sparse):
    x, y = linear_rows()
    m = regress(x, y, *constant(0.001, 0.01, "--epochs=1", "--average=true"), sparse=sparse)
    w, b = asgd(x, y, 0.001, 0.01, sparse=sparse)
    decimals(m.coef[0], w, 16)
    decimals(m.intercept[0], b, 16)


def averaged_partly(x, y, sparse):
    n = len(y) // 2
    once = regress(x[:n], y[:n], *constant(0.001, 0.01, "--epochs=1", "--average=true"), sparse=sparse)
    m = regress(x[n:], y[n:], f"--warm_start={once.file}", "--shards=1", "--epochs=1", sparse=sparse)
    w, b = asgd(x, y, 0.001, 0.01, sparse=sparse)
    decimals(m.coef[0], w, 16)
    decimals(m.intercept[0], b, 16)


@case(SGD_FILE, sparse=BOTH)
def sgd_averaged_partial_fit(sparse):
    averaged_partly(*linear_rows(), sparse)


@case(SGD_FILE, sparse=BOTH)
def average_sparse(sparse):
    order = [0, 2, 4, 6, 1, 3, 5, 7]  # as rows of one target are refused
    averaged_partly(X3[order], np.array(Y3)[order], sparse)


def line(noise, sparse, *flags):
    x = np.linspace(-5, 5, 100).reshape(100, 1)
    y = 0.5 * x[:, 0] + (np.random.RandomState(0).randn(100) if noise else 0)
    order = np.random.RandomState(1).permutation(100)  # as shuffle=True
    m = regress(x[order], y[order], *SGD, *REGRESSOR[1:], "--alpha=0.1", "--epochs=20", intercept(False), *flags, sparse=sparse)
    assert r2(y, m.decision(x)[:, 0]) > (0.5 if noise else 0.99)


@case(SGD_FILE, noise=BOTH, sparse=BOTH)
def sgd_least_squares_fit(noise, sparse):
    line(noise, sparse, "--loss=squared_error")


@case(SGD_FILE, noise=BOTH, sparse=BOTH)
def sgd_epsilon_insensitive(noise, sparse):
    line(noise, sparse, "--loss=epsilon_insensitive", "--epsilon=0.01")


@case(SGD_FILE, noise=BOTH, sparse=BOTH)
def sgd_huber_fit(noise, sparse):
    line(noise, sparse, "--loss=huber", "--epsilon=0.1")


@case(SGD_FILE, alpha=[0.01, 0.001], l1_ratio=[0.5, 0.8, 1.0], solver=["sgd", "exact"])
def elasticnet_convergence(alpha, l1_ratio, solver):
    r = np.random.RandomState(0)
    x = r.randn(1000, 5)
    y = x @ r.randn(5)
    cd = linear_model.ElasticNet(alpha=alpha, l1_ratio=l1_ratio, fit_intercept=False).fit(x, y)
    flags = [*SGD, *REGRESSOR, "--epochs=50"] if solver == "sgd" else []
    m = enet(x, y, alpha, l1_ratio, intercept(False), *flags)
    decimals(m.coef[0], cd.coef_, 2)


@case(SGD_FILE, of=["l1", "l2"])
def l1_ratio(of):
    x, y = make_classification(n_samples=1000, n_features=100, n_informative=20, random_state=1234)
    flags = [*SGD, *CLASSIFIER, "--alpha=0.001", "--epochs=6"]
    a = classify(x, y, *flags, "--penalty=elasticnet", f"--l1_ratio={0.9999999999 if of == 'l1' else 0.0000000001}")
    b = classify(x, y, *flags, f"--penalty={of}")
    decimals(a.coef, b.coef, 6)


@case(SGD_FILE, scaled=BOTH)
def underflow_or_overflow(scaled):
    r = np.random.RandomState(0)
    x = r.normal(size=(100, 10))
    x[:, :2] *= [2e300, 1]
    truth = r.normal(size=10)
    y = (minmax_scale(x) @ truth > 0.0).astype(int)
    y[:2] = [0, 1]
    flags = [*SGD, "--loss=squared_hinge", "--learning_rate=optimal", "--alpha=0.1", "--epochs=500"]
    if scaled:
        assert np.isfinite(classify(minmax_scale(x), y, *flags).coef).all()
    else:
        said = classify(x, y, *flags, fails=True)
        assert said.count("\n") == 1, said


@case(SGD_FILE)
def numerical_stability_large_gradient():
    m = classify(iris.data, iris.target, *SGD, "--loss=squared_hinge", "--learning_rate=optimal", "--penalty=elasticnet",
                 "--l1_ratio=0.3", "--alpha=0.01", "--eta0=0.001", "--epochs=10")
    assert np.isfinite(m.coef).all()


@case(SGD_FILE, penalty=["l2", "l1", "elasticnet"])
def large_regularization(penalty):
    m = classify(iris.data, iris.target, *SGD, "--loss=hinge", "--learning_rate=constant", "--eta0=0.1", "--alpha=1e5",
                 f"--penalty={penalty}", "--epochs=6")
    decimals(m.coef, np.zeros_like(m.coef), 6)


@case(SGD_FILE)
def tol_parameter():
    order = np.random.RandomState(0).permutation(150)
    x, y = scale(iris.data)[order], (iris.target[order] == 1).astype(int)
    flags = [*SGD, *CLASSIFIER]
    assert classify(x, y, *flags, "--epochs=42").epochs == 42
    a, b = [classify(x, y, *flags, "--epochs=2000", f"--tol={tol}").epochs for tol in (0, 0.1)]
    assert 2000 > a > 5 and a > b > 3, (a, b)
    assert classify(x, y, *flags, "--epochs=3", "--tol=1e-3").epochs == 3


@case(SGD_FILE)
def multi_thread_multi_class_and_early_stopping():
    order = np.random.RandomState(0).permutation(150)
    x, y = iris.data[order], iris.target[order]
    m = classify(x, y, *SGD, *CLASSIFIER, "--alpha=1e-3", "--tol=1e-3", "--epochs=1000", "--early_stopping",
                 "--n_iter_no_change=100", "--threads=2")
    assert 100 < m.epochs < 120, m.epochs
    assert np.mean(np.array(m.labels(x)) == y) > 0.8


@case(SGD_FILE, threads=[1, 4])
def SGDClassifier_fit_for_all_backends(threads):
    r = np.random.RandomState(42)
    x, y = np.where(r.uniform(size=(200, 300)) < 0.05, r.uniform(size=(200, 300)), 0), r.choice(20, 200)
    flags = ["--solver=sgd", *CLASSIFIER, "--epochs=20"]
    a = classify(x, y, *flags, "--threads=1", sparse=True)
    assert_array_equal(a.coef, classify(x, y, *flags, f"--threads={threads}", sparse=True).coef)


@case(SGD_FILE, task=["classification", "regression"])
def sgd_random_state(task):
    x, y = (make_regression if task == "regression" else make_classification)(random_state=SEED)
    flags = ["--solver=sgd", "--epochs=1", *(CLASSIFIER if task == "classification" else REGRESSOR)]
    a, b = [fit(task, x, y, *flags, "--seed=1") for _ in range(2)]
    assert_array_equal(a.coef, b.coef)


@case(SGD_FILE, task=["classification", "regression"], sparse=BOTH)
def sgd_numerical_consistency(task, sparse):
    flags = [*SGD, "--epochs=22", *(CLASSIFIER if task == "classification" else REGRESSOR)]
    a, b = [fit(task, X, Y, *flags, f"--dtype={t}", sparse=sparse) for t in ("float32", "float64")]
    assert_allclose(a.coef, b.coef)


@case(SGD_FILE)
def multiple_fit():
    classify(X, Y, *SGD, "--alpha=0.01")
    m = classify(X[:, :-1], [["ham", "spam"][v - 1] for v in Y], *SGD, "--alpha=0.01")
    assert m.classes == ["ham", "spam"]


@case(SGD_FILE, task=["classification", "regression"], share=[0.0001, 0.9999])
def not_enough_sample_for_early_stopping(task, share):
    flags = CLASSIFIER if task == "classification" else REGRESSOR
    said = fit(task, X3, Y3, *SGD, *flags, "--tol=1e-3", "--early_stopping", f"--validation_fraction={share}", fails=True)
    assert "validation_fraction" in said, said


@case(SGD_FILE)
def wrong_sample_weights():
    rows = name("csv")
    with open(rows, "w") as f:
        f.write("x,y,w\n1,1,1\n2,2\n3,1,1\n")
    said = run("sgd", f"--input={rows}", "--target=y", "--weight_column=w", "--task=classification", f"--output_model={name('json')}", fails=True)
    assert "row 1" in said, said


# ---- test_logistic.py

LOGISTIC = "tests/test_logistic.py"
XL, Y1, YL2 = [[-1, 0], [0, 1], [1, 1]], [0, 1, 1], [2, 1, 0]


def predicts(m, x, y):
    assert m.classes == sorted(set(y)) and m.labels(x) == list(y)
    p = m.proba(x)
    assert_allclose(p.sum(1), 1)
    assert_array_equal(p.argmax(1), y)


@case(LOGISTIC, flags=[(1, True), (100, True), (1, False)], sparse=BOTH)
def predict_2_classes(flags, sparse):
    predicts(logistic(XL, Y1, flags[0], intercept(flags[1]), sparse=sparse), XL, Y1)


@case(LOGISTIC, sparse=BOTH)
def predict_3_classes(sparse):
    predicts(logistic(XL, YL2, 10, sparse=sparse), XL, YL2)


@case(LOGISTIC, classes=[2, 3])
def logistic_glmnet(classes):
    x = np.array([range(-4, 5), [0, 0, 1, 0, 1, 1, 1, 0, 0]]).T
    m = logistic(x, [0, 0, 0, 1, 1, 1, 1, 1, 1] if classes == 2 else [0, 0, 0, 1, 1, 1, 2, 2, 2], 1 / 9)
    if classes == 2:
        assert_allclose(m.intercept, [0.89230405539], rtol=1e-5)
        assert_allclose(m.coef, [[0.44464569182, 0.01457563448]], rtol=1e-5)
        return
    assert_allclose(m.intercept, [-0.12004759652, 2.251747383e-01, -0.1051271418], rtol=1e-5)
    want = [[-0.38023389305, -0.01226499932], [-8.164030176e-05, 4.734548012e-02], [0.3803155334, -0.0350804808]]
    assert_allclose(m.coef, want, rtol=1e-5, atol=1e-8)


@case(LOGISTIC)
def inconsistent_input():
    r = np.random.RandomState(0)
    m = logistic(r.random_sample((5, 10)), [0, 1, 1, 1, 1], 1)
    write(rows := name("csv"), r.random_sample((3, 12))[:, :9])
    said = run("predict", f"--model={m.file}", f"--input={rows}", f"--output={name('csv')}", fails=True)
    assert "x9" in said, said


@case(LOGISTIC)
def nan():
    x = np.array(XL, float)
    x[0, 1] = np.nan
    said = classify(x, Y1, "--encode=none", fails=True)
    assert "row 0, column x1" in said, said


@case(LOGISTIC, weighted=BOTH)
def multinomial_logistic_regression_string_inputs(weighted):
    x, y = make_classification(n_samples=50, n_features=5, n_classes=3, n_informative=3, random_state=0)
    texts = [["bar", "baz", "foo"][k] for k in y]
    if weighted:
        m = logistic(x, texts, 1, "--class_weight=bar=1,baz=2,foo=0")
        assert sorted(set(m.predict(x))) == ["bar", "baz"]
        return
    a, b = logistic(x, y - 1, 1), logistic(x, texts, 1)
    assert_allclose(a.coef, b.coef)
    assert_allclose(a.proba(x), b.proba(x))
    assert b.classes == ["bar", "baz", "foo"] == sorted(set(b.predict(x)))


@case(LOGISTIC)
def logistic_regression_solvers():
    x, y = make_classification(n_samples=200, n_features=10, n_informative=5, random_state=SEED)
    of = linear_model.LogisticRegression(C=0.1, fit_intercept=False, solver="newton-cholesky").fit(x, y)
    assert_allclose(logistic(x, y, 0.1, intercept(False)).coef, of.coef_, atol=1e-3, rtol=1e-4)


@case(LOGISTIC, with_intercept=BOTH)
def logistic_regression_solvers_multiclass(with_intercept):
    x, y = make_classification(n_samples=20, n_features=20, n_informative=10, n_classes=3, random_state=0)
    of = linear_model.LogisticRegression(fit_intercept=with_intercept, tol=1e-8, max_iter=200).fit(x, y)
    m = logistic(x, y, 1, intercept(with_intercept))
    assert m.coef.shape == (3, 20)
    assert_allclose(m.coef, of.coef_, rtol=1e-3)
    if with_intercept:
        assert_allclose(m.intercept, of.intercept_, rtol=1e-3)


@case(LOGISTIC, with_intercept=BOTH)
def logistic_regression_solvers_multiclass_unpenalized(with_intercept):
    r = np.random.RandomState(SEED)
    rank = 4 + with_intercept
    x = make_low_rank_matrix(n_samples=100, n_features=rank, effective_rank=rank, tail_strength=0.1, random_state=r)[:, :4]
    coef, b = r.uniform(1, 3, 12).reshape(3, 4), r.uniform(-1, 1, 3) * with_intercept
    p = np.exp(x @ coef.T + b)
    y = np.array([r.multinomial(1, q / q.sum()).argmax() for q in p])
    of = linear_model.LogisticRegression(C=np.inf, fit_intercept=with_intercept, tol=1e-9, max_iter=500).fit(x, y)
    m = logistic(x, y, np.inf, intercept(with_intercept))
    assert_allclose(m.coef.sum(0), 0, atol=1e-10)
    assert_allclose(m.coef, of.coef_, rtol=2e-3)
    if with_intercept:
        assert_allclose(m.intercept, of.intercept_, rtol=2e-3)


@case(LOGISTIC)
def logistic_regression_sample_weights():
    x, y = make_classification(n_samples=600, n_features=5, n_informative=3, n_redundant=0, random_state=SEED)
    w = np.ones(600)
    w[:200] = np.random.RandomState(SEED).randint(0, 5, size=200)
    a = logistic(x, y, 1, intercept(False), w=w)
    b = logistic(np.repeat(x, w.astype(int), 0), np.repeat(y, w.astype(int)), 1, intercept(False))
    assert_allclose(a.coef, b.coef, atol=1e-5)


@case(LOGISTIC)
def logistic_regression_solver_class_weights():
    x, y = make_classification(n_samples=300, n_features=5, n_informative=3, random_state=SEED)
    a = logistic(x, y, 1, intercept(False), "--class_weight=0=1,1=2")
    assert_allclose(a.coef, logistic(x, y, 1, intercept(False), w=y + 1).coef, atol=1e-6)


@case(LOGISTIC, sparse=BOTH, classes=[2, 3])
def logistic_regression_class_weights(sparse, classes):
    x, y = (scale(iris.data)[45:], iris.target[45:]) if classes == 3 else (scale(iris.data)[45:100], iris.target[45:100])
    of = {k: float(len(y) / (classes * n)) for k, n in collections.Counter(y.tolist()).items()}
    a = logistic(x, y, 1, "--class_weight=balanced", sparse=sparse)
    b = logistic(x, y, 1, "--class_weight=" + ",".join(f"{k}={v!r}" for k, v in of.items()), sparse=sparse)
    assert_allclose(a.coef, b.coef, rtol=1e-4)
    if not sparse:
        assert_allclose(logistic(x, y, 1, w=[of[k] for k in y]).coef, a.coef, rtol=1e-4)


@case(LOGISTIC)
def logreg_l1():
    r = np.random.RandomState(SEED)
    x, y = make_classification(n_samples=100, n_features=20, random_state=SEED)
    x = np.concatenate((x, r.normal(size=(100, 3)), np.ones((100, 2))), 1)
    of = linear_model.LogisticRegression(l1_ratio=1, fit_intercept=False, solver="liblinear", tol=1e-10, max_iter=10000).fit(x, y)
    a = classify(x, y, "--penalty=l1", "--alpha=0.01", intercept(False))
    b = classify(x, y, "--penalty=l1", "--alpha=0.01", intercept(False), sparse=True)
    assert_allclose(a.coef, of.coef_, atol=0.3)
    assert_allclose(a.coef[0, :23], of.coef_[0, :23], atol=1e-4)  # but for the two constants, which may share
    assert_allclose(a.coef, b.coef, rtol=1e-6, atol=1e-8)


@case(LOGISTIC)
def logreg_predict_proba_multinomial():
    x, y = make_classification(n_samples=10, n_features=20, random_state=SEED, n_classes=3, n_informative=10)
    loss = lambda m: metrics.log_loss(y, m.proba(x))
    assert loss(logistic(x, y, 1, "--multi_class=ovr")) > loss(logistic(x, y, 1))


@case(LOGISTIC, l1=[0, 1], of=["iris", "made"], alpha=[0.1, 1.0, 10.0], sparse=BOTH)
def saga_vs_liblinear(l1, of, alpha, sparse):
    if of == "iris":
        x, y = np.concatenate([iris.data] * 3), np.concatenate([iris.target] * 3)
        x, y = x[y <= 1], y[y <= 1] * 2 - 1
    else:
        x, y = make_classification(n_samples=50, n_features=20, random_state=SEED)
    sk = linear_model.LogisticRegression(C=1 / (len(y) * alpha), l1_ratio=l1, solver="liblinear", max_iter=500,
                                         fit_intercept=False, tol=1e-6, random_state=0).fit(x, y)
    m = classify(x, y, f"--penalty={'l1' if l1 else 'l2'}", f"--alpha={alpha}", intercept(False), sparse=sparse)
    decimals(m.coef, sk.coef_, 3)


@case(LOGISTIC)
def elastic_net_coeffs():
    x, y = make_classification(random_state=0)
    a, b, c = [logistic(x, y, 2.0, "--seed=0", l1_ratio=r).coef for r in (0.5, 1, 0)]
    for p, q in ((a, b), (a, c), (b, c)):
        assert not np.allclose(p, q, rtol=0, atol=1e-3)


@case(LOGISTIC, c=[0.001, 0.1, 1, 10, 100, 1000, 1e6], of=["l1", "l2"])
def elastic_net_l1_l2_equivalence(c, of):
    x, y = make_classification(random_state=SEED)
    alpha = f"--alpha={1 / (c * 100)!r}"
    a = classify(x, y, alpha, "--penalty=elasticnet", f"--l1_ratio={int(of == 'l1')}")
    decimals(a.coef, classify(x, y, alpha, f"--penalty={of}").coef, 6)


@case(LOGISTIC, c=np.logspace(-3, 2, 4).tolist(), l1=[0.1, 0.5, 0.9])
def LogisticRegression_elastic_net_objective(c, l1):
    x, y = make_classification(n_samples=1000, n_features=20, n_informative=10, n_redundant=0, random_state=0)
    x = scale(x)

    def objective(m):
        w = m.coef.ravel()
        loss = np.logaddexp(0, -(2 * y - 1) * (x @ w)).sum()
        return c * loss + l1 * np.abs(w).sum() + (1 - l1) / 2 * w @ w

    assert objective(logistic(x, y, c, intercept(False), l1_ratio=l1)) < objective(logistic(x, y, c, intercept(False)))


@case(LOGISTIC, c=np.logspace(-3, 2, 4).tolist(), l1=[0.1, 0.5, 0.9])
def elastic_net_versus_sgd(c, l1):
    x, y = make_classification(n_samples=500, n_features=5, n_informative=5, n_redundant=0, random_state=SEED)
    x = scale(x)
    a = logistic(x, y, c, intercept(False), *SGD, "--learning_rate=optimal", "--epochs=2000", l1_ratio=l1)
    assert_allclose(a.coef, logistic(x, y, c, intercept(False), l1_ratio=l1).coef, atol=0.35)


@case(LOGISTIC)
def penalty_none():
    x, y = make_classification(n_samples=1000, n_redundant=0, random_state=SEED)
    a, b = logistic(x, y, np.inf), classify(x, y, "--alpha=0")
    assert a.labels(x) == b.labels(x)
    assert_array_equal(a.coef, classify(x, y, "--penalty=none", "--alpha=4").coef)


@case(LOGISTIC, with_intercept=BOTH)
def multinomial_identifiability_on_iris(with_intercept):
    m = logistic(scale(iris.data), [str(iris.target_names[k]) for k in iris.target], 150, intercept(with_intercept))
    assert_allclose(m.coef.sum(0), 0, atol=1e-10)
    near(m.intercept.sum(), 0, abs_=1e-11)


@case(LOGISTIC)
def single_feature_newton_cg():
    x = np.array([[0.5, 0.65, 1.1, 1.25, 0.8, 0.54, 0.95, 0.7]]).T
    assert logistic(x, [1, 1, 0, 0, 1, 1, 0, 1], 1).coef.shape == (1, 1)


@case(LOGISTIC)
def liblinear_with_large_values():
    m = classify([[0], [1e30]], [0, 1], "--standardize")
    assert m.labels([[0], [1e30]]) == [0, 1]


@case(LOGISTIC, binary=BOTH, texts=BOTH, weighted=BOTH, classes=[None, "balanced", "given"])
def logistic_regression_array_api_compliance(binary, texts, weighted, classes):
    y = (iris.target > 0).astype(int) if binary else iris.target
    labels = ["setosa", "not-setosa"] if binary else list(iris.target_names)
    given = {"setosa": 1.0, "not-setosa": 3.0} if binary else {"virginica": 1.0, "setosa": 2.0, "versicolor": 3.0}
    if not texts:
        given = {0: 1.0, 1: 3.0} if binary else {0: 1.0, 1: 2.0, 2: 3.0}
    target = np.array([str(labels[k]) for k in y]) if texts else y
    w = np.random.default_rng(0).uniform(-1, 5, size=150).clip(0, None) if weighted else None
    how = given if classes == "given" else classes
    sk = linear_model.LogisticRegression(C=1e-2, solver="newton-cholesky", tol=1e-12, max_iter=500, class_weight=how).fit(iris.data, target, sample_weight=w)
    flags = {"balanced": ["--class_weight=balanced"], "given": ["--class_weight=" + ",".join(f"{k}={v}" for k, v in given.items())]}
    m = logistic(iris.data, target.tolist(), 1e-2, *flags.get(classes, []), w=w)
    assert_allclose(m.coef, sk.coef_, rtol=1e-5, atol=1e-7)
    assert_allclose(m.intercept, sk.intercept_, rtol=1e-5, atol=1e-7)
    assert_allclose(m.proba(iris.data), sk.predict_proba(iris.data), rtol=1e-5)
    assert_array_equal(m.predict(iris.data), [str(v) for v in sk.predict(iris.data)])


# ---- test_ridge.py

RIDGE = "tests/test_ridge.py"
SHAPES = ["long", "wide"]
diabetes = datasets.load_diabetes()


def ridge_rows(shape):
    """Well conditioned rows, whose last column is 1, with the solutions without a penalty, of least norm, and with alpha=1."""
    n, d = (12, 4) if shape == "long" else (4, 12)
    r = np.random.RandomState(SEED)
    x = make_low_rank_matrix(n_samples=n, n_features=d, effective_rank=min(n, d), random_state=r)
    x[:, -1] = 1
    u, s, vt = linalg.svd(x)
    if shape == "long":
        ols = r.uniform(-10, 10, size=d)
        y = x @ ols + u[:, d:] @ r.normal(size=n - d) ** 2
    else:
        y = r.uniform(-10, 10, size=n)
        ols = vt[:n].T @ np.diag(1 / s) @ u.T @ y
    penalty = np.identity(d)
    penalty[-1, -1] = 0
    return x, y, ols, linalg.solve(x.T @ x + penalty, x.T @ y)


def ridge_checked(shape, with_intercept, change, alpha, weights=None, atol=0, doubled=False):
    x, y, _, coef = ridge_rows(shape)
    x, b = x[:, :-1], coef[-1]
    x, y = change(x, y)
    if not with_intercept:
        x, y, b = x - x.mean(0), y - y.mean(), 0
    m = ridge(x, y, alpha, intercept(with_intercept), w=weights and np.full(len(y), weights))
    near(m.intercept[0], b)
    assert_allclose(m.coef[0], np.r_[coef[:-1], coef[:-1]] if doubled else coef[:-1], rtol=1e-7, atol=atol)


@case(RIDGE, shape=SHAPES, with_intercept=BOTH, weights=[None, 1.0])
def ridge_regression(shape, with_intercept, weights):
    ridge_checked(shape, with_intercept, lambda x, y: (x, y), 1, weights)


@case(RIDGE, shape=SHAPES, with_intercept=BOTH)
def ridge_regression_hstacked_X(shape, with_intercept):
    ridge_checked(shape, with_intercept, lambda x, y: (0.5 * np.c_[x, x], y), 0.5, atol=1e-8, doubled=True)


@case(RIDGE, shape=SHAPES, with_intercept=BOTH)
def ridge_regression_vstacked_X(shape, with_intercept):
    ridge_checked(shape, with_intercept, lambda x, y: (np.r_[x, x], np.r_[y, y]), 2, atol=1e-8)


def unpenalized(shape, with_intercept, change, doubled=False):
    x, y, coef, _ = ridge_rows(shape)
    b = 0
    if with_intercept:
        x, b, coef = x[:, :-1], coef[-1], coef[:-1]
    x, y = change(x, y)
    m = ridge(x, y, 0, intercept(with_intercept))
    if shape == "long" or not with_intercept:
        near(m.intercept[0], b)
        assert_allclose(m.coef[0], np.r_[coef, coef] if doubled else coef)
    else:
        assert_allclose(m.decision(x)[:, 0], y)


@case(RIDGE, shape=SHAPES, with_intercept=BOTH)
def ridge_regression_unpenalized(shape, with_intercept):
    unpenalized(shape, with_intercept, lambda x, y: (x, y))


@case(RIDGE, shape=SHAPES, with_intercept=BOTH)
def ridge_regression_unpenalized_hstacked_X(shape, with_intercept):
    unpenalized(shape, with_intercept, lambda x, y: (0.5 * np.c_[x, x], y), doubled=True)


@case(RIDGE, shape=SHAPES, with_intercept=BOTH)
def ridge_regression_unpenalized_vstacked_X(shape, with_intercept):
    unpenalized(shape, with_intercept, lambda x, y: (np.r_[x, x], np.r_[y, y]))


@case(RIDGE, shape=SHAPES, with_intercept=BOTH, alpha=[1.0, 1e-2])
def ridge_regression_sample_weights(shape, with_intercept, alpha):
    x, y, _, coef = ridge_rows(shape)
    x, b = x[:, :-1], coef[-1]
    w = np.random.RandomState(0).uniform(size=len(y))
    x, y, w = np.r_[x, x], np.r_[y, y], np.r_[w, 1 - w] * alpha
    if not with_intercept:
        x, y, b = x - x.mean(0), y - y.mean(), 0
    m = ridge(x, y, alpha, intercept(with_intercept), w=w)
    near(m.intercept[0], b)
    assert_allclose(m.coef[0], coef[:-1])


@case(RIDGE, features=[4, 5])
def ridge_vs_lstsq(features):
    r = np.random.RandomState(0)
    y, x = r.randn(5), r.randn(5, features)
    of = linear_model.LinearRegression(fit_intercept=False).fit(x, y)
    decimals(ridge(x, y, 0, intercept(False)).coef[0], of.coef_, 7)


def sparse_offset(n, d, share, noise, seed):
    x, y, c = make_regression(n_samples=n, n_features=d, n_informative=10, bias=13.0 if d == 20 or d == 100 else 10, noise=noise,
                              coef=True, random_state=seed)
    x += 30.0
    there = np.random.RandomState(seed).binomial(1, share, x.shape) > 0
    y -= np.where(there, 0, x) @ c
    return np.where(there, x, 0), y


@case(RIDGE, of=[(20, 0.1), (40, 1.0), (20, 0.2)], sparse=BOTH)
def solver_consistency(of, sparse):
    x, y = sparse_offset(of[0], 30, of[1], 50.0 if of[1] > 0.9 else 500.0, SEED)
    x = minmax_scale(x)
    sk, m = linear_model.Ridge(solver="svd").fit(x, y), ridge(x, y, 1, sparse=sparse)
    assert_allclose(m.coef[0], sk.coef_, atol=1e-3, rtol=1e-3)
    assert_allclose(m.intercept[0], sk.intercept_, atol=1e-3, rtol=1e-3)


@case(RIDGE, alpha=[1e-16, 1e16], with_intercept=BOTH, shape=[(100, 50), (50, 100)], sparse=BOTH)
def regularization_limits_ridge(alpha, with_intercept, shape, sparse):
    x, y = make_regression(n_samples=shape[0], n_features=shape[1], noise=0, bias=10, random_state=42)
    coef, b = np.zeros(shape[1]), y.mean() if with_intercept else 0.0
    if alpha < 1:
        of = linear_model.LinearRegression(fit_intercept=with_intercept).fit(x, y)
        coef, b = of.coef_, of.intercept_
    m = ridge(x, y, alpha, intercept(with_intercept), sparse=sparse)
    assert_allclose(m.coef[0], coef, atol=1e-10)
    assert_allclose(m.intercept[0], b, atol=1e-10)


def ridge_classifier(x, y, *flags, w=None, **more):
    n = len(y) if w is None else np.sum(w)
    return classify(x, y, "--loss=squared_error", f"--alpha={float(1 / n)!r}", *flags, w=w, **more)


@case(RIDGE, sparse=BOTH)
def dense_sparse(sparse):
    m = ridge_classifier(iris.data, iris.target, sparse=sparse)
    assert m.coef.shape == (3, 4) and np.mean(np.array(m.labels(iris.data)) == iris.target) > 0.79
    score = lambda m: round(r2(diabetes.target, m.decision(diabetes.data)[:, 0]), 5)
    a = ridge(diabetes.data, diabetes.target, 1, intercept(False), sparse=sparse)
    assert score(a) == round(linear_model.Ridge(fit_intercept=False).fit(diabetes.data, diabetes.target).score(diabetes.data, diabetes.target), 5)


@case(RIDGE, weights=[(None, 1), ("1=0.001", -1), ("balanced", 1)])
def class_weights_of_ridge(weights):
    of, want = weights
    m = ridge_classifier(XW, YW, *[f"--class_weight={of}"] * (of is not None))
    assert m.labels([[0.2, -1.0]]) == [want]


class_weights_of_ridge.__name__ = "class_weights"


@case(RIDGE, which=["balanced", "given", "times"])
def class_weight_vs_sample_weight(which):
    x, y = iris.data, iris.target
    w = np.where(y == 1, 100.0, 1.0)
    given = "--class_weight=0=1,1=100,2=1"
    if which == "balanced":
        a, b = ridge_classifier(x, y), ridge_classifier(x, y, "--class_weight=balanced")
    elif which == "given":
        a, b = ridge_classifier(x, y, w=w), ridge_classifier(x, y, given)
    else:
        a, b = ridge_classifier(x, y, w=w**2), ridge_classifier(x, y, given, w=w)
    decimals(a.coef, b.coef, 7)


@case(RIDGE, weighted=[False])
def ridge_fit_intercept_sparse(weighted):
    x, y = sparse_offset(100, 20, 0.5, 30.0, SEED)
    of, m = linear_model.Ridge(solver="sparse_cg", tol=1e-12).fit(x, y), ridge(x, y, 1, sparse=True)
    assert_allclose(m.intercept[0], of.intercept_, rtol=5e-7)
    assert_allclose(m.coef[0], of.coef_, rtol=1e-6)


@case(RIDGE, alpha=[1e-3, 1e-2, 0.1, 1.0])
def lbfgs_solver_consistency(alpha):
    x, y = make_regression(n_samples=300, n_features=300, random_state=42)
    of = linear_model.Ridge(alpha=alpha, solver="svd", fit_intercept=False).fit(x, y)
    assert_allclose(ridge(x, y, alpha, intercept(False)).coef[0], of.coef_, atol=1e-4, rtol=0)


@case(RIDGE, with_intercept=BOTH, shape=["tall", "wide"])
def ridge_sample_weight_consistency(with_intercept, shape):
    weights_consistent(with_intercept, 12, 6 if shape == "tall" else 24, 42, lambda *a, **k: ridge(*a[:2], 1.0, *a[2:], **k), scales=False)


def weights_consistent(with_intercept, n, d, seed, of, scales, rtol=1e-6):
    """Weights of 1 are none, of 0 leave out, of 2 are two rows; and where the penalty is for a mean, their scale is nothing."""
    r = np.random.RandomState(seed)
    x, y = r.rand(n, d), r.rand(n)
    b = intercept(with_intercept)
    same = lambda p, q: (assert_allclose(p.coef, q.coef, rtol=rtol, atol=1e-12), assert_allclose(p.intercept, q.intercept, rtol=rtol, atol=1e-12))
    same(of(x, y, b), of(x, y, b, w=np.ones(n)))
    w = r.uniform(0.01, 2, size=n)
    if scales:
        same(of(x, y, b, w=w), of(x, y, b, w=np.pi * w))
    zero = w.copy()
    zero[-5:] = 0
    y[-5:] *= 1000
    same(of(x, y, b, w=zero), of(x[:-5], y[:-5], b, w=w[:-5]))
    twice = zero.copy()
    twice[: n // 2] *= 2
    same(of(x, y, b, w=twice), of(np.r_[x, x[: n // 2]], np.r_[y, y[: n // 2]], b, w=np.r_[zero, zero[: n // 2]]))


# ---- test_coordinate_descent.py

DESCENT = "tests/test_coordinate_descent.py"
LINE = ([[-1], [0], [1]], [-1, 0, 1])


def build_dataset(n=50, d=200, informative=10):
    r = np.random.RandomState(0)
    w = r.randn(d)
    w[informative:] = 0
    x, t = r.randn(n, d), None
    t = r.randn(n, d)
    return x, x @ w, t, t @ w


@case(DESCENT)
def enet_nonfinite_params():
    r = np.random.RandomState(0)
    x = np.finfo(float).max * r.uniform(size=(10, 2))
    said = enet(x, r.randint(0, 2, size=10), 0.1, 0.5, fails=True)
    assert said.count("\n") == 1, said


@case(DESCENT, of=[(1e-8, 1, [2, 3, 4]), (0.1, 0.85, [1.7, 2.55, 3.4]), (0.5, 0.25, [0.5, 0.75, 1.0]), (1, 0, [0, 0, 0])])
def lasso_toy(of):
    m = lasso(*LINE, of[0])
    decimals(m.coef, [[of[1]]], 6)
    decimals(m.decision([[2], [3], [4]])[:, 0], of[2], 6)
    decimals(m.training.get("gap", 0), 0, 7)


@case(DESCENT, of=[(1e-8, 1.0, 1, [2, 3, 4]), (0.5, 0.3, 0.50819, [1.0163, 1.5245, 2.0327]), (0.5, 0.5, 0.45454, [0.9090, 1.3636, 1.8181])])
def enet_toy(of):
    m = enet(*LINE, of[0], of[1])
    decimals(m.coef, [[of[2]]], 3)
    decimals(m.decision([[2], [3], [4]])[:, 0], of[3], 3)
    decimals(m.training.get("gap", 0), 0, 7)


@case(DESCENT)
def lasso_dual_gap():
    x, y, _, _ = build_dataset(10, 30)
    alpha = float(0.01 * np.abs(x.T @ y).max() / 10)
    m = lasso(x, y, alpha, intercept(False))
    rest = y - m.decision(x)[:, 0]
    primal = 0.5 * np.mean(rest**2) + alpha * np.abs(m.coef).sum()
    rest /= max(1, np.abs(x.T @ rest).max() / (10 * alpha))
    gap = primal - 0.5 * (np.mean(y**2) - np.mean((y - rest) ** 2))
    assert gap <= 1e-6 * primal and abs(m.training.get("gap", 0) - gap) <= 1e-6 * primal, (gap, m.training)


@case(DESCENT)
def lasso_cv():
    x, y, t, of = build_dataset()
    m = regress(x, y, "--penalty=l1", "--alpha=auto", "--folds=3")
    assert r2(of, m.decision(t)[:, 0]) > 0.99


@case(DESCENT)
def enet_path():
    x, y, t, of = build_dataset(200, 100, 100)
    m = regress(x, y, "--penalty=elasticnet", "--alpha=0.01,0.05,0.1", "--l1_ratio=0.5,0.7", "--folds=3")
    with open(m.file) as f:
        h = json.load(f)["hyperparameters"]
    assert (h["alpha"], h["l1_ratio"]) == (0.01, 0.5), h
    assert r2(of, m.decision(t)[:, 0]) > 0.99


@case(DESCENT)
def lasso_alpha_warning():
    decimals(lasso(*LINE, 0).coef, [[1]], 6)


@case(DESCENT, l1_ratio=[0.5, 1])
def sparse_dense_descent_paths(l1_ratio):
    x, y, _, _ = build_dataset(50, 20)
    for alpha in (1.0, 0.1, 0.01):
        a, b = enet(x, y, alpha, l1_ratio), enet(x, y, alpha, l1_ratio, sparse=True)
        decimals(a.coef, b.coef, 6)


@case(DESCENT, l1_ratio=[0.5, 1])
def lasso_non_float_y(l1_ratio):
    x = [[0, 0], [1, 1], [-1, -1]]
    a, b = [enet(x, y, 1.0, l1_ratio, intercept(False)) for y in ([0, 1, 2], [0.0, 1.0, 2.0])]
    assert_array_equal(a.coef, b.coef)


@case(DESCENT, with_intercept=BOTH)
def enet_float_precision(with_intercept):
    x, y, _, _ = build_dataset(20, 10)
    x, y = np.round(x * 4), np.round(y * 4)
    a, b = [enet(x, y, 0.5, 0.5, intercept(with_intercept), f"--dtype={t}") for t in ("float32", "float64")]
    decimals(a.coef, b.coef, 4)


@case(DESCENT, alpha=[0.1, 10])
def enet_l1_ratio(alpha):
    x, y = np.array([[1, 2, 4, 5, 8], [3, 5, 7, 7, 8]]).T, [12, 10, 11, 21, 5]
    decimals(enet(x, y, alpha, 0).coef, enet(x, y, alpha, 0.00001).coef, 5)


@case(DESCENT, with_intercept=BOTH)
def enet_sample_weight_consistency(with_intercept):
    weights_consistent(with_intercept, 10, 5, SEED, lambda *a, **k: enet(*a[:2], 0.01, 0.5, *a[2:], **k), scales=True)


@case(DESCENT, with_intercept=BOTH, weighted=BOTH, l1_ratio=[0.5, 1])
def enet_alpha_max(with_intercept, weighted, l1_ratio):
    x = np.array([[3.0, -1.0], [2.0, -5.0], [5.0, -3.0], [1.0, -4.0]])
    y = x @ [1, -2]
    w = np.array([1.0, 10, 1, 10]) if weighted else np.ones(4)
    c, d = (x - np.average(x, 0, w), y - np.average(y, weights=w)) if with_intercept else (x, y)
    most = np.abs(c.T @ (w * d)).max() / w.sum() / l1_ratio
    of = lambda alpha: enet(x, y, alpha, l1_ratio, intercept(with_intercept), w=w if weighted else None).coef
    assert_allclose(of(most), 0, atol=1e-5)
    assert np.abs(of(0.99 * most)).max() > 1e-3


@case(DESCENT, alpha=[1e-6, 1e-1, 1.0, 1e6])
def enet_ridge_consistency(alpha):
    r = np.random.RandomState(SEED)
    x, y = make_regression(n_samples=300, n_features=100, effective_rank=10, n_informative=50, random_state=r)
    w = r.uniform(0.01, 10, size=300)
    of = linear_model.Ridge(alpha=alpha, solver="svd").fit(x, y, sample_weight=w)
    m = enet(x, y, alpha / w.sum(), 0, w=w)
    assert_allclose(m.coef[0], of.coef_, rtol=5e-7, atol=3e-11)
    assert_allclose(m.intercept[0], of.intercept_, atol=3e-11)


@case(DESCENT, rank=[None, 10])
def enet_ols_consistency(rank):
    r = np.random.RandomState(SEED)
    x, y = make_regression(n_samples=300, n_features=100, effective_rank=rank, n_informative=50, random_state=r)
    w = r.uniform(0.01, 10, size=300)
    of, m = linear_model.LinearRegression().fit(x, y, sample_weight=w), enet(x, y, 0, 0.5, w=w)
    p = m.decision(x)[:, 0]
    assert_allclose(p, of.predict(x))
    assert np.sum(w * (y - p) ** 2) <= 1e-19
    assert_allclose(m.coef[0], of.coef_, atol=1e-11)
    assert_allclose(m.intercept[0], of.intercept_, atol=1e-11)


@case(DESCENT, l1_ratio=[1, 0.1], which=["zero", "double"])
def sample_weight_invariance(l1_ratio, which):
    r = np.random.RandomState(42)
    x, y = make_regression(n_samples=100, n_features=300, effective_rank=10, n_informative=50, random_state=r)
    w = r.uniform(0.01, 2, size=100)
    if which == "zero":
        zero = w.copy()
        zero[:33] = 0
        a, b = enet(x, y, 1.0, l1_ratio, w=zero), enet(x[33:], y[33:], 1.0, l1_ratio, w=w[33:])
    else:
        a, b = enet(x, y, 1.0, l1_ratio, w=2 * w), enet(np.r_[x, x], np.r_[y, y], 1.0, l1_ratio, w=np.r_[w, w])
    assert_allclose(a.coef, b.coef)
    assert_allclose(a.intercept, b.intercept)


@case(DESCENT)
def lasso_positive_constraint():
    assert lasso([[-1], [0], [1]], [1, 0, -1], 0.1, "--positive").coef.min() >= 0


@case(DESCENT)
def enet_positive_constraint():
    assert enet([[-1], [0], [1]], [1, 0, -1], 0.1, 0.5, "--positive").coef.min() >= 0


def cv_positive(penalty):
    x, y, _, _ = build_dataset()
    flags = [f"--penalty={penalty}", "--alpha=auto", "--l1_ratio=0.5", "--folds=2"]
    assert regress(x, y, *flags).coef.min() < 0
    assert regress(x, y, *flags, "--positive").coef.min() >= 0


@case(DESCENT)
def lasso_cv_positive_constraint():
    cv_positive("l1")


@case(DESCENT)
def enet_cv_positive_constraint():
    cv_positive("elasticnet")


@case(DESCENT, l1_ratio=[1, 0.5])
def enet_path_positive(l1_ratio):
    x, y, _, _ = build_dataset(50, 50)
    for alpha in (1, 0.1, 0.01):
        assert enet(x, y, alpha, l1_ratio, "--positive").coef.min() >= 0


@case(RIDGE, with_intercept=BOTH, alpha=[1e-3, 1e-2, 0.1, 1])
def ridge_positive_regression_test(with_intercept, alpha):
    x = np.array([[1, 2], [3, 4], [5, 6], [7, 8]])
    assert ridge(x, x @ [1, -10] + 20 * with_intercept, alpha, "--positive", intercept(with_intercept)).coef.min() >= 0


@case(RIDGE, with_intercept=BOTH, alpha=[1e-3, 1e-2, 0.1, 1])
def ridge_ground_truth_positive_test(with_intercept, alpha):
    r = np.random.RandomState(42)
    x = r.randn(300, 100)
    y = x @ r.uniform(0.1, 1, 100) + with_intercept + r.normal(size=300) * 0.01
    a, b = [ridge(x, y, alpha, intercept(with_intercept), *more) for more in ([], ["--positive"])]
    assert_allclose(a.coef, b.coef, atol=1e-6, rtol=0)


@case(RIDGE)
def positive_ridge_loss():
    x, y = make_regression(n_samples=300, n_features=300, random_state=42)

    def loss(of, more=0):
        coef = of.coef[0] + more
        return ((y - x @ coef - of.intercept[0]) ** 2).sum() / 2 + 0.1 * (coef**2).sum() / 2

    free, positive = [ridge(x, y, 0.1, *more) for more in ([], ["--positive"])]
    assert loss(free) <= loss(positive)
    for seed in range(100):
        assert loss(positive) <= loss(positive, np.random.RandomState(seed).uniform(0, 1e-8, 300))


# ---- test_glm.py

GLM = "_glm/tests/test_glm.py"
POWERS = [1, 2, 1.5]


def glm(x, y, power, alpha, *flags, **more):
    return regress(x, y, "--loss=tweedie", f"--power={power}", f"--alpha={alpha!r}", *flags, **more)


def glm_optimum(x, y, power, alpha):
    """The coefficients that make the mean deviance/2 + alpha·‖w‖²/2 least, the last of which is not penalised, by Newton's method."""
    w = np.zeros(x.shape[1])
    w[-1] = np.log(y.mean())
    d = np.full(x.shape[1], float(alpha))
    d[-1] = 0
    for _ in range(100):
        mu = np.exp(x @ w)
        gradient = x.T @ (mu ** (2 - power) - y * mu ** (1 - power)) / len(y) + d * w
        h = (2 - power) * mu ** (2 - power) + (power - 1) * y * mu ** (1 - power)
        w = w - np.linalg.solve(x.T @ (h[:, None] * x) / len(y) + np.diag(d), gradient)
    return w


def glm_rows(shape, power, with_intercept):
    """Rows whose last column is 1, the solution without a penalty, and with alpha=1 with or without an intercept."""
    n, d = (12, 4) if shape == "long" else (4, 12)
    r = np.random.RandomState(SEED)
    x = make_low_rank_matrix(n_samples=n, n_features=d, effective_rank=min(n, d), tail_strength=0.1, random_state=r)
    x[:, -1] = 1
    u, s, vt = linalg.svd(x, full_matrices=False)
    if shape == "long":
        coef = r.uniform(1, 3, size=d) * r.choice([-1, 1], size=d)
        y = np.exp(x @ coef)
    else:
        raw = r.uniform(-3, 3, size=n)
        coef, y = vt.T @ np.diag(1 / s) @ u.T @ raw, np.exp(raw)
    if with_intercept:
        return x, y, coef, glm_optimum(x, y, power, 1)
    gradient = lambda w: x[:, :-1].T @ (lambda mu: mu ** (2 - power) - y * mu ** (1 - power))(np.exp(x[:, :-1] @ w)) / n + w
    best = scipy.optimize.root(gradient, np.zeros(d - 1), method="lm", options={"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15}).x
    return x, y, coef, np.r_[best, 0]


def glm_checked(shape, power, with_intercept, change, alpha, rtol, doubled=False, w=None):
    x, y, _, coef = glm_rows(shape, power, with_intercept)
    x, y = change(x[:, :-1], y)
    m = glm(x, y, power, alpha, intercept(with_intercept), w=w and np.full(len(y), w))
    near(m.intercept[0], coef[-1], rel=rtol)
    assert_allclose(m.coef[0], np.r_[coef[:-1], coef[:-1]] if doubled else coef[:-1], rtol=rtol)


@case(GLM, shape=SHAPES, power=POWERS, with_intercept=BOTH, w=[None, 1.0])
def glm_regression(shape, power, with_intercept, w):
    glm_checked(shape, power, with_intercept, lambda x, y: (x, y), 1, 1e-9, w=w)


@case(GLM, shape=SHAPES, power=POWERS, with_intercept=BOTH)
def glm_regression_hstacked_X(shape, power, with_intercept):
    glm_checked(shape, power, with_intercept, lambda x, y: (0.5 * np.c_[x, x], y), 0.5, 5e-9, doubled=True)


@case(GLM, shape=SHAPES, power=POWERS, with_intercept=BOTH)
def glm_regression_vstacked_X(shape, power, with_intercept):
    glm_checked(shape, power, with_intercept, lambda x, y: (np.r_[x, x], np.r_[y, y]), 1, 5e-9)


def glm_unpenalized(shape, power, with_intercept, change, rtol, doubled=False):
    x, y, coef, _ = glm_rows(shape, power, True)
    b = 0
    if with_intercept:
        x, b, coef = x[:, :-1], coef[-1], coef[:-1]
    x, y = change(x, y)
    m = regress(x, y, "--loss=tweedie", f"--power={power}", "--penalty=none", intercept(with_intercept))
    if shape == "long":
        near(m.intercept[0], b)
        if doubled:  # of all solutions scikit-learn's solvers find that of the least norm to 1e-4
            half = len(coef)
            assert_allclose(m.coef[0, :half] + m.coef[0, half:], 2 * coef, rtol=rtol)
            if not np.allclose(m.coef[0], np.r_[coef, coef], rtol=rtol, atol=0):
                assert_allclose(m.coef[0], np.r_[coef, coef], rtol=1e-3)
                raise NotHere("of the solutions for the same column twice it is that of the least norm to 1e-3, not to 1e-4")
        else:
            assert_allclose(m.coef[0], coef, rtol=rtol)
    else:
        assert_allclose(np.exp(m.decision(x)[:, 0]), y, rtol=5e-4)


@case(GLM, shape=SHAPES, power=POWERS, with_intercept=BOTH)
def glm_regression_unpenalized(shape, power, with_intercept):
    glm_unpenalized(shape, power, with_intercept, lambda x, y: (x, y), 1e-7)


@case(GLM, shape=SHAPES, power=POWERS, with_intercept=BOTH)
def glm_regression_unpenalized_hstacked_X(shape, power, with_intercept):
    glm_unpenalized(shape, power, with_intercept, lambda x, y: (0.5 * np.c_[x, x], y), 1e-4, doubled=True)


@case(GLM, shape=SHAPES, power=POWERS, with_intercept=BOTH)
def glm_regression_unpenalized_vstacked_X(shape, power, with_intercept):
    glm_unpenalized(shape, power, with_intercept, lambda x, y: (np.r_[x, x], np.r_[y, y]), 1e-6)


@case(GLM, power=[3, 1, 2, 1.5])
def glm_wrong_y_range(power):
    said = glm([[1], [1]], [-1, 2], power, 1.0, fails=True)
    assert "row 0" in said and "found -1, expected a target" in said, said


@case(GLM, with_intercept=BOTH)
def glm_identity_regression(with_intercept):
    x = np.array([[1, 1, 1, 1, 1], [0, 1, 2, 3, 4]]).T
    y = x @ [1.0, 2.0]
    m = regress(x[:, 1:] if with_intercept else x, y, "--loss=tweedie", "--power=0", "--alpha=0", intercept(with_intercept))
    assert_allclose(np.r_[m.intercept, m.coef[0]] if with_intercept else m.coef[0], [1.0, 2.0])


@case(GLM, with_intercept=BOTH, alpha=[0.0, 1.0], power=[0, 1, 2])
def glm_sample_weight_consistency(with_intercept, alpha, power):
    r = np.random.RandomState(0)
    x, y, b = r.rand(10, 5), r.rand(10), intercept(with_intercept)
    of = lambda x, y, w=None: glm(x, y, power, alpha, b, w=w).coef
    last = np.ones(10)
    last[-1] = 0
    coef = of(x, y)
    assert_allclose(of(x, y, np.ones(10)), coef)
    assert_allclose(of(x, y, np.full(10, 2.0)), coef)
    assert_allclose(of(x, y, last), of(x[:-1], y[:-1]))
    assert_allclose(of(x, y, np.r_[np.full(5, 2.0), np.ones(5)]), of(np.r_[x, x[:5]], np.r_[y, y[:5]]))


@case(GLM, power=[1, 2, 3.0, 1.5, 4.5], with_intercept=BOTH)
def glm_log_regression(power, with_intercept):
    x = np.array([[0, 1, 2, 3, 4], [1, 1, 1, 1, 1]]).T
    y = np.exp(x @ [0.2, -0.1])
    m = glm(x[:, :1] if with_intercept else x, y, power, 0, intercept(with_intercept))
    got = np.r_[m.coef[0], m.intercept] if with_intercept else m.coef[0]
    assert_allclose(got, [0.2, -0.1], rtol=1e-6 if with_intercept else 2e-6)


@case(GLM, shape=[(100, 10), (10, 100)], with_intercept=BOTH, weighted=BOTH)
def normal_ridge_comparison(shape, with_intercept, weighted):
    n, d = shape
    x, y = make_regression(n_samples=n + 10, n_features=d, n_informative=d - 2, noise=0.5, random_state=42)
    x, t, y, _ = sklearn.model_selection.train_test_split(x, y, test_size=10, random_state=0)
    w = np.random.RandomState(0).rand(n) if weighted else None
    of = linear_model.Ridge(alpha=n if w is None else w.sum(), fit_intercept=with_intercept, solver="svd").fit(x, y, sample_weight=w)
    m = glm(x, y, 0, 1.0, intercept(with_intercept), w=w)
    assert_allclose(m.coef[0], of.coef_, atol=5e-5)
    assert_allclose(m.intercept[0], of.intercept_, rtol=1e-5)
    for rows in (x, t):
        assert_allclose(m.decision(rows)[:, 0], of.predict(rows), rtol=2e-4)


@case(GLM)
def poisson_glmnet():
    m = regress([[-2, 0], [-1, 0], [1, 1], [2, 1]], [0, 1, 1, 2], "--loss=poisson", "--alpha=1")
    assert_allclose(m.intercept, [-0.12889386979], rtol=1e-5)
    assert_allclose(m.coef, [[0.29019207995, 0.03741173122]], rtol=1e-5)


@case(GLM, power=[0, 1, 2, 3])
def tweedie_link_auto(power):
    m = glm([[1], [2]], [0.1, 0.5], power, 1.0)
    d = m.decision([[1], [2]])[:, 0]
    assert_allclose([float(v) for v in m.predict([[1], [2]])], np.exp(d) if power else d)


@case(GLM, power=[0, 1, 1.5, 2, 3])
def tweedie_score(power):
    x, y = make_regression(n_samples=107, n_features=10, n_informative=80, noise=0.5, random_state=2)
    y = np.abs(y) + 1.0
    m = glm(x, y, power, 1.0)
    write(rows := name("csv"), x, y)
    out, told = name("csv"), name("json")
    run("predict", f"--model={m.file}", f"--input={rows}", "--target=y", f"--output={out}", f"--summary={told}")
    with open(out, newline="") as f:
        p = [float(row["prediction"]) for row in csv.DictReader(f)]
    with open(told) as f:
        near(json.load(f)["regression"]["d2"], metrics.d2_tweedie_score(y, p, power=power))


@case(GLM, weighted=BOTH)
def poisson_regressor_array_api_compliance(weighted):
    r = np.random.default_rng(SEED)
    x = r.normal(size=(1000, 3))
    y = r.poisson(np.exp(x @ [0.5, -0.3, 0.8] + 1.0))
    w = r.uniform(-1, 5, size=1000).clip(0, None) if weighted else None
    of = linear_model.PoissonRegressor(alpha=1, solver="newton-cholesky", tol=1e-13, max_iter=500).fit(x, y, sample_weight=w)
    m = regress(x, y, "--loss=poisson", "--alpha=1", w=w)
    assert_allclose(m.coef[0], of.coef_, rtol=3e-7)
    assert_allclose(m.intercept[0], of.intercept_, rtol=3e-7)
    assert_allclose([float(v) for v in m.predict(x)], of.predict(x), rtol=3e-7)


# ---- test_quantile.py

QUANTILE = "tests/test_quantile.py"


def quantile(x, y, q, alpha, *flags, **more):
    """QuantileRegressor; without a penalty, one that is too small to matter."""
    if alpha > 0:
        flags = "--penalty=l1", *flags
    return regress(x, y, "--loss=quantile", f"--quantile={q!r}", f"--alpha={alpha or 1e-10!r}", *flags, **more)


@case(QUANTILE, of=[(0.5, 0, 1, None), (0.51, 0, 1, 10), (0.49, 0, 1, 1), (0.5, 0.01, 1, 1), (0.5, 100, 2, 0)])
def quantile_toy_example(of):
    q, alpha, b, coef = of
    m = quantile([[0], [1], [1]], [1, 2, 11], q, alpha)
    assert_allclose(m.intercept, [b], atol=1e-2)
    if coef is not None:
        assert_allclose(m.coef[0], [coef], atol=1e-2)
    assert alpha >= 100 or m.coef[0, 0] >= 1 - 1e-9
    assert m.coef[0, 0] <= 10 + 1e-9


@case(QUANTILE, with_intercept=BOTH)
def quantile_equals_huber_for_low_epsilon(with_intercept):
    x, y = make_regression(n_samples=100, n_features=20, random_state=0, noise=1.0)
    of = linear_model.HuberRegressor(epsilon=1 + 1e-4, alpha=1e-4, fit_intercept=with_intercept).fit(x, y)
    m = quantile(x, y, 0.5, 1e-4, intercept(with_intercept))
    assert_allclose(m.coef[0], of.coef_, atol=1e-1)
    if with_intercept:
        near(m.intercept[0], of.intercept_, rel=0, abs_=1e-1)
        near(np.mean(y < m.decision(x)[:, 0]), 0.5, rel=0, abs_=1e-1)


@case(QUANTILE, q=[0.5, 0.9, 0.05])
def quantile_estimates_calibration(q):
    x, y = make_regression(n_samples=1000, n_features=20, random_state=0, noise=1.0)
    near(np.mean(y < quantile(x, y, q, 0).decision(x)[:, 0]), q, rel=0, abs_=1e-2)


@case(QUANTILE)
def quantile_sample_weight():
    x, y = make_regression(n_samples=1000, n_features=5, random_state=0, noise=10.0)
    w = np.where(y > y.mean(), 100.0, 1.0)
    below = y < quantile(x, y, 0.5, 1e-8, w=w).decision(x)[:, 0]
    assert below.mean() > 0.5
    near(np.average(below, weights=w), 0.5, rel=0, abs_=3e-2)


@case(QUANTILE, q=[0.2, 0.5, 0.8], alpha=[0, 0.01])
def asymmetric_error(q, alpha):
    r = np.random.RandomState(42)
    x = np.c_[np.abs(r.randn(1000)), -r.randint(2, size=1000)]
    y = r.exponential(scale=-(x @ [0.5, -2] + 1.23) / np.log(1 - q), size=1000)
    m = quantile(x, y, q, alpha)
    assert_allclose(np.mean(m.decision(x)[:, 0] > y), q, atol=1e-2)
    if alpha == 0:
        near(m.intercept[0], 1.23, rel=0.2)
        assert_allclose(m.coef[0], [0.5, -2], rtol=0.6)
        return
    cost = lambda c: metrics.mean_pinball_loss(y, x @ c[1:] + c[0], alpha=q) + alpha * np.abs(c[1:]).sum()
    best = scipy.optimize.minimize(cost, [1, 0, -1], method="Nelder-Mead", tol=1e-12, options={"maxiter": 2000}).x
    near(cost(np.r_[m.intercept, m.coef[0]]), cost(best))
    assert_allclose(np.r_[m.intercept, m.coef[0]], best)


@case(QUANTILE, q=[0.2, 0.5, 0.8], change=["scale", "flip", "shift", "turn"])
def equivariance(q, change):
    r = np.random.RandomState(42)
    x, y = make_regression(n_samples=100, n_features=5, n_informative=5, noise=0, random_state=r, shuffle=False)
    y = y + r.exponential(scale=100, size=100)
    a = quantile(x, y, q, 0)
    b0, coef, rel = a.intercept[0], a.coef[0], 1e-5
    gi, g, turn = r.randn(), r.randn(5), r.randn(5, 5)
    if change == "scale":
        b, want = quantile(x, 2.5 * y, q, 0), (2.5 * b0, 2.5 * coef)
    elif change == "flip":
        b, want = quantile(x, -2.5 * y, 1 - q, 0), (-2.5 * b0, -2.5 * coef)
    elif change == "shift":
        b, want, rel = quantile(x, y + x @ g + gi, q, 0), (b0 + gi, coef + g), 1e-6
    else:
        b, want = quantile(x @ turn, y, q, 0), (b0, np.linalg.solve(turn, coef))
    near(b.intercept[0], want[0], rel=1e-5)
    assert_allclose(b.coef[0], want[1], rtol=1e-5)
    if not np.allclose(b.coef[0], want[1], rtol=rel, atol=0):
        raise NotHere("a solution is within a certified gap of the optimum: coefficients of quantiles are right to 1e-5, not to 1e-6")


@case(QUANTILE, with_intercept=BOTH)
def sparse_input(with_intercept):
    x, y = make_regression(n_samples=300, n_features=20, n_informative=10, random_state=SEED, noise=1.0)
    a = quantile(x, y, 0.6, 0.1, intercept(with_intercept))
    b = quantile(x, y, 0.6, 0.1, intercept(with_intercept), sparse=True)
    assert_allclose(a.coef, b.coef, rtol=1e-2)
    assert abs((a.coef != 0).sum() - 10) <= 1 and abs((b.coef != 0).sum() - 10) <= 1
    if with_intercept:
        near(b.intercept, a.intercept)
        near(np.mean(y < b.decision(x)[:, 0]), 0.6, rel=0, abs_=3e-2)


# ---- what has no case

API = "about Python objects: attributes, copies, warnings, memory, callbacks, arrays of other libraries"
SOLVER = "about one of scikit-learn's solvers or its inner functions"
NOT = {
    API: {
        SGD_FILE: "clone plain_has_no_average_attr sgd_failing_penalty_validation power_t_limits provide_coef set_intercept_offset "
        "sgd_early_stopping_with_partial_fit set_intercept_offset_binary set_intercept_to_intercept partial_fit_weight_class_balanced "
        "sgd_multiclass_with_init_coef sgd_multiclass_njobs set_coef_multiclass partial_fit_exception loss_function_epsilon sgd_verbose "
        "sgd_dtype_match sgd_one_class_svm_estimator_type warm_start warm_start_multiclass validation_mask_correctly_subsets",
        LOGISTIC: "sparsify write_parameters elasticnet_l1_ratio_err_helpful dtype_match l1_ratio_non_elasticnet c_inf_no_warning "
        "sample_weight_not_modified penalty_deprecated logisticregressioncv_warns_with_use_legacy_attributes l1_ratio_None_deprecated "
        "logisticregression_warns_with_n_jobs lr_penalty_l1ratio_incompatible lr_scoring_warns get_default_scorer "
        "logistic_regression_array_api_warm_start logistic_regression_callback_support logistic_regression_callback_fitted_estimator "
        "logistic_regression_callback_support_warning passing_params_without_enabling_metadata_routing scores_attribute_layout_elasticnet "
        "lr_cv_scores_without_enabling_metadata_routing lr_cv_scores_differ_when_sample_weight_is_requested warm_start warm_start_converge_LR",
        RIDGE: "ridge_array_api_compliance ridge_per_target_alpha_array_api array_api_error_and_warnings_for_solver_parameter "
        "array_api_numpy_namespace_no_warning raises_value_error_if_sample_weights_greater_than_1d dtype_match dtype_match_cholesky "
        "ridge_regression_dtype_stability ridge_sag_with_X_fortran metadata_routing_with_default_scoring ridge_shapes_type "
        "set_score_request_with_default_scoring ridgecv_store_cv_results ridge_classifier_cv_store_cv_results ridgecv_alphas_conversion "
        "ridgecv_int_alphas ridgecv_alphas_validation ridgecv_alphas_scalar ridge_regression_check_arguments_validity",
        DESCENT: "set_order_dense set_order_sparse lassocv_alphas_validation lasso_readonly_data path_unknown_parameter check_input_false "
        "enet_copy_X_True enet_copy_X_False_check_input_False sparse_input_dtype_enet_and_lassocv linear_models_cv_fit_with_loky "
        "enet_sample_weight_does_not_overwrite_sample_weight cv_estimators_reject_params_with_no_routing_enabled "
        "enet_path_check_input_false path_function_deprecated_n_alphas warm_start",
        GLM: "tags poisson_regressor_array_api_warm_start sample_weights_validation warm_start",
    },
    SOLVER: {
        SGD_FILE: "loss_hinge gradient_squared_hinge loss_modified_huber loss_epsilon_insensitive loss_squared_epsilon_insensitive",
        LOGISTIC: "check_solver_option consistency_path logistic_regression_path_convergence_fail liblinear_dual_random_state "
        "sample_and_class_weight_equivalence_liblinear liblinear_decision_function_zero logreg_intercept_scaling_zero max_iter n_iter "
        "warm_start_newton_solver logistic_regression_path_coefs_multinomial logistic_regression_path_init_coefs large_sparse_matrix "
        "logisticregression_liblinear_sample_weight liblinear_not_stuck zero_max_iter newton_cholesky_fallback_to_lbfgs "
        "liblinear_multiclass_raises",
        RIDGE: "primal_dual_relationship ridge_regression_convergence_fail X_CenterStackOp compute_gram compute_covariance "
        "check_gcv_mode_choice ridge_positive_error_test sparse_cg_max_iter n_iter ridge_fit_intercept_sparse_error ridge_fit_intercept_sparse_sag lbfgs_solver_error",
        DESCENT: "cython_solver_equivalence lasso_path_return_models_vs_new_return_gives_same_coefficients "
        "elasticnet_precompute_incorrect_gram elasticnet_precompute_gram_weighted_samples elasticnet_precompute_gram "
        "warm_start_convergence warm_start_convergence_with_regularizer_decrement random_descent overridden_gram_matrix "
        "enet_coordinate_descent_raises_convergence convergence_warnings sparse_input_convergence_warning lassoCV_does_not_set_precompute",
        GLM: "convergence_warning linalg_warning_with_newton_solver newton_solver_verbosity",
        QUANTILE: "incompatible_solver_for_sparse_input linprog_failure error_interior_point_future",
    },
    "the command has no task one_class, which the library has": {
        SGD_FILE: "warm_start_oneclass clone_oneclass partial_fit_oneclass partial_fit_equal_fit_oneclass "
        "late_onset_averaging_reached_oneclass sgd_averaged_computed_correctly_oneclass sgd_averaged_partial_fit_oneclass "
        "average_sparse_oneclass ocsvm_vs_sgdocsvm sgd_oneclass_convergence sgd_oneclass_vs_linear_oneclass "
        "sgd_oneclass_vs_linear_oneclass_offsets_match sgd_one_class_svm_formulation_with_scipy_minimize",
    },
    "several targets, or a penalty for each of them": {
        RIDGE: "ridge_intercept ridge_individual_penalties ridge_cv_individual_penalties ridge_cv_multioutput_sample_weight "
        "ridge_cv_custom_multioutput_scorer ridgeclassifier_multilabel ridge_classifier_multilabel_array_api",
        DESCENT: "multi_task_lasso_vs_skglm multi_task_lasso_and_enet multi_task_lasso_readonly_data enet_multitarget "
        "multioutput_enetcv_error multitask_enet_and_lasso_cv 1d_multioutput_enet_and_multitask_enet_cv "
        "1d_multioutput_lasso_and_multitask_lasso_cv warm_start_multitask_lasso multi_task_lasso_cv_dtype",
    },
    "which rows are in a fold, or held out, is drawn in another way; scores of folds are tested in Go against scikit-learn's": {
        SGD_FILE: "validation_set_not_used_for_training multi_core_gridsearch_and_early_stopping sgd_error_on_zero_validation_weight",
        LOGISTIC: "logistic_cv logistic_cv_refit_false_non_elasticnet logistic_cv_mock_scorer logistic_cv_multinomial_score "
        "multinomial_cv_iris logistic_cv_folds_with_classes_missing logistic_cv_sparse logistic_regressioncv_class_weights "
        "logistic_regression_cv_refit elastic_net_vs_l1_l2 LogisticRegressionCV_GridSearchCV_elastic_net LogisticRegressionCV_no_refit "
        "LogisticRegressionCV_elasticnet_attribute_shapes LogisticRegressionCV_on_folds",
        RIDGE: "ridge_gcv_integer_arrays ridge_gcv_vs_ridge_loo_cv regularization_limits_ridge_classifier_gcv "
        "regularization_limits_ridge_gcv ridge_loo_cv_asym_scoring ridge_gcv_sample_weights ridge_gcv_cv_results_not_stored "
        "ridge_best_score ridge_classifier_with_scoring ridge_regression_custom_scoring class_weights_cv ridgecv_alphas_zero "
        "ridgecv_sample_weight ridge_cv_results_predictions",
        DESCENT: "lasso_cv_with_some_model_selection enet_cv_sample_weight_correctness enet_cv_grid_search "
        "enet_cv_sample_weight_consistency",
    },
    "rows that all have one target are refused": {DESCENT: "lasso_zero uniform_targets coef_shape_not_zero"},
    "rows of .svm have no weights": {RIDGE: "sparse_design_with_sample_weights"},
    "a partial_fit is a --warm_start, whose classes need not be told before": {
        SGD_FILE: "partial_fit_multiclass partial_fit_multiclass_average fit_then_partial_fit partial_fit",
    },
    "links are those that scikit-learn takes by itself": {GLM: "tweedie_link_argument"},
}


def accounted():
    """Says which tests are neither a case nor in NOT, which are both, and which are not there."""
    excused, faults = collections.Counter(), []
    for reason, files in NOT.items():
        for file, names in files.items():
            excused.update((file, n) for n in names.split())
    covered = {(file, check.__name__) for file, check, _ in cases}
    known = set()
    for file in sorted({file for file, _ in covered}):
        with open(os.path.join(sklearn.__path__[0], "linear_model", file)) as f:
            tree = ast.parse(f.read())
        known |= {(file, n.name[5:]) for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")}
    for of in sorted(known | covered | set(excused)):
        if of not in known or (of in covered) + excused[of] != 1:
            faults.append(f"{of[0]}: {of[1]}: in the wheel {of in known}, a case {of in covered}, excused {excused[of]} times")
    return faults, len(known), len(covered), sum(excused.values())


def judge(number):
    file, check, over = cases[number]
    local.number, local.files = number, 0
    try:
        check(**over)
    except NotHere as e:
        return str(e)
    except Exception as e:
        text = " ".join(str(e).split())[:400]
        print(f"{file} {check.__name__} {over}: {type(e).__name__}: {text}", flush=True)
        return "failed"
    return "passed"


def main():
    faults, tests, covered, excused = accounted()
    wanted = [i for i, (_, check, _) in enumerate(cases) if not sys.argv[2:] or check.__name__ in sys.argv[2:]]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        ends = collections.Counter(pool.map(judge, wanted))
    print(*faults, sep="\n")
    print(f"{tests} tests of scikit-learn {sklearn.__version__}: {covered} are {len(cases)} cases, {excused} have none:")
    for reason, files in NOT.items():
        print(f"  {sum(len(n.split()) for n in files.values()):3d} {reason}")
    print(f"of {len(wanted)} cases {ends.pop('passed', 0)} have passed, {ends['failed']} failed, others do not apply:")
    for reason, n in ends.items():
        if reason != "failed":
            print(f"  {n:3d} {reason}")
    return bool(ends["failed"] or faults)


sys.exit(main())
