"""Writes graphs.json: scikit-learn's graphs of some points, for graph_test.go. It needs scikit-learn and scipy; run it in this directory.

The points have duplicates, hence edges of distance 0, points without neighbours within the radius, and no other ties.
"""

import json

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from sklearn.cluster import DBSCAN, AgglomerativeClustering
from sklearn.neighbors import kneighbors_graph, radius_neighbors_graph

rng = np.random.default_rng(20)
points = rng.normal(size=(120, 3)).round(6)
points[7] = points[70] = points[71] = points[3]  # duplicates
points[90] = points[20]
points[5], points[99] = [9, 9, 9], [-8, 7, 0]  # nobody near
K, RADIUS = 5, 0.6


def entries(graph):
    """Its entries, as they are written: those of a row by (distance, column), with the explicit zeros."""
    rows = []
    for i in range(graph.shape[0]):
        a, b = graph.indptr[i : i + 2]
        rows.append([[int(j), float(d)] for d, j in sorted(zip(graph.data[a:b], graph.indices[a:b]))])
    return rows


def directed(k):
    """The k nearest others of each point, duplicates in the order of their numbers."""
    d = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
    np.fill_diagonal(d, np.inf)
    order = np.argsort(d, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(d, order, axis=1)


cases = {}
order, distances = directed(K)
for mode in ["connectivity", "distance"]:
    # scikit-learn is free in the order of the duplicates; the distances are the same.
    graph = kneighbors_graph(points, K, mode=mode, include_self=False)
    if mode == "distance":
        np.testing.assert_allclose(np.sort(graph.data.reshape(-1, K), axis=1), distances, rtol=1e-12, atol=0)
    same = [set(graph.indices[i * K : (i + 1) * K]) == set(order[i]) for i in range(len(points))]
    assert np.mean(same) > 0.9, np.mean(same)
    cases["radius " + mode] = entries(radius_neighbors_graph(points, RADIUS, mode=mode, include_self=False))
    cases["radius self " + mode] = entries(radius_neighbors_graph(points, RADIUS, mode=mode, include_self=True))
cases["k"] = [[[int(j), float(d)] for j, d in zip(*row)] for row in zip(order, distances)]

# The union and the mutual edges, of sets.
edges = {(i, int(j)): float(d) for i in range(len(points)) for j, d in zip(order[i], distances[i])}
for name, keep in [("union", lambda i, j: (i, j) in edges or (j, i) in edges), ("mutual", lambda i, j: (i, j) in edges and (j, i) in edges)]:
    rows = [[] for _ in points]
    for (i, j), d in edges.items():
        if keep(i, j):
            rows[i].append((d, j))
            rows[j].append((d, i))
    cases[name] = [[[j, d] for d, j in sorted(set(row))] for row in rows]
# scipy's maximum, but for the edges of distance 0, which it loses.
graph = sparse.csr_matrix((distances.ravel(), order.ravel(), np.arange(0, order.size + 1, K)), shape=(len(points),) * 2)
union = graph.maximum(graph.T)
assert union.nnz == sum(d > 0 for row in cases["union"] for _, d in row)

labels = DBSCAN(eps=RADIUS, min_samples=1).fit_predict(points)


def mutual(radius):
    """SciPy's components of the mutual edges up to a distance, numbered in the order of their first rows."""
    pairs = [(i, j) for i, row in enumerate(cases["mutual"]) for j, d in row if d <= radius]
    graph = sparse.coo_matrix((np.ones(len(pairs)), np.array(pairs).T), shape=(len(points),) * 2)
    of = connected_components(graph, directed=False)[1].tolist()
    numbers = {group: i for i, group in enumerate(dict.fromkeys(of))}
    return [numbers[group] for group in of]


mutuals = {"all": mutual(np.inf), "radius": mutual(RADIUS)}
assert mutuals["all"] != mutuals["radius"]


def within(metric, radius, diameter):
    """The groups of DBSCAN, each cut by complete linkage, which scikit-learn stops at the threshold itself."""
    of = DBSCAN(eps=radius, min_samples=1, metric=metric).fit_predict(points)
    firsts = np.arange(len(points))
    cut = 0
    for group in range(of.max() + 1):
        (rows,) = np.where(of == group)
        if len(rows) > 1:
            threshold = np.nextafter(diameter, np.inf)
            fit = AgglomerativeClustering(n_clusters=None, metric=metric, linkage="complete", distance_threshold=threshold)
            parts = fit.fit_predict(points[rows])
            cut += parts.max() > 0
            for part in range(parts.max() + 1):
                firsts[rows[parts == part]] = rows[parts == part].min()
    numbers = {first: i for i, first in enumerate(dict.fromkeys(firsts.tolist()))}
    assert cut > 2, cut
    return {"metric": metric, "radius": radius, "diameter": diameter, "cut": int(cut), "labels": [numbers[f] for f in firsts.tolist()]}


diameters = [
    within("euclidean", RADIUS, 0.4),
    within("euclidean", RADIUS, 0.9),
    within("euclidean", 0.5, 1),
    within("cosine", 0.02, 0.05),
    within("manhattan", 0.8, 1.2),
]
with open("graphs.json", "w") as f:
    json.dump(
        {"points": points.tolist(), "k": K, "radius": RADIUS, "graphs": cases, "labels": labels.tolist(), "mutuals": mutuals, "diameters": diameters}, f
    )
    f.write("\n")
