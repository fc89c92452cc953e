package eigen

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"beamlearn/model/fault"
)

// Version is the version of the format of files that Save writes and Load reads.
const Version = 1

// kind says in a file what it is.
const kind = "beamlearn.eigen"

// file is a PCA in JSON, by the names of scikit-learn's attributes, without their underscores.
type file struct {
	Format        string      `json:"format"`
	Version       int         `json:"version"`
	Options       Options     `json:"options"`
	Rows          int64       `json:"n_samples"`
	Features      int         `json:"n_features_in"`
	FeatureNames  []string    `json:"feature_names,omitempty"`
	Mean          []float64   `json:"mean"`
	Scale         []float64   `json:"scale,omitempty"`
	Components    [][]float64 `json:"components"`
	Variance      []float64   `json:"explained_variance"`
	Ratio         []float64   `json:"explained_variance_ratio"`
	TotalVariance float64     `json:"total_variance"`
	Spectrum      []float64   `json:"eigenvalues,omitempty"`
}

// Save writes the components as JSON. Numbers have the shortest form that reads back as the same float64.
func (p *PCA) Save(w io.Writer) error {
	f := file{
		Format: kind, Version: Version, Options: p.Options, Rows: p.Rows, Features: p.Features(), FeatureNames: p.FeatureNames,
		Mean: p.Mean, Scale: p.Scale, Components: p.Components, Variance: p.ExplainedVariance,
		TotalVariance: p.TotalVariance, Spectrum: p.Spectrum,
	}
	for i := range p.Components {
		f.Ratio = append(f.Ratio, p.Ratio(i))
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(f)
}

// Load reads what Save writes. The error is a *fault.Fault of the file with this name.
func Load(name string, r io.Reader) (*PCA, error) {
	var f file
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		var at *json.SyntaxError
		if !errors.As(err, &at) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			var kind *json.UnmarshalTypeError
			if !errors.As(err, &kind) && d.InputOffset() == 0 {
				return nil, err // of reading
			}
		}
		return nil, fault.File(name, "components, as eigen writes them", "%s", fault.Quote(err.Error()))
	}
	p := &PCA{
		Options: f.Options, Rows: f.Rows, FeatureNames: f.FeatureNames, Mean: f.Mean, Scale: f.Scale, Components: f.Components,
		ExplainedVariance: f.Variance, TotalVariance: f.TotalVariance, Spectrum: f.Spectrum,
	}
	if err := f.check(); err != nil {
		return nil, fault.File(name, "components, as eigen writes them", "%v", err)
	}
	return p, nil
}

func (f *file) check() error {
	d, k := f.Features, len(f.Components)
	switch {
	case f.Format != kind:
		return fmt.Errorf("format %s", fault.Quote(f.Format))
	case f.Version != Version:
		return fmt.Errorf("version %d, which is not %d", f.Version, Version)
	case d < 1 || len(f.Mean) != d || k < 1 || k > d || len(f.Variance) != k || len(f.Ratio) != k || f.Rows < 2:
		return fmt.Errorf("%d rows, %d features, %d means, %d components, %d variances", f.Rows, d, len(f.Mean), k, len(f.Variance))
	case f.FeatureNames != nil && len(f.FeatureNames) != d || f.Scale != nil && len(f.Scale) != d:
		return fmt.Errorf("%d names and %d scales of %d features", len(f.FeatureNames), len(f.Scale), d)
	}
	for i, v := range f.Components {
		if len(v) != d {
			return fmt.Errorf("%d numbers in component %d of %d features", len(v), i, d)
		}
	}
	for j, v := range f.Scale {
		if !(v > 0) {
			return fmt.Errorf("scale %v of feature %d", v, j)
		}
	}
	return nil
}
