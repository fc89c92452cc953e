package kmeans

import (
	"fmt"
	"slices"
	"testing"
)

// Clusters of less than a hundredth of the heaviest's weight go to rows of the batch, each to another, and count as the
// lightest of those that stay, as scikit-learn's _mini_batch_step has it; with fewer rows than twice as many, the
// lightest.
func TestReassignLight(t *testing.T) {
	t.Parallel()
	centers := []float64{1, 2, 3, 4, 5, 6}
	for _, v := range []struct {
		name    string
		weights []float64
		rows    int
		moved   []int
		weight  float64
	}{
		{"all light ones", []float64{100, 0.5, 0, 2, 0.9, 1}, 20, []int{1, 2, 4}, 1},
		{"as many as half of the rows", []float64{100, 0.5, 0, 2, 0.9, 1}, 6, []int{1, 2, 4}, 1},
		{"the two lightest", []float64{100, 0.5, 0, 2, 0.9, 1}, 5, []int{1, 2}, 0.9},
		{"the lightest", []float64{100, 0.5, 0, 2, 0.9, 1}, 3, []int{2}, 0.5},
		{"none is light", []float64{100, 1, 1, 2, 1, 1}, 20, nil, 0},
		{"no room", []float64{100, 0, 0, 2, 1, 1}, 1, nil, 0},
	} {
		values := make([]float64, v.rows)
		for i := range values {
			values[i] = 1000 + float64(i)
		}
		b := block(t, 1, values...)
		places := map[string]bool{}
		for seed := range uint64(20) {
			l := learned{centers: slices.Clone(centers), weights: slices.Clone(v.weights), placed: make([]bool, len(centers))}
			l.reassign(b, seed)
			var taken []float64
			for k := range centers {
				moved := slices.Contains(v.moved, k)
				if l.placed[k] != moved {
					t.Fatalf("%s: cluster %d placed: %v", v.name, k, l.placed[k])
				}
				if !moved {
					if l.centers[k] != centers[k] || l.weights[k] != v.weights[k] {
						t.Errorf("%s: cluster %d, which is not light, is at %v of weight %v", v.name, k, l.centers[k], l.weights[k])
					}
					continue
				}
				if !slices.Contains(values, l.centers[k]) || slices.Contains(taken, l.centers[k]) || l.weights[k] != v.weight {
					t.Errorf("%s: cluster %d is at %v (others at %v) of weight %v, want a row of its own and %v", v.name, k,
						l.centers[k], taken, l.weights[k], v.weight)
				}
				taken = append(taken, l.centers[k])
			}
			places[fmt.Sprint(taken)] = true
		}
		if len(v.moved) > 0 && len(places) < 3 {
			t.Errorf("%s: whatever the seed, the rows are %v", v.name, places)
		}
	}
}

// Light clusters are looked for each time ten rows a cluster have come, and at once where one is of weight 0.
func TestReassignWhen(t *testing.T) {
	t.Parallel()
	f, err := NewFit(Options{Clusters: []int{3}, Init: Given, Centers: [][]float64{{0}, {50}, {1e6}}, BatchSize: 10},
		1, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.mean = make([]float64, 1) // the columns are not scaled
	batch := block(t, 1, 0, 1, 2, 3, 4, 50, 51, 52, 53, 54)
	for _, v := range []struct {
		weight float64
		after  int // batches
	}{{1e-3, 3}, {0, 1}} {
		l := learned{centers: floats{0, 50, 1e6}, weights: floats{1000, 1000, v.weight}, placed: make([]bool, 3),
			progress: map[int]progress{0: {}}, expected: 1000}
		for n := 1; n <= 3; n++ {
			if err := l.learn(f, batch, nil); err != nil {
				t.Fatal(err)
			}
			if moved := l.centers[2] != 1e6; moved != (n >= v.after) {
				t.Errorf("weight %v: after %d batches the centre is at %v", v.weight, n, l.centers[2])
			}
			if at := l.progress[0]; v.after == 3 && at.Since != n%3*10 || at.Batches != int64(n) {
				t.Errorf("weight %v: after %d batches %+v", v.weight, n, at)
			}
		}
	}
}

// A shard stops when the mean inertia of its batches, smoothed, has not fallen by a ten-thousandth for ten batches, of
// which the first, by the centres to begin with, does not count; or when centres hardly move.
func TestStopsLearning(t *testing.T) {
	t.Parallel()
	const alpha = 0.25
	var p progress
	batch := func(inertia float64) {
		p.Batches++
		p.end(inertia, alpha, false)
	}
	batch(1e9)
	batch(100)
	if p.Smoothed != 100 || p.Least != 100 || p.Stale != 0 {
		t.Fatalf("after two batches %+v", p)
	}
	batch(80)
	if want := 100*(1-alpha) + 80*alpha; p.Smoothed != want || p.Least != want || p.Stale != 0 {
		t.Fatalf("after an improvement %+v, want %v", p, want)
	}
	batch(95 - 95*3e-4) // falls by less than a ten-thousandth
	if p.Least != 95 || p.Stale != 1 {
		t.Errorf("after less than an improvement %+v", p)
	}
	batch(95 - 95*8e-4) // by more
	if !(p.Least < 95) || p.Stale != 0 {
		t.Errorf("after an improvement %+v", p)
	}
	for n := 1; n <= 10; n++ {
		if p.Stopped {
			t.Fatalf("it stops after %d batches without an improvement", n-1)
		}
		batch(1000)
	}
	if !p.Stopped || p.Stale != 10 {
		t.Errorf("after ten batches without an improvement %+v", p)
	}
	p = progress{Batches: 1}
	if p.end(7, alpha, true); p.Stopped {
		t.Error("it stops after the first batch")
	}
	p = progress{Batches: 2}
	p.end(7, 3, false) // a batch of more than half of the rows: no smoothing
	if p.Smoothed != 7 || p.Stopped {
		t.Errorf("%+v", p)
	}
	p.Batches++
	p.end(5, 3, true)
	if p.Smoothed != 5 || !p.Stopped {
		t.Errorf("where centres hardly move %+v", p)
	}
}

// Centres of two shards are averaged by their weights. One that a shard has put onto a row counts where the other has
// too few rows for its own, and of two the first.
func TestMergeShards(t *testing.T) {
	t.Parallel()
	f, err := NewFit(Options{Clusters: []int{2}, Init: Given, Centers: [][]float64{{0}, {1}}, BatchSize: 10}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct {
		name               string
		placed, placedNext bool
		weight, weightNext float64 // of the second cluster; the first has 1000
		center, total      float64
		stillPlaced        bool
	}{
		{name: "averaged", weight: 30, weightNext: 10, center: (30*8. + 10*4) / 40, total: 40},
		{name: "the next has no row", weight: 30, weightNext: 0, center: 8, total: 30},
		{name: "the first has no row", weight: 0, weightNext: 10, center: 4, total: 10},
		{name: "neither has a row", weight: 0, weightNext: 0, center: 8, total: 0},
		{name: "both are placed", placed: true, placedNext: true, weight: 30, weightNext: 20,
			center: 8, total: 30, stillPlaced: true},
		{name: "the first is placed, the next is light", placed: true, weight: 30, weightNext: 10,
			center: 8, total: 30, stillPlaced: true},
		{name: "the first is placed, the next is not light", placed: true, weight: 30, weightNext: 11,
			center: 4, total: 11},
		{name: "the next is placed, the first is light", placedNext: true, weight: 10, weightNext: 20,
			center: 4, total: 20, stillPlaced: true},
		{name: "the next is placed, the first is not light", placedNext: true, weight: 11, weightNext: 20,
			center: 8, total: 11},
	} {
		shard := func(n int, center, weight float64, placed bool) *epoch {
			return &epoch{fit: f, of: []learned{{
				centers: floats{100, center}, weights: floats{1000, weight}, placed: []bool{false, placed},
				inertia: float64(1 + n), rows: int64(10 + n), progress: map[int]progress{n: {Batches: int64(3 + n)}},
			}}}
		}
		p := shard(0, 8, v.weight, v.placed)
		if err := p.Merge(shard(1, 4, v.weightNext, v.placedNext)); err != nil {
			t.Fatal(err)
		}
		l := &p.of[0]
		if l.centers[1] != v.center || l.weights[1] != v.total || l.placed[1] != v.stillPlaced {
			t.Errorf("%s: %v of weight %v, placed %v, want %v, %v, %v", v.name, l.centers[1], l.weights[1], l.placed[1],
				v.center, v.total, v.stillPlaced)
		}
		if l.centers[0] != 100 || l.weights[0] != 2000 || l.inertia != 3 || l.rows != 21 || l.progress[0].Batches != 3 ||
			l.progress[1].Batches != 4 {
			t.Errorf("%s: %+v", v.name, l)
		}
	}
}
