package ivf

import (
	"bytes"
	"reflect"
	"slices"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// Parts that are planned in two levels have the size and hold the pairs that they are planned to, and a point goes
// through the joined plan as it goes through that of the regions and then through that of each.
func TestRegions(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this takes tens of thousands of points")
	}
	t.Parallel()
	const n, dim, k, most, sampled = 32_000, 4, 3, 1000, 4000
	b := Budget{Memory: most * (&Budget{Dim: dim, K: k}).RowBytes(false), Dim: dim, K: k}
	if !b.InRegions(n, sampled, false) || b.InRegions(n/2, sampled, false) || b.InRegions(n, n, false) ||
		b.InRegions(-1, sampled, false) {
		t.Error("regions are not there for more parts than a sample has leaders for")
	}
	points := block(t, clustered(n, dim, 300, 1), dim, false)
	o := Options{Recall: 0.9, Seed: 7, Sample: 100}
	take := func(s Sampler, b *vectors.Block) *vectors.Block {
		sample := &vectors.Block{Dim: dim}
		s.Append(sample, b)
		return sample
	}
	p, err := NewRegions(take(NewSampler(sampled, n, o.Seed), points), nil, n, n, k, most, o, 2)
	if err != nil {
		t.Fatal(err)
	}
	metric := neighbors.Options{Metric: neighbors.Euclidean}
	denser := take(p.RegionSampler(o.Seed), points)
	if few := 9 * n * partSample / (10 * most); denser.Len() < few {
		t.Errorf("%d points are sampled, expected %d at least", denser.Len(), few)
	}
	members, err := p.Parts.Assign(denser, metric, 2)
	if err != nil {
		t.Fatal(err)
	}
	regions, split := make([]*Parts, len(members)), 0
	for r, rows := range members {
		regions[r], err = p.PlanRegion(PickRows(denser, rows, vectors.Float32), nil, int64(len(rows)), k, o, 2)
		if err != nil {
			t.Fatal(err)
		}
		if regions[r] != nil {
			split++
		}
	}
	if split < 4 {
		t.Fatalf("%d regions of %d have parts", split, len(regions))
	}
	joined := p.Join(regions, k)
	var w bytes.Buffer
	if err := joined.Write(&w); err != nil {
		t.Fatal(err)
	}
	again, err := ReadPlan(w.Bytes()) // which checks it
	if err != nil || !reflect.DeepEqual(again.Parts.Nodes, joined.Parts.Nodes) || again.PartRows != 0 ||
		again.Points != n {
		t.Fatalf("%v", err)
	}
	parts := joined.Parts
	all, err := parts.Assign(points, metric, 2)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := sorted(all), sorted(inTwo(t, p.Parts, regions, points, metric)); !reflect.DeepEqual(got, want) {
		t.Error("points go to other parts than by the plans of the regions")
	}
	large, copies := 0, 0
	for _, rows := range all {
		copies += len(rows)
		if len(rows) > most {
			large++
		}
	}
	if large > len(all)/50 {
		t.Errorf("%d parts of %d have more than %d points", large, len(all), most)
	}
	if got := float64(copies) / n; got < 0.95*parts.Copies || got > 1.05*parts.Copies {
		t.Errorf("%.3f copies of each point, planned %.3f", got, parts.Copies)
	}
	x, err := neighbors.Fit(points, neighbors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	exact, err := x.KNeighbors(points, k, neighbors.Search{Self: true})
	if err != nil {
		t.Fatal(err)
	}
	of := partsOf(all, n)
	share := meeting(exact, of, of)
	t.Logf("%d parts of %d regions; %.4f of the pairs meet, planned %.4f, inside %.4f", len(all), len(regions), share,
		parts.Share, parts.Inside)
	if share < parts.Share-0.02 || parts.Share < o.Recall || parts.Inside < p.Parts.Inside {
		t.Errorf("a share of %.4f of the pairs meet, planned %.4f, and %.4f are found of them", share, parts.Share,
			parts.Inside)
	}
}

// inTwo puts points into regions, and those of each region into its parts.
func inTwo(t *testing.T, of *Parts, regions []*Parts, points *vectors.Block, m neighbors.Options) (all [][]int32) {
	t.Helper()
	members, err := of.Assign(points, m, 1)
	if err != nil {
		t.Fatal(err)
	}
	for r, rows := range members {
		if regions[r] == nil {
			all = append(all, rows)
			continue
		}
		inner, err := regions[r].Assign(PickRows(points, rows, vectors.Float32), m, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, list := range inner {
			for i, at := range list {
				list[i] = rows[at]
			}
			all = append(all, list)
		}
	}
	return all
}

// sorted are the lists that are not empty, in an order of their own.
func sorted(lists [][]int32) [][]int32 {
	lists = slices.DeleteFunc(slices.Clone(lists), func(l []int32) bool { return len(l) == 0 })
	slices.SortFunc(lists, slices.Compare[[]int32])
	return lists
}
