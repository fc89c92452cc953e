package interior

import (
	"errors"
	"fmt"

	"beamlearn/model/internal/kernel"
	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
)

// foldOf deals rows to folds.
type foldOf struct {
	x      *CrossFit
	seen   int64
	places []int32 // of the classes of a chunk
	of     []int   // the folds of its rows
}

// deal checks the rows, and finds the places of their classes and their folds.
func (d *foldOf) deal(c *linear.Chunk) (err error) {
	x := d.x
	if d.places, err = c.Encode(&x.options, x.features, x.Scaler, d.places); err != nil {
		return err
	}
	d.of = d.of[:0]
	for i, place := range d.places {
		number := d.seen + int64(i)
		if c.Numbers != nil {
			number = c.Numbers[i]
		}
		d.of = append(d.of, x.folds.Of(c, i, number, place))
	}
	d.seen += int64(c.Len())
	return nil
}

// foldsSum is a [linear.Partial] of the first pass of a [CrossFit].
type foldsSum struct {
	foldOf
	own []foldRows
}

func newFoldsSum(x *CrossFit) *foldsSum {
	s := &foldsSum{foldOf: foldOf{x: x}, own: make([]foldRows, x.folds.K)}
	columns := 0
	if x.Scaler != nil {
		columns = x.features
	}
	for k := range s.own {
		s.own[k] = foldRows{
			Sizes: make([]float64, x.options.Classes.Len()),
			Mean:  make([]float64, columns), Var: make([]float64, columns), Size: make([]float64, columns),
		}
	}
	return s
}

// PartialFit adds rows. A faulty row leaves the sums as they were.
func (s *foldsSum) PartialFit(c *linear.Chunk) error {
	if err := s.deal(c); err != nil {
		return err
	}
	for k := range s.own {
		own, weights := &s.own[k], make([]float64, c.Len())
		for i, fold := range s.of {
			if fold != k {
				continue
			}
			if weights[i] = 1; c.Weights != nil {
				weights[i] = c.Weights[i]
			}
			if own.Weight += weights[i]; len(own.Sizes) > 0 {
				own.Sizes[s.places[i]] += weights[i]
			}
		}
		if s.x.Scaler != nil {
			own.moments().Merge(linear.Moments(c, weights))
		}
	}
	return nil
}

// Merge adds the sums of the next part.
func (s *foldsSum) Merge(next linear.Partial) error {
	n, ok := next.(*foldsSum)
	if !ok || len(n.own) != len(s.own) {
		return errOtherSum
	}
	for k := range s.own {
		own, more := &s.own[k], &n.own[k]
		own.Weight += more.Weight
		kernel.Add(1, more.Sizes, own.Sizes)
		own.moments().Merge(more.moments())
	}
	return nil
}

// MarshalBinary writes the sums.
func (s *foldsSum) MarshalBinary() ([]byte, error) { return wire.Encode(s.fields) }

// UnmarshalBinary reads what MarshalBinary writes in the same pass of the same learner. After an error the sums are of
// no use.
func (s *foldsSum) UnmarshalBinary(b []byte) error {
	if err := wire.Decode(b, s.fields); err != nil {
		return fmt.Errorf("linear.CrossFit: the bytes are no sums of this pass: %w", err)
	}
	return nil
}

func (s *foldsSum) fields(c *wire.Codec) {
	for k := range s.own {
		r := &s.own[k]
		c.Float(&r.Weight)
		c.Finite(r.Sizes, r.Mean, r.Var, r.Size)
	}
}

// crossSum is a [linear.Partial] of the passes of a [CrossFit] that fit.
type crossSum struct {
	foldOf
	pass   int
	sums   [][]*passSum // by fold, and last of all rows: of each alpha, nil where that is done
	blocks []*block     // likewise
	rows   []int32
}

func newCrossSum(x *CrossFit) *crossSum {
	s := &crossSum{foldOf: foldOf{x: x}, pass: x.passes, blocks: make([]*block, x.folds.K+1)}
	for k := range x.folds.K + 1 {
		var sums []*passSum
		for a := x.from; a < x.to; a++ {
			var sum *passSum
			if o := x.fits[a][k]; !o.Done() {
				sum = o.Partial(0, 1).(*passSum)
			}
			sums = append(sums, sum)
		}
		s.sums = append(s.sums, sums)
	}
	return s
}

// PartialFit adds rows, to each fold's fits those of the others. A faulty row leaves the sums as they were.
func (s *crossSum) PartialFit(c *linear.Chunk) error {
	if err := s.deal(c); err != nil {
		return err
	}
	for k, sums := range s.sums {
		s.rows = s.rows[:0]
		weight := 0.0
		for i, fold := range s.of {
			if fold == k {
				continue
			}
			s.rows = append(s.rows, int32(i))
			if c.Weights != nil {
				weight += c.Weights[i]
			}
		}
		if c.Weights == nil {
			weight = float64(len(s.rows))
		}
		if len(s.rows) == 0 {
			continue
		}
		var open []*passSum
		for _, sum := range sums {
			if sum == nil {
				continue
			}
			if err := sum.weigh(); err != nil {
				return err
			}
			sum.rows += int64(len(s.rows))
			sum.weight += weight
			open = append(open, sum)
		}
		if len(open) > 0 {
			s.add(k, open, c)
		}
	}
	return nil
}

// add adds the rows to the sums of all alphas of a fold.
func (s *crossSum) add(k int, sums []*passSum, c *linear.Chunk) {
	row := func(at int) int { return int(s.rows[at]) }
	if sparse(c) {
		for _, sum := range sums {
			sum.addRows(c, s.places, len(s.rows), row)
		}
		return
	}
	if s.blocks[k] == nil {
		s.blocks[k] = sums[0].learner.newBlock()
	}
	for at := 0; at < len(s.rows); {
		var m int
		m, at = s.blocks[k].Pack(c, s.places, at, len(s.rows), row, s.x.options.Task)
		for _, sum := range sums {
			sum.addBlock(s.blocks[k], m)
		}
	}
}

// Merge adds the sums of the next part.
func (s *crossSum) Merge(next linear.Partial) error {
	n, ok := next.(*crossSum)
	if !ok || n.pass != s.pass || len(n.sums) != len(s.sums) {
		return errors.New("linear.CrossFit: cannot add what another learner or pass has summed up")
	}
	for k, sums := range s.sums {
		for a, sum := range sums {
			if sum == nil {
				continue
			}
			if err := sum.Merge(n.sums[k][a]); err != nil {
				return err
			}
		}
	}
	return nil
}

// MarshalBinary writes the sums.
func (s *crossSum) MarshalBinary() ([]byte, error) { return wire.Encode(s.fields) }

// UnmarshalBinary reads what MarshalBinary writes in the same pass of the same learner. After an error the sums are of
// no use.
func (s *crossSum) UnmarshalBinary(b []byte) error {
	if err := wire.Decode(b, s.fields); err != nil {
		return fmt.Errorf("linear.CrossFit: the bytes are no sums of this pass: %w", err)
	}
	return nil
}

func (s *crossSum) fields(c *wire.Codec) {
	c.Pass(s.pass)
	for _, sums := range s.sums {
		for _, sum := range sums {
			if sum != nil {
				sum.fields(c)
			}
		}
	}
}
