package linear

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"sort"
	"strconv"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	model "beamlearn/model/linear"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/output"
	"beamlearn/transforms/vectorio"
)

// PredictReport says what was predicted, and how well.
type PredictReport struct {
	Task          model.Task            `json:"task"`
	Rows          int64                 `json:"rows"`
	Rejected      int64                 `json:"rejected_rows"`
	Features      int                   `json:"features"`
	Read          float64               `json:"read_s"` // seconds, added up over the chunks, as the next two
	Predict       float64               `json:"predict_s"`
	Write         float64               `json:"write_s"`
	Assemble      float64               `json:"assemble_s"`
	Regression    *RegressionScores     `json:"regression,omitempty"`
	Classes       *ClassificationScores `json:"classification,omitempty"`
	Targets       []TargetScores        `json:"targets,omitempty"` // instead of these two, where there are several
	OutputFiles   []string              `json:"output_files,omitempty"`
	RejectedFiles []string              `json:"rejected_files,omitempty"`
	// NoTarget is how many rows of tables have no target to be compared with, but a prediction.
	NoTarget int64 `json:"rows_without_target,omitempty"`
	// UnseenCells are cells of which the model has learned nothing.
	features.UnseenCells
}

// RegressionScores judge predictions of numbers, by the weights of the rows.
type RegressionScores struct {
	R2  float64 `json:"r2"`
	MSE float64 `json:"mse"`
	MAE float64 `json:"mae"`
	// Of the losses of generalised linear models: the share of the deviance that is explained, the mean deviance, and
	// that of a constant prediction, the mean.
	D2               *float64 `json:"d2,omitempty"`
	Deviance         *float64 `json:"deviance,omitempty"`
	ConstantDeviance *float64 `json:"constant_deviance,omitempty"`
	// Of the loss quantile: the mean pinball loss, and the share of the targets that are at most their predictions.
	Pinball  *float64 `json:"mean_pinball_loss,omitempty"`
	Coverage *float64 `json:"coverage,omitempty"`
}

// ClassificationScores judge predictions of classes, by the weights of the rows. A score that there is not is nil.
type ClassificationScores struct {
	Accuracy float64  `json:"accuracy"`
	LogLoss  *float64 `json:"log_loss"` // for models with probabilities
	// F1 is that of the larger of two classes, and the mean of all of more than two.
	F1        float64 `json:"f1"`
	F1Average string  `json:"f1_average"` // binary or macro
	// AUC is the area under the ROC curve, for two classes that are both there; it is exact up to MaxAUCRows rows, and
	// comes from a sketch beyond, which is at most AUCError off. Of more classes, up to 100, it is the mean over those
	// that some of the rows are of, and others not, each against the rest, as roc_auc_score(multi_class="ovr") has it:
	// by the probabilities or, where there are none, the decision values, from sketches.
	AUC      *float64 `json:"auc"`
	AUCError float64  `json:"auc_error,omitempty"`
	// AUCOf is that of each of more than two classes, null where there is none.
	AUCOf []*float64 `json:"auc_of,omitempty"`
	// Labels are the classes in the order of the rows and columns of Confusion, which has in row i and column j the weight
	// of the rows of class i that were taken for class j.
	Labels    model.Classes `json:"classes"`
	Confusion [][]float64   `json:"confusion_matrix"`
}

// MaxAUCRows is the largest number of rows whose AUC is computed exactly, of all scores at once: 25 bytes a row, and
// the time to sort them.
const MaxAUCRows = 10_000_000

// evaluation compares the predictions for a chunk with its targets.
type evaluation struct {
	model   *model.Model
	reading *vectorio.Options
	chunk   vectorio.Chunk
	scored  bool // the scores are kept, for the AUC
	target  int  // of several, and its name
	name    string

	regression     *model.RegressionSums
	classification *model.ClassificationSums // nil of a regression
	classes        classIndex
	places         []int32
	scores         []byte // a record for each row
}

// maxSketches is up to how many classes there are AUCs: a sketch takes 160 kB.
const maxSketches = 100

// sketch adds the scores of a row for each class.
func (e *evaluation) sketch(p *predictor, i, class int, weight float64) error {
	n := e.classification.AUCs()
	for k := range n {
		score := 0.0
		if p.model.HasProba() {
			score = model.LogOdds(p.probas[i*n:(i+1)*n], k) // in the order of the probabilities, and told apart near 0 and 1
		} else {
			score = p.decided[i*n+k]
		}
		if score != score {
			return model.ErrTooLarge
		}
		e.classification.AddScore(k, k == class, score, weight)
	}
	return nil
}

// aucs are those of several classes by their sketches, their mean, and the most by which that can be off; nil without
// any.
func aucs(of *model.ClassificationSums) (mean *float64, bound float64, each []*float64) {
	sum, n := 0.0, 0.0
	for k := range of.AUCs() {
		auc, off := of.Sketch(k).AUC()
		if auc != auc {
			each = append(each, nil)
			continue
		}
		each = append(each, &auc)
		sum, bound, n = sum+auc, bound+off, n+1
	}
	if n == 0 {
		return nil, 0, nil
	}
	sum /= n
	return &sum, bound / n, each
}

// A record is the decision value and the weight of a row, float64, and 1 where it is of the positive class, else 0.
const recordSize = 17

func appendScore(b []byte, score, weight float64, positive byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(score))
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(weight))
	return append(b, positive)
}

func newEvaluation(m *model.Model, reading *vectorio.Options, c vectorio.Chunk) *evaluation {
	e := &evaluation{model: m, reading: reading, chunk: c}
	if e.regression, e.classification = newSums(m); e.classification != nil {
		e.classes = newClassIndex(&m.Classes)
		e.scored = m.Classes.Len() == 2
	}
	return e
}

// newSums are what judges a model, that of its task; the other is nil.
func newSums(m *model.Model) (*model.RegressionSums, *model.ClassificationSums) {
	if m.Task != model.Classification {
		return &model.RegressionSums{}, nil
	}
	n := m.Classes.Len()
	if n > 2 && n <= maxSketches {
		return nil, model.NewClassificationSums(n, n)
	}
	return nil, model.NewClassificationSums(n, 0)
}

// add evaluates a block that p has predicted; a row without a target is passed over. A row whose label is none of the
// model's classes is a fault. Where faulty rows are to be skipped, it is added to rejected, in its place.
func (e *evaluation) add(p *predictor, rows *vectors.Block, rejected *[]*fault.Fault) error {
	n := rows.Len()
	weight := func(i int) float64 {
		if len(rows.Weights) > 0 {
			return rows.Weights[i]
		}
		return 1
	}
	if len(rows.Target)+len(rows.Labels) == 0 {
		return fault.File(e.chunk.Info.Name, "targets, to compare the predictions with", "none")
	}
	if e.classification == nil {
		if len(rows.Target) != n {
			return fmt.Errorf("linear.Predict: %d targets for %d rows", len(rows.Target), n)
		}
		of, deviance := e.model.Options.Deviance()
		_, quantile := e.model.Options.IsQuantile()
		exposures, err := e.model.Options.Exposures(model.Of(rows), nil)
		if err != nil {
			return err
		}
		for i, y := range rows.Target {
			if y != y {
				continue
			}
			if !deviance {
				e.regression.Add(y, p.predicted[i], weight(i))
				if quantile {
					e.regression.AddQuantile(y, p.predicted[i], weight(i))
				}
				continue
			}
			rate, w := y/exposures[i], weight(i)*of.Share(exposures[i])
			e.regression.Add(rate, p.predicted[i]/exposures[i], w)
			e.regression.AddDeviance(of, rate, p.decided[i], w)
		}
		return nil
	}
	bad, err := e.encode(rows)
	if err != nil {
		return err
	}
	if len(bad) > 0 {
		if !e.reading.SkipFaults {
			return bad[0]
		}
		*rejected = append(*rejected, bad...)
		sort.SliceStable(*rejected, func(i, j int) bool { return (*rejected)[i].Number < (*rejected)[j].Number })
	}
	classes := e.model.Classes.Len()
	for i, class := range e.places[:n] {
		if class < 0 {
			continue
		}
		var proba []float64
		if p.model.HasProba() {
			proba = p.probas[i*classes : (i+1)*classes]
		}
		e.classification.Add(int(class), int(p.predicted[i]), proba, weight(i))
		if err := e.sketch(p, i, int(class), weight(i)); err != nil {
			return err
		}
		if e.scored {
			if v := p.decided[i]; v != v {
				return model.ErrTooLarge
			}
			e.scores = appendScore(e.scores, p.decided[i], weight(i), byte(class))
		}
	}
	return nil
}

// encode finds the class of each row, −1 where it has no label, or the model none of that label; bad are the faults
// of the latter.
func (e *evaluation) encode(rows *vectors.Block) (bad []*fault.Fault, err error) {
	n := rows.Len()
	if len(rows.Labels)+len(rows.Target) != n {
		return nil, fmt.Errorf("linear.Predict: %d targets for %d rows", len(rows.Labels)+len(rows.Target), n)
	}
	if cap(e.places) < n {
		e.places = make([]int32, n)
	}
	e.places = e.places[:n]
	for i := range e.places {
		var label string
		if len(rows.Labels) > 0 {
			label = rows.Labels[i]
			e.places[i] = e.classes.ofText(label)
		} else {
			e.places[i] = e.classes.ofNumber(rows.Target[i])
		}
		if e.places[i] >= 0 {
			continue
		}
		if len(rows.Labels) == 0 {
			label = model.LabelText(rows.Target[i])
		}
		if len(rows.Labels) > 0 && label == "" || len(rows.Labels) == 0 && rows.Target[i] != rows.Target[i] {
			continue
		}
		row := rows.Numbers[i] - e.chunk.First + e.chunk.Span.First // within the file
		bad = append(bad, &fault.Fault{
			File: e.chunk.Info.Name, Row: row, Column: cmp.Or(e.name, e.reading.Formats.TargetColumn), Found: fault.Quote(label),
			Expected: e.classes.expected,
			ID:       rows.ID(i).String(), Number: rows.Numbers[i],
		})
	}
	return bad, nil
}

// end puts what was found into the report of the chunk.
func (e *evaluation) end(r *chunkReport, out *output.Task) error {
	var err error
	if e.classification == nil {
		if _, err = e.regression.Metrics(); err == nil {
			r.Sums, err = e.regression.MarshalBinary()
		}
		return err
	}
	if r.Sums, err = e.classification.MarshalBinary(); err != nil || !e.scored {
		return err
	}
	r.Scores, err = out.WriteData(fmt.Sprintf("scores-%08d-%d", e.chunk.Ordinal, e.target), func(w io.Writer) error {
		_, err := w.Write(e.scores)
		return err
	})
	return err
}

// classIndex finds the places of classes.
type classIndex struct {
	texts    map[string]int32 // labels as they stand, of numbers those that were met
	numbers  map[float64]int32
	expected string // for a fault
}

// shownClasses bounds how many classes a fault lists.
const shownClasses = 8

func newClassIndex(c *model.Classes) classIndex {
	x := classIndex{texts: map[string]int32{}, numbers: map[float64]int32{}}
	for i, s := range c.Texts {
		x.texts[s] = int32(i)
	}
	for i, v := range c.Numbers {
		x.numbers[v] = int32(i)
	}
	var labels []string
	for i := range min(c.Len(), shownClasses) {
		labels = append(labels, c.Label(i))
		if len(c.Texts) > 0 {
			labels[i] = fault.Quote(labels[i])
		}
	}
	x.expected = "a class of the model: " + strings.Join(labels, ", ")
	if c.Len() > shownClasses {
		x.expected += fmt.Sprintf(", … (%d in all)", c.Len())
	}
	return x
}

// ofText is the place of the class of this label, in any notation where classes are numbers, or −1.
func (x *classIndex) ofText(label string) int32 {
	if i, ok := x.texts[label]; ok {
		return i
	}
	if len(x.numbers) == 0 {
		return -1
	}
	v, err := strconv.ParseFloat(label, 64)
	if err != nil {
		return -1
	}
	i := x.ofNumber(v)
	if i >= 0 && len(x.texts) < 16*len(x.numbers) {
		x.texts[label] = i
	}
	return i
}

// ofNumber is the place of the class with this number, or −1.
func (x *classIndex) ofNumber(v float64) int32 {
	if i, ok := x.numbers[v]; ok {
		return i
	}
	return -1
}

// Report reads what a finished run has left in its staging directory, and adds up what there is to be told. Chunks are
// added in their order.
func (j *PredictJob) Report(ctx context.Context) (*PredictReport, error) {
	m, of := apply(j.Model, j.Other), j.columns()
	r := &PredictReport{Features: of.Features}
	if m.linear != nil {
		r.Task = m.linear.Task
	}
	parts := m.parts()
	all := make([]compared, len(parts))
	for k, p := range parts {
		all[k].regression, all[k].classification = newSums(p.model)
	}
	s, err := output.ReadReports(ctx, j.output(), func(b []byte) error {
		var c chunkReport
		if err := json.Unmarshal(b, &c); err != nil {
			return err
		}
		r.Rows += c.Rows
		r.Rejected += c.Rejected
		r.NoTarget += c.NoTarget
		r.UnseenCells.Add(c.Unseen.Named(of.Encoding))
		r.Read += c.Read
		r.Predict += c.Predict
		r.Write += c.Write
		if len(parts) == 1 && parts[0].target == "" {
			return all[0].add(&c)
		}
		for k := range c.Targets {
			if err := all[k].add(&c.Targets[k]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.Assemble, r.OutputFiles, r.RejectedFiles = s.Assemble, s.OutputFiles, s.RejectedFiles
	for k, p := range parts {
		scores, err := all[k].scores(ctx, p, r.Rows)
		if err != nil {
			return nil, err
		}
		if p.target == "" {
			r.Regression, r.Classes = scores.Regression, scores.Classes
		} else if scores.Regression != nil || scores.Classes != nil {
			r.Targets = append(r.Targets, scores)
		}
	}
	return r, nil
}

// compared is what the chunks have found of a target, added up in their order.
type compared struct {
	regression     *model.RegressionSums
	classification *model.ClassificationSums // nil of a regression
	paths          []string                  // of files of scores
}

func (t *compared) add(c *chunkReport) error {
	if c.Scores != "" {
		t.paths = append(t.paths, c.Scores)
	}
	switch {
	case c.Sums == nil:
		return nil
	case t.classification == nil:
		var sums model.RegressionSums
		if err := sums.UnmarshalBinary(c.Sums); err != nil {
			return err
		}
		t.regression.Merge(&sums)
		return nil
	}
	sums := t.classification.Empty()
	if err := sums.UnmarshalBinary(c.Sums); err != nil {
		return err
	}
	t.classification.Merge(sums)
	return nil
}

// scores are those of the predictions of so many rows.
func (t *compared) scores(ctx context.Context, p part, rows int64) (s TargetScores, err error) {
	s.Target = p.target
	m := p.model
	if t.classification == nil {
		regression, err := t.regression.Metrics()
		if err == nil && regression.Weight > 0 {
			s.Regression = regressionScores(regression, &m.Options)
		}
		return s, err
	}
	classification := t.classification.Metrics()
	accuracy := classification.Accuracy()
	if accuracy != accuracy { // no row of any weight was compared
		return s, nil
	}
	s.Classes = &ClassificationScores{
		Accuracy: accuracy, F1: classification.MacroF1(), F1Average: "macro", Labels: m.Classes,
		Confusion: classification.Confusion,
	}
	if v := classification.LogLoss(); v == v {
		s.Classes.LogLoss = &v
	}
	if m.Classes.Len() == 2 {
		s.Classes.F1, s.Classes.F1Average = classification.F1(1), "binary"
		auc, bound, err := readAUC(ctx, t.paths, rows <= MaxAUCRows)
		if err != nil {
			return s, err
		}
		if auc == auc {
			s.Classes.AUC, s.Classes.AUCError = &auc, bound
		}
		return s, nil
	}
	s.Classes.AUC, s.Classes.AUCError, s.Classes.AUCOf = aucs(t.classification)
	return s, nil
}

// regressionScores are the scores that a loss has.
func regressionScores(of *model.RegressionMetrics, o *model.Options) *RegressionScores {
	s := &RegressionScores{R2: of.R2(), MSE: of.MSE(), MAE: of.MAE()}
	if deviance, ok := o.Deviance(); ok {
		s.D2, s.Deviance = new(of.D2(deviance)), new(of.MeanDeviance())
		s.ConstantDeviance = new(of.ConstantDeviance(deviance))
	}
	if q, ok := o.IsQuantile(); ok {
		s.Pinball, s.Coverage = new(of.Pinball(q)), new(of.Coverage())
	}
	return s
}

// readAUC is the AUC of the rows in files of scores, exact or by a sketch, and the most by which it can be off; NaN
// without rows of both classes.
func readAUC(ctx context.Context, paths []string, exact bool) (auc, bound float64, err error) {
	var positive []bool
	var scores, weights []float64
	var sketch model.AUCSketch
	for _, path := range paths {
		err := readScores(ctx, path, func(is bool, score, weight float64) {
			if !exact {
				sketch.Add(is, score, weight)
				return
			}
			positive, scores, weights = append(positive, is), append(scores, score), append(weights, weight)
		})
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", path, err)
		}
	}
	if exact {
		auc, err = model.AUC(positive, scores, weights)
	} else {
		auc, bound = sketch.AUC()
	}
	return auc, bound, err
}

// readScores reads a file of scores.
func readScores(ctx context.Context, path string, add func(positive bool, score, weight float64)) error {
	r, err := files.OpenRead(ctx, path)
	if err != nil {
		return err
	}
	b := bufio.NewReaderSize(r, 1<<20)
	var record [recordSize]byte
	for {
		if _, err = io.ReadFull(b, record[:]); err != nil {
			break
		}
		add(record[16] == 1, math.Float64frombits(binary.LittleEndian.Uint64(record[:])),
			math.Float64frombits(binary.LittleEndian.Uint64(record[8:])))
	}
	if err == io.EOF {
		err = nil
	}
	return errors.Join(err, r.Close())
}
