package knn

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/model/fault"
	"beamlearn/model/features/compare"
	"beamlearn/model/formats"
	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/vectorio"
)

func init() {
	registry.DoFns(&ruleFaultsFn{})
}

// conditionPart are the rows of a chunk that meet a condition, by their places in it.
type conditionPart struct {
	condition *compare.Condition
	matcher   *compare.Matcher
	file      string
	first     int64 // row of the chunk
	shift     int64 // what a row number is less than by its place in the file
	skips     bool  // what is wrong with a row, which then meets nothing, is no error
	met       []int32
	faults    ruleFaults
}

func (p *conditionPart) Add(b *vectors.Block) (err error) {
	if p.matcher == nil {
		if p.matcher, err = p.condition.Matcher(b.Cells.Fields()); err != nil {
			return fmt.Errorf("%s: %w", p.file, err)
		}
	}
	for i, n := range b.Numbers {
		met, f := p.matcher.Match(b.Cells, i)
		if f != nil {
			if f.File, f.Row, f.Number = p.file, n-p.shift, n; !p.skips {
				return f
			}
			p.faults.Incomparable = append(p.faults.Incomparable, f)
			continue
		}
		if met {
			p.met = append(p.met, int32(n-p.first))
		}
	}
	return nil
}

// excludes reports whether the directories of a chunk's file say that no row of it can meet the condition.
func (p *conditionPart) excludes(c *vectorio.Chunk) bool {
	return c.Naming != nil && len(c.Naming.Partitions) > 0 &&
		p.condition.Excludes(formats.PartitionTable(c.Naming.Partitions))
}

func (p *conditionPart) MarshalBinary() ([]byte, error) {
	var b bytes.Buffer
	err := neighbors.WriteGroups(&b, p.met)
	return b.Bytes(), err
}

// joinMet has 0 for each row that meets the condition, and −1 for the others.
func (f *joinTargetsFn) joinMet(ctx context.Context, found *TargetsFile, all []targetsPart) ([]int32, error) {
	met := make([]int32, found.Rows)
	for i := range met {
		met[i] = -1
	}
	err := f.each(ctx, all, func(i int, b []byte) error {
		places, err := neighbors.ReadGroups(b)
		for _, at := range places {
			if n := all[i].First + int64(at); n >= 0 && n < found.Rows {
				met[n] = 0
			}
		}
		return err
	})
	return met, err
}

// ruleFaults are rows that meet no condition as something is wrong with them: rows that cannot be read, and cells that
// cannot be compared as the condition has it.
type ruleFaults struct{ Unreadable, Incomparable []*fault.Fault }

func (f *ruleFaults) none() bool { return len(f.Unreadable)+len(f.Incomparable) == 0 }

// write leaves them in a file of the staging directory, and gives its name, which is "" where there are none.
func (f *ruleFaults) write(ctx context.Context, o *Options, name string) (path string, err error) {
	if f.none() {
		return "", nil
	}
	b, err := json.Marshal(f)
	if err != nil {
		return "", err
	}
	return o.createOf(ctx, name, b)
}

// faultsOf is the name of the file of those of a chunk.
func faultsOf(chunk int64) string { return fmt.Sprintf("faults-%08d", chunk) }

func readRuleFaults(ctx context.Context, path string) (f ruleFaults, err error) {
	b, err := files.ReadFile(ctx, path)
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return f, err
}

// joinFaults are the faults of all chunks, in their order, in one file.
func (f *joinTargetsFn) joinFaults(ctx context.Context, found *TargetsFile, parts []targetsPart) error {
	var all ruleFaults
	for _, p := range parts {
		if p.Faults == "" {
			continue
		}
		if p.Faults != files.Join(f.Options.staging(), faultsOf(p.Order)) {
			return fmt.Errorf("knn: faults in %s, which is not of this run", p.Faults)
		}
		some, err := readRuleFaults(ctx, p.Faults)
		if err != nil {
			return err
		}
		all.Unreadable = append(all.Unreadable, some.Unreadable...)
		all.Incomparable = append(all.Incomparable, some.Incomparable...)
	}
	if found.Incomparable = int64(len(all.Incomparable)); found.Incomparable > 0 {
		found.Fault = all.Incomparable[0].Error()
	}
	var err error
	found.Faults, err = all.write(ctx, &f.Options, "faults")
	return err
}

// rejectByRules adds the rows to the rejected ones that nobody but the condition has found at fault: where all rows are
// read, those that cannot be read are among them already.
func rejectByRules(s beam.Scope, parts beam.PCollection, j *Job) beam.PCollection {
	if j.Options.Rules == nil || j.Options.Rules.Faults == "" {
		return parts
	}
	s = s.Scope("knn.RejectByRules")
	read := j.Index == nil && !j.Options.readsKept(j.Queries == nil)
	fn := &ruleFaultsFn{Options: j.Options, ReadAll: read}
	return beam.Flatten(s, parts, beam.ParDo(s, fn, beam.Impulse(s)))
}

type ruleFaultsFn struct {
	Options Options
	ReadAll bool
}

// faultsOrder puts what a condition has found at fault before the faults of points.
const faultsOrder = -1 << 42

func (f *ruleFaultsFn) ProcessElement(ctx context.Context, _ []byte, emit func(output.Part)) error {
	found, err := readRuleFaults(ctx, f.Options.Rules.Faults)
	if err != nil {
		return fault.Mark(err)
	}
	rejected := found.Incomparable
	if !f.ReadAll {
		rejected = append(rejected, found.Unreadable...)
	}
	if len(rejected) == 0 {
		return nil
	}
	slices.SortFunc(rejected, func(a, b *fault.Fault) int { return cmp.Compare(a.Number, b.Number) })
	return f.Options.report(ctx, faultsOrder, Report{}, rejected, emit)
}

// kept are the rows that are read for the sake of Keep: those that it has, by their numbers; or nil where all are
// read, as every point is a query whatever Keep says, or a metric has parameters of all points, as the variances of
// seuclidean.
func (o *Options) kept(ctx context.Context, self bool) (func(number int64) bool, error) {
	if !o.readsKept(self) {
		return nil, nil
	}
	return o.has(ctx)
}

// readsKept reports whether only the rows that Keep has are read.
func (o *Options) readsKept(self bool) bool {
	return o.Rules != nil && o.Rules.Keep != "" && (!self || o.Rules.KeepQueries) &&
		!(o.Neighbors.Metric.Fitted() && o.Neighbors.Params == nil)
}

// wholeGroups are the chunks to read where only a few rows are: those of one row group together. Where many are, a row
// group may be more than is to be read at a time.
func (o *Options) wholeGroups(ctx context.Context, chunks []vectorio.Chunk, reading *vectorio.Options,
	self bool) ([]vectorio.Chunk, error) {
	const fewOf = 8
	if !o.readsKept(self) || fewOf*o.Rules.Kept > chunks[0].Total {
		return chunks, nil
	}
	return vectorio.WholeGroups(ctx, chunks, reading)
}

// has tells which rows Keep has.
func (o *Options) has(ctx context.Context) (func(number int64) bool, error) {
	r, err := o.rules(ctx)
	if err != nil {
		return nil, err
	}
	return func(number int64) bool { return number < int64(len(r.Keep)) && r.Keep[number] >= 0 }, nil
}

// asked are the points of a block that are queries.
func (o *Options) asked(ctx context.Context, b *vectors.Block) (*vectors.Block, error) {
	if o.Rules == nil || !o.Rules.KeepQueries {
		return b, nil
	}
	has, err := o.has(ctx)
	if err != nil {
		return nil, err
	}
	for _, n := range b.Numbers {
		if !has(n) {
			return someRows(b, has), nil
		}
	}
	return b, nil
}
