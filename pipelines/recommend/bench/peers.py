"""Measures recommend beside implicit (pip install implicit pyarrow pandas scipy):

  python pipelines/recommend/bench/peers.py generate ROWS USERS ITEMS ratings.parquet
  python pipelines/recommend/bench/peers.py implicit ratings.parquet cosine|tfidf|bm25 theirs.parquet
  python pipelines/recommend/bench/peers.py compare ours.parquet theirs.parquet
"""

import resource
import sys
import time
import warnings

import numpy as np
import pandas as pd


def generate(rows, users, items, name):
    """Users of lognormal activity, items of Zipf popularity, each pair once, in any order."""
    rng = np.random.default_rng(1)
    active = rng.lognormal(0, 1, users)
    popular = 1 / np.arange(1, items + 1)
    of = rng.permutation(items)
    pairs = np.empty(0, np.int64)
    while len(pairs) < rows:
        n = int((rows - len(pairs)) * 1.6) + 1000
        user = rng.choice(users, n, p=active / active.sum())
        item = of[rng.choice(items, n, p=popular / popular.sum())]
        pairs = np.unique(np.concatenate([pairs, user.astype(np.int64) * items + item]))
    pairs = rng.permutation(pairs)[:rows]
    pd.DataFrame({"user": pairs // items, "item": pairs % items, "rating": rng.integers(1, 6, rows)}).to_parquet(name, index=False)


def implicit(name, kind, output):
    """Files to files. An item is a neighbour of itself there, hence K=21."""
    warnings.filterwarnings("ignore")
    from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
    from scipy.sparse import csr_matrix

    start = time.time()
    t = pd.read_parquet(name)
    users, user = np.unique(t["user"].to_numpy(), return_inverse=True)
    items, item = np.unique(t["item"].to_numpy(), return_inverse=True)
    x = csr_matrix((t["rating"].to_numpy().astype(float), (user, item)))
    model = {"cosine": CosineRecommender, "tfidf": TFIDFRecommender, "bm25": BM25Recommender}[kind](K=21, num_threads=2)
    model.fit(x, show_progress=False)
    ids, scores = model.recommend(np.arange(len(users)), x, N=10)
    some = ids.ravel() >= 0
    pd.DataFrame({
        "user": np.repeat(users, 10)[some], "rank": np.tile(np.arange(1, 11), len(users))[some],
        "item": items[ids.ravel()[some]], "score": scores.ravel()[some],
    }).to_parquet(output, index=False)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"{time.time() - start:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of the processor, {used.ru_maxrss / 1024:.0f} MB")


def compare(ours, theirs):
    both = pd.read_parquet(ours).merge(pd.read_parquet(theirs), on=["user", "rank"], how="outer", suffixes=("", "_theirs"))
    off = (both["score"] - both["score_theirs"]).abs() / both["score"]
    print(f"{len(both)} places, {int((~(off <= 1e-9)).sum())} with another score, {int((both['item'] != both['item_theirs']).sum())} with another item")


if __name__ == "__main__":
    command, arguments = sys.argv[1], sys.argv[2:]
    if command == "generate":
        generate(*(int(float(a)) for a in arguments[:3]), arguments[3])
    elif command == "implicit":
        implicit(*arguments)
    else:
        compare(*arguments)
