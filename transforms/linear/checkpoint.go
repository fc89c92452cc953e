package linear

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/features"
	model "beamlearn/model/linear"
	"beamlearn/transforms/files"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// checkpoint is the directory in which a training keeps what the next pipeline, or the next run, goes on from: beside
// the model, its name beginning with a dot.
//
//	plan-00000.json      the chunks of a group's shards
//	state-00003.json     the state after three passes
//	rejected-00000.json  what the first pass has read and left out
type checkpoint struct {
	dir     string
	options *Options
	passes  int // made so far; with none there is no plan yet
	state   []byte
}

func planPath(dir string, group int) string {
	return files.Join(dir, fmt.Sprintf("plan-%05d.json", group))
}
func statePath(dir string, passes int) string {
	return files.Join(dir, fmt.Sprintf("state-%05d.json", passes))
}
func rejectedPath(dir string, group int) string {
	return files.Join(dir, fmt.Sprintf("rejected-%05d.json", group))
}

// fingerprint tells jobs apart: two of the same end with the same model.
func (j *Job) fingerprint(initial []byte) (string, error) {
	reading := j.Reading
	reading.ChunkRows = 0 // what is read at a time makes no difference
	b, err := json.Marshal(struct {
		Fit      [sha256.Size]byte
		Files    []files.Info
		Reading  vectorio.Options
		Shards   int
		UnitRows int
		Groups   int
		Seed     uint64
	}{sha256.Sum256(initial), j.Data.Files, reading, j.Options.Shards, j.Options.UnitRows, j.Options.Groups,
		j.Options.Seed})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8]), nil
}

// prefix is what the paths of the checkpoints of a model begin with.
func (o *Options) prefix() string {
	dir, base := files.Split(o.Model)
	return dir + "." + base + ".checkpoint-"
}

// openCheckpoint finds the checkpoint of an earlier run where the options ask for it, or begins one.
func openCheckpoint(ctx context.Context, j *Job, fit Fit) (*checkpoint, Fit, error) {
	initial, err := fit.MarshalBinary()
	if err != nil {
		return nil, nil, err
	}
	id, err := j.fingerprint(initial)
	if err != nil {
		return nil, nil, err
	}
	c := &checkpoint{dir: j.Options.prefix() + id + "-" + j.Options.RunID, options: &j.Options, state: initial}
	if !j.Options.Resume {
		return c, fit, nil
	}
	states, err := files.List(ctx, []string{files.EscapeGlob(j.Options.prefix()) + id + "-*/state-*.json"})
	if err != nil {
		return nil, nil, fmt.Errorf("--resume: no checkpoint of this job, with these options and files, beside %s",
			j.Options.Model)
	}
	best, _ := files.Split(lastOf(states))
	if c.dir, err = files.TakeOver(strings.TrimSuffix(best, "/"), c.dir); err != nil {
		return nil, nil, err
	}
	if fit, err = c.latest(ctx); err != nil {
		return nil, nil, err
	}
	return c, fit, nil
}

// lastOf is the state after the most passes; empty where there is none. (Names have five digits, and more where that is
// not enough.)
func lastOf(states []files.Info) string {
	last, passes := "", -1
	for _, s := range states {
		var n int
		_, base := files.Split(s.Location())
		if _, err := fmt.Sscanf(base, "state-%d.json", &n); err == nil && n > passes {
			last, passes = s.Location(), n
		}
	}
	return last
}

// latest reads the last state that was saved.
func (c *checkpoint) latest(ctx context.Context) (Fit, error) {
	states, err := files.List(ctx, []string{files.EscapeGlob(c.dir) + "/state-*.json"})
	if err != nil {
		return nil, err
	}
	path := lastOf(states)
	if c.state, err = files.ReadFile(ctx, path); err != nil {
		return nil, err
	}
	if c.state, err = unsealed(c.state); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	fit, err := c.options.decode(c.state)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c.passes = fit.Passes()
	return fit, nil
}

// save saves the state of a fit, and gives its bytes.
func save(ctx context.Context, dir, runID string, fit Fit) ([]byte, error) {
	b, err := fit.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return b, replace(ctx, statePath(dir, fit.Passes()), runID, sealed(b))
}

// sealed is a state as a file has it: with a second line, its checksum. A digit that has changed would be a state as
// well.
func sealed(state []byte) []byte {
	sum := sha256.Sum256(state)
	return slices.Concat(state, []byte(seal), []byte(hex.EncodeToString(sum[:])), []byte("\n"))
}

const seal = "\nsha256 "

// unsealed is the state of a file, if it has the checksum of what it has.
func unsealed(file []byte) ([]byte, error) {
	at := bytes.LastIndex(file, []byte(seal))
	if at < 0 || !bytes.Equal(file, sealed(file[:at:at])) {
		return nil, errors.New("the checkpoint is damaged: its checksum is not that of its state: learn without --resume")
	}
	return file[:at:at], nil
}

// pipeline adds the next passes.
func (c *checkpoint) pipeline(s beam.Scope, j *Job, fit Fit) {
	s = s.Scope("linear.Train")
	if c.options.Workers == placement.InProcess {
		c.localPasses(s, j)
		return
	}
	var work beam.PCollection
	if c.passes == 0 {
		// A group without a chunk has shards all the same.
		var seeds []vectorio.Chunk
		for g := range c.options.Groups {
			seeds = append(seeds, vectorio.Chunk{Ordinal: -1, Total: int64(g)})
		}
		chunks := vectorio.Deal(s, vectorio.Chunks(s, j.Data, c.options.Workers), c.options.Shards, c.options.Groups)
		groups := beam.ParDo(s, &seedFn{}, beam.CreateList(s, seeds))
		work = beam.ParDo(s, &planFn{Options: *c.options, Dir: c.dir}, beam.GroupByKey(s, beam.Flatten(s, chunks, groups)))
	} else {
		var groups []Work
		for g := range c.options.Groups {
			groups = append(groups, Work{Group: g, Plan: planPath(c.dir, g)})
		}
		work = beam.CreateList(s, groups)
	}
	state := beam.Create(s, State{Fit: c.state})
	Passes(s, beam.Reshuffle(s, work), state, min(c.options.Passes, fit.MostPasses()), j.Reading, j.Data.Dim, *c.options,
		c.dir)
}

// abandon ends a run that has failed: its bundles, if there are any still, write no more. The error says whether
// there is something to go on from; otherwise, and where the input is at fault or the fit has failed by its rows, which
// would come again, the directory is removed.
func (c *checkpoint) abandon(ctx context.Context, err error) error {
	err = errors.Join(output.Failure(c.options.RunID), err)
	c.options.end()
	_, unread := c.latest(ctx)
	var none *fault.Fault // no file that matches
	var bad *fault.Fault
	var again *repeatedError
	switch {
	case errors.As(err, &bad), errors.As(err, &again):
		return errors.Join(err, files.RemoveAll(ctx, c.dir))
	case unread == nil:
		return &ResumableError{Err: err, Passes: c.passes, dir: c.dir}
	case c.passes == 0 && errors.As(unread, &none):
		return errors.Join(err, files.RemoveAll(ctx, c.dir))
	}
	return err
}

// repeatedError is one of a fit about its rows: a run that went on from the pass before would have it again.
type repeatedError struct{ error }

func (e *repeatedError) Unwrap() error { return e.error }

// advance ends a pass of a fit.
func advance(fit Fit, sum model.Partial) error {
	if err := fit.Advance(sum); err != nil {
		return &repeatedError{err}
	}
	return nil
}

// ResumableError is the end of a run that another can go on from.
type ResumableError struct {
	Err    error
	Passes int // that were saved

	dir string // of the checkpoint
}

// Remove removes the checkpoint, for who does not go on from it.
func (e *ResumableError) Remove(ctx context.Context) error { return files.RemoveAll(ctx, e.dir) }

func (e *ResumableError) Error() string { return e.Err.Error() }
func (e *ResumableError) Unwrap() error { return e.Err }

// rejection is what a worker's first pass has read and left out.
type rejection struct {
	Rows     int64
	NoTarget int64 `json:",omitempty"`
	features.UnseenCells
	Faults []*fault.Fault
}

// add adds what another has read and left out.
func (r *rejection) add(o *rejection) {
	r.Rows, r.NoTarget, r.Faults = r.Rows+o.Rows, r.NoTarget+o.NoTarget, append(r.Faults, o.Faults...)
	r.UnseenCells.Add(o.UnseenCells)
}

func writeRejected(ctx context.Context, dir string, group int, runID string, r *rejection) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return replace(ctx, rejectedPath(dir, group), runID, b)
}

// rejections reads what all workers have left out, in the order of file and row.
func (c *checkpoint) rejections(ctx context.Context) (all rejection, err error) {
	for g := range c.options.Groups {
		b, err := files.ReadFile(ctx, rejectedPath(c.dir, g))
		if err != nil {
			return all, err
		}
		var r rejection
		if err := json.Unmarshal(b, &r); err != nil {
			return all, fault.File(rejectedPath(c.dir, g), "rows that a job has left out", "%s", fault.JSON(b, err))
		}
		all.add(&r)
	}
	faults := all.Faults
	sort.SliceStable(faults, func(i, j int) bool {
		if faults[i].File != faults[j].File {
			return faults[i].File < faults[j].File
		}
		return faults[i].Row < faults[j].Row
	})
	return all, nil
}

func (c *checkpoint) count(ctx context.Context, r *Report) error {
	all, err := c.rejections(ctx)
	r.Rows, r.Rejected, r.NoTarget = all.Rows, int64(len(all.Faults)), all.NoTarget
	r.dir, r.faults, r.UnseenCells = c.dir, all.Faults, all.UnseenCells
	return err
}

// A File is one that a training writes.
type File struct {
	Path  string
	Write func(io.Writer) error
}

// Publish puts files in place: each is complete, under a temporary name, before the first of them gets its own. Then it
// removes the checkpoint. Where it fails before, the checkpoint has the last state, as after [Keep].
func Publish(ctx context.Context, o *Options, r *Report, all []File) error {
	err := publish(ctx, o, r, all)
	if err == nil || r.published {
		return err
	}
	return Keep(ctx, o, r, err)
}

// Keep is for what fails after a training and before its files are in place: the checkpoint gets the last state, where
// it does not have it, and the error says that another run can go on from it (see [ResumableError]), which needs only
// publish. Where that cannot be written either, there is no checkpoint.
func Keep(ctx context.Context, o *Options, r *Report, err error) error {
	ctx = context.WithoutCancel(ctx)
	if r.save != nil {
		if unsaved := r.save(ctx); unsaved != nil {
			return errors.Join(fmt.Errorf("%w (nor could the last state be saved: %v)", err, unsaved), Clean(ctx, o, r))
		}
	}
	return &ResumableError{Err: err, Passes: r.Resumed + r.Passes, dir: r.dir}
}

func publish(ctx context.Context, o *Options, r *Report, all []File) error {
	rejected := output.RejectedPath(o.Model)
	if len(r.faults) > 0 {
		all = append(all, File{rejected, func(w io.Writer) error { return output.RejectedLines(w, r.faults) }})
	}
	temporary := make([]string, len(all))
	for i, f := range all {
		temporary[i] = files.Join(r.dir, fmt.Sprintf("final-%d", i))
		if err := output.WhileRuns(o.RunID, func() error { return files.Replace(ctx, temporary[i], f.Write) }); err != nil {
			return err
		}
	}
	for i, f := range all {
		if err := files.Rename(ctx, temporary[i], f.Path); err != nil {
			return err
		}
		r.Files = append(r.Files, f.Path)
	}
	if len(r.faults) == 0 {
		// Those that an earlier run has rejected are none of this model's.
		if err := ignoreMissing(files.Remove(ctx, rejected)); err != nil {
			return err
		}
	}
	r.published = true // from here on, there is nothing to go on from
	dir, base := files.Split(o.prefix())
	return errors.Join(Clean(ctx, o, r), files.SweepNamed(ctx, dir, base))
}

// Clean removes the checkpoint.
func Clean(ctx context.Context, o *Options, r *Report) error {
	o.end()
	return files.RemoveAll(ctx, r.dir)
}

// end ends the run in this process, and gives back the rows that it kept, unless [Judge] has done so.
func (o *Options) end() {
	o.takeKept().close()
	output.End(o.RunID)
}
