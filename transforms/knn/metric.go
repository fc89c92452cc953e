package knn

import (
	"context"
	"errors"
	"fmt"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
	"beamlearn/transforms/vectorio"
)

// ReadParams reads the parameters of a metric from a file of any format: of seuclidean the variances, one a column of
// the points, in one row or in one column; of mahalanobis the inverse of the covariance.
func ReadParams(ctx context.Context, name string, m neighbors.Metric) (*neighbors.Params, error) {
	if !m.Fitted() {
		return nil, fmt.Errorf("metric parameters are of seuclidean and mahalanobis, not of %s", m)
	}
	var reading vectorio.Options
	reading.EnsureDefaults()
	d, err := vectorio.Inspect(ctx, []string{name}, reading)
	if err != nil {
		return nil, err
	}
	const most = 1 << 20 // rows
	b, err := d.Head(ctx, most, reading)
	if err != nil {
		return nil, err
	}
	values, buf := make([]float64, 0, b.Len()*b.Dim), make([]float64, b.Dim)
	for i := range b.Len() {
		values = append(values, b.Row(i, buf)...)
	}
	if m == neighbors.Mahalanobis {
		if b.Len() != b.Dim {
			return nil, fault.File(name, "a square matrix, the inverse of the covariance", "%d × %d values", b.Len(), b.Dim)
		}
		return &neighbors.Params{VI: values}, nil
	}
	if b.Len() != 1 && b.Dim != 1 {
		return nil, fault.File(name, "variances in one row or one column", "%d × %d values", b.Len(), b.Dim)
	}
	return &neighbors.Params{V: values}, nil
}

// checkMetric reports what of the metric and the points cannot be.
func (j *Job) checkMetric() error {
	o, metric := j.Options.Neighbors, j.metric()
	var errs []error
	if j.Index == nil {
		errs = append(errs, o.CheckColumns(j.dim()))
	}
	if j.Options.IncludeSelf && metric == neighbors.RussellRao {
		errs = append(errs, errors.New("by russellrao no point is the nearest to itself: without include_self"))
	}
	if _, shards := j.broadcast().(inShards); shards && o.Metric.Fitted() && o.Params == nil {
		errs = append(errs, fmt.Errorf(
			"%s has parameters of all points, which no shard has: give them (--metric_params=FILE), or "+
				"leave the index in one piece", o.Metric))
	}
	return errors.Join(errs...)
}

// domain is what rows must be like for the metric.
func (j *Job) domain() vectors.Domain {
	if j.Index != nil {
		return j.Index.Options.Domain()
	}
	return j.Options.Neighbors.Domain()
}
