package onnx

import (
	"math"

	"beamlearn/model/fault"
	"beamlearn/model/features"
)

// degree is that of splines.
const degree = 3

// encode adds an input for each column of a table, and what brings them to features: rows × Dim.
func (g *graph) encode(e *features.Encoding) (string, error) {
	columns := e.Columns()
	of := make([]string, len(columns)) // the features of each column
	var all []string
	for i := range columns {
		c := &columns[i]
		switch c.Kind {
		case features.LeftOut:
			continue
		case features.Numeric, features.Boolean, features.List:
			of[i] = g.numbers(c, e.Options().Impute == features.ImputeNone)
		case features.Categorical:
			of[i] = g.categories(c)
		default:
			return "", refused("column %s: %s", fault.Quote(c.Name), whyNot[c.Kind])
		}
		all = append(all, of[i])
	}
	for _, p := range e.Products() {
		if p.Hashed {
			return "", refused("interactions %s, whose products are hashed", fault.Quote(p.Name))
		}
		all = append(all, g.product(&p, columns, of))
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return g.along("Concat", all...), nil
}

var whyNot = map[features.Kind]string{
	features.Date:   "dates",
	features.Text:   "words, which are hashed",
	features.Hashed: "values, which are hashed",
}

// numbers adds a column of numbers, in which NaN is a missing one; of a list it is missing where all are.
func (g *graph) numbers(c *features.Column, refuses bool) string {
	n := len(c.Parts)
	fill, mean, scale := make([]float64, n), make([]float64, n), make([]float64, n)
	for j, p := range c.Parts {
		fill[j], mean[j], scale[j] = p.Fill, p.Mean, p.Scale
	}
	x := g.input(c.Name, doubles, n)
	missing := ""
	if !refuses {
		missing = g.op("IsNaN", x)
		if n > 1 {
			missing = g.op("Equal", g.reduce("ReduceSum", g.double(missing), 1), g.number(float64(n)))
		}
		x = g.op("Where", missing, g.row(fill), x)
	}
	if p := &c.Parts[0]; p.Knots > 0 {
		x = g.spline(p, x)
	} else {
		x = g.scaled(x, mean, scale)
	}
	if c.Indicator {
		x = g.along("Concat", x, g.double(missing))
	}
	return x
}

// spline adds the B-splines of a column, rows × (knots + degree − 1), by the recursion of Cox and de Boor over all of
// them at once: those of degree 0 are 1 within their interval, of which the first and the last reach on.
func (g *graph) spline(p *features.Part, x string) string {
	t := p.AllKnots()
	n := len(t) - 1 // intervals
	from, to := make([]float64, n), make([]float64, n)
	for i := range n {
		from[i], to[i] = math.Inf(1), math.Inf(1) // those that are beyond the ends
		if i >= degree && i < n-degree {
			from[i], to[i] = t[i], t[i+1]
		}
	}
	from[degree], to[n-degree-1] = math.Inf(-1), math.Inf(1)
	x = g.op("Min", g.op("Max", x, g.number(p.Min)), g.number(p.Max))
	basis := g.double(g.op("And", g.op("GreaterOrEqual", x, g.row(from)), g.op("Less", x, g.row(to))))
	for d := 1; d <= degree; d++ {
		m := n - d // splines of degree d
		rise, fall := make([]float64, m), make([]float64, m)
		for i := range m {
			rise[i], fall[i] = t[i+d]-t[i], t[i+d+1]-t[i+1]
		}
		left := g.op("Div", g.op("Sub", x, g.row(t[:m])), g.row(rise))
		right := g.op("Div", g.op("Sub", g.row(t[d+1:]), x), g.row(fall))
		basis = g.op("Add", g.op("Mul", left, g.columns(basis, 0, m)), g.op("Mul", right, g.columns(basis, 1, m)))
	}
	return basis
}

// categories adds a column of categories: an input of texts, or of numbers in which NaN is missing. Unknown ones are
// the rare one, or, where there is none, nothing.
func (g *graph) categories(c *features.Column) string {
	_, width := c.Span()
	if c.Values == features.TextValues {
		x := g.input(c.Name, strings, 1)
		keys, numbers, others := c.Categories, make([]int64, len(c.Categories)), -1
		for i := range numbers {
			numbers[i] = int64(i)
		}
		if c.MissingCategory {
			keys, numbers = append(keys[:len(keys):len(keys)], ""), append(numbers, int64(len(numbers)))
		}
		if len(c.Rare) > 0 {
			others = width - 1
		}
		all := make([]int64, width)
		for i := range all {
			all[i] = int64(i)
		}
		return g.double(g.op("Equal", g.numbered(x, keys, numbers, others), g.constant(all, 1, width)))
	}
	x := g.input(c.Name, doubles, 1)
	var parts []string
	if len(c.Categories) > 0 {
		parts = append(parts, g.double(g.op("Equal", x, g.row(c.CategoryNumbers()))))
	}
	if c.MissingCategory {
		parts = append(parts, g.double(g.op("IsNaN", x)))
	}
	if len(c.Rare) > 0 {
		rest := g.number(1)
		for _, known := range parts {
			rest = g.op("Sub", rest, g.reduce("ReduceSum", known, 1))
		}
		if len(parts) == 0 { // all are rare
			rest = g.op("Add", rest, g.op("Mul", g.double(g.op("IsNaN", x)), g.number(0)))
		}
		parts = append(parts, rest)
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return g.along("Concat", parts...)
}

// product adds the products of the features of some columns, those of the last one next to each other.
func (g *graph) product(p *features.Product, columns []features.Column, of []string) string {
	all, width := "", 1
	for i, f := range p.Factors {
		x := of[f.Column]
		if _, whole := columns[f.Column].Span(); f.Lo != 0 || f.Width != whole {
			x = g.columns(x, f.Lo, f.Width)
		}
		width *= f.Width
		if i == 0 {
			all = x
			continue
		}
		outer := g.op("Mul", g.op("Unsqueeze", all, g.whole(2)), g.op("Unsqueeze", x, g.whole(1)))
		all = g.op("Reshape", outer, g.whole(0, int64(width)))
	}
	return all
}
