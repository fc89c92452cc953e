package sgd

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/fault"
	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// A file that lies is refused, in one line that says where.
func TestLyingFiles(t *testing.T) {
	sgd := newSGDFor(t, linear.Options{Task: linear.Classification, Average: 1, Tol: new(0.0)}, 5)
	lineartest.PartialFit(t, sgd, lineartest.Problem(100, 3, 1))
	learned := lineartest.Saved(t, lineartest.ModelOf(t, sgd))
	for _, v := range []struct{ base, old, new, want string }{
		{lineartest.Golden, lineartest.Golden, "", "found an empty file, expected a model of beamlearn"},
		{lineartest.Golden, lineartest.Golden, "[]", "found a JSON array, expected a model of beamlearn"},
		{lineartest.Golden, lineartest.Golden, "null", "JSON that names no format"},
		{lineartest.Golden, `beamlearn.linear`, `sklearn`, `format "sklearn"`},
		{lineartest.Golden, `"version": 1`, `"version": 2`, "version 2"},
		{lineartest.Golden, `"version": 1`, `"version": 1.5`, "number 1.5 for version"},
		{lineartest.Golden, "}\n", "", "JSON that is cut off behind"},
		{lineartest.Golden, "}\n", "}{}", "no JSON at byte"},
		{lineartest.Golden, `"task"`, `"tusk"`, `unknown field "tusk"`},
		{lineartest.Golden, `"task"`, `"Task"`, `the field "Task"`},
		{lineartest.Golden, `"loss": "log_loss"`, `"task": "log_loss"`, `the field "task" twice`},
		{lineartest.Golden, `"with_std":true`, `"with_mean":true`, `the field "with_mean" twice`},
		{lineartest.Golden, `"with_std":true`, `"with_tsd":true`, `unknown field "with_tsd"`},
		{lineartest.Golden, `"classification"`, `"regression"`, "loss log_loss: regression takes"},
		{lineartest.Golden, `"loss": "log_loss"`, `"loss": "hinge"`,
			`loss "hinge": must be that of the hyperparameters, log_loss`},
		{lineartest.Golden, `["a","b"]`, `["a"]`, "feature_names: 1 for 2 features"},
		{lineartest.Golden, `["a","b"]`, `["a","a"]`, `feature_names: "a" twice`},
		{lineartest.Golden, `["no","yes"]`, `["yes","no"]`, `classes: "yes" stands before "no"`},
		{lineartest.Golden, `["no","yes"]`, `["no",null]`, "a class is null"},
		{lineartest.Golden, `["no","yes"]`, `["no",1]`, "number for "},
		{lineartest.Golden, `["no","yes"]`, `[0,null]`, `"null" at place 1: must be a number`},
		{lineartest.Golden, `["no","yes"]`, `{}`, "must be a list of numbers"},
		{lineartest.Golden, `["no","yes"]`, `["no"]`, "classes: 1: must be at least two"},
		{lineartest.Golden, `["no","yes"]`, `null`, "classes: 0: must be at least two"},
		{lineartest.Golden, `["no","yes"]`, `["a","b","c"]`, "coef of 1 rows and 1 intercepts: must be 3"},
		{lineartest.Golden, `[[-0.0,1e-320]]`, `[]`, "coef of 0 rows and 1 intercepts: must be 1"},
		{lineartest.Golden, `[[-0.0,1e-320]]`, `[[]]`, "coef: must have at least one feature"},
		{lineartest.Golden, `[[-0.0,1e-320]]`, `[[1]]`, "feature_names: 2 for 1 features"},
		{lineartest.Golden, `[[-0.0,1e-320]]`, `[[1,null]]`, `"null" at place 1: must be a number`},
		{lineartest.Golden, `[[-0.0,1e-320]]`, `[[1,"2"]]`, `"\"2\"" at place 1: must be a number`},
		{lineartest.Golden, `[[-0.0,1e-320]]`, `[[1,[2]]]`, `"[2]" at place 1: must be a number`},
		{lineartest.Golden, `[[-0.0,1e-320]]`, `[[1,1e999]]`, `"1e999" at place 1: must be a number within float64`},
		{lineartest.Golden, `[[-0.0,1e-320]]`, `[[1,NaN]]`, "no JSON at byte"},
		{lineartest.Golden, `"intercept": [0.1]`, `"intercept": [0.1,0.2]`, "coef of 1 rows and 2 intercepts: must be 1"},
		{lineartest.Golden, `"intercept": [0.1]`, `"intercept": null`, "must be a list of numbers"},
		{lineartest.Golden, `"mean":[1.5,3]`, `"mean":[1.5]`,
			"scaler: 1 means, 2 variances, 2 scales, 2 counts: must be as many"},
		{lineartest.Golden, `"var":[0.25,0]`, `"var":[-0.25,0]`, "scaler: mean 1.5, variance -0.25 and count 2 of feature 0"},
		{lineartest.Golden, `"scale":[0.5,1]`, `"scale":[0,1]`, "scaler: scale 0 of feature 0: must be 0.5"},
		{lineartest.Golden, `"alpha":0.0001`, `"alpha":-1`, "hyperparameters: alpha -1: must be a number from 0 on"},
		{lineartest.Golden, `"alpha":0.0001`, `"alpha":-1,"eta0":-2`, `the field "eta0" twice`},
		{lineartest.Golden, `"average":false`, `"average":null`, "average null: must be false, true or a number of rows"},
		{lineartest.Golden, `"class_weight":{"yes":2}`, `"class_weight":"unbalanced"`, "must be balanced"},
		{lineartest.Golden, `"class_weight":{"yes":2}`, `"class_weight":{"yes":2,"yes":3}`, `the field "yes" twice`},
		{lineartest.Golden, `"rows":2`, `"rows":-2`, "training: -2 rows in 1 epochs"},
		{lineartest.Golden, `"class_rows":[1,1]`, `"class_rows":[1]`, "training: rows of 1 classes, there are 2"},
		{lineartest.Golden, `"class_rows":[1,1]`, `"class_rows":[1,2]`,
			"training: class_rows: must be counts that sum to no more than 2 rows"},
		{lineartest.Golden, `"class_rows":[1,1]`, `"class_rows":[9223372036854775807,9223372036854775807]`,
			"training: class_rows"},
		{lineartest.Golden, `"state": null`, `"state": {}`, "state: t 0"},
		{lineartest.Golden, `"state": null`, `"state": {"t":1,"vectors":[{}]}`,
			"state: 0 weights and 0 means: must be 2 and 0"},
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
		_, err := linear.Load("m.json", strings.NewReader(text))
		if err == nil {
			t.Errorf("%s for %s is read", v.new, v.old)
			continue
		}
		var f *fault.Fault
		if !errors.As(err, &f) || f.File != "m.json" {
			t.Errorf("%v is no fault of the file", err)
		}
		if s := err.Error(); !strings.Contains(s, v.want) || !strings.HasPrefix(s, "m.json: found ") ||
			strings.Contains(s, "\n") {
			t.Errorf("%s for %s: got %v, want %s", v.new, v.old, err, v.want)
		}
	}
}

// Whatever Load accepts can predict, be saved, and be gone on with.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(lineartest.Golden))
	for _, v := range variants() {
		s := newSGDFor(f, v.o, 5)
		lineartest.PartialFit(f, s, v.rows.Slice(0, 100))
		f.Add([]byte(lineartest.Saved(f, lineartest.ModelOf(f, s))))
	}
	f.Add([]byte(strings.Replace(lineartest.Golden, `["no","yes"]`, `[-0.0,7e3]`, 1)))
	f.Add([]byte("{\n\"format\":\n\"x\"}"))
	f.Add([]byte(lineartest.Saved(f, wideModel(f, 1100))))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := linear.Load("m", bytes.NewReader(b))
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("%v has two lines", err)
			}
			return
		}
		text := lineartest.Saved(t, m)
		again, err := linear.Load("m", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if lineartest.Saved(t, again) != text {
			t.Fatalf("%s\nis read and written as\n%s", text, lineartest.Saved(t, again))
		}
		c := &linear.Chunk{Features: m.Features(), X: make([]float64, 3*m.Features()), Target: []float64{0, 1, 0}}
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
		c := &linear.Chunk{Features: features % 64, Sparse: &linear.CSR{Values: make([]float64, min(max(values, 0), 100))}}
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
		s := newSGDFor(t, linear.Options{Task: linear.Regression, Penalty: linear.ElasticNet, Average: 1}, c.Features)
		if err := s.PartialFit(c); err == nil {
			if p, err := lineartest.ModelOf(t, s).Predict(c, nil); err != nil || len(p) != c.Len() {
				t.Fatal(p, err)
			}
		}
	})
}

// A model learns, is saved, loaded, and predicts.
func Example() {
	s, err := NewSGD(linear.Options{Task: linear.Classification, Loss: linear.LogLoss, LearningRate: linear.Constant,
		Eta0: 0.5}, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 20 { // epochs, of two chunks each
		for _, c := range []*linear.Chunk{
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
	if m, err = linear.Load("model.json", &file); err != nil {
		fmt.Println(err)
		return
	}
	rows := &linear.Chunk{Features: 2, X: []float64{0, 1, 1, 0}}
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

// Balanced classes go by the rows of all epochs, which are not those of the training.
func TestResumeBalanced(t *testing.T) {
	sgd := newSGDFor(t, linear.Options{Task: linear.Classification, ClassWeight: linear.ClassWeight{Balanced: true}}, 5)
	for range 2 {
		lineartest.PartialFit(t, sgd, lineartest.Problem(100, 3, 1))
		sgd.EndEpoch()
	}
	m := lineartest.ModelOf(t, sgd)
	m.Training.Rows /= 2
	for k := range m.Training.ClassRows {
		m.Training.ClassRows[k] /= 2
	}
	loaded, err := linear.Load("m.json", strings.NewReader(lineartest.Saved(t, m)))
	if err != nil {
		t.Fatal(err)
	}
	resumed, err := Resume(loaded)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*SGD{sgd, resumed} {
		lineartest.PartialFit(t, s, lineartest.Problem(100, 3, 2))
	}
	got, want := lineartest.ModelOf(t, resumed), lineartest.ModelOf(t, sgd)
	for i := range want.Coef {
		if !slices.Equal(got.Coef[i], want.Coef[i]) || got.Intercept[i] != want.Intercept[i] {
			t.Errorf("vector %d: %v, %v, without an interruption %v, %v", i, got.Coef[i], got.Intercept[i], want.Coef[i],
				want.Intercept[i])
		}
	}
}

// wideModel is a model of so many columns that its state is written as bytes.
func wideModel(t testing.TB, features int) *linear.Model {
	s := newSGDFor(t, linear.Options{Task: linear.Classification, LearningRate: linear.AdaGrad, Penalty: linear.L1,
		Alpha: new(0.001), Average: 1}, features)
	for i := range 10 {
		c := &linear.Chunk{Features: features, Sparse: &linear.CSR{Offsets: []int{0}}}
		for row := range 20 {
			for j := row + i; j < features; j += 7 + row {
				c.Sparse.Indices = append(c.Sparse.Indices, int32(j))
				c.Sparse.Values = append(c.Sparse.Values, float64(1+(row*j)%11)/3)
			}
			c.Sparse.Offsets, c.Target = append(c.Sparse.Offsets, len(c.Sparse.Indices)), append(c.Target, float64(row%2))
		}
		lineartest.PartialFit(t, s, c)
	}
	return lineartest.ModelOf(t, s)
}

// The file of a wide model, whose long lists are read in a way of their own, is read to the same bits, whether those of
// its state are bytes or numbers, and refused where it lies, as a narrow one is.
func TestWideFile(t *testing.T) {
	const features = 3000
	text := lineartest.Saved(t, wideModel(t, features))
	short, lists, ok := jsontext.Lift([]byte(text), "coef", "state")
	if !ok || len(short) > len(text)/10 || lists.Whole() {
		t.Fatalf("lifted %v: %d bytes of %d are left", ok, len(short), len(text))
	}
	m, err := linear.Load("m.json", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if again := lineartest.Saved(t, m); again != text {
		t.Error("another model after it was written and read")
	}
	packed := regexp.MustCompile(`"(weights|mean|gradients|largest|touched)":("[^"]*")`)
	if n := len(packed.FindAllString(text, -1)); n != 8 || !strings.Contains(text, `"coef": [[`) {
		t.Errorf("%d lists are written as bytes, want 8, and coefficients as numbers", n)
	}
	inNumbers := packed.ReplaceAllStringFunc(text, func(found string) string {
		name, list, _ := strings.Cut(found, ":")
		var numbers jsontext.Floats
		if err := numbers.UnmarshalJSON([]byte(list)); err != nil {
			t.Fatal(err)
		}
		b, err := numbers.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		return name + ":" + string(b)
	})
	if m, err = linear.Load("m.json", strings.NewReader(inNumbers)); err != nil || lineartest.Saved(t, m) != text {
		t.Error("another model after its lists were written as numbers:", err)
	}
	list := func(field string) string { // with its bytes
		from := strings.Index(text, field+`":"`) + len(field) + 2
		return text[from : from+1+strings.IndexByte(text[from+1:], '"')+1]
	}
	for _, v := range []struct{ old, new, want string }{
		{list("weights"), "[0]", "1 weights and 3000 means"},
		{list("weights"), "[1]", "1 weights and 3000 means"},
		{list("largest"), "[" + strings.Repeat("1,", features) + "-1]", "3001 largest"},
		{list("gradients"), list("gradients")[:5000] + "\"", "must be a list of numbers"},
		{list("gradients"), list("gradients")[:5000] + "]", "no JSON at byte"},
		{`"t":`, `"T":`, `the field "T"`},
		{`"state":`, `"coef":[[1,2]],"state":`, `the field "coef" twice`},
	} {
		if _, err := linear.Load("m.json", strings.NewReader(strings.Replace(text, v.old, v.new, 1))); err == nil ||
			!strings.Contains(err.Error(), v.want) {
			t.Errorf("%.20s for %.20s: %v, want %s", v.new, v.old, err, v.want)
		}
	}
}
