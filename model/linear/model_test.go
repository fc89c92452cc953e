package linear

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/fault"
)

const golden = `{
  "format": "beamlearn.linear",
  "version": 1,
  "task": "classification",
  "loss": "log_loss",
  "feature_names": ["a","b"],
  "classes": ["no","yes"],
  "coef": [[-0.0,1e-320]],
  "intercept": [0.1],
  "scaler": {"with_mean":true,"with_std":true,"mean":[1.5,3],"var":[0.25,0],"scale":[0.5,1],"n_samples_seen":[2,2]},
  "hyperparameters": {"loss":"log_loss","penalty":null,"alpha":0.0001,"l1_ratio":0.15,"epsilon":0.1,"fit_intercept":true,"learning_rate":"optimal","eta0":0.01,"power_t":0.5,"average":false,"class_weight":{"yes":2},"tol":null,"n_iter_no_change":5,"early_stopping":false,"validation_fraction":0.1},
  "training": {"solver":"sgd","rows":2,"epochs":1,"class_rows":[1,1]},
  "state": null
}
`

func goldenModel() *Model {
	return &Model{
		Task: Classification, Loss: LogLoss, FeatureNames: []string{"a", "b"}, Classes: Classes{Texts: []string{"no", "yes"}},
		Coef: [][]float64{{math.Copysign(0, -1), 1e-320}}, Intercept: []float64{0.1},
		Scaler:   &StandardScaler{WithMean: true, WithStd: true, Mean: []float64{1.5, 3}, Var: []float64{0.25, 0}, Scale: []float64{0.5, 1}, Count: []float64{2, 2}},
		Options:  Options{Loss: LogLoss, Penalty: None, ClassWeight: ClassWeight{Of: map[string]float64{"yes": 2}}},
		Training: Training{Solver: "sgd", Rows: 2, Epochs: 1, ClassRows: []int64{1, 1}},
	}
}

func TestModelFile(t *testing.T) {
	if got := saved(t, goldenModel()); got != golden {
		t.Errorf("got %s", got)
	}
	m, err := Load("m.json", strings.NewReader(golden))
	if err != nil {
		t.Fatal(err)
	}
	if again := saved(t, m); again != golden {
		t.Errorf("read and written again: %s", again)
	}
	if !math.Signbit(m.Coef[0][0]) || m.Coef[0][1] != 1e-320 {
		t.Errorf("coef reads back as %v", m.Coef)
	}
}

// Every float64 reads back bit by bit, in −0 as Python reads it, too.
func TestFloats(t *testing.T) {
	values := floats{0, math.Copysign(0, -1), 1, -1, 0.1, 1.0 / 3, math.Pi, 1e21, 1e-7, 5e-324, -2.2250738585072014e-308, math.MaxFloat64, 9007199254740993, 123456789012345680}
	b, err := values.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(b, []byte("[0,-0.0,1,")) {
		t.Errorf("written %s", b)
	}
	var got floats
	if err := got.UnmarshalJSON(b); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(values) {
		t.Fatalf("%d values", len(got))
	}
	for i, v := range values {
		if math.Float64bits(got[i]) != math.Float64bits(v) {
			t.Errorf("%v reads back as %v", v, got[i])
		}
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if b, err := (floats{1, v}).MarshalJSON(); err == nil {
			t.Errorf("%v is written %s", v, b)
		}
	}
}

// A file that lies is refused, in one line that says where.
func TestLyingFiles(t *testing.T) {
	sgd := newSGDFor(t, Options{Task: Classification, Average: 1, Tol: new(0.0)}, 5)
	partialFit(t, sgd, problem(100, 3, 1))
	learned := saved(t, modelOf(t, sgd))
	for _, v := range []struct{ base, old, new, want string }{
		{golden, golden, "", "no JSON at byte 0"},
		{golden, golden, "[]", "array for "},
		{golden, golden, "null", `format ""`},
		{golden, `beamlearn.linear`, `sklearn`, `format "sklearn"`},
		{golden, `"version": 1`, `"version": 2`, "version 2"},
		{golden, `"version": 1`, `"version": 1.5`, "number 1.5 for version"},
		{golden, "}\n", "", "no JSON at byte"},
		{golden, "}\n", "}{}", "no JSON at byte"},
		{golden, `"task"`, `"tusk"`, `unknown field "tusk"`},
		{golden, `"task"`, `"Task"`, `the field "Task"`},
		{golden, `"loss": "log_loss"`, `"task": "log_loss"`, `the field "task" twice`},
		{golden, `"with_std":true`, `"with_mean":true`, `the field "with_mean" twice`},
		{golden, `"with_std":true`, `"with_tsd":true`, `unknown field "with_tsd"`},
		{golden, `"classification"`, `"regression"`, "loss log_loss: regression takes"},
		{golden, `"loss": "log_loss"`, `"loss": "hinge"`, `loss "hinge": must be that of the hyperparameters, log_loss`},
		{golden, `["a","b"]`, `["a"]`, "feature_names: 1 for 2 features"},
		{golden, `["a","b"]`, `["a","a"]`, `feature_names: "a" twice`},
		{golden, `["no","yes"]`, `["yes","no"]`, `classes: "yes" stands before "no"`},
		{golden, `["no","yes"]`, `["no",null]`, "a class is null"},
		{golden, `["no","yes"]`, `["no",1]`, "number for "},
		{golden, `["no","yes"]`, `[0,null]`, `"null" at place 1: must be a number`},
		{golden, `["no","yes"]`, `{}`, "must be a list of numbers"},
		{golden, `["no","yes"]`, `["no"]`, "classes: 1: must be at least two"},
		{golden, `["no","yes"]`, `null`, "classes: 0: must be at least two"},
		{golden, `["no","yes"]`, `["a","b","c"]`, "coef of 1 rows and 1 intercepts: must be 3"},
		{golden, `[[-0.0,1e-320]]`, `[]`, "coef of 0 rows and 1 intercepts: must be 1"},
		{golden, `[[-0.0,1e-320]]`, `[[]]`, "coef: must have at least one feature"},
		{golden, `[[-0.0,1e-320]]`, `[[1]]`, "feature_names: 2 for 1 features"},
		{golden, `[[-0.0,1e-320]]`, `[[1,null]]`, `"null" at place 1: must be a number`},
		{golden, `[[-0.0,1e-320]]`, `[[1,"2"]]`, `"\"2\"" at place 1: must be a number`},
		{golden, `[[-0.0,1e-320]]`, `[[1,[2]]]`, `"[2]" at place 1: must be a number`},
		{golden, `[[-0.0,1e-320]]`, `[[1,1e999]]`, `"1e999" at place 1: must be a number within float64`},
		{golden, `[[-0.0,1e-320]]`, `[[1,NaN]]`, "no JSON at byte"},
		{golden, `"intercept": [0.1]`, `"intercept": [0.1,0.2]`, "coef of 1 rows and 2 intercepts: must be 1"},
		{golden, `"intercept": [0.1]`, `"intercept": null`, "must be a list of numbers"},
		{golden, `"mean":[1.5,3]`, `"mean":[1.5]`, "scaler: 1 means, 2 variances, 2 scales, 2 counts: must be as many"},
		{golden, `"var":[0.25,0]`, `"var":[-0.25,0]`, "scaler: mean 1.5, variance -0.25 and count 2 of feature 0"},
		{golden, `"scale":[0.5,1]`, `"scale":[0,1]`, "scaler: scale 0 of feature 0: must be 0.5"},
		{golden, `"alpha":0.0001`, `"alpha":-1`, "hyperparameters: alpha -1: must be a number from 0 on"},
		{golden, `"alpha":0.0001`, `"alpha":-1,"eta0":-2`, `the field "eta0" twice`},
		{golden, `"average":false`, `"average":null`, "average null: must be false, true or a number of rows"},
		{golden, `"class_weight":{"yes":2}`, `"class_weight":"unbalanced"`, "must be balanced"},
		{golden, `"class_weight":{"yes":2}`, `"class_weight":{"yes":2,"yes":3}`, `the field "yes" twice`},
		{golden, `"rows":2`, `"rows":-2`, "training: -2 rows in 1 epochs"},
		{golden, `"class_rows":[1,1]`, `"class_rows":[1]`, "training: rows of 1 classes, there are 2"},
		{golden, `"class_rows":[1,1]`, `"class_rows":[1,2]`, "training: class_rows: must be counts that sum to no more than 2 rows"},
		{golden, `"class_rows":[1,1]`, `"class_rows":[9223372036854775807,9223372036854775807]`, "training: class_rows"},
		{golden, `"state": null`, `"state": {}`, "state: t 0"},
		{golden, `"state": null`, `"state": {"t":1,"vectors":[{}]}`, "state: 0 weights and 0 means: must be 2 and 0"},
		{learned, `"t":101`, `"t":0`, "state: t 0 and epoch_rows 100: must be at least 1 and 0"},
		{learned, `"scale":1,`, `"scale":0,`, "state: scale 0: must be from 1e-09 to 1"},
		{learned, `"scale":1,`, `"scale":2,`, "state: scale 2: must be from 1e-09 to 1"},
		{learned, `"mean_b":1`, `"mean_b":0.5`, "state: mean_a 0 and mean_b 0.5"},
		{learned, `"eta":0.01`, `"eta":-0.01`, "state: eta -0.01: must be above 0"},
		{learned, `"bad":0`, `"bad":-1`, "state: stopping has negative counts"},
		{learned, `"average":1`, `"average":false`, "state: 5 weights and 5 means: must be 5 and 0"},
		{learned, `"vectors":[{`, `"vectors":[],"vectors":[{`, `the field "vectors" twice`},
		{learned, `"coef": [[-`, `"coef": [[`, "state: gives other coef or intercept in row 0"},
		{learned, `"intercept": [-`, `"intercept": [`, "state: gives other coef or intercept in row 0"},
	} {
		text := strings.Replace(v.base, v.old, v.new, 1)
		if text == v.base {
			t.Errorf("%q is not in the file", v.old)
		}
		_, err := Load("m.json", strings.NewReader(text))
		if err == nil {
			t.Errorf("%s for %s is read", v.new, v.old)
			continue
		}
		var f *fault.Fault
		if !errors.As(err, &f) || f.File != "m.json" {
			t.Errorf("%v is no fault of the file", err)
		}
		if s := err.Error(); !strings.Contains(s, v.want) || !strings.HasPrefix(s, "m.json: found ") || strings.Contains(s, "\n") {
			t.Errorf("%s for %s: got %v, want %s", v.new, v.old, err, v.want)
		}
	}
}

// Labels may differ in case, as fields may not.
func TestLabelsInCapitals(t *testing.T) {
	m := goldenModel()
	m.Classes.Texts = []string{"A", "a"}
	m.Options.ClassWeight.Of = map[string]float64{"A": 1, "a": 2, "task": 3}
	if _, err := Load("m", strings.NewReader(saved(t, m))); err != nil {
		t.Error(err)
	}
}

func TestSaveFaults(t *testing.T) {
	m := goldenModel()
	m.Coef[0][1] = math.NaN()
	if err := m.Save(new(bytes.Buffer)); err == nil || err.Error() != "linear.Model.Save: coef: NaN in row 0, feature 1: must be finite" {
		t.Errorf("NaN: %v", err)
	}
	if err := goldenModel().Save(failing{}); !errors.Is(err, errFailing) {
		t.Errorf("a writer that fails: %v", err)
	}
}

var errFailing = errors.New("no space")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFailing }

// Whatever Load accepts can predict, be saved, and be gone on with.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(golden))
	for _, v := range variants() {
		s := newSGDFor(f, v.o, 5)
		partialFit(f, s, v.rows.part(0, 100))
		f.Add([]byte(saved(f, modelOf(f, s))))
	}
	f.Add([]byte(strings.Replace(golden, `["no","yes"]`, `[-0.0,7e3]`, 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Load("m", bytes.NewReader(b))
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("%v has two lines", err)
			}
			return
		}
		text := saved(t, m)
		again, err := Load("m", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if saved(t, again) != text {
			t.Fatalf("%s\nis read and written as\n%s", text, saved(t, again))
		}
		c := &Chunk{Features: m.Features(), X: make([]float64, 3*m.Features()), Target: []float64{0, 1, 0}}
		if len(m.Classes.Texts) > 0 {
			c.Target, c.Labels = nil, []string{m.Classes.Texts[0], m.Classes.Texts[1], m.Classes.Texts[0]}
		}
		p, err := m.Predict(c, nil)
		if err != nil || len(p) != 3 {
			t.Fatal(p, err)
		}
		s, err := Resume(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.PartialFit(c); err == nil {
			s.EndEpoch()
			if _, err := s.Model(); err != nil {
				t.Log(err) // it may overflow
			}
		}
	})
}

// No sparse rows, however they contradict themselves, panic.
func FuzzCSR(f *testing.F) {
	f.Add([]byte{0, 1, 3}, []byte{2, 0, 1}, 3, 4)
	f.Add([]byte{0, 9, 3}, []byte{2, 0, 1}, 3, 4)
	f.Add([]byte{}, []byte{}, 0, 1)
	f.Fuzz(func(t *testing.T, offsets, indices []byte, values, features int) {
		c := &Chunk{Features: features % 64, Sparse: &CSR{Values: make([]float64, min(max(values, 0), 100))}}
		for _, o := range offsets {
			c.Sparse.Offsets = append(c.Sparse.Offsets, int(int8(o)))
		}
		for _, i := range indices {
			c.Sparse.Indices = append(c.Sparse.Indices, int32(int8(i)))
		}
		c.Target = make([]float64, c.Len())
		if c.Features < 1 {
			return
		}
		s := newSGDFor(t, Options{Task: Regression, Penalty: ElasticNet, Average: 1}, c.Features)
		if err := s.PartialFit(c); err == nil {
			if p, err := modelOf(t, s).Predict(c, nil); err != nil || len(p) != c.Len() {
				t.Fatal(p, err)
			}
		}
	})
}

// Probabilities sum to 1 and keep the order of the decisions, where exp underflows, too.
func TestProbaAtTheEdge(t *testing.T) {
	for _, v := range []struct {
		loss      Loss
		decisions []float64
		want      []float64
	}{
		{LogLoss, []float64{0}, []float64{0.5, 0.5}},
		{LogLoss, []float64{1000}, []float64{0, 1}},
		{LogLoss, []float64{-1000}, []float64{1, 0}},
		{LogLoss, []float64{-1000, -1000, -2000}, []float64{0.5, 0.5, 0}},
		{LogLoss, []float64{-740, -740 - math.Log(3), -2000}, []float64{0.75, 0.25, 0}},
		{LogLoss, []float64{0, 0, 0}, []float64{1. / 3, 1. / 3, 1. / 3}},
		{ModifiedHuber, []float64{-0.5}, []float64{0.75, 0.25}},
		{ModifiedHuber, []float64{3, -3, 0}, []float64{2. / 3, 0, 1. / 3}},
		{ModifiedHuber, []float64{-1, -2, -3}, []float64{1. / 3, 1. / 3, 1. / 3}},
	} {
		m := &Model{Task: Classification, Loss: v.loss, Intercept: v.decisions}
		for range v.decisions {
			m.Coef = append(m.Coef, []float64{0})
		}
		got, err := m.PredictProba(&Chunk{Features: 1, X: []float64{1, 2}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := distance(t, "proba", got, append(slices.Clone(v.want), v.want...)); d > 1e-12 {
			t.Errorf("%s of %v: got %v, want %v", v.loss, v.decisions, got, v.want)
		}
	}
	m := &Model{Task: Classification, Loss: Hinge, Coef: [][]float64{{1}}, Intercept: []float64{0}}
	if _, err := m.PredictProba(&Chunk{Features: 1}, nil); err == nil || err.Error() != "the loss hinge gives no probabilities: learn with log_loss or modified_huber" {
		t.Errorf("hinge: %v", err)
	}
	if _, err := m.Predict(&Chunk{Features: 2, File: "f"}, nil); err == nil || err.Error() != "f: found 2, expected 1 features, as in the model" {
		t.Errorf("features: %v", err)
	}
}

// Predictions at the borders, and appended to what is there.
func TestPredict(t *testing.T) {
	for _, v := range []struct {
		task      Task
		decisions []float64
		want      float64
	}{
		{Regression, []float64{-0.5}, -0.5}, {Classification, []float64{0}, 0}, {Classification, []float64{1e-300}, 1},
		{Classification, []float64{-1, -1, -2}, 0}, {Classification, []float64{-1, -0.5, -2}, 1}, {OneClass, []float64{0}, 1}, {OneClass, []float64{-1e-300}, -1},
	} {
		m := &Model{Task: v.task, Intercept: v.decisions}
		for range v.decisions {
			m.Coef = append(m.Coef, []float64{0})
		}
		got, err := m.Predict(&Chunk{Features: 1, X: []float64{7}}, []float64{42})
		if err != nil || !slices.Equal(got, []float64{42, v.want}) {
			t.Errorf("%s of %v: got %v, %v", v.task, v.decisions, got, err)
		}
	}
}

// A model learns, is saved, loaded, and predicts.
func Example() {
	s, err := NewSGD(Options{Task: Classification, Loss: LogLoss, LearningRate: Constant, Eta0: 0.5}, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 20 { // epochs, of two chunks each
		for _, c := range []*Chunk{
			{Features: 2, X: []float64{0, 0, 0, 1}, Labels: []string{"dry", "wet"}},
			{Features: 2, X: []float64{1, 0, 1, 1}, Labels: []string{"dry", "wet"}},
		} {
			if err := s.PartialFit(c); err != nil {
				fmt.Println(err)
				return
			}
		}
		s.EndEpoch()
	}
	m, err := s.Model()
	if err != nil {
		fmt.Println(err)
		return
	}
	var file bytes.Buffer
	if err := m.Save(&file); err != nil {
		fmt.Println(err)
		return
	}
	if m, err = Load("model.json", &file); err != nil {
		fmt.Println(err)
		return
	}
	rows := &Chunk{Features: 2, X: []float64{0, 1, 1, 0}}
	places, err := m.Predict(rows, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, k := range places {
		fmt.Println(m.Classes.Label(int(k)))
	}
	// Output:
	// wet
	// dry
}

// Many numbers are written by several goroutines, as few are by one.
func TestManyNumbers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 3} {
		runtime.GOMAXPROCS(procs)
		for _, n := range []int{0, 1, 1 << 14, 1<<14 + 1, 3<<14 - 1, 3 << 14, 9<<14 + 5} {
			f := make(floats, n)
			for i := range f {
				f[i] = -float64(i%7-3) / float64(i%11+1) // −0 is among them
			}
			var got bytes.Buffer
			b := bufio.NewWriter(&got)
			if err := errors.Join(f.write(b), b.Flush()); err != nil {
				t.Fatal(err)
			}
			if want, err := f.MarshalJSON(); err != nil || !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%d numbers, %d threads: %d bytes are not those wanted, %d: %v", n, procs, got.Len(), len(want), err)
			}
			if n == 0 {
				continue
			}
			f[n-1] = math.NaN()
			if err := f.write(b); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("place %d", n-1)) {
				t.Errorf("%d numbers, the last is none: %v", n, err)
			}
		}
	}
}

// What cannot be written is told.
func TestSaveFails(t *testing.T) {
	m := &Model{Task: Regression, Loss: SquaredError, Coef: [][]float64{make([]float64, 1<<15)}, Intercept: []float64{0}, Options: Options{Task: Regression}}
	var whole bytes.Buffer
	if err := m.Save(&whole); err != nil {
		t.Fatal(err)
	}
	for _, room := range []int{0, 10, 5000, whole.Len() - 1} {
		if err := m.Save(&limited{room}); !errors.Is(err, errFull) {
			t.Errorf("room for %d bytes: %v", room, err)
		}
	}
}

var errFull = errors.New("full")

// limited takes so many bytes.
type limited struct{ room int }

func (l *limited) Write(b []byte) (int, error) {
	n := min(len(b), l.room)
	if l.room -= n; n < len(b) {
		return n, errFull
	}
	return n, nil
}
