// Package recommend recommends items to users by the items that they had, as item–item nearest neighbours (Sarwar,
// Karypis, Konstan and Riedl, Item-based collaborative filtering recommendation algorithms, WWW 2001).
//
//	rows (user, item, value) ─▶ triples.Part ─▶ New: Interactions ─▶ Fit: Model ─▶ Recommend
//	                                              └▶ Split ─▶ Evaluate: recall, precision, NDCG, coverage
//
// All sums are float64 in an order that follows from the ids alone, and ties go to the first id: the same interactions
// give the same bits, in whatever chunks and by however many threads they were read.
package recommend
