package kmeans

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"beamlearn/model/linear"
	"beamlearn/model/vectors"
)

// encoded is how many passes have sums and states that travel encoded.
const encoded = 4

// epochs gives a fit the rows in batches, in turn, for all passes; parts are shards.
func epochs(t *testing.T, o Options, rows *vectors.Block, parts int) *Model {
	t.Helper()
	return fitOf(t, o, rows, parts).Model()
}

// fitOf is the fit after them.
func fitOf(t *testing.T, o Options, rows *vectors.Block, parts int) *Fit {
	t.Helper()
	f, err := NewFit(o, rows.Dim, nil)
	if err != nil {
		t.Fatal(err)
	}
	for !f.Done() {
		sum, size := linear.NewSum(parts), f.Pass().Batch
		for i := range parts {
			p, sent := f.Partial(i, parts), f.Partial(i, parts)
			part := rows.Slice(rows.Len()*i/parts, rows.Len()*(i+1)/parts)
			for at := 0; at < part.Len(); at += size {
				if err := p.PartialFit(linear.Of(part.Slice(at, min(at+size, part.Len())))); err != nil {
					t.Fatal(err)
				}
			}
			var err error
			if f.Passes() < encoded {
				var b []byte
				if b, err = p.MarshalBinary(); err == nil {
					err = sent.UnmarshalBinary(b)
				}
				p = sent
			}
			if err == nil {
				err = sum.Add(linear.Node{Index: i}, p)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		total, err := sum.Total()
		if err == nil {
			err = f.Advance(total)
		}
		if err != nil {
			t.Fatal(err)
		}
		if f.Passes() > encoded {
			continue
		}
		state, err := f.MarshalBinary()
		if err == nil {
			f, err = Decode(state)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// Batches in turn move centres as scikit-learn's steps do, and stop where its rule says so; and with starts, order and
// shards of here clusters are as good as MiniBatchKMeans' are on average.
func TestMiniBatch(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this makes many passes over thousands of rows")
	}
	t.Parallel()
	b, err := os.ReadFile("testdata/minibatch.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Steps []struct {
			Name    string
			Rows    int
			Batch   int `json:"batch_size"`
			MaxIter int `json:"max_iter"`
			Init    [][]float64
			Iters   int `json:"n_iter"`
			Weights []float64
			Centers [][]float64 `json:"cluster_centers"`
			Inertia float64
			Stopped bool
		}
		Inertia map[string]float64
	}
	if err := json.Unmarshal(b, &golden); err != nil || len(golden.Steps) < 4 || len(golden.Inertia) < 4 {
		t.Fatal(len(golden.Steps), err)
	}
	stopped := 0
	for i, want := range golden.Steps {
		rows := load(t, want.Name).Slice(0, want.Rows)
		rows.Weights = want.Weights
		m := epochs(t, Options{
			Clusters: []int{len(want.Init)}, Init: Given, Centers: want.Init, MaxIter: want.MaxIter, BatchSize: want.Batch,
		}, rows, 1)
		if !near(m.Inertia, want.Inertia, 1e-12) || m.Iters != want.Iters {
			t.Errorf("%d %s: inertia %v after %d epochs, want %v after %d", i, want.Name, m.Inertia, m.Iters, want.Inertia,
				want.Iters)
		}
		for k, c := range want.Centers {
			for j, v := range c {
				if math.Abs(m.Centers[k][j]-v) > 1e-11*max(1, math.Abs(v)) {
					t.Fatalf("%d %s: centre %d, column %d: %v, want %v", i, want.Name, k, j, m.Centers[k][j], v)
				}
			}
		}
		if want.Stopped {
			stopped++
		}
	}
	if stopped == 0 {
		t.Error("no case stops early")
	}
	for name, want := range golden.Inertia {
		var set string
		var k int
		if _, err := fmt.Sscan(name, &set, &k); err != nil {
			t.Fatal(err)
		}
		mean := 0.0
		const seeds = 2
		for seed := range uint64(seeds) {
			o := Options{Clusters: []int{k}, BatchSize: 256, Seed: seed}
			mean += epochs(t, o, load(t, set), 1+int(seed%2)).Inertia / seeds
		}
		t.Logf("%s: inertia %v, MiniBatchKMeans %v", name, mean, want)
		if mean > 1.05*want {
			t.Errorf("%s: inertia %v, MiniBatchKMeans has %v", name, mean, want)
		}
	}
}

// Centres that no row comes to are put onto rows, and those of several shards are averaged.
func TestReassign(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this makes many passes over thousands of rows")
	}
	t.Parallel()
	rows := load(t, "digits")
	far := make([][]float64, 10)
	for k := range far {
		far[k] = slices.Clone(rows.Row(180*k, make([]float64, rows.Dim)))
		if k > 2 {
			far[k][0] += 1e4
		}
	}
	for _, parts := range []int{1, 4} {
		m := epochs(t, Options{Clusters: []int{10}, Init: Given, Centers: far, BatchSize: 100}, rows, parts)
		if slices.Contains(m.Sizes, 0) || m.Inertia > 1.4e6 {
			t.Errorf("%d shards: inertia %v, sizes %v", parts, m.Inertia, m.Sizes)
		}
	}
	var first, second bytes.Buffer
	o := Options{Clusters: []int{3, 5}, BatchSize: 64, NInit: 2, Init: Random, Standardize: true, MaxIter: 4}
	if err := fit(t, o, rows, 5, 1).Save(&first); err != nil {
		t.Fatal(err)
	}
	if err := fit(t, o, rows, 5, 2).Save(&second); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Errorf("other bytes where shards come in another order (%v)", err)
	}
}
