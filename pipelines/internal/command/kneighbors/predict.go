package kneighbors

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/formats"
	"beamlearn/model/linear"
	"beamlearn/model/neighbors/vote"
	"beamlearn/model/results"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/knn"
)

// predict is the flags of what neighbours are asked for.
type predict struct {
	target                          *cli.Path // a column, or .npy files
	task, weights, outlier, scoring *string
	proba                           *bool
}

func newPredict(g *cli.Group) *predict {
	scorings := slices.Concat(vote.Scorings(linear.Classification, 0), vote.Scorings(linear.Regression, 0))
	return &predict{
		target: g.InputFiles("target",
			"predict this of each query by its neighbours, instead of listing them; of every point by the others where there "+
				"are no --queries: a `COLUMN` of --input, a name or an index, or a .npy file with a value for each row (of "+
				".svm: its label, with --task alone): --target=species").Where(cli.IsNPY),
		task: g.Choice("task", "", []string{string(linear.Classification), string(linear.Regression)},
			"what --target is, as `TASK`: classification (the most frequent label among the neighbours) or regression (their "+
				"mean); needed"),
		weights: g.Choice("weights", string(vote.Uniform), cli.Texts(vote.AllWeights),
			"how much a neighbour counts, as `WEIGHTS`: uniform (all alike), or distance (the inverse of its distance; those "+
				"at distance 0 take all)"),
		proba: g.Bool("proba", false, "also write the probability of each class: columns proba_LABEL"),
		outlier: g.String("outlier_label", "",
			"what is predicted where no neighbour is within the --radius, as `LABEL`: most_frequent, a label, or a number or "+
				"nan in regression (default: such a query is a fault)"),
		scoring: g.Choice("scoring", "", scorings,
			"which of several --k is the best, predicting every point by the others, as `SCORE`: "+strings.Join(scorings, ", ")+
				" (default accuracy, or r2); all scores of all --k go to NAME.cv.csv beside the output"),
	}
}

// asked reports whether something is to be predicted.
func (p *predict) asked() bool { return p.target.String() != "" || *p.task != "" }

// layout is what is written, as far as the names of the files go.
func (c *command) layout() results.Layout {
	if c.imputes() {
		return results.Layout{Copied: &formats.Copied{}}
	}
	if *c.outlying.method != "" {
		return results.Layout{Columns: []results.Column{{Name: "score"}}}
	}
	if !c.predict.asked() {
		return results.Layout{}
	}
	return results.Layout{Columns: []results.Column{{Name: "prediction"}}}
}

// numbers are the numbers of neighbours that --k asks for.
func (c *command) numbers() (ks []int, err error) {
	for _, s := range cli.List(*c.k) {
		k, err := strconv.Atoi(s)
		switch {
		case err != nil:
			return nil, fmt.Errorf("--k=%s: must be a whole number, or several with commas between", *c.k)
		case k < 1:
			return nil, fmt.Errorf("k = %d: must be at least 1", k)
		case slices.Contains(ks, k):
			return nil, fmt.Errorf("--k=%s: %d twice", *c.k, k)
		}
		ks = append(ks, k)
	}
	if len(ks) == 0 && c.Given("k") {
		return nil, fmt.Errorf("--k=%s: must be a whole number, or several with commas between", *c.k)
	}
	if len(ks) > 1 && !c.predict.asked() {
		return nil, fmt.Errorf("--k=%s: several are compared by what they predict: --target=COLUMN --task=classification",
			*c.k)
	}
	return ks, nil
}

// answer is what is to be predicted, or nil where it is neighbours.
func (p *predict) answer(app *cli.App, ks []int) (*knn.Answer, error) {
	if !p.asked() {
		var errs []error
		for _, name := range []string{"weights", "proba", "outlier_label", "scoring"} {
			if app.Given(name) {
				errs = append(errs, fmt.Errorf("--%s is of predictions: --target=COLUMN --task=classification", name))
			}
		}
		return nil, errors.Join(errs...)
	}
	for _, name := range []string{"layout", "mode", "include_self", "symmetric", "similarity"} {
		if app.Given(name) {
			return nil, fmt.Errorf("--%s is of lists of neighbours, which --target takes the place of", name)
		}
	}
	task := linear.Task(*p.task)
	if task != linear.Classification && task != linear.Regression {
		if task == "" {
			return nil, errors.New("--task is needed with --target: classification or regression")
		}
		return nil, fmt.Errorf("--task=%s: must be classification or regression", task)
	}
	a := &knn.Answer{Task: task, Vote: vote.Options{Weights: vote.Weights(*p.weights), Outlier: *p.outlier},
		Proba: *p.proba}
	if len(ks) > 1 {
		a.Ks = ks
	}
	err := vote.CheckScoring(*p.scoring, task, 0)
	if len(ks) < 2 && app.Given("scoring") {
		err = errors.New("--scoring chooses among several --k: --k=1,3,5,10")
	}
	return a, err
}

// leaveOut leaves a column, which a flag may name, out of the vector.
func leaveOut(o *formats.Options, column *cli.Path) {
	if not := "!" + column.String(); column.List() == nil && not != "!" && !slices.Contains(o.Columns, not) {
		o.Columns = append(slices.Clone(o.Columns), not)
	}
}

// inspectQueries finds the queries, which may have the target among their columns, or not; these are the columns that
// were asked for.
func (c *command) inspectQueries(ctx context.Context, job *knn.Job, columns []string) (err error) {
	defer func() {
		if err == nil {
			job.Queries.Uses(*c.rules.apart, *c.rules.same, *c.rules.before)
		}
	}()
	if job.Options.Answer == nil && !c.rules.ofQueries() {
		return job.InspectQueries(ctx, c.queries.List())
	}
	points := job.Reading.Formats.Columns
	defer func() { job.Reading.Formats.Columns = points }()
	with := *job
	job.Reading.Formats.Columns = columns
	err = job.InspectQueries(ctx, c.queries.List())
	if err == nil && job.Queries.Dim == job.Dim() {
		job.Queries = job.Queries.WithColumns(columns)
		return nil
	}
	if also := with.InspectQueries(ctx, c.queries.List()); also == nil && with.Queries.Dim == job.Dim() {
		job.Queries = with.Queries
		return nil
	}
	return err
}

// inspectTargets finds the rows of the targets.
func (c *command) inspectTargets(ctx context.Context, job *knn.Job) (*knn.TargetsJob, error) {
	patterns, reading := c.input.Patterns(), job.Reading
	reading.Encoding, reading.Formats.Cells, reading.Formats.IDColumn = nil, false, "" // of which none is at fault here
	if reading.Targets = c.predict.target.List(); reading.Targets == nil {
		if reading.Formats.TargetColumn = c.predict.target.String(); len(patterns) == 0 {
			return nil, cli.Usage(errors.New(
				"--target names a column of --input, which --index has not: give the input as well, or --target=FILE.npy"))
		}
		if reading.Formats.TargetColumn == "" &&
			!slices.ContainsFunc(patterns, func(p string) bool { return strings.Contains(path.Base(p), ".svm") }) &&
			reading.Formats.Format != "svm" {
			return nil, cli.Usage(errors.New("--target is needed with --task: the column that is to be predicted"))
		}
	}
	t, err := knn.InspectTargets(ctx, patterns, job.Options.Answer.Task, reading)
	if err != nil {
		return nil, err
	}
	t.Options = job.Options
	t.Options.Answer, t.Options.RunID = nil, files.NewRunID()
	return t, nil
}

// scoresPath is where the scores of several k go: beside an output on this host.
func (c *command) scoresPath() string {
	name := c.output.Path.Path()
	if name == "" || !files.IsLocal(name) || files.IsStream(name) {
		return ""
	}
	return strings.TrimSuffix(name, path.Ext(name)) + ".cv.csv"
}

func (c *command) scoresFile() []files.Named {
	if ks, err := c.numbers(); err != nil || len(ks) < 2 || c.scoresPath() == "" {
		return nil
	}
	return []files.Named{{Flag: "the scores of --k", Name: c.scoresPath()}}
}
