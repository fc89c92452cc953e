package knn

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/features"
	"beamlearn/transforms/files"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// IndexJob is the data and the options of an index that is built to be kept: of the latter, Neighbors, Index, Threads
// and what is about the run.
type IndexJob struct {
	// Corpus are the points; of a new version of an index, those to add, or nil.
	Corpus  *vectorio.Dataset
	Reading vectorio.Options
	Options Options
	// Made says that the files of the Corpus are there for this job alone, as rows of triples are: the index does not keep
	// their names. Default: false.
	Made bool
	// From is the version that a new one begins with: see version.go. Default: none.
	From *Prebuilt

	gone  []int32 // positions of the points of From that are deleted
	notes []string
	told  vectorio.Options // how rows are read by what was said of the new version alone
}

// kept are the files of the Corpus that the index keeps the names of.
func (j *IndexJob) kept() []files.Info {
	if j.Made {
		return []files.Info{}
	}
	return j.Corpus.Files
}

// Check reports what is wrong with the job as far as can be told before it runs.
func (j *IndexJob) Check() error {
	errs := []error{j.Options.Neighbors.Validate()}
	if j.Options.Index == "" {
		errs = append(errs, errors.New("an index is needed: where to write it"))
	}
	if j.Options.Recall != 0 {
		errs = append(errs, j.Options.validateApproximate())
	}
	if j.Options.Threads < 0 {
		errs = append(errs, fmt.Errorf("threads %d: must be at least 1", j.Options.Threads))
	}
	return errors.Join(append(errs, j.checkVersion())...)
}

// Memory estimates the bytes that building takes in this process, besides the program's own: the
// points, what the index is beyond them, and the chunks that are read at a time. It is 0 where that is not known, as
// of [Job.Memory].
func (j *IndexJob) Memory() int64 {
	if j.From != nil && j.Corpus == nil {
		if j.Options.Workers != placement.InProcess {
			return 0
		}
		return j.From.File.Size
	}
	of := &Job{Corpus: j.Corpus, Reading: j.Reading, Options: j.Options}
	rows := of.rowsAbout()
	if j.Options.Workers != placement.InProcess || rows < 0 {
		return 0
	}
	before := int64(0)
	if j.From != nil {
		before = j.From.File.Size
	}
	if j.Reading.Formats.Sparse {
		return before + of.sparseMemory(rows)
	}
	return before + of.built(rows) + of.reading(rows)
}

// Encoded makes tables of numbers of the points, which were inspected as tables, by an encoding. The index keeps it,
// for the queries.
func (j *IndexJob) Encoded(e *features.Encoding) (err error) {
	of := &Job{Reading: j.Reading, Options: j.Options}
	j.Corpus, err = of.encoded(j.Corpus, e)
	j.Reading = of.Reading
	return err
}

// InspectCorpus is [Job.InspectCorpus].
func (j *IndexJob) InspectCorpus(ctx context.Context, patterns []string) (err error) {
	j.Corpus, err = inspectPoints(ctx, patterns, &j.Reading, &j.Options)
	return err
}

// BuildIndex adds the job to a pipeline: the index is in the staging directory when it is over, and [PublishIndex]
// puts it in place. It fails where the job is not valid: see [IndexJob.Check].
func BuildIndex(s beam.Scope, j *IndexJob) error {
	j.Options.EnsureDefaults()
	j.Reading.EnsureDefaults()
	j.Reading.Domain = j.Options.Neighbors.Domain()
	j.Reading.Confine(j.Corpus)
	if err := j.Check(); err != nil {
		return fmt.Errorf("knn.BuildIndex: %w", err)
	}
	output.Begin(j.Options.RunID)
	s = s.Scope("knn.BuildIndex")
	o := (&Job{Options: j.Options}).withIndexLimit(1<<63 - 1)
	var built beam.PCollection
	if j.From != nil {
		built = j.buildVersion(s, o)
	} else {
		fn := &buildFn{Reading: j.Reading, Options: o, Dim: j.Corpus.Dim, File: true, Kept: j.kept(),
			Columns: j.Corpus.Columns}
		_, _, built = build(s, vectorio.Chunks(s.Scope("Corpus"), j.Corpus, j.Options.Workers), fn)
	}
	output.Publish(s, built, *o.output())
	return nil
}

// PublishIndex puts the index that a finished run has built in place, where it replaces any other at once, with the
// list of the rows that were left out beside it, and tells of it.
func PublishIndex(ctx context.Context, o *Options) (*Report, error) {
	r, err := ReadReport(ctx, o)
	if err != nil {
		return nil, err
	}
	index, err := files.Stat(ctx, files.Join(o.staging(), indexName))
	if err != nil {
		return nil, err
	}
	moves, obsolete := []files.Move{{From: index, To: o.Index}}, []string{RejectedPath(o.Index)}
	if r.Rejected > 0 {
		rejected, err := files.Stat(ctx, files.Join(o.output().Staging(), "rejected"))
		if err != nil {
			return nil, err
		}
		moves, obsolete = append(moves, files.Move{From: rejected, To: obsolete[0]}), nil
		r.RejectedFiles = []string{moves[1].To}
	}
	r.OutputFiles = []string{o.Index}
	return r, files.Publish(ctx, o.Index, moves, obsolete...)
}
