package vote_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/linear"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/vote"
	"beamlearn/model/vectors"
)

type referenceTable struct {
	Name    string
	Task    linear.Task
	Columns int
	X, Y    []float64
	Cases   []referenceCase
}

type referenceCase struct {
	K       int
	Radius  *float64
	Weights vote.Weights
	Outlier string
	Alone   int
	First   []float64
	Bits    string
	Scores  map[string]float64
}

// Predictions, probabilities and their ties are scikit-learn's, to the last bit: of every point by the others, see
// testdata/generate.py. Scores are its own to rounding, and the same bits in whatever order they come.
func TestReference(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join("testdata", "reference.json"))
	if err != nil {
		t.Fatal(err)
	}
	var tables []referenceTable
	if err := json.Unmarshal(b, &tables); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		t.Run(table.Name, func(t *testing.T) {
			t.Parallel()
			points := &vectors.Block{Dim: table.Columns}
			for i := range table.Y {
				points.Append(table.X[i*table.Columns:(i+1)*table.Columns], int64(i))
			}
			x, err := neighbors.Fit(points, neighbors.Options{})
			if err != nil {
				t.Fatal(err)
			}
			known := targetsOf(t, table.Task, table.Y)
			nearest, err := x.KNeighbors(points, 130, neighbors.Search{Self: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range table.Cases {
				t.Run(fmt.Sprintf("k %d %s", c.K, c.Weights), func(t *testing.T) { check(t, x, points, known, nearest, &c) })
			}
		})
	}
}

func targetsOf(t *testing.T, task linear.Task, y []float64) *vote.Targets {
	t.Helper()
	p := vote.Part{}
	b := &vectors.Block{Target: y}
	for i := range y {
		b.Numbers = append(b.Numbers, int64(i))
	}
	if err := p.Add(b); err != nil {
		t.Fatal(err)
	}
	known, err := vote.Join(task, int64(len(y)), []vote.Part{p})
	if err != nil {
		t.Fatal(err)
	}
	return known
}

func check(t *testing.T, x *neighbors.Index, points *vectors.Block, known *vote.Targets, found *neighbors.Neighbors,
	c *referenceCase) {
	if c.Radius != nil {
		var err error
		if found, err = x.RadiusNeighbors(points, *c.Radius, neighbors.Search{Self: true}); err != nil {
			t.Fatal(err)
		}
	}
	voter, err := vote.NewVoter(known, vote.Options{Weights: c.Weights, Outlier: c.Outlier})
	if err != nil {
		t.Fatal(err)
	}
	alone := 0
	var predicted, probas, missing []float64
	judged := make([]vote.Judged, points.Len())
	for i := range points.Len() {
		positions, distances := found.Of(i)
		number := func(j int) int64 { return x.Number(positions[j]) }
		k := c.K
		if ask := voter.Ask; c.Radius != nil {
			ask, k = voter.AskAll, len(distances)
			if err := ask(number, distances); err != nil {
				t.Fatal(err)
			}
		} else if err := ask(number, distances); err != nil {
			t.Fatal(err)
		}
		if len(distances) == 0 {
			alone++
		}
		proba := make([]float64, known.Classes.Len())
		p, err := voter.Vote(k, proba)
		if err != nil {
			t.Fatal(err)
		}
		judged[i] = vote.Judged{Number: int64(i), Target: known.Of(int64(i)), Predicted: []float64{p},
			Probas: [][]float64{proba}}
		probas = append(probas, proba...)
		if known.Task == linear.Classification {
			p = known.Classes.Numbers[int(p)]
			predicted = append(predicted, p)
			continue
		}
		nan := 0.0
		if p != p {
			p, nan = 0, 1
		}
		predicted, missing = append(predicted, p), append(missing, nan)
	}
	h := sha256.New()
	for _, list := range [][]float64{predicted, probas, missing} {
		if err := binary.Write(h, binary.LittleEndian, list); err != nil {
			t.Fatal(err)
		}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != c.Bits {
		t.Errorf("other bits; the first predictions are %v, expected %v", predicted[:8], c.First)
	}
	if alone != c.Alone {
		t.Errorf("%d points without a neighbour, expected %d", alone, c.Alone)
	}
	checkScores(t, known, judged, c)
}

// checkScores adds predictions up forwards, and backwards in three parts.
func checkScores(t *testing.T, known *vote.Targets, judged []vote.Judged, c *referenceCase) {
	forwards := vote.NewScores(known.Task, []int{c.K})
	parts := make([]*vote.Scores, 3)
	for i := range parts {
		parts[i] = vote.NewScores(known.Task, []int{c.K})
	}
	for i := range judged {
		forwards.Add(&judged[i])
		parts[i%3].Add(&judged[len(judged)-1-i])
	}
	forwards.Finish()
	backwards := vote.NewScores(known.Task, []int{c.K})
	for _, p := range parts {
		p.Finish()
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var read vote.Scores
		if err := json.Unmarshal(b, &read); err != nil {
			t.Fatal(err)
		}
		backwards.Merge(&read)
	}
	for name, want := range c.Scores {
		got, _ := forwards.Score(0, name)
		if !(math.Abs(got-want) <= 1e-12*max(1, math.Abs(want))) {
			t.Errorf("%s: %v, expected %v", name, got, want)
		}
		if other, _ := backwards.Score(0, name); other != got {
			t.Errorf("%s: %v, and %v in another order", name, got, other)
		}
	}
	if f, b := forwards.Each[0].Mistakes,
		backwards.Each[0].Mistakes; !slices.EqualFunc(f, b, func(a, b vote.Mistake) bool { return a.Number == b.Number }) {
		t.Errorf("mistakes %v, and %v in another order", f, b)
	}
	if !slices.EqualFunc(forwards.Sample, backwards.Sample, func(a, b vote.Sampled) bool { return a.Number == b.Number }) {
		t.Error("another sample in another order")
	}
}

// Labels are classes as sgd has them: numbers where that says all of them, else texts.
func TestLabels(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		labels  []string
		numbers []float64
		texts   []string
		wrong   string
	}{
		{labels: []string{"2", "1", "2"}, numbers: []float64{1, 2}},
		{labels: []string{"b", "a", "b"}, texts: []string{"a", "b"}},
		{labels: []string{"10", "10.0", "-0", "0.0"}, numbers: []float64{0, 10}},
		{labels: []string{"01", "1"}, texts: []string{"01", "1"}},
		{labels: []string{"9007199254740993", "9007199254740992"}, texts: []string{"9007199254740992", "9007199254740993"}},
		{labels: []string{"1", "x"}, texts: []string{"1", "x"}},
		{labels: []string{"1", "2.5"}, wrong: `t.csv: row 1: found "2.5", expected class labels, integers or texts`},
		{labels: nil, wrong: "t.csv: found none, expected targets"},
		{labels: []string{"True", "False"}, texts: []string{"False", "True"}},
		{labels: []string{"0", "1", "True"},
			wrong: `t.csv: row 2: found "True", expected one way to write each truth value: other rows have "1"`},
		{labels: []string{"False", "True", "false"},
			wrong: `t.csv: row 0: found "False", expected one way to write each truth value: other rows have "false"`},
	} {
		p := vote.Part{File: "t.csv"}
		b := &vectors.Block{Labels: c.labels}
		for i := range c.labels {
			b.Numbers = append(b.Numbers, int64(i))
		}
		if err := p.Add(b); err != nil {
			t.Fatal(err)
		}
		data, err := p.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var read vote.Part
		if err := read.UnmarshalBinary(data); err != nil {
			t.Fatal(err)
		}
		known, err := vote.Join(linear.Classification, 5, []vote.Part{read})
		if c.wrong != "" {
			if err == nil || !strings.HasPrefix(err.Error(), c.wrong) {
				t.Errorf("%q: %v, expected %s", c.labels, err, c.wrong)
			}
			continue
		}
		if err != nil || !slices.Equal(known.Classes.Numbers, c.numbers) || !slices.Equal(known.Classes.Texts, c.texts) {
			t.Errorf("%q: %v, %v", c.labels, known, err)
			continue
		}
		for i, s := range c.labels {
			want := s
			if v, ok := linear.LabelNumber(s); ok && len(c.numbers) > 0 {
				want = linear.LabelText(v)
			}
			if got := known.Classes.Label(int(known.Codes[i])); got != want {
				t.Errorf("row %d: %s, expected %s", i, got, want)
			}
		}
		if known.Missing() != int64(5-len(c.labels)) || known.Has(4) || known.Has(5) || known.Has(-1) {
			t.Errorf("%q: %d rows without a target", c.labels, known.Missing())
		}
	}
}

// Targets go through a file, and damage is found.
func TestFile(t *testing.T) {
	t.Parallel()
	for _, known := range []*vote.Targets{
		{Task: linear.Classification, Classes: linear.Classes{Texts: []string{"a", "b"}}, Codes: []int32{1, -1, 0}},
		{Task: linear.Regression, Values: []float64{1.5, math.NaN(), -2}},
	} {
		var b strings.Builder
		n, err := known.WriteTo(&b)
		if err != nil || n != int64(b.Len()) {
			t.Fatal(n, b.Len(), err)
		}
		read, err := vote.ReadTargets([]byte(b.String()))
		if err != nil || read.Len() != 3 || read.Has(1) || read.Of(0) != known.Of(0) || read.Of(2) != known.Of(2) ||
			read.Classes.Len() != known.Classes.Len() {
			t.Errorf("%v, %v", read, err)
		}
		for i := range b.Len() {
			damaged := []byte(b.String())
			damaged[i] ^= 1
			if _, err := vote.ReadTargets(damaged); err == nil {
				t.Errorf("byte %d: not found", i)
			}
		}
	}
}

// Without a neighbour there is no answer, but the one that was asked for.
func TestAlone(t *testing.T) {
	t.Parallel()
	known := targetsOf(t, linear.Classification, []float64{3, 5, 5})
	for _, c := range []struct {
		outlier string
		want    float64
		proba   []float64
	}{{"5", 1, []float64{0, 1}}, {vote.MostFrequent, 1, []float64{0, 1}}, {"-1", 2, []float64{0, 0}}} {
		v, err := vote.NewVoter(known, vote.Options{Outlier: c.outlier})
		if err != nil {
			t.Fatal(err)
		}
		proba := []float64{9, 9}
		if p, err := v.Vote(3, proba); err != nil || p != c.want || !slices.Equal(proba, c.proba) {
			t.Errorf("%s: %v, %v, %v", c.outlier, p, proba, err)
		}
	}
	v, err := vote.NewVoter(known, vote.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Vote(3, nil); !errors.Is(err, vote.ErrNoNeighbor) {
		t.Error(err)
	}
	if _, err := vote.NewVoter(known, vote.Options{Outlier: "a"}); err == nil {
		t.Error("a text is none of numbers")
	}
}

func FuzzTargets(f *testing.F) {
	var b strings.Builder
	known := &vote.Targets{Task: linear.Classification, Classes: linear.Classes{Numbers: []float64{1, 2}},
		Codes: []int32{0, 1, -1}}
	if _, err := known.WriteTo(&b); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(b.String()))
	part, err := (&vote.Part{Numbers: []int64{0, 3}, Spellings: []string{"a", "b"}, Of: []int32{1, 0}}).MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(part)
	f.Fuzz(func(t *testing.T, b []byte) {
		if read, err := vote.ReadTargets(b); err == nil {
			for i := range read.Len() {
				read.Has(int64(i))
			}
		}
		var p vote.Part
		if p.UnmarshalBinary(b) == nil {
			if joined, err := vote.Join(linear.Classification, 10, []vote.Part{p}); err == nil && joined.Len() != 10 {
				t.Errorf("parts of 10 rows make targets of %d", joined.Len())
			}
		}
	})
}
