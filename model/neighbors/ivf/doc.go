// Package ivf finds approximate nearest neighbours by partition. The caller says what share of the true neighbours is
// wanted, not how to find it, and every run measures what share it has found.
//
// # A graph of all points
//
// [Graph] follows PiPNN (arXiv 2602.21247, 2026). Some points are leaders; each point goes to its nearest few; the
// points of a leader are a leaf, in which all pairs are compared, dense and without random access, by the int8 tiles
// of the exact engine. A leaf that is too large has leaders of its own; one of points that are all as far from them
// is cut by position, so that thousands of equal points never meet in one leaf. Each point keeps its k best. This is
// repeated with other leaders until it is enough. From the second time on, a point stays away from a leader, other
// than its nearest, whose cell is farther from it than 0.3 of the distance of its k-th neighbour so far; in clustered
// data that is a third of the leaves. A last round compares each point to the neighbours of its neighbours
// (NN-descent: Dong, Moses and Li, WWW 2011), where that will do.
//
// In a leaf, rows are in int8 around the leaf's own mean, each with a scale of its own: what they lose is in
// proportion to the leaf's spread, not to that of all points. Their order only chooses k and a few more candidates of
// each row; these are computed in float64 by [neighbors.Pairs].
//
// Pilot queries, 500 points, are answered exactly, and show after each repetition how far the graph is, and how far
// it would be after the last round. It ends when they have the recall asked and a standard error more. The recall
// reported is that of other queries, 2000 by default, as the pilot's is the better for having ended the work. Where
// the exact graph looks cheaper than what is still to be done (few points, or many dimensions without clusters), it
// is made instead: see Report.Method.
//
// # New queries
//
// [Fit] puts each point into the list of its nearest leader, of which there are 2√n, and [Index.KNeighbors] compares
// each query to the points of its nearest lists, all queries of a list together. How many lists, a pilot says again.
// The graph under the inner product is made in this way too, since the neighbours of a point are not near it: see
// space.go.
//
// For the Manhattan and the Chebyshev distance, and the Hamming distance of bits, a list is an exact index, whose own
// tiles or counts of bits compare points and queries: see cells.go. There are √n/2 lists, the graph is made of them
// too, and where the exact index looks cheaper, before or after the pilot, it answers.
//
// # Sparse points
//
// An inverted index compares a pair of sparse points in less time than it takes to look at both. So their graph, by
// the cosine, is made by the inverted lists, too, but of their products only the greatest are added up, the more so the
// more points have a column; the points of the greatest sums are compared by all entries in 8 bits, and the nearest of
// these in float64 (sparse.Pruned). Of the pilot's queries the neighbours are known, so that their own sums, and those
// of a sample of the points, say which products and how many points that takes, before any of it is done. Where it
// would cost more than two thirds of the exact graph, that is made; so it is by other metrics, and for new queries.
//
// Candidates by rare columns alone, by leaders that both are near to, by clusters of spherical k-means, by the greatest
// products of two entries, by dense sketches, and neighbours of neighbours of all these were tried and are slower:
// model/BENCHMARKS.md has the figures.
//
// # Cost
//
// Of a repetition for n points of d columns, with leaves of m points (256, or 8·k) of which each point is in f (1 in
// the first, which gives points their bounds, then up to 3): about f·n·m·d/2 products of int8 in leaves, n·min(n/m,
// 1024)·d to assign, and f·n selections of k of m. From 1024·m points on there are two levels and more, so that it
// grows as n·log n. Measuring takes 2500·n·d. Memory beyond the points: 12·k + 24 bytes a point for the graph, n·d of
// int8 for measuring, and the points once more in float32 where they are float64 or the metric is the inner product;
// with cells, the points and their forms once more.
//
// # What is guaranteed
//
// The distances are those of [neighbors.Distance], to the bit, and ascend by (distance, position); no point occurs
// twice, and there are k of each, as in an exact answer. The same points, options and seed give the same bytes at
// every number of threads and on every machine that has the same floating point, whatever its vector instructions.
// The answers of an index that [Index.Tune] has given do not depend on how queries are cut into chunks.
//
// Not guaranteed is the recall: Report.Short says that it is less than what was asked, and an interval what the
// sample leaves open. It is a mean over queries: points far from all others may have less. Where distances differ by
// less than float32 can tell from the spread of a leaf, as those of near-duplicates far from each other can,
// candidates are arbitrary among the nearest, and the recall says so.
//
// # In a pipeline
//
// For more points than one process holds: [NewPlan] of a sample, by [Sampler], or for very many parts [NewRegions],
// then [Plan.PlanRegion] of a sample of each region, and [Plan.Join]; [Parts.Assign] of each block; the [Graph] of each
// part, to the recall Parts.Inside, with Search.Part; [neighbors.MergeAnswers] of what the parts have found; and
// [Compare] with sampled queries that were answered exactly, too.
package ivf
