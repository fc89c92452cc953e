package onnx

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"beamlearn/model/bayes"
	"beamlearn/model/eigen"
	"beamlearn/model/features"
	"beamlearn/model/kmeans"
	"beamlearn/model/linear"
	"beamlearn/model/linear/targets"
)

// rows are the features of a model, as a value of the graph that is made for it: those of tables by their encoding,
// others as they are.
func rows(e *features.Encoding, width int) (g *graph, x string, err error) {
	if e == nil {
		g = newGraph("X")
		return g, g.input("X", doubles, width), nil
	}
	g = newGraph(e.Needs()...)
	x, err = g.encode(e)
	return g, x, err
}

// model ends the file. Names are those of the features, or nil.
func (g *graph) model(kind string, names []string) (*Graph, error) {
	const versionField, producerField, graphField, opsetField, metadataField = 1, 2, 7, 8, 14
	const keyField, valueField, domainField, opsetVersionField = 1, 2, 1, 2
	var m, body message
	m.integer(versionField, fileVersion)
	m.text(producerField, "beamlearn")
	body = slices.Concat(body, g.nodes)
	body.text(graphNameField, kind)
	body = slices.Concat(body, g.initializers, g.inputs, g.outputs)
	m.bytes(graphField, body)
	operators := func(domain string, version int64) {
		var o message
		o.text(domainField, domain)
		o.integer(opsetVersionField, version)
		m.bytes(opsetField, o)
	}
	operators("", Opset)
	if g.learned {
		operators("ai.onnx.ml", operatorVersion)
	}
	if names != nil {
		b, err := json.Marshal(names)
		if err != nil {
			return nil, err
		}
		var entry message
		entry.text(keyField, "feature_names")
		entry.bytes(valueField, b)
		m.bytes(metadataField, entry)
	}
	g.told.Kind, g.told.Bytes = kind, m
	return &g.told, nil
}

// Encoding makes a graph of how tables become numbers: the output variable, double[N, Dim].
func Encoding(e *features.Encoding) (*Graph, error) {
	g, x, err := rows(e, 0)
	if err != nil {
		return nil, err
	}
	g.output("variable", x, doubles, e.Dim())
	return g.model("encoding of tables", e.Names())
}

// PCA makes a graph of components: the output variable, double[N, components], the rows projected.
func PCA(p *eigen.PCA) (*Graph, error) {
	g, x, err := rows(p.Encoding, p.Features())
	if err != nil {
		return nil, err
	}
	x = g.op("MatMul", g.scaled(x, p.Mean, p.Scale), g.matrix(p.Components, true))
	if p.Options.Whiten {
		deviations := make([]float64, p.Len())
		for i := range deviations {
			deviations[i] = p.Deviation(i)
		}
		x = g.op("Div", x, g.row(deviations))
	}
	g.output("variable", x, doubles, p.Len())
	return g.model("principal components", p.FeatureNames)
}

// candidates is how many centres are compared by their distances themselves.
const candidates = 4

// KMeans makes a graph of clusters: the outputs label, int64[N], and distance, double[N, 1].
//
// Candidates are found by ‖c‖² − 2·x·c, about the mean of the centres, which is a product of matrices, and as inexact
// as it is quick. Among the few nearest of them, the distances themselves decide, of equal ones the first.
func KMeans(m *kmeans.Model) (*Graph, error) {
	g, x, err := rows(m.Encoding, m.Features())
	if err != nil {
		return nil, err
	}
	z, centers := x, m.Centers
	if m.Scale != nil {
		z, centers = g.scaled(x, m.Mean, m.Scale), scaledRows(m.Centers, m.Mean, m.Scale)
	}
	middle, ones := make([]float64, m.Features()), slices.Repeat([]float64{1}, m.Features())
	for j := range middle {
		for _, c := range centers {
			middle[j] += c[j] / float64(len(centers))
		}
	}
	about, squares := scaledRows(centers, middle, ones), make([]float64, len(centers))
	for k, c := range about {
		for j, v := range c {
			squares[k] += float64(v * v)
			c[j] = -2 * v
		}
	}
	near := g.op("Add", g.op("MatMul", g.op("Sub", z, g.row(middle)), g.matrix(about, true)), g.row(squares))
	found := g.least(near, min(candidates, len(centers)))
	of := g.with("Gather", attributes{{"axis", 0}}, g.matrix(centers, false), found) // N × candidates × features
	apart := g.op("Sub", g.op("Unsqueeze", z, g.whole(1)), of)
	distances := g.with("ReduceSumSquare", attributes{{"keepdims", 0}}, apart, g.whole(2))
	least := g.reduce("ReduceMin", distances, 1)
	nearest := g.op("Where", g.op("Equal", distances, least), found, g.whole(math.MaxInt64))
	g.output("label", g.with("ReduceMin", attributes{{"keepdims", 0}}, nearest, g.whole(1)), int64s, 0)
	g.output("distance", g.op("Sqrt", least), doubles, 1)
	return g.model("clusters", m.FeatureNames)
}

// scaledRows are (row − mean)/scale.
func scaledRows(rows [][]float64, mean, scale []float64) [][]float64 {
	out := make([][]float64, len(rows))
	for i, row := range rows {
		out[i] = make([]float64, len(row))
		for j, v := range row {
			out[i][j] = (v - mean[j]) / scale[j]
		}
	}
	return out
}

// Bayes makes a graph of naive Bayes: see the package for its outputs.
func Bayes(m *bayes.Model) (*Graph, error) {
	g, x, err := rows(m.Encoding, m.Features())
	if err != nil {
		return nil, err
	}
	t := m.Predictor().Tables()
	classes := len(t.Prior)
	scores := ""
	switch {
	case t.Theta != nil:
		d := m.Features()
		flat := func(rows [][]float64) string { return g.constant(slices.Concat(rows...), 1, classes, d) }
		apart := g.op("Sub", g.op("Unsqueeze", x, g.whole(1)), flat(t.Theta)) // N × classes × features
		squares := g.op("Mul", g.op("Mul", apart, apart), flat(t.Inverse))
		sum := g.with("ReduceSum", attributes{{"keepdims", 0}}, squares, g.whole(2))
		scores = g.op("Sub", g.row(t.Prior), g.op("Div", sum, g.number(2)))
	case t.Offsets != nil:
		scores = g.op("Add", g.row(t.Prior), g.categorical(x, &t))
	default:
		if m.Options.Kind == bayes.Bernoulli {
			x = g.double(g.op("Greater", x, g.number(m.Options.Binarize)))
		}
		scores = g.op("Add", g.row(t.Prior), g.op("MatMul", x, g.constant(t.Weights, m.Features(), classes)))
	}
	g.label("label", g.with("ArgMax", attributes{{"axis", 1}, {"keepdims", 0}}, scores), &m.Classes)
	g.output("probabilities", g.along("Softmax", scores), doubles, classes)
	if classes == 2 {
		g.output("decision", g.op("Sub", g.columns(scores, 1, 1), g.columns(scores, 0, 1)), doubles, 1)
	} else {
		g.output("decision", g.along("LogSoftmax", scores), doubles, classes)
	}
	return g.model("naive Bayes, "+string(m.Options.Kind), m.FeatureNames)
}

// categorical adds what categories by their numbers add to the classes; NaN where one was not learned of.
func (g *graph) categorical(x string, t *bayes.Tables) string {
	var of []int64       // the feature of each category
	var number []float64 // and which of the feature's it is
	for j := range len(t.Offsets) - 1 {
		for v := range t.Offsets[j+1] - t.Offsets[j] {
			of, number = append(of, int64(j)), append(number, float64(v))
		}
	}
	is := g.double(g.op("Equal", g.along("Gather", x, g.whole(of...)), g.row(number)))
	known := g.op("Equal", g.reduce("ReduceSum", is, 1), g.number(float64(len(t.Offsets)-1)))
	return g.orNaN(known, g.op("MatMul", is, g.constant(t.Weights, len(of), len(t.Prior))))
}

// label adds the output of the classes whose places are given.
func (g *graph) label(name, places string, classes *linear.Classes) {
	if len(classes.Texts) > 0 {
		g.output(name, g.op("Gather", g.constant(classes.Texts, len(classes.Texts)), places), strings, 0)
		return
	}
	const exact = 1 << 53
	numbers := make([]int64, len(classes.Numbers))
	for k, v := range classes.Numbers {
		if v != math.Trunc(v) || math.Abs(v) > exact {
			g.output("label", g.op("Gather", g.constant(classes.Numbers, len(numbers)), places), doubles, 0)
			return
		}
		numbers[k] = int64(v)
	}
	g.output(name, g.op("Gather", g.whole(numbers...), places), int64s, 0)
}

// Linear makes a graph of a linear model: see the package for its outputs.
func Linear(m *linear.Model) (*Graph, error) {
	g, x, err := rows(m.Encoding, m.Features())
	if err != nil {
		return nil, err
	}
	d := g.decisions(m, x)
	kind := string(m.Task) + " with " + string(m.Loss)
	switch m.Task {
	case linear.Regression:
		g.output("variable", g.mean(m, d, x), doubles, 1)
	case linear.OneClass:
		kind = "one-class model"
		inside := g.with("Cast", attributes{{"to", int64s}}, g.op("GreaterOrEqual", d, g.number(0)))
		sign := g.op("Sub", g.op("Mul", inside, g.whole(2)), g.whole(1))
		g.output("label", g.op("Squeeze", sign, g.whole(1)), int64s, 0)
		g.output("scores", d, doubles, 1)
	default:
		g.classification(m, d, "")
	}
	return g.model(kind, m.FeatureNames)
}

// Targets makes a graph of the linear models of several targets: of a regression the output variable has a column for
// each, in their order, as skl2onnx has it; a classification has the outputs of each by the name of its target:
// label_TARGET and so on.
func Targets(m *targets.Model) (*Graph, error) {
	first := m.Models[0]
	if first.Task == linear.OneClass {
		return nil, refused("one-class models of several targets")
	}
	g, x, err := rows(first.Encoding, first.Features())
	if err != nil {
		return nil, err
	}
	var means []string
	for k, one := range m.Models {
		d := g.decisions(one, x)
		if one.Task == linear.Regression {
			means = append(means, g.mean(one, d, x))
			continue
		}
		g.classification(one, d, "_"+m.Targets[k])
	}
	if means != nil {
		g.output("variable", g.along("Concat", means...), doubles, len(means))
	}
	kind := fmt.Sprintf("%s with %s, %d targets", first.Task, first.Loss, len(m.Targets))
	return g.model(kind, first.FeatureNames)
}

// decisions are the decision values of a model for rows x.
func (g *graph) decisions(m *linear.Model, x string) string {
	if s := m.Scaler; s != nil {
		mean, scale := s.Mean, s.Scale
		if !s.WithMean {
			mean = nil
		}
		if !s.WithStd {
			scale = nil
		}
		x = g.scaled(x, mean, scale)
	}
	return g.op("Add", g.op("MatMul", x, g.matrix(m.Coef, true)), g.row(m.Intercept))
}

// mean is the prediction of decision values.
func (g *graph) mean(m *linear.Model, d, x string) string {
	deviance, ok := m.Options.Deviance()
	if !ok || !deviance.Log() {
		return d
	}
	d = g.op("Exp", d)
	of := m.Options.Exposure
	if of == nil {
		return d
	}
	exposure := g.columns(x, of.Feature, 1)
	if of.Log {
		exposure = g.op("Exp", exposure)
	}
	return g.op("Mul", d, g.orNaN(g.op("Greater", exposure, g.number(0)), exposure))
}

// classification adds the outputs of a classifier of these decision values, with the suffix in their names.
func (g *graph) classification(m *linear.Model, d, suffix string) {
	n := m.Classes.Len()
	if m.NumDecisions() == 1 {
		positive := g.with("Cast", attributes{{"to", int64s}}, g.op("Greater", d, g.number(0)))
		g.label("label"+suffix, g.op("Squeeze", positive, g.whole(1)), &m.Classes)
	} else {
		g.label("label"+suffix, g.with("ArgMax", attributes{{"axis", 1}, {"keepdims", 0}}, d), &m.Classes)
	}
	if m.HasProba() {
		g.output("probabilities"+suffix, g.probabilities(m, d), doubles, n)
	}
	g.output("decision"+suffix, d, doubles, m.NumDecisions())
}

// probabilities are those of all classes, rows × classes.
func (g *graph) probabilities(m *linear.Model, d string) string {
	if m.NumDecisions() > 1 && m.Options.MultiClass == linear.Multinomial {
		return g.along("Softmax", d)
	}
	one, p := g.number(1), ""
	if m.Loss == linear.ModifiedHuber {
		p = g.op("Min", g.op("Max", d, g.number(-1)), one)
		p = g.op("Div", g.op("Add", p, one), g.number(2))
	} else { // the operator Sigmoid of onnxruntime loses small probabilities
		p = g.op("Div", one, g.op("Add", one, g.op("Exp", g.op("Neg", d))))
	}
	if m.NumDecisions() == 1 {
		return g.along("Concat", g.op("Sub", one, p), p)
	}
	// Where all vanish, those of modified_huber become equal, and those of log_loss what they are in the limit.
	limit := g.op("Add", g.op("Mul", d, g.number(0)), one)
	if m.Loss == linear.LogLoss {
		limit = g.op("Exp", g.op("Sub", d, g.reduce("ReduceMax", d, 1)))
	}
	const least = math.SmallestNonzeroFloat64 * (1 << 52) // of which a sum has all bits
	lost := g.op("Less", g.reduce("ReduceSum", p, 1), g.number(least))
	p = g.op("Where", lost, limit, p)
	return g.op("Div", p, g.reduce("ReduceSum", p, 1))
}
