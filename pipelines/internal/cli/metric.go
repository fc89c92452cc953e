package cli

import (
	"context"

	"beamlearn/model/neighbors"
	"beamlearn/transforms/knn"
)

// Metric is the flags of how near two rows are.
type Metric struct {
	name                *string
	p                   **float64
	bits, degrees, inKm *bool
	params              *Path
}

// Metric adds them.
func (g *Group) Metric(metrics []neighbors.Metric) *Metric {
	return &Metric{
		name: g.Choice("metric", string(neighbors.Euclidean), Texts(metrics), "the `METRIC`: "+Names(metrics)+
			": --metric=cosine"),
		p: g.OptionalFloat("p", "the power `X` of --metric=minkowski; inf is chebyshev: --p=3 (default 2)"),
		bits: g.Bool("bits", false,
			"each value is a byte of eight bits, as numpy.packbits and faiss' binary indexes have them: --metric=hamming "+
				"counts those that differ, and jaccard and so on take them as booleans"),
		degrees: g.Bool("degrees", false,
			"of --metric=haversine: the two columns, latitude and longitude, are degrees, not radians"),
		inKm: g.Bool("km", false, "of --metric=haversine: distances, and --radius, are kilometers on a sphere of radius "+
			"6371 km, not radians"),
		params: g.InputFile("metric_params",
			"the `FILE` of what --metric=seuclidean or mahalanobis is given: the variances V, in one row, or the inverse "+
				"covariance VI, a matrix: --metric_params=variances.npy (default: those of the points)").Here(),
	}
}

// Options are what the flags say, without the parameters: see Params.
func (m *Metric) Options() neighbors.Options {
	o := neighbors.Options{Metric: neighbors.Metric(*m.name), Bits: *m.bits, Degrees: *m.degrees, Kilometers: *m.inKm}
	if *m.p != nil {
		o.P = **m.p
	}
	return o
}

// Check refuses a power where the metric that is named has none. Where an index is asked, its metric counts instead.
func (m *Metric) Check() error {
	if *m.p == nil {
		return nil
	}
	return neighbors.Metric(*m.name).CheckPower(**m.p)
}

// Params reads the parameters, where a file of them is given.
func (m *Metric) Params(ctx context.Context, o *neighbors.Options) (err error) {
	if name := m.params.String(); name != "" {
		o.Params, err = knn.ReadParams(ctx, name, o.Metric)
	}
	return err
}
