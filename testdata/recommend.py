"""Makes the data and the references of the recommender:

  ratings.csv               invented users, films and ratings, with times: for examples
  recommend.reference.json  similarities of items and scores of users, by their definitions in numpy, float64

Where the package implicit (0.7.3) is installed, the definitions are compared with its recommenders first:

  python3 testdata/recommend.py
"""

import json
import os

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def ratings():
    """Users who like films of two of five kinds, rate what they like better, and see popular films more often."""
    rng = np.random.default_rng(22)
    kinds = {
        "space": ["Orbit", "Comet", "Far Moon", "Airlock", "Red Planet", "Signal", "Gravity Well", "Probe"],
        "heist": ["The Vault", "Safe Hands", "Getaway", "Twelve Keys", "Blue Diamond", "Night Shift", "The Fence", "Alibi"],
        "family": ["Two Puppies", "Tree House", "Snow Day", "Grandpa's Boat", "The Kite", "Pancakes", "Lost Mitten", "Hop"],
        "horror": ["The Cellar", "Fog", "Nobody Home", "Crows", "The Well", "Room 9", "Whispers", "Teeth"],
        "nature": ["Glacier", "Reef", "Savanna", "Owl Night", "Deep Water", "The Meadow", "Storm Coast", "Wolves"],
    }
    films = [(title, kind) for kind, titles in kinds.items() for title in titles]
    names = sorted(kinds)
    popular = 1 / (1 + np.argsort(np.argsort(rng.random(len(films)))))
    rows = []
    for user in range(120):
        liked = rng.choice(names, 2, replace=False)
        weight = np.array([p * (6 if kind in liked else 1) for p, (_, kind) in zip(popular, films)])
        seen = rng.choice(len(films), size=int(rng.integers(3, 16)), replace=False, p=weight / weight.sum())
        day = int(rng.integers(0, 300))
        for film in seen:
            day += int(rng.integers(1, 9))
            title, kind = films[film]
            stars = int(np.clip(round(rng.normal(4.2 if kind in liked else 2.6, 0.9)), 1, 5))
            rows.append((f"u{user:03d}", title, stars, f"{np.datetime64('2025-01-01') + day}"))
    rng.shuffle(rows)
    with open(os.path.join(HERE, "ratings.csv"), "w") as f:
        f.write("user,item,rating,time\n")
        f.writelines(",".join(map(str, row)) + "\n" for row in rows)


def cosine(w):
    """Of the columns of w."""
    norm = np.sqrt((w * w).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(w.T @ w / np.outer(norm, norm))


def idf(seen):
    """Of users (rows): implicit.nearest_neighbours.tfidf_weight."""
    return (np.log(seen.shape[1]) - np.log1p(seen.sum(axis=1)))[:, None]


def weighted(x, seen, weighting):
    if weighting == "tfidf":
        return np.sqrt(x) * idf(seen)
    if weighting == "bm25":  # implicit.nearest_neighbours.bm25_weight, K1=1.2, B=0.75
        k1, b = 1.2, 0.75
        sums = x.sum(axis=0)
        norm = 1 - b + b * sums / sums.mean()
        return x * (k1 + 1) / (k1 * norm + x) * idf(seen)
    return x


def similarities(x, seen, similarity, weighting, shrinkage):
    common = seen.T.astype(float) @ seen
    if similarity == "jaccard":
        n = seen.sum(axis=0).astype(float)
        s = common / np.maximum(n[:, None] + n - common, 1)
    elif similarity == "adjusted_cosine":
        mean = x.sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
        s = cosine(np.where(seen, x - mean[:, None], 0))
    else:
        w = np.where(seen, weighted(x, seen, weighting), 0)
        s = w.T @ w if similarity == "inner_product" else cosine(w)
    if shrinkage:
        s = s * common / (common + shrinkage)
    np.fill_diagonal(s, 0)
    return np.where(s > 0, s, 0)


def scores(x, s, k):
    """The k best neighbours of each item (by similarity, then by item), and what users get of them."""
    near = np.zeros_like(s)
    for i in range(len(s)):
        order = np.lexsort((np.arange(len(s)), -s[i]))[:k]
        near[i, order] = s[i, order]
    return x @ near


def check(x, seen):
    """Compares with implicit, whose items are neighbours of themselves: that is the diagonal, and one more of K."""
    try:
        from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
    except ImportError:
        print("implicit is not installed: not compared")
        return
    from scipy.sparse import csr_matrix

    for kind, similarity, weighting in [
        (CosineRecommender, "cosine", "none"), (TFIDFRecommender, "cosine", "tfidf"), (BM25Recommender, "inner_product", "bm25"),
    ]:
        model = kind(K=x.shape[1], num_threads=1)
        model.fit(csr_matrix(x), show_progress=False)
        theirs = model.similarity.toarray()
        np.fill_diagonal(theirs, 0)
        ours = similarities(x, seen, similarity, weighting, 0)
        assert np.allclose(theirs, ours, rtol=1e-12, atol=1e-14), kind
    print("as in implicit")


def references():
    rng = np.random.default_rng(7)
    users, items = 40, 18
    popular = 1 / np.arange(1, items + 1) ** 0.7
    cases = []
    for name, draw in [("stars", lambda: rng.integers(1, 6, (users, items)).astype(float)), ("plays", lambda: rng.gamma(0.7, 20, (users, items))),
                       ("seen", lambda: np.ones((users, items)))]:
        seen = rng.random((users, items)) < popular
        seen[0, 0] = True
        x = np.where(seen, draw(), 0)
        check(x, seen)
        case = {"name": name, "users": users, "items": items, "rows": [[int(u), int(i), float(x[u, i])] for u, i in np.argwhere(seen)], "fits": []}
        for similarity, weighting in [("cosine", "none"), ("cosine", "tfidf"), ("cosine", "bm25"), ("inner_product", "none"),
                                      ("inner_product", "bm25"), ("adjusted_cosine", "none"), ("jaccard", "none")]:
            for shrinkage in [0, 5]:
                s = similarities(x, seen, similarity, weighting, shrinkage)
                fit = {"similarity": similarity, "weighting": weighting, "shrinkage": shrinkage, "k": 4, "similarities": s.tolist()}
                if name == "plays":  # without ties, so that the k best are the same however sums are rounded
                    fit["scores"] = scores(x, s, 4).tolist()
                case["fits"].append(fit)
        cases.append(case)
    with open(os.path.join(HERE, "recommend.reference.json"), "w") as f:
        json.dump(cases, f, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    ratings()
    references()
