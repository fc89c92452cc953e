"""Writes sklearn.json.gz: tables, and what scikit-learn makes of them. Run it in this directory: python3 generate.py"""

import gzip
import json
import unicodedata

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (FunctionTransformer, OneHotEncoder, PolynomialFeatures, SplineTransformer,
                                   StandardScaler)

rng = np.random.default_rng(19)
cases = []


def column(name, type, cells):
    """Cells are numbers or texts, of timestamps microseconds as texts, of lists three for a row; None is a missing one."""
    return {"name": name, "type": type, "cells": [None if c is None or c != c else c for c in cells]}


def case(name, train, test, want, names=None, tolerance=1e-12, **options):
    """Want is the matrix of the rows of test."""
    want = sparse.csr_matrix(want)
    want.sum_duplicates()
    want.eliminate_zeros()
    rows = [{"features": want[i].indices.tolist(), "values": [float(v) for v in want[i].data]} for i in range(want.shape[0])]
    cases.append({"name": name, "options": options, "train": train, "test": test, "dim": want.shape[1], "rows": rows, "names": names,
                  "tolerance": tolerance})


def objects(cells):
    return np.array(cells, dtype=object).reshape(-1, 1)




# Categories: Unicode in both normal forms, emoji, what looks like numbers or markers, spaces; unknown and missing ones in the rows to
# encode.
composed, decomposed = unicodedata.normalize("NFC", "Zürich"), unicodedata.normalize("NFD", "Zürich")
train = ["b", "a", composed, decomposed, "👩‍🚀", "🚀", "NA", "007", "7", " a", "A", "a_b", "ﬀ", "e\u0301\u0323", "missing", "a"]
test = ["a", "b", decomposed, "👩‍🚀", "unknown", "NA", "7", "7.0", "A", " a", "e\u0301\u0323", "e\u0323\u0301"]
for type in ["text", "cell"]:
    encoder = OneHotEncoder(handle_unknown="ignore").fit(objects(train))
    case("categories " + type, [column("c", type, train)], [column("c", type, test)], encoder.transform(objects(test)),
         list(encoder.get_feature_names_out(["c"])))

# Missing categories are the last one; those that only the rows to encode have are of none.
train, test = ["b", None, "a", "b"], [None, "b", "c"]
encoder = OneHotEncoder(handle_unknown="ignore").fit(objects(train))
case("missing category", [column("c", "text", train)], [column("c", "text", test)], encoder.transform(objects(test)))
train = ["b", "c", "a", "b"]
encoder = OneHotEncoder(handle_unknown="ignore").fit(objects(train))
case("missing only in the rows to encode", [column("c", "text", train)], [column("c", "text", test)], encoder.transform(objects(test)))

# One category stays where it is asked for.
encoder = OneHotEncoder(handle_unknown="ignore").fit(objects(["x"] * 3))
case("one category", [column("c", "text", ["x"] * 3)], [column("c", "text", ["x", "y", None])], encoder.transform(objects(["x", "y", None])),
     categorical=["c"])

# Rare ones together, with unknown ones.
train = list("aaaaabbbbccccddee") + ["f", "g", None, None, None, None, None]
test = list("abcdefgh") + [None]
encoder = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=4).fit(objects(train))
case("rare categories", [column("c", "text", train)], [column("c", "text", test)], encoder.transform(objects(test)), min_frequency=4)

# Numbers as categories stand in their order, as numbers and as cells of a text file.
train, test = [10, 9, -1, 2.5, 0, np.nan, 9], [9, 10, 2.5, np.nan, 11, -1, -0.0]
encoder = OneHotEncoder(handle_unknown="ignore").fit(np.array(train).reshape(-1, 1))
want = encoder.transform(np.array(test).reshape(-1, 1))
case("number categories", [column("c", "number", train)], [column("c", "number", test)], want, categorical=["c"])
case("number categories in text", [column("c", "cell", ["10", "9.0", "-1", "2.50", "0", "NA", "9"])],
     [column("c", "cell", ["9", "1e1", "2.5", "", "11", " -1", "-0.0"])], want, categorical=["c"])
train, test = [True, False, True], [True, False, False]
encoder = OneHotEncoder(handle_unknown="ignore").fit(np.array(train).reshape(-1, 1))
case("boolean categories", [column("c", "boolean", [1, 0, 1])], [column("c", "boolean", [1, 0, 0])],
     encoder.transform(np.array(test).reshape(-1, 1)), list(encoder.get_feature_names_out(["c"])), categorical=["c"])

# Missing numbers, scaled and not. The indicator is never scaled.
x = np.array([3, np.nan, -2.25, 1e9, 0.1, np.nan, 7, 7, 1e-9, 123456789.125])
y = np.array([np.nan, 2, 5, -8.75, np.nan, 1.5])
for strategy in ["mean", "median", "constant"]:
    for scale in [False, True]:
        impute = SimpleImputer(strategy=strategy, fill_value=-3.5)
        value = make_pipeline(impute, StandardScaler()) if scale else impute
        both = make_union(value, MissingIndicator()).fit(x.reshape(-1, 1))
        options = {"impute": strategy, "standardize": scale}
        if strategy == "constant":
            options["fill"] = -3.5
        case(f"{strategy}, scaled: {scale}", [column("x", "number", x)], [column("x", "number", y)],
             both.transform(y.reshape(-1, 1)).astype(float), ["x", "x_missing"], **options)
z = rng.lognormal(0, 3, 501)
case("standardized", [column("x", "number", z)], [column("x", "number", z[:20])],
     StandardScaler().fit(z.reshape(-1, 1)).transform(z[:20].reshape(-1, 1)), standardize=True)
big = np.array([1e200, -1e200, 3e200, 5e199])
case("large numbers", [column("x", "number", big)], [column("x", "number", big)],
     StandardScaler().fit(big.reshape(-1, 1) / 1e200).transform(big.reshape(-1, 1) / 1e200), standardize=True)

# Lists, some of which are missing.
lists = rng.normal(5, 3, (12, 3))
lists[[2, 7]] = np.nan
both = make_union(make_pipeline(SimpleImputer(), StandardScaler()), FunctionTransformer(lambda v: np.isnan(v[:, :1]).astype(float)))
case("lists", [column("l", "list", lists.ravel())], [column("l", "list", lists.ravel())], both.fit_transform(lists),
     ["l_0", "l_1", "l_2", "l_missing"], standardize=True)

# Booleans with missing ones: what is imputed for them is the mean.
b = ["True", "false", None, "TRUE", "NA"]
v = np.array([1, 0, np.nan, 1, np.nan]).reshape(-1, 1)
case("booleans", [column("b", "cell", b)], [column("b", "cell", b)],
     SimpleImputer(add_indicator=True).fit_transform(v), ["b", "b_missing"], standardize=True)

# Dates, in UTC.
days = ["2013-01-01", "2013-02-28T23:59:59Z", "1969-12-31T23:00:00.5", "2000-02-29 12:30", "2024-12-31T22:00:00-05:00", "1900-03-01T00:00:00+05:30",
        "2038-01-19T03:14:08+0100", "0001-01-01", "9999-12-31T23:59:59.999999+00"]
stamps = [np.datetime64(d) for d in ["2013-01-01", "2013-02-28T23:59:59", "1969-12-31T23:00:00.5", "2000-02-29T12:30", "2025-01-01T03:00:00",
                                     "1900-02-28T18:30:00", "2038-01-19T02:14:08", "0001-01-01", "9999-12-31T23:59:59.999999"]]
t = pd.Series(np.array(stamps, dtype="datetime64[us]"))
parts = np.column_stack([t.dt.year, t.dt.month, t.dt.day_of_week, t.dt.hour, np.array(stamps, dtype="datetime64[us]").astype("datetime64[D]").astype(int)])
names = [f"t_{p}" for p in ["year", "month", "dayofweek", "hour", "days"]]
micros = [str(v) for v in np.array(stamps, dtype="datetime64[us]").astype(np.int64)]
for type, values in [("cell", days), ("text", days), ("timestamp", micros)]:
    case("dates " + type, [column("t", type, values)], [column("t", type, values)], parts, names)
    case("standardized dates " + type, [column("t", type, values)], [column("t", type, values)], StandardScaler().fit_transform(parts), names,
         standardize=True)
some = [f"{d:02d}/{m:02d}/2013 {h:02d}h{minute:02d}" for d, m, h, minute in rng.integers([1, 1, 0, 0], [29, 13, 24, 60], (20, 4))]
t = pd.to_datetime(pd.Series(some), format="%d/%m/%Y %Hh%M")
case("dates of a format", [column("t", "cell", some)], [column("t", "cell", some)],
     np.column_stack([t.dt.month, t.dt.day_of_week, t.dt.hour, (t - pd.Timestamp(0)).dt.days]), [names[i] for i in [1, 2, 3, 4]],
     date_format="%d/%m/%Y %Hh%M")

hours = t.dt.hour.to_numpy().reshape(-1, 1)
curves = SplineTransformer(n_knots=4, degree=3).fit_transform(hours)
months = StandardScaler().fit_transform(t.dt.month.to_numpy().reshape(-1, 1))
case("curves and products of parts of dates", [column("t", "cell", some)], [column("t", "cell", some)],
     np.column_stack([months, StandardScaler().fit_transform(t.dt.day_of_week.to_numpy().reshape(-1, 1)), curves,
                      StandardScaler().fit_transform((t - pd.Timestamp(0)).dt.days.to_numpy().reshape(-1, 1)), months * curves]),
     ["t_month", "t_dayofweek", *[f"t_hour_sp_{i}" for i in range(6)], "t_days", *[f"t_month*t_hour_sp_{i}" for i in range(6)]],
     date_format="%d/%m/%Y %Hh%M", splines=["t_hour:4"], interactions=["t_month*t_hour"], standardize=True)

# Text.
texts = ["The quick brown fox, the quick dog.", "a b cd ef_gh 12 3", "", "   ", "Ünïcödé ÜNÏCÖDÉ straße STRASSE ΣΊΣΥΦΟΣ", "ﬁne ﬂow İstanbul",
         decomposed + " " + composed, "日本語 テキスト 中文 12", "emoji 👩‍🚀 here 🚀🚀", "tabs\tand\n\nlines\r\nand\u00a0more\u2003spaces \x1c\x1d x",
         "don't stop-me now", "x² ½ Ⅷ ٣٤ १२", "one", "o", "repeat repeat repeat", "a\u0301bc e\u0323\u0301f", "ab", "abc  d", " lead trail ",
         "zero\u200bwidth joiner\u200d", "ǅ ǆ Ǆ", "ꟲ x", "_under_ __ _", "\u0323\u0327", "\u0301be\u0308a", "\u1161\u11a8 e\u0301d",
         "\x00nul\x00 a\x00b", "e" + "\u0301" * 40 + " f\u0327\u0323g", "x" * 3000 + " y_" * 400] + [
             " ".join(rng.choice(["alpha", "beta", "gamma", "Delta", "epsilon", "zeta"], rng.integers(1, 30))) for _ in range(10)]


def normal(text):
    return unicodedata.normalize("NFC", text.lower())


for analyzer, ngrams in [("word", (1, 1)), ("word", (1, 2)), ("word", (2, 3)), ("char_wb", (1, 1)), ("char_wb", (2, 4)), ("char_wb", (3, 3)),
                         ("char", (1, 1)), ("char", (2, 4)), ("char", (1, 3))]:
    for bits in [12, 4]:
        words = HashingVectorizer(preprocessor=normal, analyzer=analyzer, ngram_range=ngrams, n_features=2**bits)
        options = {"text": ["t"], "analyzer": analyzer, "ngrams": ngrams, "hash_bits": bits}
        case(f"{analyzer} {ngrams} {bits}", [column("t", "text", texts)], [column("t", "text", texts)], words.transform(texts), **options)
        words = make_pipeline(HashingVectorizer(preprocessor=normal, analyzer=analyzer, ngram_range=ngrams, n_features=2**bits, norm=None),
                              TfidfTransformer()).fit(texts[5:])
        case(f"tf-idf {analyzer} {ngrams} {bits}", [column("t", "text", texts[5:])], [column("t", "text", texts)], words.transform(texts),
             tfidf=True, **options)

# Hashed categories: 10⁵ distinct values, which the test makes by the same formula.
hasher = FeatureHasher(2**18, input_type="dict")
ids = ["", "N14228", "ünïcödé", "👩‍🚀", "a=b", "7", "007"] + [f"value {i * i}" for i in range(200)]
case("hashed", [column("tail", "text", [f"value {i}" for i in range(300)])], [column("tail", "text", ids)],
     hasher.transform([{"tail": v} for v in ids]), max_categories=200, hash_bits=18)
many = hasher.transform([{"tail": f"value {i}"} for i in range(100000)])
checksum = {"rows": many.shape[0], "features": int(many.indices.astype(np.int64).sum()), "signs": int(many.data.sum()),
            "both": int((many.indices * many.data * (np.arange(100000) % 97)).sum())}

# Splines, outside of the knots too.
x = rng.uniform(0, 24, 50)
y = np.concatenate([x[:10], [x.min(), x.max(), -5, 100, np.nan], np.linspace(x.min(), x.max(), 8)])
for knots in [2, 3, 5, 8]:
    splines = SplineTransformer(n_knots=knots, degree=3, knots="uniform", extrapolation="constant").fit(x.reshape(-1, 1))
    filled = np.where(np.isnan(y), x.mean(), y).reshape(-1, 1)
    case(f"splines {knots}", [column("x", "number", x)], [column("x", "number", y)], splines.transform(filled),
         [f"x_sp_{i}" for i in range(knots + 2)], splines=[f"x:{knots}"], standardize=True)

# Products: of numbers, of categories, of both.
a, b = rng.normal(3, 2, 30), rng.normal(-1, 5, 30)
c, d = rng.choice(list("uvw"), 30), rng.choice(["x", "y"], 30)
table = [column("a", "number", a), column("b", "number", b), column("c", "text", c.tolist()), column("d", "text", d.tolist())]
scaled = StandardScaler().fit_transform(np.column_stack([a, b]))
one = OneHotEncoder(sparse_output=False)
oc, od = one.fit_transform(c.reshape(-1, 1)), one.fit_transform(d.reshape(-1, 1))


def products(*all):
    out = all[0]
    for other in all[1:]:
        out = (out[:, :, None] * other[:, None, :]).reshape(len(out), -1)
    return out


ab = PolynomialFeatures(2, interaction_only=True, include_bias=False).fit_transform(scaled)[:, 2:]
names = ["a", "b", "c_u", "c_v", "c_w", "d_x", "d_y", "a*b", "c_u*d_x", "c_u*d_y", "c_v*d_x", "c_v*d_y", "c_w*d_x", "c_w*d_y", "a*d_x", "a*d_y", "a*a"]
case("products", table, table, np.column_stack([scaled, oc, od, ab, products(oc, od), products(scaled[:, :1], od), scaled[:, :1]**2]), names,
     interactions=["a*b", "c*d", "a*d", "a*a"], standardize=True)

# All of it at once, as a user has it.
n, m = 300, 60


def rows(n):
    return pd.DataFrame({
        "carrier": rng.choice(["UA", "AA", "B6", None, "9E"], n),
        "distance": np.where(rng.random(n) < 0.1, np.nan, rng.lognormal(6, 1, n).round()),
        "temp": rng.normal(10, 8, n).round(2),
        "gloss": [" ".join(rng.choice(["large", "small", "Animal", "plant", "of", "the", "sea", "that"], 8)) for _ in range(n)],
        "late": rng.random(n) < 0.3,
    })


train, test = rows(n), rows(m)
test.loc[:5, "carrier"] = "??"
everything = ColumnTransformer([
    ("carrier", OneHotEncoder(handle_unknown="ignore"), ["carrier"]),
    ("distance", make_union(make_pipeline(SimpleImputer(), StandardScaler()), MissingIndicator()), ["distance"]),
    ("temp", StandardScaler(), ["temp"]),
    ("gloss", HashingVectorizer(n_features=2**10, ngram_range=(1, 2)), "gloss"),
    ("late", FunctionTransformer(lambda v: v.astype(float)), ["late"]),
])


def objectify(frame):
    frame = frame.copy()
    frame["carrier"] = frame["carrier"].astype(object).where(frame["carrier"].notna(), None)
    return frame


everything.fit(objectify(train))


def text_file(frame):
    out = []
    for name in frame:
        out.append(column(name, "cell", [None if v is None or v != v else str(v) for v in frame[name]]))
    return out


def typed_file(frame):
    types = {"carrier": "text", "distance": "number", "temp": "number", "gloss": "text", "late": "boolean"}
    return [column(name, types[name], [None if v is None or v != v else (v if types[name] == "text" else float(v)) for v in frame[name]])
            for name in frame]


for kind in [text_file, typed_file]:
    case("everything, " + kind.__name__, kind(train), kind(test), everything.transform(objectify(test)), standardize=True, hash_bits=10,
         ngrams=(1, 2), max_categories=100)
case("everything, learned from text and applied to types", text_file(train), typed_file(test), everything.transform(objectify(test)),
     standardize=True, hash_bits=10, ngrams=(1, 2), max_categories=100)

with open("sklearn.json.gz", "wb") as f:
    text = json.dumps({"hashed": checksum, "cases": cases}, separators=(",", ":"))
    f.write(gzip.compress(text.encode(), mtime=0))
