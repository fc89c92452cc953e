// Package targets is linear models of several targets of the same rows: a [Fit] that learns them side by side over one
// read of the rows, and their [Model], which is one file. Each target has the model that it would have alone.
package targets

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/internal/jsontext"
	"beamlearn/model/linear"
)

// Format says in a file what it is, and Version is that of its format.
const (
	Format  = "beamlearn.linear.targets"
	Version = 1
)

// Model is a linear model for each of several targets, of the same features.
type Model struct {
	// Targets are their names, no two the same.
	Targets []string
	// Models are those of the targets, in their order. They share their task, features, names and encoding.
	Models []*linear.Model
}

// file is a Model in JSON. What the models share stands once, and not in them.
type file struct {
	Format       string             `json:"format"`
	Version      int                `json:"version"`
	Targets      []string           `json:"targets"`
	FeatureNames []string           `json:"feature_names"`
	Encoding     *features.Encoding `json:"encoding"`
	Models       []json.RawMessage  `json:"models"`
}

// Validate says what is wrong with the model.
func (m *Model) Validate() error {
	if len(m.Models) == 0 || len(m.Models) != len(m.Targets) {
		return fmt.Errorf("%d models of %d targets: there must be as many, and at least one", len(m.Models), len(m.Targets))
	}
	first, seen := m.Models[0], map[string]bool{}
	for k, one := range m.Models {
		name := m.Targets[k]
		if seen[name] {
			return fmt.Errorf("targets: %s twice", fault.Quote(name))
		}
		seen[name] = true
		if err := one.Validate(); err != nil {
			return fmt.Errorf("target %s: %w", fault.Plain(name), err)
		}
		if one.Task != first.Task || one.Features() != first.Features() ||
			!slices.Equal(one.FeatureNames, first.FeatureNames) || one.Encoding != first.Encoding ||
			one.ZeroBased != first.ZeroBased {
			return fmt.Errorf("target %s: another task, or other features, than target %s", fault.Plain(name),
				fault.Plain(m.Targets[0]))
		}
	}
	return nil
}

// Save writes the model as JSON: format "beamlearn.linear.targets", version 1, targets, feature_names and encoding as
// [linear.Model.Save] has them, and models, each as that writes it, without the names and the encoding. It does not
// close w.
func (m *Model) Save(w io.Writer) error {
	if err := m.Validate(); err != nil {
		return fmt.Errorf("targets.Model.Save: %w", err)
	}
	b := bufio.NewWriter(w) // whose first error stays
	first := m.Models[0]
	names := first.FeatureNames
	if first.Encoding != nil && first.Encoding.Hashed() {
		names = nil
	}
	fmt.Fprintf(b, "{\n  \"format\": %q,\n  \"version\": %d", Format, Version)
	for _, f := range []struct {
		name  string
		value any
	}{{"targets", m.Targets}, {"feature_names", names}, {"encoding", first.Encoding}} {
		text, err := json.Marshal(f.value)
		if err != nil {
			return fmt.Errorf("targets.Model.Save: %s: %w", f.name, err)
		}
		fmt.Fprintf(b, ",\n  %q: %s", f.name, text)
	}
	b.WriteString(",\n  \"models\": [")
	for k, one := range m.Models {
		if k > 0 {
			b.WriteByte(',')
		}
		lean := *one
		lean.FeatureNames, lean.Encoding = nil, nil
		var text bytes.Buffer
		if err := lean.Save(&text); err != nil {
			return err
		}
		b.WriteByte('\n')
		b.Write(bytes.TrimRight(text.Bytes(), "\n"))
	}
	b.WriteString("\n  ]\n}\n")
	return b.Flush()
}

// Load reads what Save writes; name stands in its faults. It takes memory in proportion to the file, and refuses what
// [linear.Load] would refuse of a model.
func Load(name string, r io.Reader) (*Model, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	m, err := load(b)
	if err != nil {
		return nil, fault.File(name, fmt.Sprintf("a model of several targets of beamlearn, version %d", Version), "%v", err)
	}
	return m, nil
}

func load(b []byte) (*Model, error) {
	var f file
	if err := jsontext.Load(b, Format, Version, &f); err != nil {
		return nil, err
	}
	if err := linear.CheckKeys(b); err != nil {
		return nil, err
	}
	names := f.FeatureNames
	if names == nil && f.Encoding != nil {
		names = f.Encoding.Names()
	}
	m := &Model{Targets: f.Targets}
	if len(f.Models) != len(f.Targets) {
		return nil, fmt.Errorf("%d models of %d targets", len(f.Models), len(f.Targets))
	}
	for k, text := range f.Models {
		one, err := linear.Load("the model of target "+fault.Quote(f.Targets[k]), bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		if one.FeatureNames != nil || one.Encoding != nil {
			return nil, fmt.Errorf("the model of target %s has names or an encoding of its own", fault.Quote(f.Targets[k]))
		}
		one.FeatureNames, one.Encoding = names, f.Encoding
		m.Models = append(m.Models, one)
	}
	return m, m.Validate()
}
