package fitting

import (
	"math"

	"beamlearn/model/linear"
)

// stage is a step of a [Fit]: a learner, and what follows from what it finds. A new one is a file of its own beside
// these and a line in stages; first, or the next of another stage, leads to it.
type stage interface {
	// name stands in the state of a fit.
	name() string
	// begin makes the learner, as it is before its first pass.
	begin(f *Fit) (linear.Learner, error)
	// empty makes a learner that reads its state, of so many bytes. It takes no more memory than those are worth.
	empty(f *Fit, bytes int) (linear.Learner, error)
	// surveyed reports whether the stage goes by a survey.
	surveyed() bool
	// pass says how the rows of a pass are to be given.
	pass(f *Fit, p *Pass)
	// mostPasses is how many passes there are left at most, where that is known to be few: unless a sample has misled.
	mostPasses(f *Fit) int
	// next takes what the learner has found when it is done, and gives the stage that follows; nil where there is a model.
	next(f *Fit, learner linear.Learner) (stage, error)
}

var stages = []stage{surveyStage{}, foldsStage{}, sumsStage{}, gridStage{}, crossStage{}, cornersStage{}, newtonStage{},
	interiorStage{}, screeningStage{}, screenedStage{}, rowsStage{}, dualStage{}, weightsStage{}, sgdStage{},
	inferenceStage{}}

const (
	sumRows = 1024 // in a PartialFit of sums
	// wideRows are those of dense rows of more than MaxExactFeatures columns: no more than these need be copied, of what
	// stays in memory between passes, where a chunk ends.
	wideRows = 64
)

// sumRows is the number of rows in a PartialFit of sums. A survey does not know yet whether rows are dense; where it
// sums up moments of columns, each PartialFit takes as long as a row of all of them.
func (f *Fit) sumRows() int {
	o := &f.options
	plain := f.survey == nil && o.exact(f.features) && !o.Standardize && !o.AutoAlphas
	if f.features > MaxExactFeatures && (plain || f.survey != nil && f.survey.Squares != nil) {
		return wideRows
	}
	return sumRows
}

// done is the name of the end, where there is a model.
const done = "done"

// stageName is the name of a stage or of the end.
func stageName(s stage) string {
	if s == nil {
		return done
	}
	return s.name()
}

// onSurvey is what stages have in common that go by a survey, and make passes whose number nobody knows.
type onSurvey struct{}

func (onSurvey) surveyed() bool      { return true }
func (onSurvey) mostPasses(*Fit) int { return math.MaxInt }

// bySums is what stages have in common that sum up all rows in one pass, without a survey.
type bySums struct{}

func (bySums) surveyed() bool       { return false }
func (bySums) mostPasses(*Fit) int  { return 1 }
func (bySums) pass(_ *Fit, p *Pass) { p.Name = "summing up" }
