"""Writes missing.json: scikit-learn's neighbours by nan_euclidean, for missing_test.go. It needs scikit-learn; run it in this directory.

Rows have gaps, some of them all cells but one, and one has none at all: it has no column in common with any. null is a gap.
"""

import json

import numpy as np
from sklearn.metrics.pairwise import nan_euclidean_distances
from sklearn.neighbors import NearestNeighbors

rng = np.random.default_rng(4)
points, queries = rng.normal(size=(60, 5)).round(3), rng.normal(size=(15, 5)).round(3)
for rows in points, queries:
    rows[rng.random(rows.shape) < 0.35] = np.nan
points[7], points[8] = np.nan, points[3]
points[9], points[10] = [0.5, *[np.nan] * 4], [*[np.nan] * 4, 0.25]
queries[2], queries[3] = [*[np.nan] * 4, 0.125], np.nan
K, RADIUS = 6, 0.9


def asked(rows, own):
    """Neighbours by (distance, row), without those at no distance, for which scikit-learn has NaN, behind all others."""
    d = nan_euclidean_distances(rows, points)
    if own:
        np.fill_diagonal(d, np.nan)
    d[d < 1e-7] = 0  # copies, whose squares scikit-learn expands
    order = np.argsort(d, axis=1, kind="stable")
    lists = [[int(j) for j in o if not np.isnan(d[i, j])] for i, o in enumerate(order)]
    found = {
        "k": [o[:K] for o in lists],
        "radius": [[j for j in o if d[i, j] <= RADIUS] for i, o in enumerate(lists)],
    }
    fit = NearestNeighbors(n_neighbors=K, radius=RADIUS, metric="nan_euclidean").fit(points)
    distances, positions = fit.kneighbors(None if own else rows)
    within = fit.radius_neighbors(None if own else rows, sort_results=True)
    for i, mine in enumerate(found["k"]):
        known = ~np.isnan(distances[i])
        assert set(positions[i][known]) == set(mine), i
        np.testing.assert_allclose(distances[i][known], d[i, mine], atol=1e-7)
        np.testing.assert_allclose(within[0][i], d[i, found["radius"][i]], atol=1e-7)
    assert any(len(mine) < K for mine in found["k"])
    return {name: [[[j, float(d[i, j])] for j in o] for i, o in enumerate(f)] for name, f in found.items()}


def gaps(rows):
    return [[None if np.isnan(v) else v for v in row] for row in rows.tolist()]


with open("missing.json", "w") as f:
    json.dump(
        {"points": gaps(points), "queries": gaps(queries), "k": K, "radius": RADIUS, "own": asked(points, True), "others": asked(queries, False)}, f
    )
    f.write("\n")
