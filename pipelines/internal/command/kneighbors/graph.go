package kneighbors

import (
	"errors"

	"beamlearn/model/neighbors"
	"beamlearn/model/results"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/knn"
)

// graph is the flags that say in which form neighbours are written, and which edges a graph has.
type graph struct {
	layout, mode, symmetric *string
	includeSelf, similarity *bool
}

// Modes of a graph, by scikit-learn's names.
const (
	connectivity = "connectivity"
	distance     = "distance"
)

func graphFlags(g *cli.Group) graph {
	return graph{
		layout: g.Choice("layout", "", cli.Texts(results.Forms),
			"what a row of .csv, .jsonl or .parquet is, as `LAYOUT`: long, a neighbour (query_id,rank,neighbor_id,distance; "+
				"the default of .csv); nested, a query, with lists (id,neighbors,distances; the default of the others); edges, "+
				"a neighbour as networkx and igraph read it (source,target,distance)"),
		mode: g.Choice("mode", distance, []string{connectivity, distance},
			"the values of a graph, as `MODE`: distance, or connectivity, which are ones, and in --layout=edges none"),
		includeSelf: g.Bool("include_self", false,
			"each point is its own first neighbour, at distance 0, and counts in --k, as in scikit-learn's kneighbors_graph "+
				"and for UMAP"),
		symmetric: g.Choice("symmetric", string(neighbors.Directed), cli.Texts(neighbors.Symmetries),
			"as `WAY`: none; union, where an edge that one point has, the other has too; mutual, where an edge stays if both "+
				"have it"),
		similarity: g.Bool("similarity", false,
			"also write similarities, of --metric=cosine and correlation (1 - distance) and inner_product (-distance)"),
	}
}

// others is how many neighbours beside itself a point gets, of k.
func (g *graph) others(k int) int {
	if *g.includeSelf && k > 1 {
		return k - 1
	}
	return k
}

// options sets what the flags ask for.
func (g *graph) options(o *knn.Options, k int) error {
	o.Form, o.Connectivity, o.Similarity = results.Form(*g.layout), *g.mode == connectivity, *g.similarity
	o.IncludeSelf, o.Symmetric = *g.includeSelf, neighbors.Symmetry(*g.symmetric)
	if *g.mode != connectivity && *g.mode != distance {
		return errors.New("--mode=" + *g.mode + ": must be one of connectivity, distance")
	}
	if *g.includeSelf && k == 1 {
		return errors.New("--include_self counts each point as the first of its --k=1 neighbours: --k=2 or more")
	}
	return nil
}
