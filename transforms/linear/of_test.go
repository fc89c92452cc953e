package linear

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/window"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/vectors"
)

func init() {
	beam.RegisterDoFn(&keepPredictedFn{})
	beam.RegisterDoFn(&keepTrainedFn{})
	beam.RegisterDoFn(&keepNoneFn{})
}

// flat is a row of the tests.
type flat struct {
	Name  string   `json:"name"`
	Rooms float64  `json:"rooms"`
	Floor *float64 `json:"floor"`
	Kind  string   `json:"kind"`
	Price float64  `json:"price"`
}

// keptOf is what pipelines of this process have given, by their names.
var keptOf struct {
	sync.Mutex
	predicted map[string][]Predicted
	trained   map[string][]Trained
	vectors   map[string][]vectors.Vector
}

type keepPredictedFn struct{ Name string }

func (f *keepPredictedFn) ProcessElement(p Predicted) {
	keptOf.Lock()
	defer keptOf.Unlock()
	if keptOf.predicted == nil {
		keptOf.predicted = map[string][]Predicted{}
	}
	keptOf.predicted[f.Name] = append(keptOf.predicted[f.Name], p)
}

type keepTrainedFn struct{ Name string }

func (f *keepTrainedFn) ProcessElement(m Trained) {
	keptOf.Lock()
	defer keptOf.Unlock()
	if keptOf.trained == nil {
		keptOf.trained = map[string][]Trained{}
	}
	keptOf.trained[f.Name] = append(keptOf.trained[f.Name], m)
}

// flats are rows in any order.
func flats(n int, seed uint64) []flat {
	r := rand.New(rand.NewPCG(seed, 1))
	rows := make([]flat, n)
	for i := range rows {
		floor := float64(r.IntN(9))
		rows[i] = flat{Name: "flat " + strconv.Itoa(i), Rooms: float64(1 + r.IntN(6)), Floor: &floor}
		rows[i].Price = 3 + 2*rows[i].Rooms - floor/2 + r.NormFloat64()
		rows[i].Kind = []string{"cheap", "dear"}[min(1, int(max(0, rows[i].Price/8)))]
	}
	r.Shuffle(n, func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return rows
}

// trainAndPredict learns and predicts in one pipeline.
func trainAndPredict(t *testing.T, rows any, o *TrainOfOptions,
	p *PredictOfOptions) (Trained, map[string]Predicted, error) {
	t.Helper()
	o.Staging = t.TempDir()
	pipe, s := beam.NewPipelineWithRoot()
	of := beam.Reshuffle(s, beam.CreateList(s, rows))
	trained, err := TrainOf(s, of, o)
	if err != nil {
		return Trained{}, nil, err
	}
	found, err := PredictOf(s, of, trained, p)
	if err != nil {
		return Trained{}, nil, err
	}
	beam.ParDo0(s, &keepTrainedFn{o.RunID}, trained)
	beam.ParDo0(s, &keepPredictedFn{o.RunID}, found)
	err = ptest.Run(pipe)
	if e := CleanTrainOf(context.Background(), o); e != nil {
		t.Error(e)
	}
	if left, e := filepath.Glob(filepath.Join(o.Staging, ".*")); e != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, e)
	}
	if err != nil {
		return Trained{}, nil, err
	}
	keptOf.Lock()
	defer keptOf.Unlock()
	if len(keptOf.trained[o.RunID]) != 1 {
		t.Fatalf("%d models", len(keptOf.trained[o.RunID]))
	}
	answers := map[string]Predicted{}
	for _, p := range keptOf.predicted[o.RunID] {
		answers[p.ID] = p
	}
	if len(answers) != len(keptOf.predicted[o.RunID]) {
		t.Errorf("%d answers to %d rows", len(keptOf.predicted[o.RunID]), len(answers))
	}
	return keptOf.trained[o.RunID][0], answers, nil
}

// Least squares of rows in a pipeline are those of the normal equations, and so are the predictions; in whatever order
// the rows come, the model has the same bytes, by SGD too.
func TestTrainOf(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: the examples have one each")
	}
	t.Parallel()
	rows := flats(300, 1)
	options := func(solver fitting.Solver) *TrainOfOptions {
		return &TrainOfOptions{
			Fit: fitting.FitOptions{Options: model.Options{Task: model.Regression, Penalty: model.None}, Solver: solver,
				Seed: 3},
			Target: "price", ID: "name", Columns: []string{"rooms", "floor"}, Buckets: 7, Shards: 2,
		}
	}
	trained, answers, err := trainAndPredict(t, rows, options(fitting.SolverAuto), &PredictOfOptions{ID: "name"})
	if err != nil {
		t.Fatal(firstLine(err))
	}
	m, err := model.Load("m", bytes.NewReader(trained.File))
	if err != nil {
		t.Fatal(err)
	}
	want := leastSquares(rows)
	got := append(slices.Clone(m.Coef[0]), m.Intercept[0])
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= 1e-9) {
			t.Errorf("coefficients %v, want %v", got, want)
			break
		}
	}
	if len(answers) != len(rows) {
		t.Fatalf("%d answers to %d rows", len(answers), len(rows))
	}
	for _, r := range rows {
		a, want := answers[r.Name], want[0]*r.Rooms+want[1]**r.Floor+want[2]
		if !(math.Abs(a.Value-want) <= 1e-8) || a.Label != "" || len(a.More) > 0 {
			t.Fatalf("%s: %+v, want %v", r.Name, a, want)
		}
	}

	sgd := func() *TrainOfOptions {
		o := options(fitting.SolverSGD)
		o.Fit.Epochs = 2
		return o
	}
	by, _, err := trainAndPredict(t, rows, sgd(), &PredictOfOptions{ID: "name"})
	if err != nil {
		t.Fatal(firstLine(err))
	}
	slices.Reverse(rows)
	again, _, err := trainAndPredict(t, rows, sgd(), &PredictOfOptions{ID: "name"})
	if err != nil {
		t.Fatal(firstLine(err))
	}
	if !bytes.Equal(by.File, again.File) {
		t.Error("other rows first, another model")
	}
}

// leastSquares solves the normal equations of price on rooms, floor and 1 by Cramer's rule.
func leastSquares(rows []flat) [3]float64 {
	var a [3][3]float64
	var b [3]float64
	for _, r := range rows {
		x := [3]float64{r.Rooms, *r.Floor, 1}
		for i := range 3 {
			for j := range 3 {
				a[i][j] += x[i] * x[j]
			}
			b[i] += x[i] * r.Price
		}
	}
	det := func(m [3][3]float64) float64 {
		return m[0][0]*(m[1][1]*m[2][2]-m[1][2]*m[2][1]) - m[0][1]*(m[1][0]*m[2][2]-m[1][2]*m[2][0]) +
			m[0][2]*(m[1][0]*m[2][1]-m[1][1]*m[2][0])
	}
	var w [3]float64
	for k := range 3 {
		m := a
		for i := range 3 {
			m[i][k] = b[i]
		}
		w[k] = det(m) / det(a)
	}
	return w
}

// Classes are learned from strings of JSON, and answered with what is asked for.
func TestPredictOf(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: the examples have one each")
	}
	t.Parallel()
	var lines []string
	rows := flats(200, 2)
	for _, r := range rows {
		lines = append(lines, fmt.Sprintf("{\"name\":%q,\n\"rooms\":%v,\"floor\":%v,\"kind\":%q}", r.Name, r.Rooms, *r.Floor,
			r.Kind))
	}
	o := &TrainOfOptions{Fit: fitting.FitOptions{Options: model.Options{Task: model.Classification}}, Target: "kind",
		ID: "name"}
	trained, answers, err := trainAndPredict(t, lines, o, &PredictOfOptions{ID: "name", Proba: true, Decision: true})
	if err != nil {
		t.Fatal(firstLine(err))
	}
	m, err := model.Load("m", bytes.NewReader(trained.File))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(m.FeatureNames, []string{"rooms", "floor"}) {
		t.Fatalf("features %v", m.FeatureNames)
	}
	right := 0
	for _, r := range rows {
		z := m.Coef[0][0]*r.Rooms + m.Coef[0][1]**r.Floor + m.Intercept[0]
		p := 1 / (1 + math.Exp(-z))
		want := []float64{1 - p, p, z}
		a := answers[r.Name]
		label := []string{"cheap", "dear"}[map[bool]int{true: 1}[z > 0]]
		if a.Label != label || a.Value != 0 || len(a.More) != 3 {
			t.Fatalf("%s: %+v, want %s", r.Name, a, label)
		}
		for i := range want {
			if !(math.Abs(a.More[i]-want[i]) <= 1e-12*max(1, math.Abs(want[i]))) {
				t.Fatalf("%s: %+v, want %v", r.Name, a, want)
			}
		}
		if label == r.Kind {
			right++
		}
	}
	if right < 150 {
		t.Errorf("%d of 200 right", right)
	}
}

// Rows count by their weights, and classes that are integers are answered as numbers, too.
func TestOfWeights(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: the examples have one each")
	}
	t.Parallel()
	var lines []string
	for i := range 40 { // rows of weight 0 would turn the model round
		for _, weight := range []int{0, 1} {
			lines = append(lines, fmt.Sprintf(`{"id":"%d/%d","x":%d,"w":%d,"class":%d}`, i, weight, i, weight,
				[]int{3, 7}[(i/20+weight+1)%2]))
		}
	}
	o := &TrainOfOptions{Fit: fitting.FitOptions{Options: model.Options{Task: model.Classification, Alpha: new(1e-6)}},
		Target: "class", Weight: "w", ID: "id", Columns: []string{"x"}}
	_, answers, err := trainAndPredict(t, lines, o, &PredictOfOptions{ID: "id"})
	if err != nil {
		t.Fatal(firstLine(err))
	}
	for i := range 40 {
		want := []int{3, 7}[i/20]
		if a := answers[fmt.Sprintf("%d/1", i)]; a.Label != strconv.Itoa(want) || a.Value != float64(want) {
			t.Errorf("row %d: %+v, want %d", i, a, want)
		}
	}
}

// smallModel is a model in its file.
const smallModel = `{
  "format": "beamlearn.linear", "version": 1, "task": "regression", "loss": "squared_error", "feature_names": ["a","b"],
  "classes": null, "coef": [[2,3]], "intercept": [0.5], "scaler": null,
  "hyperparameters": {"loss":"squared_error","penalty":"l2","alpha":0.0001,"l1_ratio":0.15,"epsilon":0.1,` +
	`"fit_intercept":true,"class_weight":null},
  "training": {"solver":"exact","rows":2}, "state": null
}
`

// A bundle of more rows than are answered at a time has an answer to each, once, and none to rows of a bundle that was
// given up before.
func TestPredictOfBundle(t *testing.T) {
	t.Parallel()
	ctx, answered := context.Background(), map[string]int{}
	f := &predictOfFn{Options: PredictOfOptions{ID: "id", RunID: t.Name()}}
	trained := func() func(*Trained) bool {
		left := 1
		return func(m *Trained) bool {
			m.File = []byte(smallModel)
			left--
			return left >= 0
		}
	}
	emit := func(p Predicted) { answered[p.ID]++ }
	add := func(i int) {
		if err := f.ProcessElement(ctx, fmt.Sprintf(`{"id":"row %d","a":1,"b":2}`, i), trained, emit); err != nil {
			t.Fatal(err)
		}
	}
	f.StartBundle(trained, emit)
	add(-1)
	f.StartBundle(trained, emit)
	const rows = 2*predictOfRows + 5
	for i := range rows {
		add(i)
	}
	if len(answered) != 2*predictOfRows {
		t.Errorf("%d answers before the end of the bundle", len(answered))
	}
	if err := f.FinishBundle(ctx, trained, emit); err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if n := answered[fmt.Sprintf("row %d", i)]; n != 1 {
			t.Fatalf("%d answers to row %d", n, i)
		}
	}
	if len(answered) != rows {
		t.Errorf("%d answers to %d rows", len(answered), rows)
	}
}

// Options that cannot be are told, all at once.
func TestOfOptions(t *testing.T) {
	t.Parallel()
	m, err := model.Load("m", strings.NewReader(smallModel))
	if err != nil {
		t.Fatal(err)
	}
	o := &TrainOfOptions{Buckets: -1, Numbers: true, Table: features.Options{HashBits: 99},
		Fit: fitting.FitOptions{Options: model.Options{Task: model.Regression},
			WarmStart: m}}
	o.EnsureDefaults()
	err = o.Validate()
	for _, want := range []string{"warm start: only from files", "a target is needed", "-1 buckets: must be from 1 to",
		"a staging directory is needed", "hash_bits 99: must be", "rows of numbers: without options of tables"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	_, s := beam.NewPipelineWithRoot()
	rows := beam.CreateList(s, flats(3, 1))
	if _, err := PredictOf(s, rows, rows, &PredictOfOptions{ID: "name", Threads: -1}); err == nil ||
		!strings.Contains(err.Error(), "threads -1: must be at least 1") {
		t.Error(err)
	}
}

type keepNoneFn struct{}

func (*keepNoneFn) ProcessElement(flat, func(flat)) {}

// Several transforms of one pipeline may have the same options: each learns from its own rows, and answers by its own
// model. What is no number is left out, and the model's notes say so.
func TestOfTwice(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: the examples have one each")
	}
	t.Parallel()
	o := &TrainOfOptions{Fit: fitting.FitOptions{Options: model.Options{Task: model.Regression, Penalty: model.None}},
		Target: "price", ID: "name", Numbers: true, Staging: t.TempDir()}
	p, rooms := &PredictOfOptions{ID: "name"}, map[string]float64{}
	pipe, s := beam.NewPipelineWithRoot()
	for i := range 2 {
		rows := flats(20, 1)
		for j := range rows {
			rows[j].Price = float64(i+1) * rows[j].Rooms
			rooms[rows[j].Name] = rows[j].Rooms
		}
		of := beam.CreateList(s, rows)
		trained, err := TrainOf(s, of, o)
		if err != nil {
			t.Fatal(err)
		}
		found, err := PredictOf(s, of, trained, p)
		if err != nil {
			t.Fatal(err)
		}
		beam.ParDo0(s, &keepTrainedFn{fmt.Sprint(o.RunID, i)}, trained)
		beam.ParDo0(s, &keepPredictedFn{fmt.Sprint(o.RunID, i)}, found)
	}
	if err := ptest.Run(pipe); err != nil {
		t.Fatal(firstLine(err))
	}
	if err := CleanTrainOf(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	keptOf.Lock()
	defer keptOf.Unlock()
	for i := range 2 {
		name := fmt.Sprint(o.RunID, i)
		if notes := keptOf.trained[name][0].Notes; !slices.Contains(notes, "left out: kind (text)") {
			t.Errorf("notes: %q", notes)
		}
		if n := len(keptOf.predicted[name]); n != 20 {
			t.Errorf("%d answers to 20 rows", n)
		}
		for _, p := range keptOf.predicted[name] {
			if want := float64(i+1) * rooms[p.ID]; !(math.Abs(p.Value-want) <= 1e-9) {
				t.Fatalf("%+v, want %v", p, want)
			}
		}
	}
}

// What is at fault is told: of the rows by their ids.
func TestOfFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: the examples have one each")
	}
	t.Parallel()
	fitted := func() *TrainOfOptions {
		return &TrainOfOptions{Fit: fitting.FitOptions{Options: model.Options{Task: model.Regression}}, Target: "price",
			ID: "name", Columns: []string{"rooms", "floor"}, Numbers: true}
	}
	infinite, empty, text := flats(5, 1), flats(5, 1),
		[]string{`{"name":"a","rooms":1,"price":2}`, `{"name":"b","rooms":"x","price":2}`}
	constant := flats(5, 1)
	for i := range constant {
		constant[i].Price = 7
	}
	infinite[2].Rooms = math.Inf(1)
	empty[3].Floor = nil
	lacks, one := fitted(), fitted()
	lacks.Columns, one.Buckets = nil, 1
	late := append(flats(50, 1), flat{Name: "last"})
	for _, c := range []struct {
		rows any
		o    *TrainOfOptions
		want string
	}{
		{infinite, fitted(), "found +Inf, expected finite numbers"},
		{empty, fitted(), `the rows from "` + empty[3].Name +
			`" on, column floor: found null in the first row, expected a number`},
		{late, one, `the row "last", column floor: found null, expected a number`},
		{text, lacks, `the rows from "b" on: found the columns "name", "rooms", "price", expected an array of numbers`},
		{[]string{"", "{}"}, lacks, "linear.TrainOf: found an empty row, expected an object of JSON"},
		{constant, fitted(), "rows of the pipeline: found 7 in every row"},
		{[]flat{{Name: "x\xff"}}, fitted(), "found text that is not UTF-8, expected UTF-8"},
		{[]int{1}, fitted(), "the rows are a PCollection<int>"},
		{flats(5, 1), &TrainOfOptions{Fit: fitting.FitOptions{Options: model.Options{Task: model.Regression}}},
			"a target is needed"},
	} {
		told := untilTold(func() error {
			_, _, err := trainAndPredict(t, c.rows, c.o, &PredictOfOptions{ID: "name"})
			return err
		})
		if !strings.Contains(told, c.want) {
			t.Errorf("%s, want %s", told, c.want)
		}
	}
	none, s := beam.NewPipelineWithRoot()
	o := fitted()
	o.Staging = t.TempDir()
	if _, err := TrainOf(s, beam.ParDo(s, &keepNoneFn{}, beam.CreateList(s, flats(3, 1))), o); err != nil {
		t.Fatal(err)
	}
	if err := ptest.Run(none); err == nil || !strings.Contains(firstLine(err), "found no rows, expected some") {
		t.Error(firstLine(err))
	}
	two, s := beam.NewPipelineWithRoot()
	trained := beam.CreateList(s, []Trained{{}, {}})
	if _, err := PredictOf(s, beam.CreateList(s, flats(3, 1)), trained, &PredictOfOptions{ID: "name"}); err != nil {
		t.Fatal(err)
	}
	if err := ptest.Run(two); err == nil || !strings.Contains(firstLine(err), "found several models, expected one") {
		t.Error(firstLine(err))
	}
	_, s = beam.NewPipelineWithRoot()
	rows := beam.CreateList(s, flats(3, 1))
	if _, err := PredictOf(s, rows, rows, &PredictOfOptions{}); err == nil ||
		!strings.Contains(err.Error(), "the column of ids is needed") {
		t.Error(err)
	}
	windows := beam.WindowInto(s, window.NewFixedWindows(1), rows)
	if _, err := PredictOf(s, windows, rows, &PredictOfOptions{ID: "name"}); err == nil ||
		!strings.Contains(err.Error(), "must be in the global one") {
		t.Error(err)
	}
}

// untilTold runs a job until it ends by what is at fault, and not by the lack of a model that follows from it: see
// single. It must fail each time.
func untilTold(job func() error) string {
	for range 20 {
		told := firstLine(job())
		if !strings.Contains(told, "found no model, expected one: there is none, or what learns it has failed") {
			return told
		}
	}
	return "never what is at fault"
}

// firstLine is what a user is told.
func firstLine(err error) string {
	if err == nil {
		return "no error"
	}
	if found := fault.Find(err.Error()); len(found) > 0 {
		return fmt.Sprint(found)
	}
	return err.Error()
}

// The rows of a bucket are written in the order of their hashes, FNV-1a, and those of one hash in that of their texts,
// in whatever order they come; and the model does not depend on the order in which the files are named.
func TestTrainOfOrder(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	o := TrainOfOptions{
		Fit: fitting.FitOptions{Options: model.Options{Task: model.Regression}, Solver: fitting.SolverSGD, Epochs: 2,
			Seed: 3},
		Target: "price", ID: "name", Columns: []string{"rooms", "floor"}, Buckets: 3, Shards: 2, Staging: t.TempDir(),
	}
	o.EnsureDefaults()
	rows, err := o.rows()
	if err != nil {
		t.Fatal(err)
	}
	rows.EnsureDefaults()
	buckets := make([][]string, 3)
	deal := &bucketFn{Buckets: 3}
	for _, r := range flats(60, 3) {
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		bucket, line := deal.ProcessElement(string(b))
		buckets[bucket] = append(buckets[bucket], line)
	}
	fnv1a := func(line string) uint64 {
		h := uint64(0xcbf29ce484222325)
		for _, c := range []byte(line) {
			h = (h ^ uint64(c)) * 0x100000001b3
		}
		return h
	}
	var names []string
	for k, lines := range buckets {
		lines = append(lines, lines[0]) // the same row again
		next := 0
		spill := &spillRowsFn{Options: *rows, Of: "1"}
		err := spill.ProcessElement(ctx, k, func(line *string) bool {
			if next == len(lines) {
				return false
			}
			*line = lines[next]
			next++
			return true
		}, func(name string) { names = append(names, name) })
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(names[k])
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
		for i, line := range got[1:] {
			if fnv1a(line) < fnv1a(got[i]) {
				t.Errorf("bucket %d: row %d has a lesser hash than that before", k, i+1)
			}
		}
		slices.Sort(got)
		if slices.Sort(lines); !slices.Equal(got, lines) {
			t.Errorf("bucket %d holds %q, expected %q", k, got, lines)
		}
	}
	var models []string
	for range 2 {
		next := 0
		err := (&trainOfFn{Options: *rows}).ProcessElement(ctx, nil, func(name *string) bool {
			if next == len(names) {
				return false
			}
			*name = names[next]
			next++
			return true
		}, func(m Trained) { models = append(models, string(m.File)) })
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(names)
	}
	if len(models) != 2 || models[0] != models[1] {
		t.Error("files named in another order make another model")
	}
	if err := CleanTrainOf(ctx, &o); err != nil {
		t.Error(err)
	}
}
