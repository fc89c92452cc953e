package targets

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/vectors"
)

// Ridge and LinearRegression of two-dimensional y, and MultiOutputClassifier(LogisticRegression), to 1e-9: see
// testdata/targets.py.
func TestEqualsScikit(t *testing.T) {
	b, err := os.ReadFile("../testdata/targets.json")
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Features []string
		Cases    []struct {
			Name, Penalty string
			Task          linear.Task
			Targets       []string
			Alpha         float64
			Coef          [][][]float64
			Intercept     [][]float64
		}
	}
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Cases) != 5 {
		t.Errorf("%d cases", len(f.Cases))
	}
	for _, c := range f.Cases {
		t.Run(c.Name, func(t *testing.T) {
			o := fitting.FitOptions{Options: linear.Options{Task: c.Task, Penalty: linear.Penalty(c.Penalty)}, Parts: 2,
				Alphas: []float64{c.Alpha}}
			if c.Task == linear.Classification {
				o.Options.Loss = linear.LogLoss
			}
			fit, err := NewFit(o, nil, len(f.Features), f.Features, c.Targets)
			if err != nil {
				t.Fatal(err)
			}
			chunks := a500x8(t, f.Features, c.Targets)
			for !fit.Done() {
				lineartest.Pass(t, fit, 2, chunks...)
			}
			for k, m := range fit.Model().Models {
				for i, w := range m.Coef {
					off := lineartest.Apart(t, w, c.Coef[k][i])
					off = max(off, math.Abs(m.Intercept[i]-c.Intercept[k][i])/max(1, math.Abs(c.Intercept[k][i])))
					if !(off <= 1e-9) {
						t.Errorf("target %s, row %d: off by %v", c.Targets[k], i, off)
					}
				}
			}
		})
	}
}

// a500x8 are the rows of a500x8.csv in two chunks.
func a500x8(t *testing.T, features, targets []string) []*linear.Chunk {
	t.Helper()
	file, err := os.Open("../testdata/a500x8.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var chunks []*linear.Chunk
	for i, line := range lines[1:] {
		if i%250 == 0 {
			chunks = append(chunks, &linear.Chunk{Features: len(features), Targets: make([]vectors.Target, len(targets))})
		}
		c := chunks[len(chunks)-1]
		number := func(name string) float64 {
			v, err := strconv.ParseFloat(line[slices.Index(lines[0], name)], 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		c.Numbers = append(c.Numbers, int64(i))
		for _, name := range features {
			c.X = append(c.X, number(name))
		}
		for k, name := range targets {
			c.Targets[k].Numbers = append(c.Targets[k].Numbers, number(name))
		}
	}
	return chunks
}
