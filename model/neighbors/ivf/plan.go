package ivf

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// Sampler takes a sample of rows by their numbers: the same however the rows are cut into chunks.
type Sampler struct {
	seed    uint64
	maxRank uint64
}

// NewSampler is one that takes about so many of all rows.
func NewSampler(rows, all int64, seed uint64) Sampler {
	s := Sampler{seed: seed, maxRank: math.MaxUint64}
	if share := float64(rows) / float64(all); share < 1 {
		s.maxRank = uint64(share * (1 << 64))
	}
	return s
}

// Append adds the rows of a block that are in the sample.
func (s Sampler) Append(sample, b *vectors.Block) {
	for i, n := range b.Numbers {
		if Rank(n, s.seed) <= s.maxRank {
			AppendRow(sample, b, i)
		}
	}
}

// lowestRanks are n rows of a block, or all where there are fewer, in their order: those of the lowest ranks.
func lowestRanks(b *vectors.Block, n int, seed uint64) *vectors.Block {
	rows := except(b.Len(), nil)
	slices.SortFunc(rows, func(i, j int32) int { return cmp.Compare(Rank(b.Numbers[i], seed), Rank(b.Numbers[j], seed)) })
	rows = rows[:min(n, len(rows))]
	slices.Sort(rows)
	sample := &vectors.Block{Dim: b.Dim}
	for _, i := range rows {
		sample.AppendBlock(b.Slice(int(i), int(i)+1))
	}
	return sample
}

// Plan is what all workers of a search in parts know.
type Plan struct {
	Points  int64 // how many there are
	Queries int64 // how many there are, which are the points where every point is one
	Parts   *Parts
	// PartRows is how many points a part may have, where Parts are regions: see [Plan.PlanRegion].
	PartRows int64 `json:",omitempty"`
	// Sample is the queries whose neighbours are found exactly too, to measure the recall.
	Sample *vectors.Block `json:"-"`
}

// NewPlan plans parts of at most so many points, as [PlanParts] does, by samples of the points and of the queries,
// which are nil where every point is one. The plan's Sample is o.Sample of them.
func NewPlan(
	points, queries *vectors.Block, numPoints, numQueries int64, k int, most int64, o Options, threads int,
) (*Plan, error) {
	parts, err := PlanParts(points, queries, numPoints, k, most, o, threads)
	if err != nil {
		return nil, err
	}
	o.EnsureDefaults()
	if queries == nil {
		queries = points
	}
	sample := lowestRanks(queries, o.Sample, ^o.Seed)
	return &Plan{Points: numPoints, Queries: numQueries, Parts: parts, Sample: sample}, nil
}

// samplePieces is how many pieces the sample is cut into, each of which another worker may measure.
const samplePieces = 64

// Pieces is how many pieces the sample has.
func (p *Plan) Pieces() int { return min(samplePieces, p.Sample.Len()) }

// Piece is a piece of the sample.
func (p *Plan) Piece(i int) *vectors.Block {
	n := p.Pieces()
	return p.Sample.Slice(i*p.Sample.Len()/n, (i+1)*p.Sample.Len()/n)
}

// Answered is about how many queries are answered, in all parts, and merged.
func (p *Plan) Answered() int64 { return int64(float64(p.Queries) * (p.Parts.Copies + 1)) }

// An encoded plan is a line of JSON, the leaders and the sample.
type planHeader struct {
	Plan
	LeaderBytes, SampleBytes int64
}

// Write writes the plan into a file.
func (p *Plan) Write(w io.Writer) error {
	var leaders, sample bytes.Buffer
	err := errors.Join(neighbors.WritePoints(&leaders, p.Parts.Leaders), neighbors.WritePoints(&sample, p.Sample))
	if err != nil {
		return err
	}
	h := planHeader{*p, int64(leaders.Len()), int64(sample.Len())}
	if err := json.NewEncoder(w).Encode(h); err != nil {
		return err
	}
	for _, b := range []*bytes.Buffer{&leaders, &sample} {
		if _, err := b.WriteTo(w); err != nil {
			return err
		}
	}
	return nil
}

// ReadPlan reads what [Plan.Write] has written. It trusts nothing: damaged bytes are an error, never a panic.
func ReadPlan(b []byte) (*Plan, error) {
	var h planHeader
	line := bytes.IndexByte(b, '\n') + 1
	if err := json.Unmarshal(b[:line], &h); err != nil {
		return nil, fmt.Errorf("ivf: not a plan, or a damaged one: %w", err)
	}
	b = b[line:]
	n := int64(len(b))
	if h.Parts == nil || h.LeaderBytes < 0 || h.LeaderBytes > n || h.SampleBytes != n-h.LeaderBytes {
		return nil, fmt.Errorf("ivf: a plan of parts of %d bytes, not of %d and %d", n, h.LeaderBytes, h.SampleBytes)
	}
	var err error
	if h.Parts.Leaders, err = neighbors.ReadPoints(bytes.NewReader(b), h.LeaderBytes); err != nil {
		return nil, err
	}
	if h.Sample, err = neighbors.ReadPoints(bytes.NewReader(b[h.LeaderBytes:]), h.SampleBytes); err != nil {
		return nil, err
	}
	if h.Sample.Dim != h.Parts.Leaders.Dim {
		return nil, fmt.Errorf("ivf: a plan with leaders of %d columns, and queries of %d", h.Parts.Leaders.Dim, h.Sample.Dim)
	}
	return &h.Plan, h.Parts.Check()
}

// ExactAnswers are the k nearest of some points of each query of the sample, in order of the queries: with self the
// queries are points, here or elsewhere.
func (p *Plan) ExactAnswers(
	points *vectors.Block, k int, metric neighbors.Options, self bool, threads int,
) (*neighbors.Answers, error) {
	metric.Algorithm = neighbors.Brute
	x, err := neighbors.Fit(points, metric)
	if err != nil {
		return nil, err
	}
	found, err := x.KNeighbors(p.Sample, k, neighbors.Search{Self: self, Part: true, Threads: threads})
	if err != nil {
		return nil, err
	}
	return neighbors.NewHits(p.Sample.Len()).Merge(found, x, 0, k, nil).Answers(p.Sample.Numbers), nil
}

// MergeParts merges what parts have found of the same queries. It fails where a query has not k neighbours.
func MergeParts(k int, parts ...*neighbors.Answers) (*neighbors.Answers, error) {
	a := neighbors.MergeAnswers(k, parts...)
	for i, n := range a.Numbers {
		if found := a.Offsets[i+1] - a.Offsets[i]; found != int64(k) {
			return nil, fmt.Errorf("ivf: %d neighbours of row %d, not %d", found, n, k)
		}
	}
	return a, nil
}

// SampleRecall compares what was found for the sample of a plan with the exact answers, both of which come in pieces.
// What it holds does not grow with their number.
type SampleRecall struct {
	Exact, Found *neighbors.Answers // merged, so far
	plan         *Plan
	k            int
}

// NewSampleRecall has no answers yet.
func NewSampleRecall(p *Plan, k int) *SampleRecall {
	return &SampleRecall{neighbors.MergeAnswers(0), neighbors.MergeAnswers(0), p, k}
}

// Add adds exact answers among some of the points, by [Plan.ExactAnswers], or what was found for some of the queries.
func (s *SampleRecall) Add(a *neighbors.Answers, exact bool) {
	if exact {
		s.Exact = neighbors.MergeAnswers(s.k, s.Exact, a)
	} else {
		s.Found = neighbors.MergeAnswers(s.k, s.Found, a)
	}
}

// Report says how the parts were searched, to a recall asked, and what was found. It fails where answers are missing.
func (s *SampleRecall) Report(asked float64, partRows int64) (*Report, error) {
	p := s.plan
	if !slices.Equal(s.Exact.Numbers, p.Sample.Numbers) || !slices.Equal(s.Found.Numbers, p.Sample.Numbers) {
		return nil, fmt.Errorf("ivf: %d and %d answers to %d sampled queries", s.Exact.Len(), s.Found.Len(), p.Sample.Len())
	}
	return &Report{
		Method: "partition", Asked: asked, Measure: Compare(s.Found.Found(), s.Exact.Found(),
			int(min(p.Queries, math.MaxInt))),
		Leaders: p.Parts.Leaders.Len(), LeafSize: int(partRows), Fanout: p.Parts.Fanout,
		Copies: p.Parts.Copies, Repetitions: 1,
	}, nil
}
