package knn

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"beamlearn/model/fault"
	"beamlearn/model/results"
	"beamlearn/transforms/files"
	"beamlearn/transforms/progress"
)

func init() {
	register.DoFn1x2[Part, int, Part](&byShardFn{})
	register.DoFn4x1[context.Context, int, func(*Part) bool, func(Part), error](&assembleFn{})
	register.DoFn3x1[context.Context, int, func(*Part) bool, error](&publishFn{})
	register.Iter1[Part]()
}

// Publish assembles the parts, in query order, into the files of the output: PCollection<Part>. A file is written under a
// temporary name, and when all are complete they are put in place. Until then no output exists, and one that an earlier
// run has left stays as it was.
func Publish(s beam.Scope, parts beam.PCollection, o Options) {
	s = s.Scope("knn.Publish")
	// A shard without any row is a file all the same.
	var shards []Part
	for i := range o.NumShards {
		shards = append(shards, Part{Shard: i, Order: -1})
	}
	all := beam.Flatten(s, parts, beam.CreateList(s, shards))
	keyed := beam.ParDo(s, &byShardFn{}, all)
	assembled := beam.ParDo(s, &assembleFn{Options: o}, beam.GroupByKey(s, keyed))
	beam.ParDo0(s, &publishFn{Options: o}, beam.GroupByKey(s, beam.AddFixedKey(s, assembled)))
}

type byShardFn struct{}

func (*byShardFn) ProcessElement(p Part) (int, Part) { return p.Shard, p }

// assembleFn makes the files of one shard.
type assembleFn struct{ Options Options }

func (f *assembleFn) ProcessElement(ctx context.Context, shard int, iter func(*Part) bool, emit func(Part)) error {
	progress.Of(f.Options.RunID).Phase("writing the output")
	start := time.Now()
	out := Part{Shard: shard}
	var parts []Part
	var p Part
	for iter(&p) {
		out.Report.add(p.Report)
		if len(p.Paths) > 0 {
			parts = append(parts, p)
		}
	}
	sort.Slice(parts, func(i, j int) bool { return parts[i].Order < parts[j].Order })
	var err error
	switch shard {
	case shardReport:
	case shardRejected:
		err = f.concatenate(ctx, &out, parts)
	default:
		err = f.assemble(ctx, &out, parts)
	}
	if err != nil {
		return fault.Mark(err)
	}
	out.Report.Assemble = time.Since(start).Seconds()
	emit(out)
	return nil
}

func (f *assembleFn) assemble(ctx context.Context, out *Part, parts []Part) error {
	format, err := f.Options.format()
	if err != nil {
		return err
	}
	for i := range format.Files(f.Options.Output) {
		sources := make([]results.Part, len(parts))
		for j, p := range parts {
			sources[j] = results.Part{Info: p.Info, Open: func() (io.ReadCloser, error) { return files.OpenRead(ctx, p.Paths[i]) }}
		}
		path := files.Join(f.Options.Staging(), fmt.Sprintf("shard-%05d-%d", out.Shard, i))
		err := f.Options.write(ctx, path, func(w io.Writer) error { return format.Assemble(i, w, sources, f.Options.layout()) })
		if err != nil {
			return err
		}
		out.Paths = append(out.Paths, path)
	}
	return nil
}

func (f *assembleFn) concatenate(ctx context.Context, out *Part, parts []Part) error {
	out.Paths = []string{files.Join(f.Options.Staging(), "rejected")}
	return f.Options.write(ctx, out.Paths[0], func(w io.Writer) error {
		for _, p := range parts {
			r, err := files.OpenRead(ctx, p.Paths[0])
			if err != nil {
				return err
			}
			_, err = io.Copy(w, r)
			if err = errors.Join(err, r.Close()); err != nil {
				return err
			}
		}
		return nil
	})
}

// write writes a file; where fill fails, an object store keeps nothing.
func (o *Options) write(ctx context.Context, path string, fill func(io.Writer) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f, err := o.create(ctx, path)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(f, 1<<20)
	if err := errors.Join(fill(b), b.Flush()); err != nil {
		cancel()
		return errors.Join(err, f.Close())
	}
	// What is about to get its final name must survive a crash of the machine.
	if s, ok := f.(interface{ Sync() error }); ok {
		if err := s.Sync(); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}

// publishFn puts the complete files in place, and leaves the summary for the program that runs the pipeline.
type publishFn struct{ Options Options }

// A move is a rename that is still to be done.
type move struct{ from, to string }

func (f *publishFn) ProcessElement(ctx context.Context, _ int, iter func(*Part) bool) error {
	return fault.Mark(f.publish(ctx, iter))
}

func (f *publishFn) publish(ctx context.Context, iter func(*Part) bool) error {
	format, err := f.Options.format()
	if err != nil {
		return err
	}
	var report Report
	var parts []Part
	var p Part
	for iter(&p) {
		parts = append(parts, p)
		report.add(p.Report)
	}
	sort.Slice(parts, func(i, j int) bool { return parts[i].Shard < parts[j].Shard })
	rejected := RejectedPath(f.Options.Output)
	var moves []move
	found := false
	for _, p := range parts {
		switch p.Shard {
		case shardReport:
		case shardRejected:
			moves = append(moves, move{p.Paths[0], rejected})
			report.RejectedFiles = append(report.RejectedFiles, rejected)
			found = true
		default:
			name := f.Options.Output
			if f.Options.NumShards > 1 {
				name = results.ShardName(name, p.Shard, f.Options.NumShards)
			}
			for i, to := range format.Files(name) {
				moves = append(moves, move{p.Paths[i], to})
				report.OutputFiles = append(report.OutputFiles, to)
			}
		}
	}
	for _, m := range moves {
		if err := m.do(ctx); err != nil {
			return err
		}
	}
	if !found {
		// Those that an earlier run has rejected are none of this output's.
		if err := files.Remove(ctx, rejected); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	Release(f.Options.RunID)
	return f.Options.write(ctx, summaryPath(&f.Options), func(w io.Writer) error { return json.NewEncoder(w).Encode(report) })
}

// do renames. Where an earlier try of this bundle has done so already, the source is gone and the target is there.
func (m move) do(ctx context.Context) error {
	err := files.Rename(ctx, m.from, m.to)
	if err == nil {
		return nil
	}
	if _, gone := files.Stat(ctx, m.from); gone != nil && errors.Is(gone, os.ErrNotExist) {
		if _, there := files.Stat(ctx, m.to); there == nil {
			return nil
		}
	}
	return err
}

// RejectedPath is where the rejected rows of an output go.
func RejectedPath(output string) string { return output + ".rejected.jsonl" }

func summaryPath(o *Options) string { return files.Join(o.Staging(), "summary.json") }

// ReadReport reads what a finished run has left in its staging directory.
func ReadReport(ctx context.Context, o *Options) (*Report, error) {
	r, err := files.OpenRead(ctx, summaryPath(o))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var report Report
	if err := json.NewDecoder(r).Decode(&report); err != nil {
		return nil, fmt.Errorf("%s: %w", summaryPath(o), err)
	}
	return &report, nil
}
