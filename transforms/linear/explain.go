package linear

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"beamlearn/model/fault"
	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/linear/targets"
	"beamlearn/model/vectors"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// Plan is what a training would do, as far as that can be told without doing it.
type Plan struct {
	Files    int    `json:"files"`
	Bytes    int64  `json:"bytes"`
	Rows     int64  `json:"rows"` // −1 where they must be counted, which takes reading them
	About    bool   `json:"rows_about"`
	Features int    `json:"features"`
	Solver   string `json:"solver"`
	// Passes over the rows, the first of which may be over a sample: as many as the first rows took, of an exact solver.
	Passes    int `json:"passes"`
	Pipelines int `json:"pipelines"` // the job is submitted so often
	Shards    int `json:"shards"`
	Slots     int `json:"slots"`
	Threads   int `json:"threads"`
	// Seconds of reading and learning, from a measurement on the first rows, on this machine's cores; 0 where it is not
	// known.
	Seconds float64 `json:"learn_s"`
	// WorkerMemory is what a worker process takes for the job, beside the program itself.
	WorkerMemory int64 `json:"worker_memory_bytes"`
	// CacheMemory is about what rows take beside that which stay in memory between passes: no more than
	// Options.CacheMemory, however many rows there are, and 0 where none stay.
	CacheMemory int64 `json:"cache_memory_bytes,omitempty"`
	// CacheFile is about what rows take beside these in a temporary file without a name.
	CacheFile int64 `json:"cache_file_bytes,omitempty"`
	// ShuffleBytes cross the runner in all passes: sums, or weights, and the model.
	ShuffleBytes int64    `json:"shuffle_bytes"`
	Warnings     []string `json:"warnings,omitempty"`
}

// The first rows that a plan is measured on.
const (
	measureRows  = 20_000
	measureBytes = 64 << 20
)

// mostUnrolled is the number of passes in a pipeline from which on Flink needs more network buffers than by default.
const mostUnrolled = 4

// Explain tells what the training that o describes would do on so many workers of an engine, at the speed of this
// machine. It learns from the first rows, in memory.
func (j *Job) Explain(ctx context.Context, o fitting.FitOptions, slots int) (*Plan, error) {
	d := j.Data
	j.Options.EnsureDefaults()
	p := j.plan(slots)
	fit, err := fitting.NewFit(o, d.Dim, d.Columns)
	if err != nil {
		return nil, err
	}
	p.Solver = string(fitting.SolverSGD)
	if fit.Exact() {
		p.Solver = string(fitting.SolverExact)
	} else if o.Epochs == 0 && p.Rows > 0 {
		o.Epochs = fitting.DefaultEpochs(p.Rows)
		if fit, err = fitting.NewFit(o, d.Dim, d.Columns); err != nil {
			return nil, err
		}
	}

	start := time.Now()
	most := measureRows
	if !j.Reading.Formats.Sparse {
		most = max(min(most, measureBytes/8/max(d.Dim, 1)), 256)
	}
	head, err := d.Head(ctx, most, j.Reading)
	if err != nil {
		return nil, err
	}
	reading := time.Since(start).Seconds()
	if head.Len() == 0 {
		return p, nil
	}
	start = time.Now()
	var all Fit = fit
	if d.TargetNames != nil {
		if all, err = targets.NewFit(o, nil, d.Dim, d.Columns, d.TargetNames); err != nil {
			return nil, err
		}
	}
	sums, err := p.learn(all, head)
	if err != nil {
		var at *fault.Fault
		if errors.As(err, &at) && at.File == "" && len(d.Files) > 0 {
			first := *at
			first.File = d.Files[0].Name
			err = &first
		}
		p.warn("the first %d rows alone cannot be learned from, so the time is not known: %v", head.Len(), err)
		return p, nil
	}
	learning := time.Since(start).Seconds()
	p.Passes = all.Passes()
	if p.Rows > 0 {
		perRow := (learning + float64(p.Passes)*reading) / float64(head.Len())
		p.Seconds = perRow * float64(p.Rows) / float64(min(p.Slots*p.Threads, p.Shards))
	}
	p.size(j, head, sums)
	return p, nil
}

// plan is what is known without looking at the rows.
func (j *Job) plan(slots int) *Plan {
	d, threads := j.Data, j.Options.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	p := &Plan{
		Files: len(d.Files), Bytes: d.Bytes, Rows: d.Rows, Features: d.Dim, Shards: j.Options.Shards,
		Slots: slots, Threads: min(threads, j.Options.Shards),
	}
	if slots > 1 && j.Options.Threads == 0 {
		p.Threads = 1 // as an engine's slots are the cores
	}
	switch {
	case p.Rows < 0 && d.RowsAbout >= 0:
		p.Rows, p.About = d.RowsAbout, true
		p.warn("the rows of text are estimated from the beginning of its files")
	case p.Rows < 0:
		p.warn("the rows of a compressed file are only known when it is read: nothing that depends on them is told here")
	}
	return p
}

func (p *Plan) warn(format string, args ...any) {
	p.Warnings = append(p.Warnings, fmt.Sprintf(format, args...))
}

// size estimates pipelines, memory and what is shuffled, where a sum of a pass has so many bytes.
func (p *Plan) size(j *Job, head *vectors.Block, sums int64) {
	p.Pipelines = (p.Passes + j.Options.Passes - 1) / j.Options.Passes
	if j.Options.Workers == placement.InProcess {
		p.Pipelines = 1
	}
	row := int64(8 * j.Data.Dim)
	if j.Reading.Formats.Sparse {
		row = int64(12 * len(head.Sparse.Values) / head.Len())
	}
	const blocks = aheadBlocks + 3
	rows := max(j.Options.UnitRows, j.Reading.ChunkRows)
	p.WorkerMemory = int64(p.Threads)*(blocks*int64(rows)*row+sums) + sums
	p.CacheMemory, p.CacheFile = j.keptBytes(p.Rows, head)
	p.ShuffleBytes = int64(p.Passes) * sums * int64(min(j.Options.Groups, p.Shards)+1)
	if p.Shards < p.Slots {
		p.warn("%d shards are too few to keep %d workers busy: --shards=%d, which changes the model of sgd", p.Shards,
			p.Slots, 2*p.Slots)
	}
	if j.Options.Workers != placement.InProcess && j.Options.Passes > mostUnrolled && p.Passes > mostUnrolled {
		p.warn("%d passes in a pipeline need more of Flink's network buffers than it has by default: "+
			"taskmanager.memory.network.max of 512 MB for ten, "+
			"or --checkpoint_passes=%d", j.Options.Passes, mostUnrolled)
	}
}

// keptBytes is about what so many rows like these, or −1, take that stay between passes, in memory and in a file.
func (j *Job) keptBytes(rows int64, head *vectors.Block) (memory, file int64) {
	most := j.Options.CacheMemory
	if j.Options.Workers != placement.InProcess || most <= 0 {
		return 0, 0
	}
	k, slow := newKept(most, j.Reading.Formats.Format), canSpill
	for _, f := range j.Data.Files {
		c := &vectorio.Chunk{Info: f, Total: rows}
		if rows >= 0 && !k.takes(c, head) {
			return min(most, sampleMemory), 0
		}
		slow = slow && k.slow(c)
	}
	all := spillTimes * most
	if rows >= 0 {
		var values *dictionary
		if head.Sparse != nil {
			values = newDictionary()
		}
		kept := pieceOf(head, j.Reading.NewBlock(j.Data.Dim), values)
		all = kept.bytes() / int64(head.Len()) * rows
	}
	if !slow {
		return min(most, all), 0
	}
	memory = min(most/spillShare, all)
	file = min(spillTimes*most, all-memory)
	if head.Sparse != nil {
		memory *= 2 // Newton's method keeps them, too
	}
	return memory, file
}

// learn makes all passes over a block, and gives the bytes of the largest sum of one.
func (p *Plan) learn(fit Fit, b *vectors.Block) (sums int64, err error) {
	for !fit.Done() {
		pass := fit.Pass()
		part := fit.Partial(0, 1)
		for lo := 0; lo < b.Len(); lo += pass.Batch {
			if err := part.PartialFit(model.Of(b.Slice(lo, min(lo+pass.Batch, b.Len())))); err != nil {
				return 0, err
			}
		}
		encoded, err := part.MarshalBinary()
		if err != nil {
			return 0, err
		}
		sums = max(sums, int64(len(encoded)))
		if err := fit.Advance(part); err != nil {
			return 0, err
		}
	}
	return sums, nil
}
