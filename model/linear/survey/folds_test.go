package survey

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"beamlearn/model/linear"
	"beamlearn/model/vectors"
)

// foldRows are rows with labels, in chunks of that size, as a survey sees them.
func foldRows(labels []string, ids []string, size int) []*linear.Chunk {
	var all []*linear.Chunk
	for from := 0; from < len(labels); from += size {
		c := &linear.Chunk{Features: 1}
		for i := from; i < min(from+size, len(labels)); i++ {
			c.X, c.Labels, c.Numbers = append(c.X, float64(i)), append(c.Labels, labels[i]), append(c.Numbers, int64(i))
			if ids != nil {
				c.IDs.Append(vectors.ParseID(ids[i]))
			}
		}
		all = append(all, c)
	}
	return all
}

// surveyFolds surveys the chunks in so many parts, which cross a wire, and gives the survey and each row's fold.
func surveyFolds(t *testing.T, chunks []*linear.Chunk, parts, folds int, seed uint64) (*Survey, []int) {
	t.Helper()
	s, err := NewSurvey(linear.Classification, 1, false)
	if err != nil {
		t.Fatal(err)
	}
	s.Stratify(folds, seed)
	sum := linear.NewSum(parts)
	for part := range parts {
		p := s.Partial(part, parts)
		for i := part; i < len(chunks); i += parts {
			if err := p.PartialFit(chunks[i]); err != nil {
				t.Fatal(err)
			}
		}
		b, err := p.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		q := s.Partial(part, parts)
		if err := q.UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}
		if err := sum.Add(linear.Node{Index: part}, q); err != nil {
			t.Fatal(err)
		}
	}
	total, err := sum.Total()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Advance(total); err != nil {
		t.Fatal(err)
	}
	b, err := s.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var again Survey
	if err := again.UnmarshalJSON(b); err != nil {
		t.Fatal(err)
	}
	var of []int
	for _, c := range chunks {
		places := make([]int32, c.Len())
		if _, err := again.Classes.Encode(places, c); err != nil {
			t.Fatal(err)
		}
		for i, place := range places {
			of = append(of, again.Folds.Of(c, i, c.Numbers[i], place))
		}
	}
	return &again, of
}

// In each fold a class has its share, to one row where it is small, whatever the chunks, parts and seed.
func TestFoldsAreStratified(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	sizes := map[string]int{"0": 5, "1": 7, "2": 1024, "3": 4000, "10": 20, "4": 3}
	var labels []string
	for label, n := range sizes {
		for range n {
			labels = append(labels, label)
		}
	}
	rng.Shuffle(len(labels), func(i, j int) { labels[i], labels[j] = labels[j], labels[i] })
	for seed := range uint64(4) {
		var first []int
		for _, v := range []struct{ chunk, parts int }{{100, 3}, {1000, 1}, {77, 8}} {
			s, of := surveyFolds(t, foldRows(labels, nil, v.chunk), v.parts, 5, seed)
			if first == nil {
				first = of
			}
			if fmt.Sprint(first) != fmt.Sprint(of) {
				t.Fatalf("seed %d: other folds in chunks of %d", seed, v.chunk)
			}
			if len(s.Rare) != 1 || s.Classes.Label(s.Rare[0].Class) != "4" || s.Rare[0].Rows != 3 || s.Rare[0].Folds != 3 {
				t.Fatalf("rare classes %+v", s.Rare)
			}
			counts := map[string]map[int]int{}
			for i, label := range labels {
				if counts[label] == nil {
					counts[label] = map[int]int{}
				}
				counts[label][of[i]]++
			}
			for label, n := range sizes {
				slack := 0.0
				if n > 1024 {
					slack = 150
				}
				for fold := range 5 {
					got := float64(counts[label][fold])
					if got < float64(n/5)-slack || got > float64((n+4)/5)+slack {
						t.Errorf("seed %d: class %s of %d rows has %v in fold %d", seed, label, n, got, fold)
					}
				}
			}
		}
		_, other := surveyFolds(t, foldRows(labels, nil, 100), 3, 5, seed+17)
		if fmt.Sprint(first) == fmt.Sprint(other) {
			t.Errorf("seeds %d and %d have the same folds", seed, seed+17)
		}
	}
}

// Rows of an id share a fold, and of the ways to deal ids one is taken whose folds have all classes, where there is
// one; a class of fewer ids than folds is told, with the folds that have it.
func TestFoldsOfIDs(t *testing.T) {
	for _, every := range []int{10, 34} { // ten ids of the class 1, and three
		var labels, ids []string
		for i := range 400 {
			id := i / 4
			ids = append(ids, fmt.Sprintf("p%d", id))
			labels = append(labels, fmt.Sprint(map[bool]int{true: 1, false: 0}[id%every == 0]))
		}
		lacking := 0
		for seed := range uint64(20) {
			s, of := surveyFolds(t, foldRows(labels, ids, 100), 3, 5, seed)
			in := map[string]int{}
			has := map[string]map[int]bool{"0": {}, "1": {}}
			for i, id := range ids {
				if fold, ok := in[id]; ok && fold != of[i] {
					t.Fatalf("seed %d: rows of %s are in folds %d and %d", seed, id, fold, of[i])
				}
				in[id] = of[i]
				has[labels[i]][of[i]] = true
			}
			if len(has["1"]) < 5 {
				lacking++
				if len(s.Rare) != 1 || s.Rare[0].Folds != len(has["1"]) {
					t.Errorf("seed %d: class 1 is in %d folds, and told is %+v", seed, len(has["1"]), s.Rare)
				}
			} else if len(s.Rare) != 0 {
				t.Errorf("seed %d: told is %+v", seed, s.Rare)
			}
		}
		if most := map[int]int{10: 2, 34: 20}[every]; lacking > most { // one hash alone lacks it in half of the cases
			t.Errorf("in %d of 20 cases a fold lacks a class of every %dth id", lacking, every)
		}
	}
}

// Numbers with fractions are no classes, as scikit-learn's type_of_target has it; the first such row is told.
func TestContinuousTarget(t *testing.T) {
	for _, v := range []struct {
		labels []string
		want   string
	}{
		{[]string{"1", "0.25", "2", "0.5"}, `row 1`}, {[]string{"1", "2.0", "3e0"}, ""}, {[]string{"0.5", "b"}, ""},
		{[]string{"1.50", "2.50", "01"}, "row 0"}, {[]string{"1", "2", "2.5"}, "row 2"},
	} {
		s, err := NewSurvey(linear.Classification, 1, false)
		if err != nil {
			t.Fatal(err)
		}
		p := s.Partial(0, 1)
		if err := p.PartialFit(foldRows(v.labels, nil, 10)[0]); err != nil {
			t.Fatal(err)
		}
		err = s.Advance(p)
		if (err == nil) != (v.want == "") ||
			err != nil && (!strings.Contains(err.Error(), v.want) || !strings.Contains(err.Error(), "--task=regression")) {
			t.Errorf("%q: %v, want %q", v.labels, err, v.want)
		}
	}
}
