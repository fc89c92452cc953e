package knn

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/linear"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/vote"
	"beamlearn/model/results"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/jsoncoder"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/progress"
)

func init() {
	registry.DoFns(&answerFn{})
	registry.Element(encodeKeptList, decodeKeptList)
}

// Answer asks for predictions in the place of neighbours: the targets of a query's neighbours answer it.
type Answer struct {
	Task linear.Task
	// Targets are what is known of the points. Required.
	Targets TargetsFile
	// Vote says how neighbours vote.
	Vote vote.Options
	// Ks are the numbers of neighbours to compare. Where there are several, or Score is set, every point is predicted
	// by the others, and the predictions are scored. With several, nothing is written but the neighbours of every
	// point, for [AnswerKept]. Default: Options.K alone, or all within the radius.
	Ks []int
	// Proba adds a column for the probability of each class.
	Proba bool
	// Source names the points, for a query that cannot be answered.
	Source string
}

// Validate reports every fault of the options at once.
func (a *Answer) Validate(o *Options) error {
	var errs []error
	if a.Task != linear.Classification && a.Task != linear.Regression {
		errs = append(errs, fmt.Errorf("task %q: must be classification or regression", a.Task))
	}
	if a.Vote.Weights != "" && !slices.Contains(vote.AllWeights, a.Vote.Weights) {
		errs = append(errs, fmt.Errorf("weights %q: must be uniform or distance", a.Vote.Weights))
	}
	if a.Vote.Weights == vote.Distance && o.Neighbors.Metric == neighbors.InnerProduct {
		errs = append(errs, errors.New("weights distance: inner_product has distances below 0, which weigh nothing"))
	}
	if a.Proba && a.Task == linear.Regression {
		errs = append(errs, errors.New("proba: only classification has probabilities"))
	}
	if a.Vote.Outlier != "" && !o.mayLack() {
		errs = append(errs, errors.New(
			"outlier label: only within a radius, or where it may not have all points, has a query no "+
				"neighbour"))
	}
	if len(a.Ks) > 0 && o.Radius != nil {
		errs = append(errs, errors.New("several k to compare, and a radius, exclude each other"))
	}
	return errors.Join(errs...)
}

// compares reports whether several k are compared.
func (a *Answer) compares() bool { return a != nil && len(a.Ks) > 1 }

// ks are the numbers of neighbours that answer.
func (o *Options) ks() []int {
	if len(o.Answer.Ks) > 0 {
		return o.Answer.Ks
	}
	return []int{o.K}
}

// layout is the columns of predictions.
func (a *Answer) layout() results.Layout {
	prediction, classes := results.Column{Name: "prediction", Type: results.Float}, &a.Targets.Classes
	fractional := func(v float64) bool { return v != math.Trunc(v) || math.Abs(v) > 1<<53 }
	switch {
	case len(classes.Texts) > 0:
		prediction.Type, prediction.Texts = results.Text, classes.Texts
		if i, err := vote.OutlierClass(classes, a.Vote.Outlier); err == nil && int(i) == classes.Len() && !a.plainOutlier() {
			prediction.Texts = append(slices.Clone(classes.Texts), a.Vote.Outlier)
		}
	case a.Task == linear.Classification && !slices.ContainsFunc(classes.Numbers, fractional):
		prediction.Type = results.Int
	}
	columns := []results.Column{prediction}
	if a.Proba {
		for i := range classes.Len() {
			columns = append(columns, results.Column{Name: "proba_" + classes.Label(i), Type: results.Float})
		}
	}
	return results.Layout{Columns: columns}
}

// plainOutlier reports whether the answer to a query without a neighbour is none of its own.
func (a *Answer) plainOutlier() bool {
	return a.Vote.Outlier == "" || a.Vote.Outlier == vote.MostFrequent
}

// label is what stands in the output for a prediction.
func (a *Answer) label(p float64) float64 {
	classes := &a.Targets.Classes
	if a.Task == linear.Regression || len(classes.Texts) > 0 {
		return p
	}
	if int(p) < classes.Len() {
		return classes.Numbers[int(p)]
	}
	v, _ := linear.LabelNumber(a.Vote.Outlier) // which Outlier has checked
	return v
}

// voters answers the queries of a task. Those of a block share the cores.
type voters struct {
	options *Options
	targets *vote.Targets
	scores  *vote.Scores // nil where nothing is scored
	kept    int          // lists of neighbours that were written
	file    string       // of the queries, for faults
	first   int64        // what a row number is less than by its place in the file
}

// newVoters is for the queries of the task. Where these are points, their own targets judge the predictions.
func (t *task) newVoters(ctx context.Context) (*voters, error) {
	known, err := t.options.known(ctx)
	if err != nil {
		return nil, err
	}
	v := &voters{options: t.options, targets: known, file: t.options.Answer.Source}
	if c := t.chunk; c != nil {
		v.file, v.first = c.Info.Name, c.First-c.Span.First
	}
	if t.self {
		v.scores = vote.NewScores(known.Task, t.options.ks())
		t.report.Scores = v.scores
	}
	return v, nil
}

// voted are the answers to a block of queries.
type voted struct {
	values []float64 // queries × columns of the output, by the last of the ks
	each   []float64 // queries × ks
	probas []float64 // queries × ks × classes, of a classification that is scored
}

// minVotes is how many neighbours are worth a goroutine.
const minVotes = 1 << 12

// vote answers a block of queries. number is the row number of the neighbour at a position.
func (v *voters) vote(q *vectors.Block, found *neighbors.Neighbors, number func(int32) int64) (*voted, error) {
	n, ks, width := q.Len(), v.options.ks(), len(v.options.Answer.layout().Columns)
	out := &voted{values: make([]float64, n*width), each: make([]float64, n*len(ks))}
	if v.scores != nil && v.targets.Task == linear.Classification {
		out.probas = make([]float64, n*len(ks)*v.targets.Classes.Len())
	}
	threads := neighbors.Search{Threads: v.options.Threads}.NumThreads()
	pieces := max(1, min(threads, len(found.Distances)/minVotes))
	errs := make([]error, pieces)
	var wg sync.WaitGroup
	for piece := range pieces {
		wg.Go(func() {
			errs[piece] = v.some(out, q, found, number, n*piece/pieces, n*(piece+1)/pieces)
		})
	}
	wg.Wait()
	for _, err := range errs { // the first, of the first query
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// some answers the queries from lo to hi.
func (v *voters) some(
	out *voted, q *vectors.Block, found *neighbors.Neighbors, number func(int32) int64, lo, hi int,
) error {
	a := v.options.Answer
	voter, err := vote.NewVoter(v.targets, a.Vote)
	if err != nil {
		return err
	}
	ks, classes := v.options.ks(), v.targets.Classes.Len()
	width, ask := len(a.layout().Columns), voter.Ask
	if v.options.Radius != nil && v.options.K == 0 {
		ask = voter.AskAll
	}
	for i := lo; i < hi; i++ {
		positions, distances := found.Of(i)
		if err := ask(func(j int) int64 { return number(positions[j]) }, distances); err != nil {
			return err
		}
		row := out.values[i*width : (i+1)*width]
		for at, k := range ks {
			if k == 0 {
				k = len(distances)
			}
			proba := row[1:] // nothing, where no probabilities are asked for
			if out.probas != nil {
				from := (i*len(ks) + at) * classes
				proba = out.probas[from : from+classes]
			}
			p, err := voter.Vote(k, proba)
			if errors.Is(err, vote.ErrNoNeighbor) {
				where, advice := v.options.restriction(), "an --outlier_label"
				if v.options.Radius != nil {
					where, advice = " within the radius", "a larger --radius, or an --outlier_label"
				}
				return &fault.Fault{File: v.file, Row: q.Numbers[i] - v.first, Found: "no neighbour" + where,
					Expected: advice}
			} else if err != nil {
				return err
			}
			out.each[i*len(ks)+at], row[0] = p, a.label(p)
			copy(row[1:], proba)
		}
	}
	return nil
}

// judge scores the answers to points.
func (v *voters) judge(out *voted, q *vectors.Block, found *neighbors.Neighbors, at labels) {
	ks, classes := v.options.ks(), v.targets.Classes.Len()
	judged := vote.Judged{Probas: make([][]float64, len(ks))}
	for i := range q.Len() {
		judged.Number = q.Numbers[i]
		judged.Target = v.targets.Of(judged.Number)
		judged.Predicted = out.each[i*len(ks) : (i+1)*len(ks)]
		if out.probas != nil {
			for k := range ks {
				from := (i*len(ks) + k) * classes
				judged.Probas[k] = out.probas[from : from+classes]
			}
		}
		judged.Show = func(m *vote.Mistake) {
			positions, distances := found.Of(i)
			m.ID = q.ID(i).String()
			for j, p := range positions[:min(len(positions), vote.Nearby)] {
				m.Neighbors = append(m.Neighbors, at.id(p).String())
				m.Distances = append(m.Distances, distances[j])
				m.Known = append(m.Known, v.targets.Of(at.number(p)))
			}
		}
		v.scores.Add(&judged)
	}
}

// predict writes what the neighbours of a block of queries say of them, or keeps the neighbours where several k are
// compared.
func (t *task) predict(q *vectors.Block, found *neighbors.Neighbors, at labels) error {
	if t.voters == nil {
		v, err := t.newVoters(t.ctx)
		if err != nil {
			return err
		}
		t.voters = v
	}
	v := t.voters
	// Where all points are answered at once, their probabilities may take more than the points.
	step := max(votedNumbers/(len(t.options.ks())*(1+v.targets.Classes.Len())), 1)
	for lo := 0; lo < q.Len(); lo += step {
		hi := min(lo+step, q.Len())
		some := &neighbors.Neighbors{
			Offsets: found.Offsets[lo : hi+1], Positions: found.Positions, Distances: found.Distances,
		}
		named := &vectors.Block{Numbers: q.Numbers[lo:hi]} // the values are not always there
		if q.IDs.Len() > 0 {
			named.IDs = q.IDs.Slice(lo, hi)
		}
		if err := t.predictSome(named, some, at); err != nil {
			return err
		}
	}
	if t.options.Answer.compares() {
		return t.keep(q, found, at.number)
	}
	return nil
}

// votedNumbers is about how many predictions and probabilities are in memory at a time.
const votedNumbers = 1 << 23

func (t *task) predictSome(q *vectors.Block, found *neighbors.Neighbors, at labels) error {
	v := t.voters
	out, err := v.vote(q, found, at.number)
	if err != nil {
		return err
	}
	if v.scores != nil {
		v.judge(out, q, found, at)
	}
	if t.options.Answer.compares() {
		return nil
	}
	return t.out.Write(q.Numbers, func(p results.PartWriter, from, to int) error {
		return p.WriteTable(&results.Table{ID: q.ID, Values: out.values, From: from, To: to, Threads: t.options.Threads})
	})
}

// keptList names a file with the neighbours of some points.
type keptList struct {
	Order, Number int64 // of the task, and of the list among those of the task
	Total         int64 // rows of the queries' dataset
	Place         int64 // of the list among all
}

func encodeKeptList(l keptList) ([]byte, error) { return json.Marshal(l) }
func decodeKeptList(b []byte) (keptList, error) { return jsoncoder.Decode[keptList](b) }

func (l *keptList) name() string { return fmt.Sprintf("kept-%08d-%05d", l.Order, l.Number) }

// numbered is the answers to a block of queries, by row numbers.
func numbered(q *vectors.Block, found *neighbors.Neighbors, number func(int32) int64) *neighbors.Answers {
	a := &neighbors.Answers{
		Numbers: q.Numbers, IDs: q.IDs, Offsets: found.Offsets, Distances: found.Distances,
		Neighbors: make([]int64, len(found.Positions)),
	}
	for j, p := range found.Positions {
		a.Neighbors[j] = number(p)
	}
	return a
}

// keep writes the neighbours of a block of queries into a file of their own, by row numbers.
func (t *task) keep(q *vectors.Block, found *neighbors.Neighbors, number func(int32) int64) error {
	a := numbered(q, found, number)
	l := keptList{Order: t.ordinal, Number: int64(t.voters.kept), Total: t.total}
	t.voters.kept++
	_, err := t.out.WriteData(l.name(), func(w io.Writer) error {
		_, err := a.WriteTo(w)
		return err
	})
	t.report.Kept = append(t.report.Kept, l)
	return err
}

// AnswerKept adds a job to a pipeline that answers every point by the first K of the neighbours that another run, which
// has compared several k, has kept; report is that run's. Call it before that run is cleaned. A worker needs memory for
// a list of neighbours.
func AnswerKept(s beam.Scope, j *Job, compared *Options, report *Report) error {
	j.Options.EnsureDefaults()
	if err := j.Options.Validate(); err != nil {
		return fmt.Errorf("knn.AnswerKept: %w", err)
	}
	output.Begin(j.Options.RunID)
	s = s.Scope("knn.AnswerKept")
	lists := slices.Clone(report.Kept)
	for i := range lists {
		lists[i].Place = int64(i)
	}
	fn := &answerFn{Options: j.Options, Dir: compared.output().Staging()}
	parts := beam.ParDo(s, fn, beam.Reshuffle(s, beam.CreateList(s, lists)))
	output.Publish(s, parts, *j.Options.output())
	return nil
}

// answerFn answers by neighbours that were kept.
type answerFn struct {
	Options Options
	Dir     string // of the lists
}

func (f *answerFn) ProcessElement(ctx context.Context, l keptList, emit func(output.Part)) error {
	t := task{options: &f.Options, ordinal: l.Place, total: l.Total}
	return t.write(ctx, emit, func(ctx context.Context) error {
		start := time.Now()
		b, err := files.ReadFile(ctx, files.Join(f.Dir, l.name()))
		if err != nil {
			return err
		}
		a, err := neighbors.ReadAnswers(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return fmt.Errorf("%s: %w", l.name(), err)
		}
		found, q := a.Found(), &vectors.Block{Numbers: a.Numbers, IDs: a.IDs}
		progress.Of(f.Options.RunID).Add(int64(q.Len()))
		if err := t.predict(q, found, labelsOf(a)); err != nil {
			return err
		}
		t.report.Queries += int64(q.Len())
		t.report.Write += time.Since(start).Seconds()
		return nil
	})
}

// PublishRejected puts the list of the rows that a run has left out that compared several k beside the output, where it
// replaces any other: nothing else of that run is written there.
func PublishRejected(ctx context.Context, compared *Options, report *Report) error {
	if report.Rejected == 0 || files.IsStream(compared.Output) {
		return nil
	}
	rejected, err := files.Stat(ctx, files.Join(compared.output().Staging(), "rejected"))
	if err != nil {
		return err
	}
	to := RejectedPath(compared.Output)
	report.RejectedFiles = []string{to}
	return files.Publish(ctx, compared.Output, []files.Move{{From: rejected, To: to}})
}
