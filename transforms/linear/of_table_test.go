package linear

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"
	"gonum.org/v1/gonum/mat"

	"beamlearn/model/features"
	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/vectors"
)

// home is a row of a table.
type home struct {
	Name  string   `json:"name"`
	Kind  *string  `json:"kind"`
	Rooms *float64 `json:"rooms"`
	Price *float64 `json:"price"`
}

// homes are rows of which some lack the number of rooms, some the kind, and two the price.
func homes(n int) []home {
	r := rand.New(rand.NewPCG(7, 1))
	rows := make([]home, n)
	for i := range rows {
		kind, rooms := []string{"flat", "house", "Hütte"}[r.IntN(3)], float64(1+r.IntN(6))
		price := 2*rooms + float64(len(kind)) + r.NormFloat64()
		rows[i] = home{Name: fmt.Sprint("home ", i), Kind: &kind, Rooms: &rooms, Price: &price}
		switch {
		case i%9 == 4:
			rows[i].Rooms = nil
		case i%11 == 5:
			rows[i].Kind = nil
		case i == 20 || i == 61:
			rows[i].Price = nil
		}
	}
	return rows
}

// encodedHomes gives what one-hot encoding, the mean for missing numbers with a feature that says so, and an intercept
// make of a row. The mean is of the rows that count.
func encodedHomes(rows []home, counts func(home) bool) func(home) []float64 {
	kinds := []string{"Hütte", "flat", "house", ""}
	var sum, known float64
	for _, h := range rows {
		if counts(h) && h.Rooms != nil {
			sum, known = sum+*h.Rooms, known+1
		}
	}
	return func(h home) []float64 {
		x, kind := make([]float64, 7), ""
		if h.Kind != nil {
			kind = *h.Kind
		}
		x[slices.Index(kinds, kind)] = 1
		if x[4] = sum / known; h.Rooms != nil {
			x[4] = *h.Rooms
		} else {
			x[5] = 1
		}
		x[6] = 1
		return x
	}
}

// ridgeOfHomes solves the normal equations of the price on the encoded rows, with weight alpha on all but the
// intercept, and gives what it says of each row.
func ridgeOfHomes(t *testing.T, rows []home, alpha float64) map[string]float64 {
	t.Helper()
	encoded := encodedHomes(rows, func(h home) bool { return h.Price != nil })
	a, b, n := mat.NewDense(7, 7, nil), mat.NewVecDense(7, nil), 0.0
	for _, h := range rows {
		if h.Price == nil {
			continue
		}
		x := mat.NewVecDense(7, encoded(h))
		a.RankOne(a, 1, x, x)
		b.AddScaledVec(b, *h.Price, x)
		n++
	}
	for j := range 6 {
		a.Set(j, j, a.At(j, j)+alpha*n)
	}
	var w mat.VecDense
	if err := w.SolveVec(a, b); err != nil {
		t.Fatal(err)
	}
	says := map[string]float64{}
	for _, h := range rows {
		says[h.Name] = mat.Dot(&w, mat.NewVecDense(7, encoded(h)))
	}
	return says
}

// Rows of text and missing cells are learned from and answered as those of a table, by themselves: the predictions are
// those of the normal equations of the encoded rows. Rows without a target are left out and counted.
func TestTrainOfTable(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: the examples have one each")
	}
	t.Parallel()
	rows := homes(80)
	o := &TrainOfOptions{
		Fit:    fitting.FitOptions{Options: model.Options{Task: model.Regression}, Alphas: []float64{0.01}},
		Target: "price", ID: "name", Buckets: 5, Shards: 2,
	}
	trained, answers, err := trainAndPredict(t, rows, o, &PredictOfOptions{ID: "name"})
	if err != nil {
		t.Fatal(firstLine(err))
	}
	want := ridgeOfHomes(t, rows, 0.01)
	if len(answers) != len(rows) {
		t.Errorf("%d answers to %d rows", len(answers), len(rows))
	}
	for name, a := range answers {
		if !(math.Abs(a.Value-want[name]) <= 1e-8) {
			t.Errorf("%s: %v, want %v", name, a.Value, want[name])
		}
	}
	if notes := strings.Join(trained.Notes, "\n"); !strings.Contains(notes, "2 rows without a target are left out") ||
		!strings.Contains(notes, "kind: ") || !strings.Contains(notes, "rooms: ") {
		t.Errorf("notes: %q", notes)
	}
	m, err := model.Load("m", bytes.NewReader(trained.File))
	if err != nil {
		t.Fatal(err)
	}
	if m.Encoding == nil || len(m.FeatureNames) != 6 {
		t.Errorf("features %q", m.FeatureNames)
	}
	slices.Reverse(rows)
	again, _, err := trainAndPredict(t, rows, &TrainOfOptions{Fit: o.Fit, Target: "price", ID: "name", Buckets: 5,
		Shards: 2, Table: features.Options{Categorical: []string{"kind"}}}, &PredictOfOptions{ID: "name"})
	if err != nil {
		t.Fatal(firstLine(err))
	}
	if n, err := model.Load("m", bytes.NewReader(again.File)); err != nil || !slices.Equal(n.Coef[0], m.Coef[0]) {
		t.Errorf("other rows first, and the kinds named: another model (%v)", err)
	}
}

// A cell of a late row that is no number makes all rows those of a table, unless they are said to be numbers.
func TestTrainOfLateCell(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: the examples have one each")
	}
	t.Parallel()
	rows := append(flats(50, 1), flat{Name: "last"})
	o := &TrainOfOptions{Fit: fitting.FitOptions{Options: model.Options{Task: model.Regression}}, Target: "price",
		ID: "name", Columns: []string{"rooms", "floor"}, Buckets: 1}
	trained, answers, err := trainAndPredict(t, rows, o, &PredictOfOptions{ID: "name"})
	if err != nil {
		t.Fatal(firstLine(err))
	}
	m, err := model.Load("m", bytes.NewReader(trained.File))
	if err != nil {
		t.Fatal(err)
	}
	if m.Encoding == nil || len(m.FeatureNames) != 3 || len(answers) != len(rows) {
		t.Errorf("features %q, %d answers", m.FeatureNames, len(answers))
	}
}

// Each of several targets is learned as if it were the only one, and answered beside the others.
func TestTrainOfTargets(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: the examples have one each")
	}
	t.Parallel()
	rows := flats(60, 2)
	learn := func(o TrainOfOptions) map[string]Predicted {
		o.ID, o.Buckets, o.Shards, o.Columns = "name", 3, 2, []string{"rooms"}
		_, answers, err := trainAndPredict(t, rows, &o, &PredictOfOptions{ID: "name", Proba: o.Fit.Options.Task ==
			model.Classification})
		if err != nil {
			t.Fatal(firstLine(err))
		}
		return answers
	}
	regression := fitting.FitOptions{Options: model.Options{Task: model.Regression}}
	both := learn(TrainOfOptions{Fit: regression, Targets: []string{"price", "floor"}})
	price := learn(TrainOfOptions{Fit: regression, Target: "price"})
	floor := learn(TrainOfOptions{Fit: regression, Target: "floor"})
	for name, p := range both {
		if p.Value != price[name].Value || !slices.Equal(p.Values, []float64{price[name].Value, floor[name].Value}) ||
			len(p.More) > 0 || len(p.Labels) != 2 {
			t.Fatalf("%s: %+v, alone %+v and %+v", name, p, price[name], floor[name])
		}
	}
	classes := fitting.FitOptions{Options: model.Options{Task: model.Classification}}
	kinds := learn(TrainOfOptions{Fit: classes, Targets: []string{"kind", "floor"}})
	kind := learn(TrainOfOptions{Fit: classes, Target: "kind"})
	floor = learn(TrainOfOptions{Fit: classes, Target: "floor"})
	for name, p := range kinds {
		one, other := kind[name], floor[name]
		if p.Label != one.Label || !slices.Equal(p.Labels, []string{one.Label, other.Label}) ||
			!slices.Equal(p.Values, []float64{0, other.Value}) || !slices.Equal(p.More, slices.Concat(one.More, other.More)) {
			t.Fatalf("%s: %+v, alone %+v and %+v", name, p, one, other)
		}
	}
}

type keepVectorFn struct{ Name string }

func (f *keepVectorFn) ProcessElement(v vectors.Vector) {
	keptOf.Lock()
	defer keptOf.Unlock()
	if keptOf.vectors == nil {
		keptOf.vectors = map[string][]vectors.Vector{}
	}
	keptOf.vectors[f.Name] = append(keptOf.vectors[f.Name], v)
}

// Rows become vectors by the encoding of rows, and by that of a model.
func TestEncodeOf(t *testing.T) {
	t.Parallel()
	rows := homes(70)
	of := &EncodingOfOptions{ID: "name", Columns: []string{"kind", "rooms"}, Staging: t.TempDir()}
	o := &EncodeOfOptions{ID: "name"}
	p, s := beam.NewPipelineWithRoot()
	homes := beam.CreateList(s, rows)
	encoding, err := EncodingOf(s, homes, of)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := EncodeOf(s, homes, encoding, o)
	if err != nil {
		t.Fatal(err)
	}
	beam.ParDo0(s, &keepVectorFn{o.RunID}, encoded)
	if err := ptest.Run(p); err != nil {
		t.Fatal(firstLine(err))
	}
	if err := CleanEncodingOf(context.Background(), of); err != nil {
		t.Fatal(err)
	}
	keptOf.Lock()
	defer keptOf.Unlock()
	got := map[string][]float32{}
	for _, v := range keptOf.vectors[o.RunID] {
		got[v.ID] = v.Values
	}
	by := encodedHomes(rows, func(home) bool { return true })
	for _, h := range rows {
		var want []float32
		for _, x := range by(h)[:6] {
			want = append(want, float32(x))
		}
		if !slices.Equal(got[h.Name], want) {
			t.Errorf("%s: %v, want %v", h.Name, got[h.Name], want)
		}
	}
	if _, err := EncodeOf(s, homes, encoding, &EncodeOfOptions{}); err == nil ||
		!strings.Contains(err.Error(), "the column of ids is needed") {
		t.Error(err)
	}
}

// What is no encoding is told.
func TestEncodeOfFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: the examples have one each")
	}
	t.Parallel()
	for want, encodings := range map[string][]Trained{
		"the encoding: found JSON without one, expected a fitted encoding": {{File: []byte(smallModel)}},
		"linear.EncodeOf: found no model, expected one":                    {},
		"linear.EncodeOf: found several models, expected one":              {{}, {}},
	} {
		p, s := beam.NewPipelineWithRoot()
		var given beam.PCollection
		if given = beam.CreateList(s, []Trained{{}}); len(encodings) > 0 {
			given = beam.CreateList(s, encodings)
		} else {
			given = beam.ParDo(s, &dropTrainedFn{}, given)
		}
		if _, err := EncodeOf(s, beam.CreateList(s, homes(3)), given, &EncodeOfOptions{ID: "name"}); err != nil {
			t.Fatal(err)
		}
		if err := ptest.Run(p); err == nil || !strings.Contains(firstLine(err), want) {
			t.Errorf("%s, want %s", firstLine(err), want)
		}
	}
}

type dropTrainedFn struct{}

func (*dropTrainedFn) ProcessElement(Trained, func(Trained)) {}

func init() {
	beam.RegisterDoFn(&keepVectorFn{})
	beam.RegisterDoFn(&dropTrainedFn{})
}

// A key that no row of a bundle has is a missing cell, as it is where another row of the bundle has it.
func TestBundleWithoutKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lines := []string{`{"id":"a","x":1.5,"c":"red","y":1}`, `{"id":"b","x":2.5,"c":"blue","y":2}`,
		`{"id":"c","x":null,"c":"red","y":3}`, `{"id":"d","c":"blue","y":2.5}`, `{"id":"e","x":7,"y":5}`}
	file := filepath.Join(dir, "rows.jsonl")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o666); err != nil {
		t.Fatal(err)
	}
	f := &trainOfFn{Of: "rows", Unique: "rows", Options: RowsOptions{Target: "y", ID: "id", Shards: 1, Staging: dir,
		Kind: fitting.Kind, Fit: []byte(`{"Fit":{},"Task":"regression"}`)}}
	f.Options.EnsureDefaults()
	trained, err := f.train(t.Context(), []string{file})
	if err != nil {
		t.Fatal(err)
	}
	given := func() func(*Trained) bool {
		left := 1
		return func(m *Trained) bool { *m = trained; left--; return left >= 0 }
	}
	answer := func(lines ...string) (values []float64) {
		f := &predictOfFn{Options: PredictOfOptions{ID: "id", RunID: t.Name()}}
		emit := func(p Predicted) { values = append(values, p.Value) }
		f.StartBundle(given, emit)
		for _, l := range lines {
			if err := f.ProcessElement(t.Context(), l, given, emit); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.FinishBundle(t.Context(), given, emit); err != nil {
			t.Fatalf("%q: %v", lines, err)
		}
		return values
	}
	all := answer(lines...)
	for i, line := range lines {
		if alone := answer(line); len(alone) != 1 || alone[0] != all[i] {
			t.Errorf("%s: alone %v, among others %v", line, alone, all[i])
		}
	}
	g := &encodeOfFn{Options: EncodeOfOptions{ID: "id", RunID: t.Name()}}
	var encoded []vectors.Vector
	put := func(v vectors.Vector) { encoded = append(encoded, v) }
	g.StartBundle(given, put)
	if err := g.ProcessElement(t.Context(), lines[3], given, put); err != nil {
		t.Fatal(err)
	}
	if err := g.FinishBundle(t.Context(), given, put); err != nil || len(encoded) != 1 {
		t.Errorf("%v, %v", encoded, err)
	}
}

// A key that few rows have is a missing cell of the others, whichever rows lie in a file with them.
func TestTrainOfRareKey(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: the examples have one each")
	}
	t.Parallel()
	var absent, null []string
	for i := range 40 {
		x := ""
		if i%13 == 0 {
			x = fmt.Sprintf(`,"x":%d`, i)
		}
		row := `{"id":"%d","c":"%s","y":%d%s}`
		color, y := []string{"red", "blue"}[i%2], i*i%17
		absent = append(absent, fmt.Sprintf(row, i, color, y, x))
		null = append(null, fmt.Sprintf(row, i, color, y, cmp.Or(x, `,"x":null`)))
	}
	learn := func(rows []string, columns []string) map[string]Predicted {
		_, answers, err := trainAndPredict(t, rows, &TrainOfOptions{
			Fit:    fitting.FitOptions{Options: model.Options{Task: model.Regression}, Alphas: []float64{0.01}},
			Target: "y", ID: "id", Buckets: 9, Shards: 2, Columns: columns}, &PredictOfOptions{ID: "id"})
		if err != nil {
			t.Fatal(firstLine(err))
		}
		return answers
	}
	want := learn(null, nil)
	for _, columns := range [][]string{nil, {"c", "x"}} {
		got := learn(absent, columns)
		if len(got) != len(want) {
			t.Errorf("%d answers to %d rows", len(got), len(want))
		}
		for id, p := range got {
			if !(math.Abs(p.Value-want[id].Value) <= 1e-9) {
				t.Fatalf("%s: %v, with null %v", id, p.Value, want[id].Value)
			}
		}
	}
}
