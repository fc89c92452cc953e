package knn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"beamlearn/model/fault"
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/groups"
	"beamlearn/model/vectors"
	"beamlearn/transforms/internal/registry"
	"beamlearn/transforms/output"
	"beamlearn/transforms/progress"
	"beamlearn/transforms/vectorio"
)

func init() {
	registry.DoFns(&cutGroupsFn{})
}

// checkDiameter reports what a diameter of groups cannot be.
func (o *Options) checkDiameter() error {
	switch d := o.Diameter; {
	case d == nil:
		return nil
	case o.Groups == nil:
		return errors.New("max_diameter is of groups")
	case math.IsNaN(*d) || math.IsInf(*d, 0):
		return fmt.Errorf("max_diameter %v: must be a finite number", *d)
	case *d < 0:
		return fmt.Errorf("max_diameter %v: no %s distance is below 0", *d, o.Neighbors.Metric)
	}
	return nil
}

// cutBytes is what the rows of groups that are cut at a time take, but for one group that takes more.
const cutBytes = 256 << 20

// diameterMemory is what it takes to cut groups of so many rows, besides the rows of one group that are above cutBytes.
func (j *Job) diameterMemory(rows int64) int64 {
	if j.Options.Diameter == nil {
		return 0
	}
	const pair = 64
	size := 2*min(rows*j.queryBytes(), cutBytes) + pair*min(rows*rows/2, groups.MostPairs)
	if j.Options.Neighbors.Metric.Fitted() && j.Options.Neighbors.Params == nil {
		size += rows * j.queryBytes()
	}
	return size
}

// cutGroupsFn is groupsFn with groups that are cut at a diameter: it reads the rows of those that may be wider again.
type cutGroupsFn struct {
	groupsFn
	Reading  vectorio.Options
	Dim      int
	RowBytes int64
}

func (f *cutGroupsFn) ProcessElement(
	ctx context.Context, _ int, iter func(*exchangeFile) bool, chunks func(*vectorio.Chunk) bool, emit func(output.Part),
) error {
	c := &cutting{cutGroupsFn: f, chunks: vectorio.Gather(chunks), scores: map[int64][2]float64{}}
	return f.run(ctx, byTask(iter), c, emit)
}

// cutting cuts groups.
type cutting struct {
	*cutGroupsFn
	chunks []vectorio.Chunk
	groups int64                // that were cut
	scores map[int64][2]float64 // of their rows
}

// cut cuts what is too wide of groups whose rows are counted.
func (c *cutting) cut(ctx context.Context, m *groups.Members) error {
	progress.Of(c.Options.RunID).Phase("cutting the groups")
	o := &c.Options
	cutter := &groups.Cutter{Diameter: *o.Diameter, Radius: *o.Radius, Options: o.Neighbors, Threads: o.Threads}
	wide := m.Wide(cutter.Diameter, cutter.Radius)
	if len(wide) == 0 {
		return nil
	}
	if err := c.fit(ctx, cutter); err != nil {
		return err
	}
	most := max(1, cutBytes/int(max(c.RowBytes, 1)))
	for len(wide) > 0 {
		n, rows := 1, len(wide[0])
		for n < len(wide) && rows+len(wide[n]) <= most {
			rows += len(wide[n])
			n++
		}
		if err := c.some(ctx, m, cutter, wide[:n]); err != nil {
			return err
		}
		wide = wide[n:]
	}
	return nil
}

// fit finds the parameters of the metric, where these follow from all points.
func (c *cutting) fit(ctx context.Context, cutter *groups.Cutter) error {
	if o := cutter.Options; !o.Metric.Fitted() || o.Params != nil {
		return nil
	}
	points := &buildFn{Reading: c.Reading, Options: c.Options, Dim: c.Dim}
	points.Options.IndexLimit = math.MaxInt64
	all, err := points.read(ctx, c.chunks)
	if err != nil {
		return err
	}
	x, err := neighbors.Fit(all.points, cutter.Options)
	if err != nil {
		return err
	}
	cutter.Options = x.Options()
	return nil
}

// some cuts some groups.
func (c *cutting) some(ctx context.Context, m *groups.Members, cutter *groups.Cutter, wide [][]int64) error {
	rows := slices.Concat(wide...)
	slices.Sort(rows)
	all, err := c.read(ctx, rows)
	if err != nil {
		return err
	}
	blocks := make([]*vectors.Block, len(wide))
	for i, group := range wide {
		blocks[i] = c.Reading.NewBlock(c.Dim)
		for _, row := range group {
			at, _ := slices.BinarySearch(rows, row)
			blocks[i].AppendBlock(all.Slice(at, at+1))
		}
	}
	cuts, err := cutter.CutAll(blocks)
	if err != nil {
		return err
	}
	for i, cut := range cuts {
		if slices.Max(cut.Firsts) == 0 {
			continue
		}
		c.groups++
		m.Cut(wide[i], cut.Firsts)
		if c.Options.Groups.Rule == groups.Center {
			for j, row := range wide[i] {
				c.scores[row] = cut.Scores[j]
			}
		}
	}
	return nil
}

// read reads some rows, whose numbers ascend.
func (c *cutting) read(ctx context.Context, rows []int64) (*vectors.Block, error) {
	found := make([]*vectors.Block, len(c.chunks))
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(neighbors.Search{Threads: c.Options.Threads}.NumThreads())
	for i, chunk := range c.chunks {
		lo, _ := slices.BinarySearch(rows, chunk.First)
		hi, _ := slices.BinarySearch(rows, chunk.First+chunk.Span.Rows)
		if lo == hi {
			continue
		}
		g.Go(func() error {
			found[i] = c.Reading.NewBlock(c.Dim)
			left := rows[lo:hi]
			rejected := func(*fault.Fault) {} // who searches tells of faults
			return vectorio.EachBlock(within, chunk, &c.Reading, c.Dim, rejected, func(b *vectors.Block) error {
				for j, number := range b.Numbers {
					if len(left) > 0 && left[0] == number {
						found[i].AppendBlock(b.Slice(j, j+1))
						left = left[1:]
					}
				}
				return nil
			})
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	all := c.Reading.NewBlock(c.Dim)
	for i, b := range found {
		if b != nil {
			all.AppendBlock(b)
		}
		found[i] = nil
	}
	if all.Len() != len(rows) {
		return nil, fmt.Errorf("knn: found %d rows of groups, expected %d: has the input changed?", all.Len(), len(rows))
	}
	return all, nil
}
