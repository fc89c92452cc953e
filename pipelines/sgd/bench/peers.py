"""The files and the other libraries of the README's comparison of linear models. Each run prints a line of JSON.

    pip install numpy scipy pandas pyarrow scikit-learn vowpalwabbit
    python peers.py generate DIRECTORY [--rows 5000000]
    python peers.py sgd DIRECTORY/rows.npy          # or .parquet, .csv: SGDRegressor.partial_fit, chunks of 1,000 rows
    python peers.py grid DIRECTORY/rows_1m.npy      # GridSearchCV: 10 alphas, 5 folds, SGDClassifier, log_loss
    python peers.py optimum DIRECTORY/rows_1m.npy   # how far SGDClassifier's objective is from the minimum
    python peers.py table flights.parquet           # ColumnTransformer and LogisticRegression, exactly; or .csv
    python peers.py table flights.parquet flights.json  # and by how much the coefficients of our model of the same are others
    python peers.py pictures DIRECTORY              # pictures.npy, 60,000 × 784, ten classes in pictures_label.npy
    python peers.py multinomial DIRECTORY/pictures.npy --tol=1e-6  # LogisticRegression, alpha 1e-4, by lbfgs
    python peers.py vw DIRECTORY/hashed.vw          # Vowpal Wabbit, one pass
    python peers.py glosses WORDNET DIRECTORY       # texts from WordNet's data.noun, … (Debian's wordnet-base): noun, or not
    python peers.py text DIRECTORY/glosses          # HashingVectorizer and SGDClassifier.partial_fit, chunks of 1,000 rows
    python peers.py vw DIRECTORY/glosses.train.vw --test=DIRECTORY/glosses.test.vw --more='--ngram 2'

rows.* hold 20 columns of different scales and a target y; rows_1m.* the first million of them, with a label of two classes.
"""

import argparse
import json
import os
import time

import numpy as np

COLUMNS = [f"x{j}" for j in range(20)]


def rows(n, seed=0):
    r = np.random.default_rng(seed)
    x = r.standard_normal((n, 20), dtype=np.float32)
    x[:, 1:] += 0.3 * x[:, :1]  # correlated, as columns are
    w = r.standard_normal(20)
    score = x @ w
    y = (score + r.standard_normal(n)).astype(np.float32)
    label = (r.random(n) < 1 / (1 + np.exp(-score))).astype(np.int8)
    return x, y, label


def generate(directory, n):
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    os.makedirs(directory, exist_ok=True)
    at = lambda name: os.path.join(directory, name)
    x, y, label = rows(n)
    np.save(at("rows.npy"), x)
    np.save(at("rows_y.npy"), y)
    m = min(n, 1_000_000)
    np.save(at("rows_1m.npy"), x[:m])
    np.save(at("rows_1m_label.npy"), label[:m])
    table = pa.table({c: x[:, j] for j, c in enumerate(COLUMNS)} | {"y": y})
    pq.write_table(table, at("rows.parquet"), compression="snappy", row_group_size=200_000)
    import pyarrow.csv

    pyarrow.csv.write_csv(table, at("rows.csv"), pyarrow.csv.WriteOptions(quoting_style="none"))
    # 500,000 sparse rows, 40 hashed features of 2^18 each.
    r = np.random.default_rng(1)
    w = r.standard_normal(1 << 18)
    with open(at("hashed.svm"), "w") as svm, open(at("hashed.vw"), "w") as vw:
        for _ in range(500):
            idx = np.sort((r.random((1000, 40)) ** 2 * (1 << 18)).astype(np.int64), axis=1)
            val = np.round(r.random((1000, 40)), 3)
            score = (w[idx] * val).sum(1)
            label = np.where(r.random(1000) < 1 / (1 + np.exp(-score)), 1, -1)
            for i in range(1000):
                keep = np.r_[True, np.diff(idx[i]) > 0]
                pairs = [f"{j}:{v}" for j, v in zip(idx[i][keep] + 1, val[i][keep])]
                svm.write(f"{label[i]} {' '.join(pairs)}\n")
                vw.write(f"{label[i]} | {' '.join(pairs)}\n")


def chunks(path, size=1000):
    """The rows of a file, as one reads them in pieces."""
    if path.endswith(".npy"):
        x = np.load(path, mmap_mode="r")
        y = np.load(path.replace(".npy", "_y.npy"), mmap_mode="r")
        for lo in range(0, len(x), size):
            yield x[lo:lo + size], y[lo:lo + size]
    elif path.endswith(".parquet"):
        import pyarrow.parquet as pq

        for batch in pq.ParquetFile(path).iter_batches(size):
            frame = batch.to_pandas()
            yield frame[COLUMNS].to_numpy(), frame["y"].to_numpy()
    else:
        import pandas as pd

        for frame in pd.read_csv(path, chunksize=size, dtype=np.float32):
            yield frame[COLUMNS].to_numpy(), frame["y"].to_numpy()


def sgd(path, size):
    from sklearn.linear_model import SGDRegressor

    m, n = SGDRegressor(shuffle=False), 0
    start = time.perf_counter()
    for x, y in chunks(path, size):
        m.partial_fit(x, y)
        n += len(x)
    s = time.perf_counter() - start
    return {"system": "sklearn SGDRegressor.partial_fit", "file": os.path.basename(path), "chunk": size, "rows": n, "s": round(s, 2), "rows_per_s": round(n / s)}


def labelled(path):
    return np.load(path).astype(np.float64), np.load(path.replace(".npy", "_label.npy")).astype(int)


def grid(path):
    from sklearn.linear_model import SGDClassifier
    from sklearn.model_selection import GridSearchCV

    x, y = labelled(path)
    start = time.perf_counter()
    g = GridSearchCV(SGDClassifier(loss="log_loss"), {"alpha": np.logspace(-7, 0, 10)}, cv=5, scoring="neg_log_loss", n_jobs=2).fit(x, y)
    return {"system": "sklearn GridSearchCV(SGDClassifier)", "s": round(time.perf_counter() - start, 1), "best": g.best_params_, "score": round(g.best_score_, 5)}


def objective(x, y, alpha, w, b):
    z = (2 * y - 1) * (x @ w + b)
    return np.logaddexp(0, -z).mean() + alpha / 2 * w @ w


def minimum(x, y, alpha):
    w = np.zeros(x.shape[1] + 1)
    xb, penalty = np.c_[x, np.ones(len(x))], np.r_[np.full(x.shape[1], alpha), 0]
    for _ in range(30):
        p = 1 / (1 + np.exp(-(xb @ w)))
        g = xb.T @ (p - y) / len(y) + penalty * w
        h = (xb * (p * (1 - p))[:, None]).T @ xb / len(y) + np.diag(penalty)
        w -= np.linalg.solve(h, g)
        if np.abs(g).max() < 1e-14:
            break
    return objective(x, y, alpha, w[:-1], w[-1])


def optimum(path, models):
    from sklearn.linear_model import LogisticRegression, SGDClassifier

    x, y = labelled(path)
    for alpha in (1e-4, 1e-6):
        best = minimum(x, y, alpha)
        if not models:
            for name, m in (("SGDClassifier, one epoch", SGDClassifier(loss="log_loss", alpha=alpha, max_iter=1, tol=None)),
                            ("SGDClassifier", SGDClassifier(loss="log_loss", alpha=alpha)),
                            ("LogisticRegression", LogisticRegression(C=1 / (alpha * len(x))))):
                start = time.perf_counter()
                m.fit(x, y)
                s = time.perf_counter() - start
                print(json.dumps({"system": name, "alpha": alpha, "s": round(s, 2), "above_minimum": float(f"{objective(x, y, alpha, m.coef_[0], m.intercept_[0]) - best:.2e}")}), flush=True)
        for file in models:
            m = json.load(open(file))
            if m["hyperparameters"]["alpha"] == alpha:
                scaler = m["scaler"]
                assert scaler is None
                print(json.dumps({"model": os.path.basename(file), "alpha": alpha, "above_minimum": float(f"{objective(x, y, alpha, np.array(m['coef'][0]), m['intercept'][0]) - best:.2e}")}), flush=True)


def pictures(directory, n=60_000, side=28, classes=10):
    """Of each class four smooth pictures, with smooth and other noise, cut off at 0 and 1 as scans are, in a circle."""
    r = np.random.default_rng(0)

    def smooth(m):
        f = np.fft.fft2(r.normal(size=(m, side, side)))
        square = np.minimum(np.arange(side), side - np.arange(side)) ** 2
        g = np.fft.ifft2(f * np.exp(-0.04 * (square[:, None] + square[None, :]))).real
        return (g / g.std((1, 2), keepdims=True)).reshape(m, -1)

    kinds, noise = smooth(classes * 4), smooth(120)
    y, which = r.integers(0, classes, n), r.integers(0, 4, n)
    down, across = np.mgrid[:side, :side]
    inside = ((down - 13.5) ** 2 + (across - 13.5) ** 2 < 14**2).ravel()
    x = np.empty((n, side * side), np.float32)
    for a in range(0, n, 5000):
        b = min(n, a + 5000)
        v = 0.9 * kinds[y[a:b] * 4 + which[a:b]] + r.normal(size=(b - a, 120)) @ noise * 0.09 + r.normal(size=(b - a, side * side)) * 0.2 - 0.5
        x[a:b] = np.clip(v, 0, 1) * inside
    os.makedirs(directory, exist_ok=True)
    np.save(os.path.join(directory, "pictures.npy"), x)
    np.save(os.path.join(directory, "pictures_label.npy"), y)


def multinomial(path, tol, alpha=1e-4):
    from sklearn.linear_model import LogisticRegression

    x, y = labelled(path)
    cpu = time.process_time()
    m = LogisticRegression(C=1 / (alpha * len(y)), tol=tol, max_iter=5000).fit(x, y)
    cpu = time.process_time() - cpu
    d = m.decision_function(x)
    top = d.max(1)
    loss = (np.log(np.exp(d - top[:, None]).sum(1)) + top - d[np.arange(len(y)), y]).mean()
    return {"system": "LogisticRegression", "tol": tol, "iterations": int(m.n_iter_[0]), "cpu_s": round(cpu, 1),
            "objective": float(loss + alpha / 2 * (m.coef_**2).sum())}


def vw(path, test, more):
    from vowpalwabbit import Workspace

    start, cpu = time.perf_counter(), time.process_time()
    w = Workspace(f"-d {path} --loss_function logistic -b 18 --quiet --passes 1 -f {path}.model {more}")
    w.finish()
    s, cpu = time.perf_counter() - start, time.process_time() - cpu
    n = sum(1 for _ in open(path, "rb"))
    result = {"system": "Vowpal Wabbit", "rows": n, "s": round(s, 2), "cpu_s": round(cpu, 2), "rows_per_s": round(n / s)}
    if test:
        Workspace(f"-d {test} -t -i {path}.model --quiet --loss_function logistic -p {path}.scores").finish()
        score = np.loadtxt(path + ".scores")
        y = np.array([int(line.split(None, 1)[0]) for line in open(test)])
        result |= {"accuracy": float(((score > 0) == (y > 0)).mean()), "log_loss": float(np.logaddexp(0, -y * score).mean())}
    return result


def glosses(wordnet, directory):
    """A table of texts in two files, nine tenths to learn from, and the same for Vowpal Wabbit, in words as HashingVectorizer has them."""
    import re

    words = re.compile(r"(?u)\b\w\w+\b")
    rows = []
    for kind in ("noun", "verb", "adj", "adv"):
        with open(os.path.join(wordnet, "data." + kind)) as f:
            rows += [(kind == "noun", line.split(" | ", 1)[1].strip().replace("\t", " ")) for line in f if not line.startswith("  ")]
    order = np.random.default_rng(0).permutation(len(rows))
    cut = len(rows) * 9 // 10
    os.makedirs(directory, exist_ok=True)
    for name, part in (("train", order[:cut]), ("test", order[cut:])):
        base = os.path.join(directory, f"glosses.{name}")
        with open(base + ".tsv", "w") as tsv, open(base + ".vw", "w") as vw:
            tsv.write("noun\tgloss\n")
            for i in part:
                noun, gloss = rows[i]
                tsv.write(f"{int(noun)}\t{gloss}\n")
                vw.write(f"{1 if noun else -1} | {' '.join(words.findall(gloss.lower()))}\n")


def text(path, alpha):
    import pandas as pd
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import SGDClassifier
    from sklearn.metrics import log_loss

    read = lambda name, **more: pd.read_csv(f"{path}.{name}.tsv", sep="\t", quoting=3, **more)
    start, cpu = time.perf_counter(), time.process_time()
    h, m, n = HashingVectorizer(n_features=2**18, ngram_range=(1, 2)), SGDClassifier(loss="log_loss", alpha=alpha), 0
    for chunk in read("train", chunksize=1000):
        m.partial_fit(h.transform(chunk.gloss), chunk.noun, classes=[0, 1])
        n += len(chunk)
    s, cpu = time.perf_counter() - start, time.process_time() - cpu
    test = read("test")
    p = m.predict_proba(h.transform(test.gloss))
    return {"system": "HashingVectorizer, SGDClassifier.partial_fit", "alpha": alpha, "rows": n, "s": round(s, 2), "cpu_s": round(cpu, 2),
            "rows_per_s": round(n / s), "accuracy": float((p.argmax(1) == test.noun).mean()), "log_loss": log_loss(test.noun, p)}


def in_our_order(columns, encode, w, numbers, dates):
    """The pipeline's coefficients as our model has them: by the columns of the file."""
    of, at = {}, 0
    encoder = encode.named_transformers_["categories"]
    for name, values in zip(encoder.feature_names_in_, encoder.categories_):
        of[name], at = w[at:at + len(values)], at + len(values)
    for name, n in [(name, 1) for name in numbers] + [("time_hour", dates)]:
        of[name], at = w[at:at + n], at + n
    if "hashes" in encode.named_transformers_:
        of["tailnum"] = w[at:]
    return np.concatenate([of[c["name"]] for c in columns])


def table(path, solver, tol, tailnum, models):
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction import FeatureHasher
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    def dates(x):
        t = x["time_hour"].dt
        days = (x["time_hour"] - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(days=1)
        return np.column_stack([t.year, t.month, t.day_of_week, t.hour, days]).astype(float)

    def records(x):
        return x.fillna("").to_dict("records")

    numbers = ["month", "day", "sched_dep_time", "sched_arr_time", "flight", "distance"]
    start, cpu = time.perf_counter(), time.process_time()
    x = pd.read_parquet(path) if path.endswith(".parquet") else pd.read_csv(path, parse_dates=["time_hour"])
    x = x[x.delayed.notna()]
    y = (x.delayed.astype(str) == "True").to_numpy()
    encode = ColumnTransformer([
        ("categories", OneHotEncoder(), ["carrier", "origin", "dest"] + ["tailnum"] * (tailnum == "onehot")),
        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
        ("dates", make_pipeline(FunctionTransformer(dates), StandardScaler()), ["time_hour"]),
    ] + [("hashes", make_pipeline(FunctionTransformer(records), FeatureHasher(2**16)), ["tailnum"])] * (tailnum == "hash"))
    model = make_pipeline(encode, LogisticRegression(C=1e4 / len(y), solver=solver, tol=tol, max_iter=10_000)).fit(x, y)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    loss, w = log_loss(y, model.predict_proba(x)), model[-1].coef_[0]
    result = {"what": "table", "tailnum": tailnum, "solver": solver, "tol": tol, "rows": len(y), "columns": len(w), "seconds": seconds,
              "cpu_seconds": cpu, "log_loss": loss, "objective": loss + 1e-4 * w @ w / 2}
    for name in models:
        with open(name) as f:
            ours = json.load(f)
        theirs = in_our_order(ours["encoding"]["columns"], model[0], w, numbers, 5)
        result[os.path.basename(name)] = {
            "coefficients_off": np.abs(np.array(ours["coef"][0]) - theirs).max(),
            "intercept_off": abs(ours["intercept"][0] - model[-1].intercept_[0]),
            "greatest_coefficient": np.abs(theirs).max(), "objective": ours["training"]["objective"][0],
        }
    return result


def main():
    p = argparse.ArgumentParser()
    p.add_argument("what", choices=["generate", "sgd", "grid", "optimum", "table", "pictures", "multinomial", "vw", "glosses", "text"])
    p.add_argument("--solver", default="newton-cholesky", help="of table")
    p.add_argument("path")
    p.add_argument("models", nargs="*", help="of optimum and table: our model files; of glosses: the directory to write to")
    p.add_argument("--alpha", type=float, default=1e-6, help="of text")
    p.add_argument("--tol", type=float, default=1e-4, help="of multinomial and table")
    p.add_argument("--tailnum", default="none", choices=["none", "onehot", "hash"], help="of table")
    p.add_argument("--test", help="of vw: rows to score")
    p.add_argument("--more", default="", help="of vw: flags")
    p.add_argument("--rows", type=int, default=5_000_000)
    p.add_argument("--chunk", type=int, default=1000)
    a = p.parse_args()
    if a.what == "generate":
        return generate(a.path, a.rows)
    if a.what == "pictures":
        return pictures(a.path)
    if a.what == "glosses":
        return glosses(a.path, a.models[0])
    result = {
        "sgd": lambda: sgd(a.path, a.chunk),
        "grid": lambda: grid(a.path),
        "optimum": lambda: optimum(a.path, a.models),
        "table": lambda: table(a.path, a.solver, a.tol, a.tailnum, a.models),
        "multinomial": lambda: multinomial(a.path, a.tol),
        "vw": lambda: vw(a.path, a.test, a.more),
        "text": lambda: text(a.path, a.alpha),
    }[a.what]()
    if result:
        print(json.dumps(result), flush=True)


main()
