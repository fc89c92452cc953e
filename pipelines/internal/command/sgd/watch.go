package sgd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"

	"beamlearn/model/fault"
	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/linear/sgd"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/linear"
	"beamlearn/transforms/output"
)

// watched says which flags are at fault where files are learned from as they arrive.
func (c *command) watched() error {
	versions := strings.TrimSuffix(c.output.Path(), ".json")
	err := c.watch.Check(c.input.Patterns(), []string{"resume", "cv_results", "folds", "scoring", "inference"},
		[]string{c.output.Path(), versions + "-000001.json", versions + "-000001.watch.json", versions +
			"-000001.json.rejected.jsonl"})
	if !c.watch.On() {
		return err
	}
	errs := []error{err}
	if *c.solver == "exact" {
		errs = append(errs, errors.New("--solver=exact: --watch learns by sgd"))
	}
	if c.hyper.compares() {
		errs = append(errs, errors.New("--alpha and --l1_ratio: --watch learns one model: give one value"))
	}
	if given := c.page.Given(); given != "" && given != cli.NoReport {
		errs = append(errs, errors.New("--report: not with --watch"))
	}
	errs = append(errs, c.watch.CheckTarget(c.input))
	if name := c.output.Path(); name != "" &&
		(!files.IsLocal(name) || files.IsStream(name) || !strings.HasSuffix(name, ".json")) {
		errs = append(errs, errors.New(
			"--output_model: --watch keeps versions beside it, by renaming: give a .json file of this host"))
	}
	return errors.Join(errs...)
}

// inOrder makes options those of learning from each row once, in the order of the rows, unless flags say otherwise, and
// gives the number of shards.
func (c *command) inOrder(o *fitting.FitOptions) int {
	o.Solver = fitting.SolverSGD
	if o.Epochs == 0 {
		o.Epochs = 1
	}
	if !c.Given("shards") {
		return 1
	}
	return *c.shards
}

// watching is the state of learning from files as they arrive: the model as the last file has left it.
type watching struct {
	*command
	versions *linear.Versions
	model    *model.Model // nil before the first file
	text     []byte       // its file
	flags    []string
	warm     string // the checksum of the model to begin with
	next     next
}

// next is a version that is not published yet.
type next struct {
	linear.Record
	began    time.Time
	judged   *sgd.Progressive
	rejected []*fault.Fault
}

// learnArrivals learns from files as they arrive. Each is a training of its own, which goes on from the file of the
// model that the one before has left: so the model is that of --warm_start, file after file.
func (c *command) learnArrivals(ctx context.Context) (err error) {
	w := &watching{command: c}
	if w.versions, err = linear.OpenVersions(ctx, c.output.Path()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.versions.Close()) }()
	w.flags = c.GivenBut("watch", "every", "settle", "once", "input", "output_model", "warm_start", "summary", "quiet",
		"verbose",
		"threads", "cache_memory", "chunk_rows", "checkpoint_passes", "on_error", "report", "progressive", "explain")
	if err := w.begin(ctx); err != nil {
		return err
	}
	err = c.watch.Each(ctx, c.input.Patterns(), w.versions.Knows, w.round)
	if err == nil && ctx.Err() != nil {
		c.Tell(fmt.Sprintf("ended by a signal after version %d: what is learned is in its files", w.versions.Last().Number))
	}
	return err
}

// begin takes the model of the latest version, or that of --warm_start.
func (w *watching) begin(ctx context.Context) error {
	last := w.versions.Last()
	if last.Number == 0 {
		if w.command.warm.String() == "" {
			return nil
		}
		text, err := linear.ReadModelFile(ctx, w.command.warm.String())
		if err != nil {
			return err
		}
		w.warm = linear.BytesChecksum(text)
		return w.take(w.command.warm.String(), text)
	}
	if err := sameFlags(last, w.flags, cli.Relative(w.versions.ModelPath(last.Number))); err != nil {
		return cli.Usage(err)
	}
	w.warm = last.WarmStart
	text, err := w.versions.Latest(ctx)
	if err != nil {
		return err
	}
	w.Tell(fmt.Sprintf("going on from version %d, of %s and %s", last.Number, cli.Count(last.TotalFiles, "file"),
		cli.Count(last.TotalRows, "row")))
	return w.take(w.versions.ModelPath(last.Number), text)
}

// sameFlags says how flags differ from those with which a version was learned.
func sameFlags(last *linear.Record, flags []string, name string) error {
	were, are := map[string]bool{}, map[string]bool{}
	for _, f := range last.Flags {
		were[f] = true
	}
	var differ []string
	for _, f := range flags {
		if are[f] = true; !were[f] {
			differ = append(differ, f+" is new")
		}
	}
	for _, f := range last.Flags {
		if !are[f] {
			differ = append(differ, f+" is missing")
		}
	}
	if differ == nil {
		return nil
	}
	return fmt.Errorf("%s was learned with other flags (%s): give the same, or another --output_model, and --warm_start=%s",
		name, strings.Join(differ, ", "), name)
}

// take makes a file's model that of the state.
func (w *watching) take(name string, text []byte) (err error) {
	w.model, err = model.Load(name, bytes.NewReader(text))
	w.text = text
	return err
}

// round learns from files that have arrived, and publishes a version, or several where that takes longer than --every.
// A signal lets it end the file at hand, and publish what is learned.
func (w *watching) round(ctx context.Context, arrived []files.Info) error {
	var failed error
	for i, info := range arrived {
		if ctx.Err() != nil {
			break
		}
		if w.next.began.IsZero() {
			w.next.began = time.Now()
		}
		if failed = w.file(context.WithoutCancel(ctx), info); failed != nil {
			break
		}
		if i+1 < len(arrived) && time.Since(w.next.began) >= w.watch.Every() {
			if err := w.publish(context.WithoutCancel(ctx)); err != nil {
				return err
			}
		}
	}
	return errors.Join(w.publish(context.WithoutCancel(ctx)), failed)
}

// file learns from a file. Where it cannot be learned from, that ends the work, or it is set aside: with
// --on_error=skip, once there is a model.
func (w *watching) file(ctx context.Context, info files.Info) error {
	w.Forget()
	sum, err := linear.Checksum(ctx, info)
	if err == nil {
		same, changed := w.versions.Learned(info, sum)
		if same == nil {
			same = w.next.Learned(info, sum)
		}
		switch {
		case same != nil:
			if same.File != info.Location() {
				w.Tell(fmt.Sprintf("%s has the name and the bytes of %s, and is not learned from again", info.Name,
					cli.Relative(same.File)))
			}
			return nil
		case changed != nil:
			err = fault.File(info.Name, "a name of its own for what is new",
				"%d bytes, other ones than the %d that were learned from under this name", info.Size, changed.Size)
		default:
			err = w.learnFrom(ctx, info, sum)
		}
	}
	if err == nil {
		return nil
	}
	if cli.Gone(ctx, info) {
		w.Tell(fmt.Sprintf("%s changed while it was read: it is looked at again", info.Name))
		return nil
	}
	if !w.input.Skips() || w.model == nil || !faulty(err) {
		return err
	}
	reason := w.Reason(err)
	w.Say(slog.LevelWarn, "set aside: %s", reason)
	w.next.SetAside = append(w.next.SetAside,
		linear.SetAside{File: info.Location(), Size: info.Size, Modified: info.Version, Reason: reason})
	return nil
}

// faulty reports whether an error is of the file, so that others can be learned from all the same.
func faulty(err error) bool {
	return cli.Faulty(err) || errors.Is(err, sgd.ErrNoRows)
}

// learnFrom learns from a file, and leaves no other trace of it than the state.
func (w *watching) learnFrom(ctx context.Context, info files.Info, sum string) error {
	w.from = []string{files.EscapeGlob(info.Name)}
	job, options, _, err := w.job()
	if err != nil {
		return err
	}
	if options.WarmStart = w.model; w.model != nil {
		options.Standardize = false // as the model says
	}
	if err := w.inspect(ctx, job, &options); err != nil {
		return err
	}
	job, made, report, err := w.learn(ctx, job, options)
	var saved *linear.ResumableError
	if errors.As(err, &saved) {
		err = errors.Join(err, saved.Remove(ctx))
	}
	if err != nil {
		return err
	}
	var text bytes.Buffer
	err = made.save(&text)
	if err = errors.Join(err, linear.Clean(ctx, &job.Options, report)); err != nil {
		return err
	}
	if err := w.take(info.Name, text.Bytes()); err != nil {
		return err
	}
	w.add(info, sum, made.fits[0], report)
	return nil
}

// add adds a file to the next version.
func (w *watching) add(info files.Info, sum string, fit *fitting.Fit, report *linear.Report) {
	l := linear.Learned{File: info.Location(), Size: info.Size, Modified: info.Version, SHA256: sum, Rows: report.Rows,
		Rejected: report.Rejected}
	if p := fit.Progressive(); p != nil && p.Weight > 0 {
		l.MeanLoss = finite(p.MeanLoss())
		if w.next.judged == nil {
			w.next.judged = p
		} else if w.next.judged.Merge(p) != nil { // of other classes: those of the newest rows count
			w.next.judged = p
		}
	}
	w.next.Files = append(w.next.Files, l)
	w.next.rejected = append(w.next.rejected, report.Faults()...)
}

// finite is a score, nil where it is none that JSON has.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// scores are those of a version's rows before they were learned from.
func scores(p *sgd.Progressive) (s linear.ProgressiveScores) {
	if p == nil || !(p.Weight > 0) {
		return s
	}
	s.Rows, s.MeanLoss = p.Rows, finite(p.MeanLoss())
	if p.Classification != nil {
		s.Accuracy = finite(p.Classification.Accuracy())
	} else {
		s.R2, s.RMSE = finite(p.Regression.R2()), finite(math.Sqrt(p.Regression.MSE()))
	}
	return s
}

// publish publishes the next version, if there is anything in it, and tells of it.
func (w *watching) publish(ctx context.Context) error {
	n := w.next
	w.next = next{}
	if len(n.Files) == 0 && len(n.SetAside) == 0 {
		return nil
	}
	before := *w.versions.Last()
	n.Flags, n.WarmStart, n.Progressive = w.flags, w.warm, scores(n.judged)
	n.Window = before.Window.Clone()
	if n.judged != nil {
		for _, p := range n.judged.Trace() {
			if p.Weight > 0 {
				if change := n.Window.Add(p.Loss/p.Weight, p.Rows); change != nil {
					n.Drift = change
				}
			}
		}
	}
	made, err := w.versions.Publish(ctx, n.Record, w.text, n.rejected)
	if err != nil {
		return err
	}
	return w.Summary(w.lines(made, &before, time.Since(n.began), len(n.rejected)), made)
}

// lines tell of a version.
func (w *watching) lines(r, before *linear.Record, took time.Duration, rejected int) []string {
	var rows int64
	for _, f := range r.Files {
		rows += f.Rows
	}
	head := fmt.Sprintf("version %d: %s, %s in %.2f s", r.Number, cli.Count(len(r.Files), "file"), cli.Count(rows, "row"), took.Seconds())
	if s := r.Progressive; s.MeanLoss != nil {
		head += fmt.Sprintf("; before they were learned from: mean loss %.6g", *s.MeanLoss)
		if s.Accuracy != nil {
			head += fmt.Sprintf(", accuracy %.4f", *s.Accuracy)
		}
		if s.R2 != nil {
			head += fmt.Sprintf(", R² %.4f", *s.R2)
		}
		if b := before.Progressive.MeanLoss; b != nil {
			head += fmt.Sprintf(" (version %d: mean loss %.6g)", before.Number, *b)
		}
	}
	lines := []string{head}
	if d := r.Drift; d != nil {
		what := "drift"
		if !d.Rose() {
			what = "the loss has fallen"
		}
		lines = append(lines, fmt.Sprintf("  %s: mean loss %.6g over the last %d rows, %.6g over the %d before (ADWIN)", what,
			d.After, d.AfterRows, d.Before, d.BeforeRows))
	}
	return append(lines, cli.FileLines(int64(rejected), rejectedOf(w.versions.ModelPath(r.Number), rejected),
		[]string{w.versions.ModelPath(r.Number)})...)
}

// rejectedOf is the file that lists the rows that a version leaves out, if there are any.
func rejectedOf(model string, rejected int) []string {
	if rejected == 0 {
		return nil
	}
	return []string{output.RejectedPath(model)}
}
