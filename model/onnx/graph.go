package onnx

import (
	"fmt"
	"math"
)

// attributes are those of an operator, in the order of the file.
type attributes []struct {
	name  string
	value any
}

// graph is a GraphProto that is being made. Every method that adds an operator gives the name of its result. Matrices
// have a row for each row of the input.
type graph struct {
	nodes, initializers, inputs, outputs message
	taken                                map[string]bool // names of values
	values                               int
	learned                              bool // whether there is an operator of ai.onnx.ml
	told                                 Graph
}

// Numbers of the fields of GraphProto.
const (
	nodeField        = 1
	graphNameField   = 2
	initializerField = 5
	inputField       = 11
	outputField      = 12
)

// newGraph makes one whose inputs will have these names.
func newGraph(inputs ...string) *graph {
	g := &graph{taken: map[string]bool{}}
	for _, name := range inputs {
		g.taken[name] = true
	}
	return g
}

// unique is a name for a value that no other one has.
func (g *graph) unique(prefix string) string {
	for {
		g.values++
		name := fmt.Sprintf("%s_%d", prefix, g.values)
		if !g.taken[name] {
			g.taken[name] = true
			return name
		}
	}
}

// input adds one, of which newGraph was told.
func (g *graph) input(name string, elements, columns int) string {
	g.inputs.bytes(inputField, valueInfo(name, elements, columns))
	g.told.Inputs = append(g.told.Inputs, Value{name, typeNames[elements], columns})
	return name
}

// output gives a value away, by a name that has output_ before it where an input has the same.
func (g *graph) output(name, value string, elements, columns int) {
	for g.taken[name] {
		name = "output_" + name
	}
	g.taken[name] = true
	g.node("Identity", "", []string{value}, nil, name)
	g.outputs.bytes(outputField, valueInfo(name, elements, columns))
	g.told.Outputs = append(g.told.Outputs, Value{name, typeNames[elements], columns})
}

// node adds an operator of a domain, "" of ai.onnx.
func (g *graph) node(kind, domain string, in []string, with attributes, out ...string) {
	const inField, outField, nameField, kindField, attributeField, domainField = 1, 2, 3, 4, 5, 7
	var m message
	for _, name := range in {
		m.text(inField, name)
	}
	for _, name := range out {
		m.text(outField, name)
	}
	m.text(nameField, "of "+out[0])
	m.text(kindField, kind)
	for _, a := range with {
		m.bytes(attributeField, attribute(a.name, a.value))
	}
	if domain != "" {
		m.text(domainField, domain)
	}
	g.nodes.bytes(nodeField, m)
}

// op adds an operator of ai.onnx.
func (g *graph) op(kind string, in ...string) string { return g.with(kind, nil, in...) }

// with adds an operator that has attributes.
func (g *graph) with(kind string, with attributes, in ...string) string {
	out := g.unique(kind)
	g.node(kind, "", in, with, out)
	return out
}

// along adds an operator whose axis is the columns.
func (g *graph) along(kind string, in ...string) string {
	return g.with(kind, attributes{{"axis", 1}}, in...)
}

// reduce adds an operator that brings an axis to one value.
func (g *graph) reduce(kind, in string, axis int) string {
	return g.op(kind, in, g.whole(int64(axis)))
}

// least adds the places of the n least numbers of each row.
func (g *graph) least(in string, n int) string {
	values, places := g.unique("TopK"), g.unique("TopK")
	with := attributes{{"axis", 1}, {"largest", 0}, {"sorted", 1}}
	g.node("TopK", "", []string{in, g.whole(int64(n))}, with, values, places)
	return places
}

// numbered adds the operator of ai.onnx.ml that numbers texts, others by a number of their own.
func (g *graph) numbered(in string, keys []string, numbers []int64, others int) string {
	g.learned = true
	out := g.unique("LabelEncoder")
	with := attributes{{"keys_strings", keys}, {"values_int64s", numbers}, {"default_int64", others}}
	g.node("LabelEncoder", "ai.onnx.ml", []string{in}, with, out)
	return out
}

// constant adds a tensor.
func (g *graph) constant(values any, dims ...int) string {
	name := g.unique("constant")
	g.initializers.bytes(initializerField, tensor(name, values, dims...))
	return name
}

// number adds a number, which any matrix takes.
func (g *graph) number(v float64) string { return g.constant([]float64{v}, 1) }

// row adds numbers for the columns of a matrix.
func (g *graph) row(v []float64) string { return g.constant(v, 1, len(v)) }

// whole adds a vector of whole numbers.
func (g *graph) whole(v ...int64) string { return g.constant(v, len(v)) }

// matrix adds the rows of one; with transposed they are its columns.
func (g *graph) matrix(rows [][]float64, transposed bool) string {
	n, d := len(rows), len(rows[0])
	flat := make([]float64, n*d)
	for i, row := range rows {
		for j, v := range row {
			if transposed {
				flat[j*n+i] = v
			} else {
				flat[i*d+j] = v
			}
		}
	}
	if transposed {
		return g.constant(flat, d, n)
	}
	return g.constant(flat, n, d)
}

// double makes 0 and 1 of truth values.
func (g *graph) double(in string) string { return g.with("Cast", attributes{{"to", doubles}}, in) }

// columns are some of a matrix, from one on.
func (g *graph) columns(in string, from, width int) string {
	of := make([]int64, width)
	for i := range of {
		of[i] = int64(from + i)
	}
	return g.along("Gather", in, g.whole(of...))
}

// scaled is (x − mean)/scale, where there is anything to do.
func (g *graph) scaled(x string, mean, scale []float64) string {
	if some(mean, 0) {
		x = g.op("Sub", x, g.row(mean))
	}
	if some(scale, 1) {
		x = g.op("Div", x, g.row(scale))
	}
	return x
}

// some reports whether any is another number.
func some(x []float64, than float64) bool {
	for _, v := range x {
		if v != than {
			return true
		}
	}
	return false
}

// orNaN is the value where a condition holds, otherwise NaN: for rows that predict refuses.
func (g *graph) orNaN(condition, value string) string {
	return g.op("Where", condition, value, g.number(math.NaN()))
}
