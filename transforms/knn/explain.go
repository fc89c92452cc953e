package knn

import (
	"context"
	"fmt"
	"math"
	"time"

	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/ivf"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/placement"
)

// Plan is what a job would do, as far as that can be told without doing it.
type Plan struct {
	Files  int   `json:"files"`
	Bytes  int64 `json:"bytes"`  // of the points' files
	Points int64 `json:"points"` // −1 where they must be counted, which takes reading them
	About  bool  `json:"points_about"`
	Dim    int   `json:"dimensions"`
	// Queries is their number: that of the points where each is one.
	Queries   int64  `json:"queries"`
	Broadcast string `json:"broadcast"` // how the index reaches the workers
	Why       string `json:"why"`
	Algorithm string `json:"algorithm"`
	// Distances is the number of pairs of a query and a point; a tree does not compare most of them.
	Distances float64 `json:"distances"`
	// Seconds of searching, from a half-second measurement on the first rows, on this machine's cores; 0 where it is not
	// known.
	Seconds  float64 `json:"search_s"`
	Slots    int     `json:"slots"`
	Threads  int     `json:"threads"`
	ReadRate float64 `json:"read_bytes_per_s"` // of one core
	// WorkerMemory is what a worker process takes for the job, beside the program itself.
	WorkerMemory int64 `json:"worker_memory_bytes"`
	// ShuffleBytes cross the runner: descriptions of rows and, as a side input, the index for each worker process.
	ShuffleBytes int64    `json:"shuffle_bytes"`
	Warnings     []string `json:"warnings,omitempty"`
}

// What is known of runners, measured on Beam 2.62's Flink and Spark job servers.
const (
	// mostBundle is the output of one bundle above which these two hang: the task waits for the bundle's end before it
	// takes its output.
	mostBundle = 250 << 20
	// sideInputCost is how many times its size a side input takes in the memory of a runner while it is on its way.
	sideInputCost = 8
	// chunkDescription is the size of a description of rows.
	chunkDescription = 300
	// sectionDescription is that of a section of a file, which crosses the runner twice.
	sectionDescription = 25
	// exactAnswer is the size of a neighbour of a sampled query, which each task that assigns points finds.
	exactAnswer = 18
)

// measureRows and measureSeconds bound the measurement of [Job.Explain].
const (
	measureRows    = 16384
	measureBytes   = 64 << 20
	measureSeconds = 0.25
)

// Explain tells what the job, which must be valid, would do on so many workers of an engine, at the speed of this
// machine. It reads the first rows, and searches among them for about half a second.
func (j *Job) Explain(ctx context.Context, slots int) (*Plan, error) {
	j.Options.EnsureDefaults()
	j.Reading.EnsureDefaults()
	p := &Plan{Dim: j.dim(), Points: -1, Slots: slots, Threads: neighbors.Search{Threads: j.Options.Threads}.NumThreads()}
	if j.Options.Workers != placement.InProcess && j.Options.Threads == 0 {
		p.Threads = 1 // as an engine's slots are the cores
	}
	if j.Index != nil {
		p.Points = j.indexed()
	} else {
		p.Files, p.Bytes, p.Points = len(j.Corpus.Files), j.Corpus.Bytes, j.Corpus.Rows
		if p.Points < 0 {
			p.Points, p.About = j.Corpus.RowsAbout, true
		}
	}
	p.Queries = p.Points
	if j.Queries != nil {
		if p.Queries = j.Queries.Rows; p.Queries < 0 {
			p.Queries, p.About = j.Queries.RowsAbout, true
		}
	}
	index := int64(0)
	if p.Points > 0 {
		p.Algorithm = string(neighbors.AlgorithmOf(int(min(p.Points, neighbors.MaxPoints)), p.Dim, j.Options.Neighbors))
		index = j.indexFootprint(p.Points)
		p.Distances = float64(p.Points) * float64(max(p.Queries, 0))
	}
	if j.Options.Recall != 0 {
		p.Algorithm, p.Distances = IVF, 0 // most pairs are not compared
	}
	p.way(j, index)
	if p.Points > 0 && p.Queries > 0 && j.Options.Radius == nil && j.Options.Recall == 0 {
		if err := p.measure(ctx, j); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// way says how the index travels, why, and what that takes.
func (p *Plan) way(j *Job, index int64) {
	o := &j.Options
	row := int64(8 * p.Dim)
	rows := int64(max(o.SearchRows, j.Reading.ChunkRows))
	if p.Queries >= 0 {
		rows = min(rows, p.Queries)
	}
	chunk := rows * (row + 12*int64(o.K))
	p.ShuffleBytes = chunkDescription * (p.Bytes/(16<<20) + max(p.Queries, 0)/max(rows,
		1) + 2) // the pieces of text that are counted, and the chunks
	p.WorkerMemory = index + chunk
	size := int64(0)
	if p.Points > 0 {
		size = j.Reading.MinBytes(p.Points, p.Dim)
	}
	reason := func(why string) string {
		if o.Broadcast != Auto {
			return "as --broadcast says"
		}
		return why
	}
	switch j.broadcast().(type) {
	case prebuilt:
		p.Broadcast, p.Why = File, "the index of --index, mapped into memory by every worker"
	case inProcess:
		p.Broadcast, p.Why = "in process", "this process does all the work, so the index stays where it is built"
		if m := j.Memory(); m > 0 {
			p.WorkerMemory = m
		}
	case approximate:
		p.Broadcast, p.Why = "one worker", "an approximate search has all points in one worker, and leaves the others "+
			"idle, unless --index_memory says that they are too many for it"
		p.WorkerMemory += p.Points * int64(12*o.K+24)
		if m := j.Memory(); m > 0 {
			p.WorkerMemory = m
		}
	case inParts:
		b, wide := j.budget(), j.Reading.Formats.DType == vectors.Float64
		graph := p.Points * b.RowBytes(wide)
		p.Broadcast, p.Why = Parts, fmt.Sprintf("the graph takes %s, and a worker may spend %s on it: the points go "+
			"into overlapping parts, by files of %s or more in the staging directory",
			files.Bytes(graph), files.Bytes(o.IndexMemory), files.Bytes(2*size))
		p.WorkerMemory = o.IndexMemory
		if p.Points > 0 && p.Queries > 0 {
			tasks := p.Points / int64(ivf.TaskRows(b.AssignRows(), minAssignRows, p.Points))
			ranges := p.Queries / int64(ivf.TaskRows(b.MergeRows(), minQueryRows, p.Queries))
			p.ShuffleBytes += 2 * sectionDescription * b.Parts(p.Points, wide) * (tasks + ranges + 2)
			p.ShuffleBytes += exactAnswer * min(int64(o.ivf().Sample), p.Queries) * int64(o.K) * (tasks + 1)
		}
	case inFile:
		p.Broadcast, p.Why = File, reason(fmt.Sprintf("the index is above %s, from where on mapping a file is faster "+
			"than a side input", files.Bytes(fileFrom)))
	case inShards:
		n := int64(1)
		if o.IndexMemory > 0 {
			n = (index + o.IndexMemory - 1) / o.IndexMemory
		}
		p.Broadcast, p.Why = Shards, fmt.Sprintf("the index takes %s, and a worker may spend %s on it: %d shards",
			files.Bytes(index), files.Bytes(o.IndexMemory), max(n, 1))
		p.WorkerMemory = min(index, o.IndexMemory) + neighbors.ShardQueryBytes(o.IndexMemory)
	case sideInput:
		p.Broadcast, p.Why = SideInput, reason("the index is small")
		p.ShuffleBytes += size * int64(p.Slots)
		p.warnSideInput(o, size)
	}
	p.warnRows(o, rows)
}

// warn adds a warning.
func (p *Plan) warn(format string, args ...any) {
	p.Warnings = append(p.Warnings, fmt.Sprintf(format, args...))
}

// warnSideInput warns of a side input of so many bytes that is more than a runner carries well.
func (p *Plan) warnSideInput(o *Options, size int64) {
	if limit := max(o.IndexLimit, DefaultIndexLimit); size > limit/2 {
		p.warn("a side input of %s is near the limit of %s, and costs the runner up to %d times its size on its way: "+
			"--broadcast=file", files.Bytes(size), files.Bytes(limit), sideInputCost)
	}
	if size > mostBundle && o.Workers != placement.InProcess {
		p.warn("the index, %s, leaves one bundle whole, and Flink and Spark 2.62 hang where that is more than about %s: "+
			"--broadcast=file", files.Bytes(size), files.Bytes(mostBundle))
	}
}

// warnRows warns of chunks of so many rows that are too few for the workers, and of what is not known of the rows.
func (p *Plan) warnRows(o *Options, rows int64) {
	if chunks := (p.Queries + max(rows, 1) - 1) / max(rows, 1); p.Queries >= 0 && p.Slots > 1 &&
		chunks < 2*int64(p.Slots) {
		p.warn("%d queries make %d chunks, too few to keep %d workers busy: --chunk_rows=%d", p.Queries, chunks, p.Slots,
			max(p.Queries/int64(4*p.Slots), 1))
	}
	if o.Restricted && o.Rules == nil {
		p.warn("what --filter and other rules leave out is not known before rows are read: these are the figures of all rows")
	}
	if p.About {
		p.warn("the rows of text are estimated from the beginning of its files")
	}
	if p.Points < 0 {
		p.warn("the rows of a compressed file are only known when it is read: nothing that depends on them is told here")
	}
}

// measure searches among the first rows, twice, for the time that a query takes and that which a pair takes.
func (p *Plan) measure(ctx context.Context, j *Job) error {
	if j.Corpus == nil {
		return nil
	}
	most := max(min(measureRows, measureBytes/(8*p.Dim)), 4*j.Options.K, 64)
	start := time.Now()
	head, err := j.Corpus.Head(ctx, most, j.Reading)
	if err != nil {
		return err
	}
	if t := time.Since(start).Seconds(); t > 0 && p.Points > 0 {
		p.ReadRate = float64(p.Bytes) / float64(p.Points) * float64(head.Len()) / t
	}
	n := head.Len()
	if n < 4*j.Options.K || n < 64 {
		return nil
	}
	algorithm := j.Options.Neighbors
	algorithm.Algorithm = neighbors.Algorithm(p.Algorithm)
	if algorithm.Params == nil { // the first rows need not have any
		algorithm.Params = neighbors.UnitParams(algorithm.Metric, head.Dim)
	}
	search := func(m int) (float64, error) {
		b := head.Slice(0, m)
		x, err := neighbors.Fit(b, algorithm)
		if err != nil {
			return 0, err
		}
		// Every point at once compares each pair once, for both.
		self := j.Queries == nil && j.Options.Workers == placement.InProcess && int64(j.Options.SearchRows) >= p.Queries
		start := time.Now()
		for runs := 1.0; ; runs++ {
			if _, err := x.KNeighbors(b, min(j.Options.K, m-1), neighbors.Search{Self: self, Threads: 1}); err != nil {
				return 0, err
			}
			if t := time.Since(start).Seconds(); t > measureSeconds {
				return t / runs, nil
			}
		}
	}
	small, err := search(n / 4)
	if err != nil {
		return err
	}
	large, err := search(n)
	if err != nil {
		return err
	}
	p.Seconds = extrapolate(p.Algorithm, float64(n), small, large, float64(p.Queries),
		float64(p.Points)) / float64(p.Slots*p.Threads)
	return nil
}

// extrapolate gives the seconds of q queries among n points, from those of m/4 queries among m/4 points and of m
// among m. By brute force t = a·q + b·q·n; in a tree a query's time grows with the logarithm of n, and a little
// faster than that.
func extrapolate(algorithm string, m, small, large, q, n float64) float64 {
	if algorithm == string(neighbors.KDTree) {
		atSmall, atLarge := small/(m/4), large/m
		growth := math.Max((atLarge-atSmall)/math.Log(4), 0)
		return q * (atLarge + growth*math.Max(math.Log(n/m), 0))
	}
	// small = a·m/4 + b·m²/16, large = a·m + b·m²
	b := (large - 4*small) / (m * m * 3 / 4)
	if b <= 0 {
		b = large / (4 * m * m) // noise: no pair is free
	}
	a := math.Max(large/m-b*m, 0)
	return q * (a + b*n)
}
