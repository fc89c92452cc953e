package grid

import (
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/lanes"
)

// NewJudge makes a grid whose models do not learn: those of the folds, which are set by SetFold, are judged in one
// pass, each by the rows of its fold. The options need Folds. Rows are standardised by the scaler, unless it is nil.
func NewJudge(o GridOptions, features int, scaler *linear.StandardScaler) (*Grid, error) {
	o.Refit, o.Epochs = false, 1
	g, err := makeGrid(o, features)
	if err != nil {
		return nil, err
	}
	g.judging, g.Scaler = true, scaler
	return g, nil
}

// Judges reports whether the grid is a judge of so many folds, combinations and weight vectors, of rows of so many
// features and classes.
func (g *Grid) Judges(folds, combinations, vectors, features, classes int) bool {
	s := &g.shape
	return g.judging && s.folds == folds && s.combos == combinations && s.vectors == vectors && g.features == features &&
		s.classes == classes
}

// SetFold sets a weight vector of the model of a combination without the rows of a fold.
func (g *Grid) SetFold(fold, combination, vector int, coef []float64, intercept float64) {
	s := &g.shape
	lane := (fold*s.combos+combination)*s.vectors + vector
	for j, w := range coef {
		g.sums.w[j*s.padded+lane] = w
	}
	g.sums.intercept[lane] = intercept
}

// judgeRows lets the models of each row's fold judge it.
func (p *gridPart) judgeRows(c *linear.Chunk, n int) {
	g, s := p.g, &p.g.shape
	x := linear.NewRows(c, g.Scaler, p.scratch[0])
	p.scratch[0] = x.Scratch
	for i := range n {
		place, weight := 0, 1.0
		if c.Weights != nil {
			weight = c.Weights[i]
		}
		switch {
		case s.classes == 0:
			fill(p.y, c.Target[i])
		case s.vectors == 1:
			place = int(p.places[i])
			p.y = p.signs[place]
		default:
			place = int(p.places[i])
			p.mark(place, 1, 1)
		}
		number := p.seen + int64(i)
		if c.Numbers != nil {
			number = c.Numbers[i]
		}
		fold := g.options.Split.Of(c, i, number, int32(place))
		lo, hi := s.of(fold)
		row := x.At(i)
		p.dotRow(row, p.w, lo&^(lanes.Width-1), (hi+lanes.Width-1)&^(lanes.Width-1), p.dot)
		p.judge(fold, row, place, weight, 0)
		if s.vectors > 1 {
			p.mark(place, -1, 1)
		}
	}
	p.judgeAll()
	p.seen += int64(n)
}
