package eigen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"gonum.org/v1/gonum/floats"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/internal/jsontext"
)

// Version is the version of the format of files that Save writes and Load reads.
const Version = 1

// Format says in a file what it is.
const Format = "beamlearn.eigen"

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

	Encoding  *features.Encoding `json:"encoding,omitempty"`
	ZeroBased bool               `json:"zero_based,omitempty"`
}

// Save writes the components as JSON. Numbers have the shortest form that reads back as the same float64.
func (p *PCA) Save(w io.Writer) error {
	f := file{
		Format: Format, Version: Version, Options: p.Options, Rows: p.Rows, Features: p.Features(),
		FeatureNames: p.FeatureNames,
		Mean:         p.Mean, Scale: p.Scale, Components: p.Components, Variance: p.ExplainedVariance,
		TotalVariance: p.TotalVariance, Spectrum: p.Spectrum, Encoding: p.Encoding, ZeroBased: p.ZeroBased,
	}
	for i := range p.Components {
		f.Ratio = append(f.Ratio, p.Ratio(i))
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(f)
}

// Load reads what Save writes, and nothing else: a field that is missing, twice, null or unknown, a number that is
// not finite or lists of other lengths are refused, as is what contradicts itself. The error is a *fault.Fault of the
// file with this name, unless the file cannot be read.
func Load(name string, r io.Reader) (*PCA, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	bad := func(format string, args ...any) error {
		return fault.File(name, fmt.Sprintf("components, as eigen writes them, version %d", Version), format, args...)
	}
	switch other, err := jsontext.Head(b, Format, Version); {
	case err != nil:
		return nil, bad("%s", fault.JSON(b, err))
	case other != "":
		return nil, bad("%s", other)
	}
	if err := checkFields(b); err != nil {
		return nil, bad("%v", err)
	}
	var f file
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, bad("%s", fault.JSON(b, err))
	}
	if err := f.check(); err != nil {
		return nil, bad("%v", err)
	}
	return &PCA{
		Options: f.Options, Rows: f.Rows, FeatureNames: f.FeatureNames, Mean: f.Mean, Scale: f.Scale,
		Components:        f.Components,
		ExplainedVariance: f.Variance, TotalVariance: f.TotalVariance, Spectrum: f.Spectrum,
		Encoding: f.Encoding, ZeroBased: f.ZeroBased,
	}, nil
}

// fields are those of a type by their names in JSON, and whether they must be there.
func fields(t reflect.Type) map[string]bool {
	all := map[string]bool{}
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		all[name] = options != "omitempty"
	}
	return all
}

// checkFields refuses what encoding/json reads without a word: a field that is missing or twice, that is null or has
// a null in it, or that has another name. The JSON is well formed.
func checkFields(b []byte) error {
	of := fields(reflect.TypeFor[file]())
	top, err := checkObject(b, "", of)
	if err != nil {
		return err
	}
	_, err = checkObject(top["options"], "options.", fields(reflect.TypeFor[Options]()))
	return err
}

func checkObject(b []byte, path string, of map[string]bool) (values map[string]json.RawMessage, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, fmt.Errorf("no object for %s", strings.TrimSuffix(path, "."))
	}
	values = map[string]json.RawMessage{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string)
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		if _, known := of[name]; !known {
			return nil, fmt.Errorf("the field %s", fault.Quote(path+name))
		}
		if values[name] != nil {
			return nil, fmt.Errorf("the field %s twice", fault.Quote(path+name))
		}
		if hasNull(value) {
			return nil, fmt.Errorf("null in the field %s", fault.Quote(path+name))
		}
		values[name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		if of[name] && values[name] == nil {
			return nil, fmt.Errorf("no field %s", fault.Quote(path+name))
		}
	}
	return values, nil
}

// hasNull reports whether a value is null or has one in it.
func hasNull(value []byte) bool {
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		if token == nil {
			return true
		}
	}
}

func (f *file) check() error {
	d, k := f.Features, len(f.Components)
	switch {
	case d < 1 || len(f.Mean) != d || k < 1 || k > d || len(f.Variance) != k || len(f.Ratio) != k || f.Rows < 2:
		return fmt.Errorf("%d rows, %d features, %d means, %d components, %d variances, %d ratios", f.Rows, d, len(f.Mean), k,
			len(f.Variance), len(f.Ratio))
	case f.FeatureNames != nil && len(f.FeatureNames) != d || f.Scale != nil && len(f.Scale) != d:
		return fmt.Errorf("%d names and %d scales of %d features", len(f.FeatureNames), len(f.Scale), d)
	case f.Encoding != nil && f.Encoding.Dim() != d:
		return fmt.Errorf("an encoding of %d features, for %d", f.Encoding.Dim(), d)
	case f.Spectrum != nil && len(f.Spectrum) < k:
		return fmt.Errorf("%d eigenvalues of %d components", len(f.Spectrum), k)
	case f.Options.Solver != "" && !slices.Contains(Solvers, f.Options.Solver):
		return fmt.Errorf("svd_solver %s", fault.Quote(string(f.Options.Solver)))
	case f.Options.Components < 0 || f.Options.Components > d || f.Options.Oversamples < 0 ||
		f.Options.IteratedPower != nil && *f.Options.IteratedPower < 0:
		return fmt.Errorf("n_components %d, n_oversamples %d of %d features, or a negative iterated_power",
			f.Options.Components,
			f.Options.Oversamples, d)
	case f.Options.VarianceShare != 0 &&
		(f.Options.Components != 0 || !(f.Options.VarianceShare > 0 && f.Options.VarianceShare < 1)):
		return fmt.Errorf("variance_share %v with n_components %d", f.Options.VarianceShare, f.Options.Components)
	case !(f.TotalVariance >= 0):
		return fmt.Errorf("total_variance %v", f.TotalVariance)
	}
	for i, v := range f.Components {
		if len(v) != d {
			return fmt.Errorf("%d numbers in component %d of %d features", len(v), i, d)
		}
		if norm := floats.Norm(v, 2); !(math.Abs(norm-1) <= tolerance) {
			return fmt.Errorf("component %d of length %v, not 1", i, norm)
		}
	}
	for j, v := range f.Scale {
		if !(v > 0) {
			return fmt.Errorf("scale %v of feature %d", v, j)
		}
	}
	return f.checkVariances()
}

// tolerance is what numbers of a file may differ by that follow from others: far more than rounding, far less than a
// change.
const tolerance = 1e-6

func (f *file) checkVariances() error {
	slack := tolerance * f.TotalVariance
	for i, v := range f.Variance {
		ratio := 0.0
		if f.TotalVariance > 0 {
			ratio = v / f.TotalVariance
		}
		switch {
		case v < -slack:
			return fmt.Errorf("explained_variance %v of component %d", v, i)
		case i > 0 && v > f.Variance[i-1]+slack:
			return fmt.Errorf("explained_variance %v of component %d after %v", v, i, f.Variance[i-1])
		case math.Abs(f.Ratio[i]-ratio) > tolerance:
			return fmt.Errorf("explained_variance_ratio %v of component %d, which has %v of %v", f.Ratio[i], i, v,
				f.TotalVariance)
		case f.Spectrum != nil && math.Abs(f.Spectrum[i]-v) > slack:
			return fmt.Errorf("explained_variance %v of component %d, whose eigenvalue is %v", v, i, f.Spectrum[i])
		}
	}
	return nil
}
