"""The rows and scikit-learn's runs of the comparison of naive Bayes. Each run prints a line of JSON.

    pip install numpy pandas scipy scikit-learn
    python peers.py generate DIRECTORY   # x.npy and y.npy, 1,000,000 × 50, and texts.csv, 200,000 texts
    python peers.py gaussian DIRECTORY
    python peers.py text DIRECTORY
"""

import argparse
import json
import os
import resource
import time

import numpy as np

ROWS, COLUMNS, CLASSES, CHUNK, TEXTS, BITS = 1_000_000, 50, 10, 10_000, 200_000, 18


def generate(directory):
    os.makedirs(directory, exist_ok=True)
    r = np.random.default_rng(7)
    y = r.integers(0, CLASSES, ROWS)
    x = r.standard_normal((ROWS, COLUMNS)) + r.standard_normal((CLASSES, COLUMNS))[y]
    np.save(os.path.join(directory, "x.npy"), x)
    np.save(os.path.join(directory, "y.npy"), y)
    words = np.array(["word%d" % i for i in range(50_000)])
    chance = 1 / np.arange(1, len(words) + 1)
    with open(os.path.join(directory, "texts.csv"), "w") as f:
        f.write("text,topic\n")
        for topic in r.integers(0, 20, TEXTS):
            places = np.searchsorted(np.cumsum(chance) / chance.sum(), r.random(40))
            f.write(" ".join(words[(places + topic * (places > 500)) % len(words)]) + ",topic%d\n" % topic)


def gaussian(directory):
    from sklearn.naive_bayes import GaussianNB

    start = clock()
    x, y = (np.load(os.path.join(directory, name), mmap_mode="r") for name in ("x.npy", "y.npy"))
    m = GaussianNB()
    for i in range(0, len(x), CHUNK):
        m.partial_fit(x[i : i + CHUNK], y[i : i + CHUNK], classes=range(CLASSES))
    return start, float(m.theta_[0, 0])


def text(directory):
    import pandas as pd
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.naive_bayes import MultinomialNB

    start = clock()
    hashing, m = HashingVectorizer(n_features=2**BITS, alternate_sign=False, norm=None), MultinomialNB()
    for t in pd.read_csv(os.path.join(directory, "texts.csv"), chunksize=CHUNK):
        m.partial_fit(hashing.transform(t["text"]), t["topic"], classes=["topic%d" % k for k in range(20)])
    return start, float(m.feature_count_.sum())


def clock():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return time.time(), u.ru_utime, u.ru_stime


def main():
    p = argparse.ArgumentParser()
    p.add_argument("what", choices=["generate", "gaussian", "text"])
    p.add_argument("directory")
    a = p.parse_args()
    if a.what == "generate":
        return generate(a.directory)
    start, value = {"gaussian": gaussian, "text": text}[a.what](a.directory)
    wall, user, system = (b - a for a, b in zip(start, clock()))
    print(json.dumps({"what": a.what, "wall_s": wall, "user_s": user, "system_s": system, "value": value}))


main()
