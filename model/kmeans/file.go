package kmeans

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/internal/jsontext"
)

// Version is the version of the format of files that Save writes and Load reads.
const Version = 1

// Format says in a file what it is.
const Format = "beamlearn.kmeans"

// file is a Model in JSON, by the names of scikit-learn's attributes, without their underscores.
type file struct {
	Format       string       `json:"format"`
	Version      int          `json:"version"`
	Options      Options      `json:"options"`
	Rows         int64        `json:"n_samples"`
	Features     int          `json:"n_features_in"`
	FeatureNames []string     `json:"feature_names,omitempty"`
	Mean         []float64    `json:"mean"`
	Std          []float64    `json:"std"`
	Scale        []float64    `json:"scale,omitempty"`
	Centers      [][]float64  `json:"cluster_centers"`
	Sizes        []int64      `json:"sizes"`
	Inertia      float64      `json:"inertia"`
	Iters        int          `json:"n_iter"`
	Curve        []float64    `json:"inertias"`
	Compared     []Comparison `json:"compared"`
	Stream       *Stream      `json:"stream,omitempty"`

	Encoding  *features.Encoding `json:"encoding,omitempty"`
	ZeroBased bool               `json:"zero_based,omitempty"`
}

// Save writes the clusters as JSON. Numbers have the shortest form that reads back as the same float64.
func (m *Model) Save(w io.Writer) error {
	f := file{
		Format: Format, Version: Version, Options: m.Options, Rows: m.Rows,
		Features: m.Features(), FeatureNames: m.FeatureNames, Mean: m.Mean, Std: m.Std, Scale: m.Scale,
		Centers: m.Centers, Sizes: m.Sizes, Inertia: m.Inertia, Iters: m.Iters, Curve: m.Curve,
		Compared: m.Compared, Stream: m.Stream, Encoding: m.Encoding, ZeroBased: m.ZeroBased,
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(f)
}

// Load reads what Save writes, and nothing else: another field, one that is missing or twice, lists of other lengths
// and what contradicts itself are refused. The error is a *fault.Fault of the file with this name, unless the file
// cannot be read.
func Load(name string, r io.Reader) (*Model, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	bad := func(format string, args ...any) error {
		return fault.File(name, fmt.Sprintf("clusters, as kmeans writes them, version %d", Version), format, args...)
	}
	var f file
	if err := jsontext.Load(b, Format, Version, &f); err != nil {
		return nil, bad("%v", err)
	}
	if err := f.check(); err != nil {
		return nil, bad("%v", err)
	}
	m := &Model{
		Options: f.Options, FeatureNames: f.FeatureNames, Encoding: f.Encoding, ZeroBased: f.ZeroBased, Rows: f.Rows,
		Mean: f.Mean, Std: f.Std, Scale: f.Scale,
		Centers: f.Centers, Sizes: f.Sizes, Inertia: f.Inertia, Iters: f.Iters, Curve: f.Curve, Compared: f.Compared,
		Stream: f.Stream,
	}
	if err := jsontext.Same(b, m.Save); err != nil {
		return nil, bad("%v", err)
	}
	return m, nil
}

func (f *file) check() error {
	d, k := f.Features, len(f.Centers)
	o := f.Options
	o.Centers = f.Centers
	switch {
	case d < 1 || len(f.Mean) != d || len(f.Std) != d || k < 1 || len(f.Sizes) != k ||
		f.Rows < int64(k) && f.Stream == nil:
		return fmt.Errorf("%d rows, %d features, %d means, %d centres, %d sizes", f.Rows, d, len(f.Mean), k, len(f.Sizes))
	case f.FeatureNames != nil && len(f.FeatureNames) != d || f.Scale != nil && len(f.Scale) != d:
		return fmt.Errorf("%d names and %d scales of %d features", len(f.FeatureNames), len(f.Scale), d)
	case (f.Scale != nil) != f.Options.Standardize:
		return fmt.Errorf("standardize %v, and %d scales", f.Options.Standardize, len(f.Scale))
	case f.Encoding != nil && f.Encoding.Dim() != d:
		return fmt.Errorf("an encoding of %d features, for %d", f.Encoding.Dim(), d)
	case o.Validate() != nil:
		return fmt.Errorf("options: %w", o.Validate())
	case !slices.Contains(o.Clusters, k) || len(f.Compared) != len(o.Clusters):
		return fmt.Errorf("%d centres and %d comparisons for n_clusters %v", k, len(f.Compared), o.Clusters)
	case f.Iters < 1 || f.Iters > o.MaxIter || len(f.Curve) < 1 || f.Curve[len(f.Curve)-1] != f.Inertia ||
		!(f.Inertia >= 0):
		return fmt.Errorf("inertia %v after %d iterations, of %d inertias", f.Inertia, f.Iters, len(f.Curve))
	}
	if (f.Stream != nil) != o.Online {
		return fmt.Errorf("online %v, and a stream or none", o.Online)
	}
	if f.Stream != nil {
		if err := f.Stream.check(k); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	for _, name := range f.FeatureNames {
		if seen[name] {
			return fmt.Errorf("two features of the name %s", fault.Quote(name))
		}
		seen[name] = true
	}
	for i, c := range f.Centers {
		if len(c) != d {
			return fmt.Errorf("%d numbers in centre %d of %d features", len(c), i, d)
		}
	}
	for j, v := range f.Std {
		if !(v >= 0) {
			return fmt.Errorf("std %v of feature %d", v, j)
		}
	}
	for j, v := range f.Scale {
		if !(v > 0) {
			return fmt.Errorf("scale %v of feature %d", v, j)
		}
	}
	sum := int64(0)
	for i, n := range f.Sizes {
		if n < 0 || n > math.MaxInt64-sum {
			return fmt.Errorf("%d rows in cluster %d", n, i)
		}
		sum += n
	}
	if sum != f.Rows {
		return fmt.Errorf("%d rows in all clusters, of %d", sum, f.Rows)
	}
	for i, c := range f.Compared {
		if c.Clusters != o.Clusters[i] || !(c.Inertia >= 0) || c.Iterations < 1 ||
			c.Silhouette != nil && !(*c.Silhouette >= -1 && *c.Silhouette <= 1) {
			return fmt.Errorf("a comparison of %d clusters", c.Clusters)
		}
	}
	return nil
}
