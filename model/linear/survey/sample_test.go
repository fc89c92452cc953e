package survey

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

// keptOf is a sample of up to so many rows, in so many parts of chunks of a size, that cross the wire or do not.
func keptOf(t *testing.T, task linear.Task, keep, entries, parts, size int, through bool,
	c *linear.Chunk) (*linear.Chunk, float64) {
	t.Helper()
	s, err := NewSurvey(task, c.Features, false)
	if err != nil {
		t.Fatal(err)
	}
	s.Keep(keep, entries)
	if through {
		s = lineartest.Carried(t, s)
	}
	if err := lineartest.PassOver(t, s, parts, size, through, c); err != nil {
		t.Fatal(err)
	}
	sample, rows, all := s.Sample()
	if all != (sample != nil && sample.Len() == c.Len()) {
		t.Errorf("%v: a sample of %d rows of %d is said to be of all", all, sample.Len(), c.Len())
	}
	return sample, rows
}

// Whatever is read as a part with a sample is merged and ended without a panic, and written again as it is.
func FuzzSamplePart(f *testing.F) {
	survey := func(entries int) *Survey {
		s, err := NewSurvey(linear.Classification, 5, false)
		if err != nil {
			f.Fatal(err)
		}
		s.Keep(64, entries)
		return s
	}
	for _, entries := range []int{0, 40} {
		p := survey(entries).Partial(0, 1)
		if err := p.PartialFit(lineartest.SparseChunk(lineartest.Problem(90, 3, 1))); err != nil {
			f.Fatal(err)
		}
		b, err := p.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(entries == 0, b)
		f.Add(entries == 0, b[:len(b)-3])
	}
	f.Fuzz(func(t *testing.T, dense bool, b []byte) {
		s := survey(40)
		if dense {
			s = survey(0)
		}
		p := s.Partial(0, 1)
		if p.UnmarshalBinary(b) != nil {
			return
		}
		if err := p.Merge(lineartest.Sent(t, s, p, 0, 1)); err != nil && !strings.Contains(err.Error(), "classes") {
			t.Fatal(err)
		}
		if s.Advance(p) == nil {
			if c, _, _ := s.Sample(); c != nil && c.Len() > 64 {
				t.Errorf("a sample of %d rows", c.Len())
			}
		}
	})
}

// A sample is the same in any chunks, of dense rows and sparse ones, and where parts cross the wire; and it stands for
// all rows of each class, of which a rare one is there as a whole.
func TestSample(t *testing.T) {
	two, numbers := lineartest.Problem(900, 2, 4), lineartest.Problem(900, 0, 4)
	for i := range two.Target {
		if two.Target[i] == 1 && i%40 != 0 {
			two.Target[i] = 0
		}
		two.Weights = append(two.Weights, float64(1+i%3))
	}
	for _, c := range []*linear.Chunk{two, numbers} {
		for i, v := range c.X {
			if math.Abs(v) < 0.5 { // which lineartest.SparseChunk leaves out
				c.X[i] = 0
			}
		}
	}
	texts := *two
	texts.Target = nil
	for _, y := range two.Target {
		texts.Labels = append(texts.Labels, fmt.Sprintf("class %v", y))
	}
	for name, v := range map[string]struct {
		task linear.Task
		c    *linear.Chunk
	}{"numbers": {linear.Regression, numbers}, "classes": {linear.Classification, two},
		"texts": {linear.Classification, &texts}} {
		want, rows := keptOf(t, v.task, 100, 0, 1, 900, false, v.c)
		if rows != 900 || want.Len() > 100 || want.Len() < 50 {
			t.Fatalf("%s: %d rows stand for %v", name, want.Len(), rows)
		}
		sum, all := map[string]float64{}, map[string]float64{}
		class := func(c *linear.Chunk, i int) string {
			switch {
			case v.task == linear.Regression:
				return ""
			case c.Labels != nil:
				return c.Labels[i]
			}
			return fmt.Sprint(c.Target[i])
		}
		rare := map[string]int{}
		for i := range want.Len() {
			sum[class(want, i)] += want.Weights[i]
			rare[class(want, i)]++
		}
		had := map[string]int{}
		for i := range v.c.Len() {
			had[class(v.c, i)]++
			if v.c.Weights == nil {
				all[class(v.c, i)]++
			} else {
				all[class(v.c, i)] += v.c.Weights[i]
			}
		}
		for k, n := range had {
			if share := sum[k] / all[k]; !(share > 0.8 && share < 1.2) || n < 50 && (rare[k] != n || share != 1) {
				t.Errorf("%s: %d of the %d rows of %q, with %v of their weight", name, rare[k], n, k, share)
			}
		}
		for _, parts := range []int{1, 7} {
			for _, entries := range []int{0, 150, 10_000} {
				want, _ := keptOf(t, v.task, 100, entries, parts, 400, false, v.c)
				if want == nil || entries > 0 && want.Entries() > entries || (want.Sparse != nil) != (entries > 0) {
					t.Fatalf("%s, %d parts: a sample %+v, of at most %d entries", name, parts, want, entries)
				}
				for _, size := range []int{1, 13} {
					for kind, c := range map[string]*linear.Chunk{"dense": v.c, "sparse": lineartest.SparseChunk(v.c)} {
						got, _ := keptOf(t, v.task, 100, entries, parts, size, true, c)
						if !reflect.DeepEqual(got, want) {
							t.Errorf("%s, %s, %d parts, chunks of %d: another sample of %d rows", name, kind, parts, size, got.Len())
						}
					}
				}
			}
		}
	}
	many := lineartest.Problem(900, 0, 4)
	for i := range many.Target {
		many.Target[i] = float64(i % 30)
	}
	if c, _ := keptOf(t, linear.Classification, 100, 0, 2, 50, true, many); c != nil {
		t.Errorf("%d rows of a sample of too many classes", c.Len())
	}
}

// Parts keep fewer rows of a large sample than there are to be of all, and the sample is the same.
func TestLargeSampleInParts(t *testing.T) {
	const parts, each, keep = 8, leastOwn + 2000, 6000
	c := lineartest.Problem(parts*each, 0, 2)
	sample := func(alone bool) *linear.Chunk {
		s, err := NewSurvey(linear.Regression, c.Features, false)
		if err != nil {
			t.Fatal(err)
		}
		s.Keep(keep, 0)
		var all *surveyPart
		for k := range parts {
			p := s.Partial(k, parts).(*surveyPart)
			if alone {
				p.parts = 1
			}
			if err := p.PartialFit(c.Slice(k*each, (k+1)*each)); err != nil {
				t.Fatal(err)
			}
			if n := len(p.sampler.rows); (n > leastOwn*5/4) != alone {
				t.Errorf("alone %v: a part keeps %d rows", alone, n)
			}
			if all == nil {
				all = p
			} else if err := all.Merge(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Advance(all); err != nil {
			t.Fatal(err)
		}
		kept, _, _ := s.Sample()
		return kept
	}
	got, want := sample(false), sample(true)
	if got.Len() != keep || !reflect.DeepEqual(got, want) {
		t.Errorf("a sample of %d rows, which is not that of %d", got.Len(), want.Len())
	}
}

// Labels that are numbers have the sample that they have as texts.
func TestSampleOfNumbersAndTexts(t *testing.T) {
	t.Parallel()
	texts := lineartest.Problem(4000, 0, 2)
	texts.Labels, texts.Target = make([]string, 4000), nil
	numbers := *texts
	numbers.Labels, numbers.Target = nil, make([]float64, 4000)
	for i := range texts.Labels {
		numbers.Target[i] = []float64{9, -1, 10, 2}[i%4]
		texts.Labels[i] = linear.LabelText(numbers.Target[i])
	}
	of := func(c *linear.Chunk) *linear.Chunk {
		sample, _ := keptOf(t, linear.Classification, 64, 0, 1, 500, false, c)
		return sample
	}
	a, b := of(texts), of(&numbers)
	if a == nil || b == nil || a.Len() != 64 || !reflect.DeepEqual(a.X, b.X) {
		t.Fatal("texts and numbers have different samples")
	}
	for i, v := range b.Target {
		if a.Labels[i] != linear.LabelText(v) {
			t.Errorf("row %d is of %s and of %v", i, a.Labels[i], v)
		}
	}
}
