package linear

import (
	"fmt"

	"beamlearn/model/features"
	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/linear/targets"
	"beamlearn/model/vectors"
)

// Fit is what [Train] makes passes for: a [fitting.Fit], or one of a kind that [Register] makes known, such as
// k-means.
type Fit interface {
	model.Learner
	// Kind is that of the state.
	Kind() string
	// MarshalBinary keeps every bit of the state between passes.
	MarshalBinary() ([]byte, error)
	// Pass says how the rows of the next pass are to be given.
	Pass() fitting.Pass
	// Skip tells a part of a pass over a sample how many rows are not in it.
	Skip(part model.Partial, rows int64)
	// Passes is how many passes have been made, MostPasses how many there are left at most, where that is known: if one,
	// rows are kept for the judge alone, and read anew should there be more.
	Passes() int
	MostPasses() int
	// Reads says how the rows become numbers, for the model, once it is there.
	Reads(e *features.Encoding, zeroBased bool)
	// Domain is what values may be; nil: finite.
	Domain() vectors.Domain
	// Notes are what the passes so far have found, to be told at once.
	Notes() []string
}

// kinds read states, by their kinds.
var kinds = map[string]func(state []byte) (Fit, error){
	fitting.Kind: func(b []byte) (Fit, error) { return fitting.DecodeFit(b) },
	targets.Kind: func(b []byte) (Fit, error) { return targets.Decode(b) },
}

// Register makes a kind of fits known, in every worker: call it in an init, with what reads its states.
func Register(kind string, decode func(state []byte) (Fit, error)) {
	if kinds[kind] != nil {
		panic("linear.Register: " + kind + " twice")
	}
	kinds[kind] = decode
}

// decode reads a state of the kind that the options have.
func (o *Options) decode(state []byte) (Fit, error) {
	d := kinds[o.Kind]
	if d == nil {
		return nil, fmt.Errorf("linear: a state of unknown kind %q", o.Kind)
	}
	return d(state)
}
