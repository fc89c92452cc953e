package targets

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	"beamlearn/model/internal/jsontext"
	"beamlearn/model/internal/wire"
	"beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/vectors"
)

// Fit learns a model for each of several targets, a [linear.Learner] of chunks with Targets: the passes that a
// [fitting.Fit] of each asks for, those of the same kind in one read. What the sums of least squares have of the
// features is summed up once for all targets. Each model has the bits that it has when it is learned alone.
type Fit struct {
	targets  []string
	fits     []*fitting.Fit
	features int
	passes   int
}

// NewFit makes a fit for rows of so many columns, with these names or none, and of these targets. Each goes on from its
// part of warm, where that is not nil: o has no WarmStart.
func NewFit(o fitting.FitOptions, warm *Model, features int, names, targets []string) (*Fit, error) {
	f := &Fit{targets: slices.Clone(targets), features: features}
	if len(targets) == 0 {
		return nil, errors.New("targets: there must be at least one")
	}
	if warm != nil && !slices.Equal(warm.Targets, targets) {
		return nil, fmt.Errorf("the model of warm_start has the targets %s, the rows have %s", linear.Join(warm.Targets),
			linear.Join(targets))
	}
	for k, name := range targets {
		if slices.Contains(targets[:k], name) {
			return nil, fmt.Errorf("targets: %s twice", fault.Quote(name))
		}
		own := o
		if warm != nil {
			own.WarmStart = warm.Models[k]
		}
		one, err := fitting.NewFit(own, features, names)
		if err != nil {
			return nil, err
		}
		f.fits = append(f.fits, one)
	}
	return f, nil
}

// Targets are the names.
func (f *Fit) Targets() []string { return f.targets }

// Of is the fit of target k.
func (f *Fit) Of(k int) *fitting.Fit { return f.fits[k] }

// Kind is that of the states of a [Fit], among those of other learners.
const Kind = "targets"

// Kind is that of the state.
func (f *Fit) Kind() string { return Kind }

// turn is the fits whose next pass can be made in one, and that pass: those that see the rows as the first does that is
// not done.
func (f *Fit) turn() (which []int, pass fitting.Pass) {
	var same fitting.Pass
	for k, one := range f.fits {
		if one.Done() {
			continue
		}
		p := one.Pass()
		seen := p
		if seen.Name = ""; !p.Shuffle && !p.Sample { // the number tells the order, and nothing else
			seen.Number = 0
		}
		if which == nil {
			same, pass = seen, p
		}
		if seen == same {
			which = append(which, k)
		}
	}
	return which, pass
}

// Pass says how the rows of the next pass are to be given.
func (f *Fit) Pass() fitting.Pass {
	_, pass := f.turn()
	return pass
}

// Partial begins a part.
func (f *Fit) Partial(part, parts int) linear.Partial {
	which, _ := f.turn()
	p := &partial{fit: f, which: which}
	if len(which) == len(f.fits) && len(which) > 1 {
		if p.shared = f.fits[0].Several(len(f.fits)); p.shared != nil {
			return p
		}
	}
	for _, k := range which {
		p.each = append(p.each, f.fits[k].Partial(part, parts))
	}
	return p
}

// Skip tells a part of a pass over a sample how many rows are not in it.
func (f *Fit) Skip(part linear.Partial, rows int64) {
	p := part.(*partial)
	for i, k := range p.which {
		if p.shared == nil {
			f.fits[k].Skip(p.each[i], rows)
		}
	}
}

// Advance ends the pass for those that have made it.
func (f *Fit) Advance(sum linear.Partial) error {
	p, ok := sum.(*partial)
	if !ok || p.fit != f {
		return errors.New("targets.Fit: the sum is that of another learner")
	}
	for i, k := range p.which {
		one := p.shared
		if one != nil {
			one = fitting.TargetOf(p.shared, k)
		} else {
			one = p.each[i]
		}
		if err := f.fits[k].Advance(one); err != nil {
			return of(f.targets[k], err)
		}
	}
	f.passes++
	return nil
}

// Done reports whether all models are learned.
func (f *Fit) Done() bool {
	return !slices.ContainsFunc(f.fits, func(one *fitting.Fit) bool { return !one.Done() })
}

// Passes is how many passes have been made.
func (f *Fit) Passes() int { return f.passes }

// MostPasses is how many passes there are left at most, where that is known to be few.
func (f *Fit) MostPasses() int {
	most := 0
	for _, one := range f.fits {
		most = max(most, one.MostPasses())
	}
	return most
}

// Reads says how the rows became numbers, for the models, which must be there.
func (f *Fit) Reads(e *features.Encoding, zeroBased bool) {
	for _, one := range f.fits {
		one.Reads(e, zeroBased)
	}
}

// Domain is what exposures and targets must be for the loss: see [linear.Options.Domain].
func (f *Fit) Domain() vectors.Domain { return f.fits[0].Domain() }

// Notes are what is to be told as soon as it is known.
func (f *Fit) Notes() []string { return f.each((*fitting.Fit).Notes) }

// Warnings says what a user should know of the rows and the options, a line each, as far as it is known by now.
func (f *Fit) Warnings() []string { return f.each((*fitting.Fit).Warnings) }

// each is the lines of all fits: those that all have once, and others with the name of their target.
func (f *Fit) each(lines func(*fitting.Fit) []string) (all []string) {
	own := make([][]string, len(f.fits))
	for k, one := range f.fits {
		own[k] = lines(one)
	}
	common := func(line string) bool {
		return !slices.ContainsFunc(own, func(lines []string) bool { return !slices.Contains(lines, line) })
	}
	for k := range own {
		for _, line := range own[k] {
			switch {
			case !common(line):
				all = append(all, "target "+fault.Plain(f.targets[k])+": "+line)
			case k == 0:
				all = append(all, line)
			}
		}
	}
	return all
}

// Model is the models, when all are learned.
func (f *Fit) Model() *Model {
	m := &Model{Targets: f.targets}
	for _, one := range f.fits {
		m.Models = append(m.Models, one.Model())
	}
	return m
}

// state is the fields of a Fit.
func (f *Fit) state(fits *[]json.RawMessage) jsontext.Object {
	return jsontext.Object{{Name: "targets", Value: &f.targets}, {Name: "features", Value: &f.features},
		{Name: "passes", Value: &f.passes}, {Name: "fits", Value: fits}}
}

// MarshalBinary writes the fit as it stands, bit by bit.
func (f *Fit) MarshalBinary() ([]byte, error) {
	var fits []json.RawMessage
	for _, one := range f.fits {
		b, err := fitting.EncodeFit(one)
		if err != nil {
			return nil, err
		}
		fits = append(fits, b)
	}
	return f.state(&fits).MarshalJSON()
}

// Decode reads what MarshalBinary writes. It takes memory in proportion to the text.
func Decode(b []byte) (*Fit, error) {
	var fits []json.RawMessage
	f := &Fit{}
	if err := f.state(&fits).UnmarshalJSON(b); err != nil {
		return nil, fmt.Errorf("no state of a fit of several targets: %s", fault.JSON(b, err))
	}
	if len(fits) == 0 || len(fits) != len(f.targets) || f.features < 1 || f.passes < 0 {
		return nil, fmt.Errorf("no state of a fit of several targets: %d fits of %d targets", len(fits), len(f.targets))
	}
	for k, text := range fits {
		one, err := fitting.DecodeFit(text)
		if err != nil {
			return nil, of(f.targets[k], err)
		}
		f.fits = append(f.fits, one)
	}
	return f, nil
}

// of is an error of a target.
func of(target string, err error) error {
	var at *fault.Fault
	if errors.As(err, &at) && at.Column == "" {
		found := *at
		found.Column = target
		return &found
	}
	return fmt.Errorf("target %s: %w", fault.Plain(target), err)
}

// partial is a part of a pass: of the sums that all targets share, or of each target whose turn it is.
type partial struct {
	fit    *Fit
	which  []int // the fits
	shared linear.Partial
	each   []linear.Partial // nil where there are shared ones
}

// PartialFit adds the rows of a chunk.
func (p *partial) PartialFit(c *linear.Chunk) error {
	if len(c.Targets) != len(p.fit.fits) {
		return fmt.Errorf("targets.Fit: rows of %d targets: must be of %d", len(c.Targets), len(p.fit.fits))
	}
	if p.shared != nil {
		return p.shared.PartialFit(c)
	}
	if err := c.CheckRows(p.fit.features); err != nil { // which is of no target
		return err
	}
	for i, k := range p.which {
		if err := p.each[i].PartialFit(c.OfTarget(k)); err != nil {
			return of(p.fit.targets[k], err)
		}
	}
	return nil
}

// Merge adds what comes after.
func (p *partial) Merge(next linear.Partial) error {
	q, ok := next.(*partial)
	if !ok || !slices.Equal(q.which, p.which) || (q.shared == nil) != (p.shared == nil) {
		return errors.New("targets.Fit: a part of another pass")
	}
	if p.shared != nil {
		return p.shared.Merge(q.shared)
	}
	for i, k := range p.which {
		if err := p.each[i].Merge(q.each[i]); err != nil {
			return of(p.fit.targets[k], err)
		}
	}
	return nil
}

// MarshalBinary keeps every bit.
func (p *partial) MarshalBinary() ([]byte, error) { return wire.Encode(p.fields) }

// UnmarshalBinary reads what MarshalBinary writes for the same pass.
func (p *partial) UnmarshalBinary(b []byte) error { return wire.Decode(b, p.fields) }

func (p *partial) fields(c *wire.Codec) {
	if p.shared != nil {
		c.Binary(p.shared)
	}
	for _, one := range p.each {
		c.Binary(one)
	}
}
