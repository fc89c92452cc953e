package onnx_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"beamlearn/model/bayes"
	"beamlearn/model/features"
	"beamlearn/model/linear"
	"beamlearn/model/onnx"
)

// fields are those of a message, by their numbers.
type fields map[protowire.Number][][]byte

func decode(t *testing.T, b []byte) fields {
	t.Helper()
	out := fields{}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		b = b[n:]
		value, m := b, 0
		switch kind {
		case protowire.VarintType:
			_, m = protowire.ConsumeVarint(b)
			value = b[:max(m, 0)]
		case protowire.BytesType:
			value, m = protowire.ConsumeBytes(b)
		default:
			t.Fatalf("field %d of type %d", number, kind)
		}
		if m < 0 {
			t.Fatal(protowire.ParseError(m))
		}
		out[number] = append(out[number], value)
		b = b[m:]
	}
	return out
}

func (f fields) text(number protowire.Number) string {
	if len(f[number]) == 0 {
		return ""
	}
	return string(f[number][0])
}

// node is an operator.
type node struct {
	kind, domain string
	in, out      []string
}

// decoded is a graph as it was written.
type decoded struct {
	inputs, outputs []string
	nodes           []node
	tensors         map[string][]float64 // those of float64
	domains         []string
}

// graph decodes one, and checks that each value is made once, and before it is used.
func graph(t *testing.T, g *onnx.Graph) *decoded {
	t.Helper()
	file := decode(t, g.Bytes)
	body, d := decode(t, file[7][0]), &decoded{tensors: map[string][]float64{}}
	for _, o := range file[8] {
		d.domains = append(d.domains, decode(t, o).text(1))
	}
	there := map[string]bool{}
	add := func(name string) {
		if there[name] || name == "" {
			t.Errorf("the value %q twice", name)
		}
		there[name] = true
	}
	for _, b := range body[11] {
		d.inputs = append(d.inputs, decode(t, b).text(1))
		add(decode(t, b).text(1))
	}
	for _, b := range body[5] {
		f := decode(t, b)
		add(f.text(8))
		if kind, _ := protowire.ConsumeVarint(f[2][0]); kind == 11 {
			values := make([]float64, len(f[9][0])/8)
			for i := range values {
				values[i] = math.Float64frombits(binary.LittleEndian.Uint64(f[9][0][8*i:]))
			}
			d.tensors[f.text(8)] = values
		}
	}
	for _, b := range body[1] {
		f := decode(t, b)
		n := node{kind: f.text(4), domain: f.text(7)}
		for _, in := range f[1] {
			if n.in = append(n.in, string(in)); !there[string(in)] {
				t.Errorf("%s takes %q, which is not there", n.kind, in)
			}
		}
		for _, out := range f[2] {
			n.out = append(n.out, string(out))
			add(string(out))
		}
		if !slices.Contains(d.domains, n.domain) {
			t.Errorf("%s of the domain %q, the file has %q", n.kind, n.domain, d.domains)
		}
		d.nodes = append(d.nodes, n)
	}
	for _, b := range body[12] {
		name := decode(t, b).text(1)
		if d.outputs = append(d.outputs, name); !there[name] {
			t.Errorf("the output %q is not there", name)
		}
	}
	return d
}

// kinds are the operators, in their order.
func (d *decoded) kinds() string {
	var all []string
	for _, n := range d.nodes {
		all = append(all, n.kind)
	}
	return strings.Join(all, " ")
}

func regression() *linear.Model {
	o := linear.Options{Task: linear.Regression}
	o.EnsureDefaults()
	return &linear.Model{
		Task: linear.Regression, Loss: o.Loss, Options: o, FeatureNames: []string{"a", "b"},
		Coef: [][]float64{{2, -3}}, Intercept: []float64{0.5},
	}
}

func saved(t *testing.T, save func(*bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := save(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRegression(t *testing.T) {
	t.Parallel()
	m := regression()
	g, err := onnx.Convert("m.json", saved(t, func(b *bytes.Buffer) error { return m.Save(b) }))
	if err != nil {
		t.Fatal(err)
	}
	d := graph(t, g)
	if got := fmt.Sprintln(d.inputs, d.outputs, d.kinds(), g.Inputs, g.Outputs, g.Kind); got !=
		"[X] [variable] MatMul Add Identity [X double[N,2]] [variable double[N,1]] regression with squared_error\n" {
		t.Error(got)
	}
	if w, b := d.tensors[d.nodes[0].in[1]], d.tensors[d.nodes[1].in[1]]; !slices.Equal(w, []float64{2, -3}) ||
		!slices.Equal(b, []float64{0.5}) {
		t.Errorf("coefficients %v, intercept %v", w, b)
	}
}

// Columns of tables are inputs by their names; one that is called as an output has takes the name.
func TestTable(t *testing.T) {
	t.Parallel()
	encoding := `{"version":1,"options":{},"columns":[
		{"name":"label","kind":"numeric","parts":[{"fill":1.5,"mean":2,"scale":4,"min":0,"max":9}],"indicator":true,"missing":1,"rows":9},
		{"name":"Sub_1","kind":"categorical","values":"text","categories":["x","y"],"counts":[4,4],"missing_category":true,"rows":9},
		{"name":"out","kind":"left out"}]}`
	var e features.Encoding
	if err := e.UnmarshalJSON([]byte(encoding)); err != nil {
		t.Fatal(err)
	}
	m := regression()
	m.Task, m.Loss, m.Encoding, m.FeatureNames = linear.Classification, linear.LogLoss, &e, e.Names()
	m.Options = linear.Options{Task: linear.Classification, Loss: linear.LogLoss}
	m.Options.EnsureDefaults()
	m.Classes.Texts, m.Coef = []string{"no", "yes"}, [][]float64{{1, 2, 3, 4, 5}}
	g, err := onnx.Convert("m.json", saved(t, func(b *bytes.Buffer) error { return m.Save(b) }))
	if err != nil {
		t.Fatal(err)
	}
	d := graph(t, g)
	if got := fmt.Sprint(g.Inputs, g.Outputs); got !=
		"[label double[N,1] Sub_1 string[N,1]] [output_label string[N] probabilities double[N,2] decision double[N,1]]" {
		t.Error(got)
	}
	const encoded = "IsNaN Where Sub Div Cast Concat LabelEncoder Equal Cast Concat"
	if !strings.HasPrefix(d.kinds(), encoded) || !slices.Equal(d.domains, []string{"", "ai.onnx.ml"}) {
		t.Error(d.kinds(), d.domains)
	}
	g, err = onnx.Convert("e.json", []byte(encoding))
	if err != nil || graph(t, g).kinds() != encoded+" Identity" {
		t.Error(err, graph(t, g).kinds())
	}
}

func TestClassifiers(t *testing.T) {
	t.Parallel()
	m := regression()
	m.Task, m.Loss, m.Classes.Numbers = linear.Classification, linear.Hinge, []float64{-1, 0, 2.5}
	m.Options = linear.Options{Task: linear.Classification}
	m.Options.EnsureDefaults()
	m.Coef, m.Intercept = [][]float64{{1, 2}, {3, 4}, {5, 6}}, []float64{0, 0, 1}
	g, err := onnx.Linear(m)
	if err != nil {
		t.Fatal(err)
	}
	d := graph(t, g)
	if w := d.tensors[d.nodes[0].in[1]]; !slices.Equal(w, []float64{1, 3, 5, 2, 4, 6}) {
		t.Errorf("coefficients %v", w)
	}
	if got := fmt.Sprint(g.Outputs); got != "[label double[N] decision double[N,3]]" { // hinge has no probabilities
		t.Error(got)
	}
	for _, kind := range bayes.Kinds {
		fit, err := bayes.NewFit(bayes.FitOptions{Options: bayes.Defaults(kind)}, 2, nil)
		if err != nil {
			t.Fatal(err)
		}
		sum := fit.Partial(0, 1)
		if err := sum.PartialFit(&linear.Chunk{Features: 2, X: []float64{1, 0, 0, 2, 1, 1},
			Target: []float64{1, 2, 2}}); err != nil {
			t.Fatal(err)
		}
		if err := fit.Advance(sum); err != nil {
			t.Fatal(err)
		}
		g, err := onnx.Bayes(fit.Model())
		if err != nil {
			t.Fatal(kind, err)
		}
		d := graph(t, g)
		if got := fmt.Sprint(g.Outputs); got != "[label int64[N] probabilities double[N,2] decision double[N,1]]" {
			t.Error(kind, got)
		}
		if kind == bayes.Bernoulli && !strings.HasPrefix(d.kinds(), "Greater Cast MatMul Add ArgMax ") {
			t.Error(d.kinds())
		}
	}
}

// matrix has rows of numbers; one row, or column, is that of all in an operator of two.
type matrix [][]float64

// ofTwo are operators of two matrices.
var ofTwo = map[string]func(a, b float64) float64{
	"Add": func(a, b float64) float64 { return a + b }, "Sub": func(a, b float64) float64 { return a - b },
	"Mul": func(a, b float64) float64 { return a * b }, "Div": func(a, b float64) float64 { return a / b },
	"Min": math.Min, "Max": math.Max,
	"Less": func(a, b float64) float64 { return map[bool]float64{true: 1}[a < b] },
}

// each makes a matrix of the elements of others.
func each(f func(v []float64) float64, of ...matrix) matrix {
	rows, columns := 0, 0
	for _, m := range of {
		rows, columns = max(rows, len(m)), max(columns, len(m[0]))
	}
	out := make(matrix, rows)
	for i := range out {
		for j := range columns {
			var v []float64
			for _, m := range of {
				row := m[min(i, len(m)-1)]
				v = append(v, row[min(j, len(row)-1)])
			}
			out[i] = append(out[i], f(v))
		}
	}
	return out
}

// run evaluates a graph as the standard of ONNX defines its operators, those of probabilities, and gives an output.
func (d *decoded) run(t *testing.T, x matrix, output string) matrix {
	t.Helper()
	of := map[string]matrix{"X": x}
	for name, v := range d.tensors {
		of[name] = matrix{v}
	}
	for _, n := range d.nodes {
		in := make([]matrix, len(n.in))
		for i, name := range n.in {
			in[i] = of[name]
		}
		var out matrix
		switch f := ofTwo[n.kind]; {
		case f != nil:
			out = each(func(v []float64) float64 { return f(v[0], v[1]) }, in...)
		case n.kind == "MatMul":
			weights, columns := in[1][0], len(in[1][0])/len(x[0])
			for _, row := range in[0] {
				sums := make([]float64, columns)
				for j, v := range row {
					for k := range sums {
						sums[k] += v * weights[j*columns+k]
					}
				}
				out = append(out, sums)
			}
		case n.kind == "Exp", n.kind == "Neg", n.kind == "Identity" && in[0] != nil:
			f := map[string]func(float64) float64{"Exp": math.Exp, "Neg": func(v float64) float64 { return -v },
				"Identity": func(v float64) float64 { return v }}[n.kind]
			out = each(func(v []float64) float64 { return f(v[0]) }, in[0])
		case n.kind == "ReduceSum", n.kind == "ReduceMax":
			for _, row := range in[0] {
				sum := 0.0
				for _, v := range row {
					sum += v
				}
				out = append(out, []float64{map[string]float64{"ReduceSum": sum, "ReduceMax": slices.Max(row)}[n.kind]})
			}
		case n.kind == "Where":
			out = each(func(v []float64) float64 {
				if v[0] != 0 {
					return v[1]
				}
				return v[2]
			}, in...)
		}
		of[n.out[0]] = out // nil of labels
	}
	return of[output]
}

// Probabilities of several classes are those of the definition, also where all of them vanish in float64: those of
// log_loss become what they are in the limit, and those of modified_huber equal.
func TestProbabilities(t *testing.T) {
	t.Parallel()
	x := matrix{{0, 0}, {1, -1}, {-700, 0.5}, {-740, 0}, {-744.5, 0}, {-800, 1}, {-3000, 2}, {30, 0}}
	for loss, of := range map[linear.Loss]func(d []float64) []float64{
		linear.LogLoss: func(d []float64) (p []float64) { // by logarithms
			most := math.Inf(-1)
			for _, v := range d {
				log := -math.Log1p(math.Exp(-v))
				if v < -700 {
					log = v
				}
				p, most = append(p, log), max(most, log)
			}
			for k := range p {
				p[k] = math.Exp(p[k] - most)
			}
			return p
		},
		linear.ModifiedHuber: func(d []float64) (p []float64) {
			some := 0.0
			for _, v := range d {
				p = append(p, (min(max(v, -1), 1)+1)/2)
				some = max(some, p[len(p)-1])
			}
			if some == 0 {
				return []float64{1, 1, 1}
			}
			return p
		},
	} {
		m := regression()
		m.Task, m.Loss, m.Classes.Numbers = linear.Classification, loss, []float64{1, 2, 3}
		m.Options = linear.Options{Task: linear.Classification, Loss: loss}
		m.Options.EnsureDefaults()
		m.Coef, m.Intercept = [][]float64{{1, 0}, {1, 1}, {1, -0.5}}, []float64{0, 0.25, 1}
		g, err := onnx.Linear(m)
		if err != nil {
			t.Fatal(err)
		}
		got := graph(t, g).run(t, x, "probabilities")
		if len(got) != len(x) {
			t.Fatalf("%s: probabilities of %d rows", loss, len(got))
		}
		for i, row := range x {
			var d []float64
			for k, w := range m.Coef {
				d = append(d, w[0]*row[0]+w[1]*row[1]+m.Intercept[k])
			}
			want, sum := of(d), 0.0
			for _, v := range want {
				sum += v
			}
			for k, v := range want {
				if !(math.Abs(got[i][k]-v/sum) <= 1e-12) {
					t.Errorf("%s of %v: %v, want %v in %v", loss, row, got[i], want, sum)
					break
				}
			}
		}
	}
}

// At a decision value of exactly 0 a row is of the first of two classes, and inside of a one-class model.
func TestAtZero(t *testing.T) {
	t.Parallel()
	for task, want := range map[linear.Task]string{
		linear.Classification: "MatMul Add Greater Cast Squeeze Gather Identity Identity",
		linear.OneClass:       "MatMul Add GreaterOrEqual Cast Mul Sub Squeeze Identity Identity",
	} {
		m := regression()
		m.Task, m.Loss, m.Options, m.Intercept = task, linear.Hinge, linear.Options{Task: task}, []float64{0}
		m.Options.EnsureDefaults()
		if task == linear.Classification {
			m.Classes.Numbers = []float64{1, 2}
		}
		g, err := onnx.Linear(m)
		if err != nil {
			t.Fatal(err)
		}
		if got := graph(t, g).kinds(); got != want {
			t.Errorf("%s: %s", task, got)
		}
		got, err := m.Predict(&linear.Chunk{Features: 2, X: []float64{0, 0}}, nil)
		if err != nil || len(got) != 1 || got[0] != map[linear.Task]float64{linear.Classification: 0,
			linear.OneClass: 1}[task] {
			t.Errorf("%s: predict says %v, %v", task, got, err)
		}
	}
}

// What no operator does is refused, in one line that names the file and the column.
func TestRefused(t *testing.T) {
	t.Parallel()
	const date = `{"version":1,"options":{},"columns":[{"name":"when","kind":"date","parts":[{"name":"year","scale":1,"min":1,"max":2}]}]}`
	for of, want := range map[string]string{
		date: "found column \"when\": dates, expected what ONNX has operators for",
		strings.NewReplacer(`"date"`, `"text"`, `"parts":[{"name":"year","scale":1,"min":1,"max":2}]`,
			`"bits":4`).Replace(date): "found column \"when\": words, which are hashed, expected what ONNX has operators for",
		`{}`:                      "found JSON that names no format, expected a model of beamlearn, version 1",
		`{"format":"beamlearn.x"`: "expected a model of beamlearn, version 1",
		"":                        "expected a model of beamlearn, version 1",
	} {
		_, err := onnx.Convert("a b.json", []byte(of))
		if err == nil || !strings.HasPrefix(err.Error(), "a b.json: ") || !strings.HasSuffix(err.Error(), want) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", of, err)
		}
	}
}

func ExampleConvert() {
	var b bytes.Buffer
	if err := regression().Save(&b); err != nil {
		panic(err)
	}
	graph, err := onnx.Convert("model.json", b.Bytes())
	if err != nil {
		panic(err)
	}
	fmt.Println(graph.Kind, graph.Inputs, graph.Outputs)
	if err := os.WriteFile(os.DevNull, graph.Bytes, 0o644); err != nil {
		panic(err)
	}
	// Output: regression with squared_error [X double[N,2]] [variable double[N,1]]
}
