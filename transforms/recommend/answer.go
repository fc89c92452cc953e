package recommend

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"beamlearn/model/fault"
	model "beamlearn/model/recommend"
	"beamlearn/model/results"
	"beamlearn/model/vectors"
	"beamlearn/transforms/output"
	"beamlearn/transforms/progress"
)

// answerFn recommends items to the users of a range.
type answerFn struct{ Options Options }

// answered is what a task has done.
type answered struct {
	Answered        int64   `json:"users_answered"`
	Recommendations int64   `json:"recommendations"`
	Without         int64   `json:"users_without_recommendation"`
	Score           float64 `json:"score_s"`
	Write           float64 `json:"write_s"`
}

func (f *answerFn) ProcessElement(ctx context.Context, r Range, emit func(output.Part)) error {
	progress.Of(f.Options.RunID).Begin("recommending", r.Total)
	m, err := f.Options.load(ctx)
	if err != nil {
		return fault.Mark(err)
	}
	start := time.Now()
	t, err := f.answer(m, &r)
	if err != nil {
		return err
	}
	done := answered{
		Answered: int64(r.Rows), Recommendations: int64(len(t.row)), Without: t.without, Score: time.Since(start).Seconds(),
	}
	start = time.Now()
	parts, err := t.write(ctx, f.Options.output(), &r, m.Interactions.Users, m.Interactions.Items, f.Options.Threads)
	if err != nil {
		return fault.Mark(err)
	}
	done.Write = time.Since(start).Seconds()
	progress.Of(f.Options.RunID).Add(int64(r.Rows))
	usersAnswered.Inc(ctx, done.Answered)
	recommendations.Inc(ctx, done.Recommendations)
	report, err := output.Report(r.Ordinal, &taskReport{answered: done})
	if err != nil {
		return err
	}
	for _, p := range append(parts, report) {
		emit(p)
	}
	return nil
}

// table is rows of ranked items.
type table struct {
	numbers []int64  // of each row, the place of who has it among all
	row     []uint32 // of each row, who has it
	item    []uint32
	values  []float64 // rank, the item's place, which Ref gives instead, and the score
	without int64
}

// add adds a row.
func (t *table) add(number int64, row, item uint32, rank int, score float64) {
	t.numbers, t.row, t.item = append(t.numbers, number), append(t.row, row), append(t.item, item)
	t.values = append(t.values, float64(rank), 0, score)
}

// append adds the rows of others.
func (t *table) append(o *table) {
	t.numbers, t.row, t.item = append(t.numbers, o.numbers...), append(t.row, o.row...), append(t.item, o.item...)
	t.values, t.without = append(t.values, o.values...), t.without+o.without
}

// write writes the rows as those of a task.
func (t *table) write(
	ctx context.Context, o *output.Options, r *Range, of, items vectors.IDs, threads int,
) ([]output.Part, error) {
	return output.Run(ctx, o, r.Ordinal, r.Total, func(_ context.Context, task *output.Task) error {
		return task.Write(t.numbers, func(p results.PartWriter, from, to int) error {
			return p.WriteTable(&results.Table{
				ID:  func(i int) vectors.ID { return of.At(int(t.row[i])) },
				Ref: func(i int) vectors.ID { return items.At(int(t.item[i])) }, Values: t.values, From: from, To: to,
				Threads: threads,
			})
		})
	})
}

// scoreRows is how many users a thread takes at a time.
const scoreRows = 256

// answer scores the users of a range on all threads.
func (f *answerFn) answer(m *model.Fitted, r *Range) (*table, error) {
	x := m.Interactions
	n := x.Users.Len()
	outside := slices.ContainsFunc(r.Users, func(u uint32) bool { return int(u) >= n })
	if r.First < 0 || r.Rows < 0 || r.Users == nil && r.First+r.Rows > n || r.Users != nil && len(r.Users) != r.Rows ||
		outside {
		return nil, fmt.Errorf("recommend: the users %d to %d of %d", r.First, r.First+r.Rows, n)
	}
	pieces := make([]table, (r.Rows+scoreRows-1)/scoreRows)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(cmp.Or(f.Options.Threads, runtime.GOMAXPROCS(0)), len(pieces)) {
		wg.Go(func() {
			s := m.Scorer(math.MaxInt32) // by all that a fit has kept
			for at := int(next.Add(1)) - 1; at < len(pieces); at = int(next.Add(1)) - 1 {
				for i := at * scoreRows; i < min((at+1)*scoreRows, r.Rows); i++ {
					f.user(s, x, r, i, &pieces[at])
				}
			}
		})
	}
	wg.Wait()
	all := &table{}
	for i := range pieces {
		all.append(&pieces[i])
	}
	return all, nil
}

// user scores user i of a range.
func (f *answerFn) user(s *model.Scorer, x *model.Interactions, r *Range, i int, t *table) {
	u := uint32(r.First + i)
	if r.Users != nil {
		u = r.Users[i]
	}
	items, values := x.Of(int(u))
	found := s.Recommend(items, values, f.Options.Top, !f.Options.KeepSeen)
	for rank, one := range found {
		t.add(int64(r.First+i), u, one.Item, rank+1, one.Score)
	}
	if len(found) == 0 {
		t.without++
	}
}

// neighborsFn writes the neighbours of the items of a range.
type neighborsFn struct{ Options Options }

func (f *neighborsFn) ProcessElement(ctx context.Context, r Range, emit func(output.Part)) error {
	m, err := f.Options.load(ctx)
	if err != nil {
		return fault.Mark(err)
	}
	if r.First < 0 || r.Rows < 0 || r.First+r.Rows > m.Model.Items.Len() {
		return fmt.Errorf("recommend: the items %d to %d of %d", r.First, r.First+r.Rows, m.Model.Items.Len())
	}
	t := &table{}
	for i := r.First; i < r.First+r.Rows; i++ {
		neighbors, similarities := m.Model.Of(i, math.MaxInt32)
		for rank, j := range neighbors {
			t.add(int64(i), uint32(i), j, rank+1, similarities[rank])
		}
	}
	parts, err := t.write(ctx, f.Options.neighbors(), &r, m.Model.Items, m.Model.Items, f.Options.Threads)
	if err != nil {
		return fault.Mark(err)
	}
	for _, p := range parts {
		emit(p)
	}
	return nil
}
