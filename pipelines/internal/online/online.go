// Package online is what commands that go on learning as files arrive have in common: versions of a model, of which
// each file is learned into one, once, whatever happens to the process. What a model is, and how it learns from a file,
// a [Learner] knows.
package online

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/linear/drift"
	"beamlearn/pipelines/internal/cli"
	"beamlearn/transforms/files"
	"beamlearn/transforms/linear"
	"beamlearn/transforms/placement"
)

// Learner learns from one file after another. Its state is the file of its model, and nothing else.
type Learner interface {
	// Take makes a model's file the state that the next file is learned from. The name is for messages.
	Take(name string, model []byte) error
	// Learn learns from a file, by the flags of its command, and leaves no trace of it.
	Learn(ctx context.Context, info files.Info) (*Lesson, error)
}

// Lesson is what a file has taught.
type Lesson struct {
	Model  []byte // the file of the model that knows it
	Report *linear.Report
	Judged []Target // how its rows were predicted before; nil where there was nothing to predict them by
}

// Target is how one of several targets was predicted; its name is "" where there is one.
type Target struct {
	Name string
	By   Judged
}

// Judged is how rows were predicted before they were learned from.
type Judged interface {
	// Merge adds rows that came next. It is false where they cannot be added, as of other classes.
	Merge(next Judged) bool
	Scores() linear.ProgressiveScores
	Trace() *drift.Trace
}

// Learning is a command that learns as files arrive.
type Learning struct {
	App    *cli.App
	Watch  *cli.Watch
	Input  *cli.Input
	Output *cli.Path // of the model
	Page   *cli.Page
	Warm   func() string // the file of a model to begin with, "" for none
	// WarmFlag is the flag that names it.
	WarmFlag string
	// Without names flags that --watch cannot have, besides those that no command can.
	Without []string
	// Loss is what scores are the mean of: "loss".
	Loss    string
	Learner Learner
}

// Check says which flags cannot be with --watch.
func (l *Learning) Check() error {
	versions := strings.TrimSuffix(l.Output.Path(), ".json")
	err := l.Watch.Check(l.Input.Patterns(), append([]string{"resume"}, l.Without...), []string{l.Output.Path(),
		versions + "-000001.json", versions + "-000001.watch.json", versions + "-000001.json.rejected.jsonl"})
	if !l.Watch.On() {
		return err
	}
	errs := []error{err, l.Watch.CheckTarget(l.Input)}
	if given := l.Page.Given(); given != "" && given != cli.NoReport {
		errs = append(errs, errors.New("--report: not with --watch"))
	}
	if name := l.Output.Path(); name != "" &&
		(!files.IsLocal(name) || files.IsStream(name) || !strings.HasSuffix(name, ".json")) {
		errs = append(errs, errors.New(
			"--output_model: --watch keeps versions beside it, by renaming: give a .json file of this host"))
	}
	return errors.Join(errs...)
}

// untold are flags with which a model is the same: versions are not told of them.
var untold = []string{"watch", "every", "settle", "once", "input", "output_model", "warm_start", "summary", "quiet",
	"verbose", "threads", "cache_memory", "chunk_rows", "checkpoint_passes", "on_error", "report", "progressive",
	"explain"}

// learning is the state: the model as the last file has left it.
type learning struct {
	*Learning
	versions *linear.Versions
	text     []byte // the file of the model, nil before the first file
	flags    []string
	warm     string // the checksum of the model to begin with
	next     next
}

// next is a version that is not published yet.
type next struct {
	linear.Record
	began    time.Time
	judged   []Target
	rejected []*fault.Fault
}

// Run learns from files as they arrive, until a signal comes. Each is a training of its own, which goes on from the
// file of the model that the one before has left.
func (l *Learning) Run(ctx context.Context) (err error) {
	w := &learning{Learning: l, flags: l.App.GivenBut(untold...)}
	if w.versions, err = linear.OpenVersions(ctx, l.Output.Path()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.versions.Close()) }()
	if err := w.begin(ctx); err != nil {
		return err
	}
	err = l.Watch.Each(ctx, l.Input.Patterns(), w.versions.Knows, w.round)
	if err == nil && ctx.Err() != nil {
		l.App.Tell(fmt.Sprintf("ended by a signal after version %d: what is learned is in its files",
			w.versions.Last().Number))
	}
	return err
}

// begin takes the model of the latest version, or that to begin with.
func (w *learning) begin(ctx context.Context) error {
	last := w.versions.Last()
	if last.Number == 0 {
		name := w.Warm()
		if name == "" {
			return nil
		}
		text, err := linear.ReadModelFile(ctx, name)
		if err != nil {
			return err
		}
		w.warm = linear.BytesChecksum(text)
		return w.take(name, text)
	}
	if err := w.sameFlags(last); err != nil {
		return cli.Usage(err)
	}
	w.warm = last.WarmStart
	text, err := w.versions.Latest(ctx)
	if err != nil {
		return err
	}
	w.App.Tell(fmt.Sprintf("going on from version %d, of %s and %s", last.Number, cli.Count(last.TotalFiles, "file"),
		cli.Count(last.TotalRows, "row")))
	return w.take(w.versions.ModelPath(last.Number), text)
}

// sameFlags says how the flags differ from those with which a version was learned.
func (w *learning) sameFlags(last *linear.Record) error {
	were, are := map[string]bool{}, map[string]bool{}
	for _, f := range last.Flags {
		were[f] = true
	}
	var differ []string
	for _, f := range w.flags {
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
	name := cli.Relative(w.versions.ModelPath(last.Number))
	return fmt.Errorf("%s was learned with other flags (%s): give the same, or another --output_model, and --%s=%s",
		name, strings.Join(differ, ", "), w.WarmFlag, name)
}

// take makes a file's model that of the state.
func (w *learning) take(name string, text []byte) error {
	w.text = text
	return w.Learner.Take(name, text)
}

// round learns from files that have arrived, and publishes a version, or several where that takes longer than --every.
// A signal lets it end the file at hand, and publish what is learned.
func (w *learning) round(ctx context.Context, arrived []files.Info) error {
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
		if i+1 < len(arrived) && time.Since(w.next.began) >= w.Watch.Every() {
			if err := w.publish(context.WithoutCancel(ctx)); err != nil {
				return err
			}
		}
	}
	return errors.Join(w.publish(context.WithoutCancel(ctx)), failed)
}

// file learns from a file. Where it cannot be learned from, that ends the work, or it is set aside: with
// --on_error=skip, once there is a model.
func (w *learning) file(ctx context.Context, info files.Info) error {
	w.App.Forget()
	sum, err := linear.Checksum(ctx, info)
	if err == nil {
		same, changed := w.versions.Learned(info, sum)
		if same == nil {
			same = w.next.Learned(info, sum)
		}
		switch {
		case same != nil:
			if same.File != info.Location() {
				w.App.Tell(fmt.Sprintf("%s has the name and the bytes of %s, and is not learned from again", info.Name,
					cli.Relative(same.File)))
			}
			return nil
		case changed != nil:
			err = fault.File(info.Name, "a name of its own for what is new",
				"%d bytes, other ones than the %d that were learned from under this name", info.Size, changed.Size)
		default:
			err = w.learn(ctx, info, sum)
		}
	}
	if err == nil {
		return nil
	}
	if cli.Gone(ctx, info) {
		w.App.Tell(fmt.Sprintf("%s changed while it was read: it is looked at again", info.Name))
		return nil
	}
	if !w.Input.Skips() || w.text == nil || !faulty(err) {
		return err
	}
	reason := w.App.Reason(err)
	w.App.Say(slog.LevelWarn, "set aside: %s", reason)
	w.next.SetAside = append(w.next.SetAside,
		linear.SetAside{File: info.Location(), Size: info.Size, Modified: info.Version, Reason: reason})
	return nil
}

// OfFile marks an error as one of the file that is learned from, so that others can be learned from all the same.
// Faults of rows, and of what the flags say of the file, need no mark.
func OfFile(err error) error { return ofFile{err} }

type ofFile struct{ error }

func (e ofFile) Unwrap() error { return e.error }

// faulty reports whether an error is of the file.
func faulty(err error) bool {
	var of ofFile
	return cli.Faulty(err) || errors.As(err, &of)
}

// learn learns from a file, which is then one of the next version's.
func (w *learning) learn(ctx context.Context, info files.Info, sum string) error {
	lesson, err := w.Learner.Learn(ctx, info)
	if err != nil {
		return err
	}
	if err := w.take(info.Name, lesson.Model); err != nil {
		return err
	}
	l := linear.Learned{File: info.Location(), Size: info.Size, Modified: info.Version, SHA256: sum,
		Rows: lesson.Report.Rows, Rejected: lesson.Report.Rejected, NoTarget: lesson.Report.NoTarget}
	if len(lesson.Judged) == 1 {
		l.MeanLoss = lesson.Judged[0].By.Scores().MeanLoss
	}
	w.next.judged = merged(w.next.judged, lesson.Judged)
	w.next.Files = append(w.next.Files, l)
	w.next.rejected = append(w.next.rejected, lesson.Report.Faults()...)
	return nil
}

// merged are judgements, target by target: where some cannot be added, those of the newest rows count.
func merged(all, newest []Target) []Target {
	if len(all) == 0 {
		return newest
	}
	for _, t := range newest {
		i := slices.IndexFunc(all, func(a Target) bool { return a.Name == t.Name })
		switch {
		case i < 0:
			all = append(all, t)
		case !all[i].By.Merge(t.By):
			all[i] = t
		}
	}
	return all
}

// judgementOf is that of a target, or of the only one.
func (n *next) judgementOf(target string) *linear.Judgement {
	if target == "" {
		return &n.Judgement
	}
	for i := range n.Targets {
		if n.Targets[i].Target == target {
			return &n.Targets[i].Judgement
		}
	}
	n.Targets = append(n.Targets, linear.TargetJudgement{Target: target})
	return &n.Targets[len(n.Targets)-1].Judgement
}

// publish publishes the next version, if there is anything in it, and tells of it.
func (w *learning) publish(ctx context.Context) error {
	n := w.next
	w.next = next{}
	if len(n.Files) == 0 && len(n.SetAside) == 0 {
		return nil
	}
	before := *w.versions.Last()
	n.Flags, n.WarmStart = w.flags, w.warm
	n.Judgement = before.Next()
	for i := range before.Targets {
		t := &before.Targets[i]
		n.Targets = append(n.Targets, linear.TargetJudgement{Target: t.Target, Judgement: t.Next()})
	}
	for _, t := range n.judged {
		n.judgementOf(t.Name).Take(t.By.Scores(), t.By.Trace())
	}
	made, err := w.versions.Publish(ctx, n.Record, w.text, n.rejected)
	if err != nil {
		return err
	}
	return w.App.Summary(w.lines(made, &before, time.Since(n.began), len(n.rejected)), made)
}

// Train learns from a file by the passes that a fit asks for: in this process without Beam, as jobs of a runner stay in
// its memory. It leaves nothing but the fit.
func Train[F linear.Fit](ctx context.Context, app *cli.App, job *linear.Job, fit F) (F, *linear.Report, error) {
	var report *linear.Report
	var err error
	if cli.Workers() == placement.InProcess {
		fit, report, err = linear.TrainHere(ctx, job, fit, func(ctx context.Context, work func(context.Context) error) error {
			return app.DoHere(ctx, job.Options.RunID, work)
		})
	} else {
		fit, report, err = linear.Train(ctx, job, fit,
			func(ctx context.Context, p *beam.Pipeline) error { return app.Run(ctx, p, job.Options.RunID) })
	}
	return fit, report, err
}

// Finish ends a training: it writes the model for a lesson, and removes what the training has left, well or not.
func Finish(ctx context.Context, job *linear.Job, report *linear.Report, failed error, save func(*bytes.Buffer) error,
	judged func() []Target) (*Lesson, error) {
	var saved *linear.ResumableError
	if errors.As(failed, &saved) {
		failed = errors.Join(failed, saved.Remove(ctx))
	}
	if failed != nil {
		return nil, failed
	}
	var text bytes.Buffer
	err := save(&text)
	if err = errors.Join(err, linear.Clean(ctx, &job.Options, report)); err != nil {
		return nil, err
	}
	return &Lesson{Model: text.Bytes(), Report: report, Judged: judged()}, nil
}
