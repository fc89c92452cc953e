package kmeans

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"beamlearn/model/vectors"
)

// Rows that come file after file move centres as MiniBatchKMeans.partial_fit does, over models that are saved and read;
// and each batch is judged by the centres before it.
func TestOnline(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/online.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Files [][][]float64
		Init  [][]float64
		Batch int
		After []struct {
			Centers [][]float64
			Counts  []float64
			Judged  float64
		}
	}
	if err := json.Unmarshal(b, &golden); err != nil {
		t.Fatal(err)
	}
	o := Options{Clusters: []int{4}, Init: Given, Centers: golden.Init, BatchSize: golden.Batch, Online: true}
	seen := 0
	for i, rows := range golden.Files {
		fit := onlineFit(t, o, rows)
		m, want := fit.Model(), golden.After[i]
		for k, c := range m.Centers {
			for j, v := range c {
				if w := want.Centers[k][j]; !(math.Abs(v-w) <= 1e-12*math.Max(1, math.Abs(w))) {
					t.Errorf("file %d, centre %d: %v, scikit-learn has %v", i, k, c, want.Centers[k])
					break
				}
			}
			if m.Stream.Weights[k] != want.Counts[k] {
				t.Errorf("file %d, centre %d: %v rows have come, scikit-learn has %v", i, k, m.Stream.Weights[k], want.Counts[k])
			}
		}
		p := fit.Progressive()
		if i == 0 {
			if p != nil {
				t.Error("the first rows were judged by their own")
			}
		} else if p.Rows != int64(len(rows)) || p.Weight != float64(len(rows)) ||
			!(math.Abs(p.Loss-want.Judged) <= 1e-9*want.Judged) {
			t.Errorf("file %d: judged %+v, want %d rows and %v", i, p, len(rows), want.Judged)
		}
		seen += len(rows)
		if n := int64(len(rows)); m.Rows != n {
			t.Errorf("file %d: the model tells of %d rows, want %d", i, m.Rows, n)
		}
		var saved bytes.Buffer
		if err := m.Save(&saved); err != nil {
			t.Fatal(err)
		}
		if o.WarmStart, err = Load("m.json", &saved); err != nil {
			t.Fatal(err)
		}
	}
	if all := o.WarmStart.Stream; all.Batches != 4+1+5 {
		t.Errorf("%d batches of %d rows", all.Batches, seen)
	}
}

// onlineFit learns from rows in one part, and passes on what travels.
func onlineFit(t *testing.T, o Options, rows [][]float64) *Fit {
	t.Helper()
	return fitOf(t, o, blockOf(t, rows), 1)
}

func blockOf(t *testing.T, rows [][]float64) *vectors.Block {
	t.Helper()
	var flat []float64
	for _, r := range rows {
		flat = append(flat, r...)
	}
	b, err := vectors.FromFloat64(flat, len(rows[0]))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The scaling is that of the first rows, fewer rows than clusters can follow, and shards add up.
func TestOnlineStandardized(t *testing.T) {
	t.Parallel()
	var first [][]float64
	for i := range 40 {
		first = append(first, []float64{float64(i % 2), 1000 * float64(i%5)})
	}
	o := Options{Clusters: []int{3}, BatchSize: 10, Online: true, Standardize: true}
	m := onlineFit(t, o, first).Model()
	o.WarmStart = m
	for _, parts := range []int{1, 2} {
		f := fitOf(t, o, blockOf(t, [][]float64{{5, 9000}, {4, 9000}}), parts)
		next := f.Model()
		if next.Mean[1] != m.Mean[1] || next.Scale[1] != m.Scale[1] || next.Rows != 2 || f.Progressive().Rows != 2 {
			t.Errorf("%d parts: mean %v and scale %v of %d rows, judged %d; want %v and %v", parts, next.Mean, next.Scale,
				next.Rows,
				f.Progressive().Rows, m.Mean, m.Scale)
		}
		if sum := total(next.Stream.Weights); sum != 42 {
			t.Errorf("%d parts: %v rows have come", parts, sum)
		}
	}
}

func total(x []float64) (sum float64) {
	for _, v := range x {
		sum += v
	}
	return sum
}

func TestOnlineFaults(t *testing.T) {
	t.Parallel()
	m := onlineFit(t, Options{Clusters: []int{1}, BatchSize: 10, Online: true}, [][]float64{{1}, {2}}).Model()
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Clusters: []int{2}, Online: true}, "learns by minibatches"},
		{Options{Clusters: []int{2, 3}, BatchSize: 5, Online: true}, "one number of clusters"},
		{Options{Clusters: []int{2}, BatchSize: 5, Online: true, NInit: 2}, "one start"},
		{Options{Clusters: []int{1}, BatchSize: 5, WarmStart: m}, "only online learning"},
		{Options{Clusters: []int{2}, BatchSize: 5, Online: true, WarmStart: m}, "1 initial centres"},
		{Options{Clusters: []int{1}, BatchSize: 5, Online: true, Standardize: true, WarmStart: m}, "standardize true"},
	} {
		if _, err := NewFit(c.o, 1, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %s", c.o, err, c.want)
		}
	}
	for _, change := range [][2]string{{`"online":true`, `"online":false`}, {`"batches":1`, `"batches":0`},
		{`"weights":[2]`, `"weights":[-2]`}, {`"weights":[2]`, `"weights":[2,3]`}} {
		var b bytes.Buffer
		if err := m.Save(&b); err != nil {
			t.Fatal(err)
		}
		changed := strings.Replace(b.String(), change[0], change[1], 1)
		if _, err := Load("m.json", strings.NewReader(changed)); err == nil || changed == b.String() {
			t.Errorf("%s is read: %s", change[1], changed)
		}
	}
}
