package linear

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/transforms/vectorio"
)

// has says which row of a chunk is not that of the table.
func (tab *table) has(c *model.Chunk) error {
	for i, n := range c.Numbers {
		for j, v := range tab.x[n] {
			var x float64
			if k := i*c.Features + j; c.X != nil {
				x = c.X[k]
			} else {
				x = float64(c.X32[k])
			}
			if float32(x) != float32(v) || c.Labels[i] != tab.target[n] {
				return fmt.Errorf("column %d of row %d is %v, not %v, of %s", j, n, x, v, c.Labels[i])
			}
		}
	}
	return nil
}

// Batches that are mixed have each row once, whole, and of many chunks each: rows that stand together are learned from
// apart. Chunks are of one row to more than a share of a block, and one has none with a target.
func TestMixedBatches(t *testing.T) {
	t.Parallel()
	const rows, batch = 3000, 50
	tab := classes(rows, 5)
	for i := range 40 {
		tab.target[1000+i] = "" // a chunk without any
	}
	cuts := []int{1, 2, 40, 300, 1000, 1040, 1500, 2000, 2500} // ten files, in the order of their names
	input, reading := tab.cuts(t, t.TempDir(), "csv", cuts...)
	reading.SkipFaults = true
	reading.EnsureDefaults()
	d, err := vectorio.Inspect(t.Context(), input, reading)
	if err != nil {
		t.Fatal(err)
	}
	list, err := d.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Chunks) != len(cuts)+1 {
		t.Fatalf("%d chunks", len(list.Chunks))
	}
	given := func(seed uint64) (numbers []int64, batches [][]int64) {
		f := &shardReader{reading: reading, dim: d.Dim, unit: 100, seed: seed, chunks: list.Chunks, pool: newBlockPool(1),
			pass: fitting.Pass{Batch: batch, Shuffle: true, Mix: true}}
		err := f.each(t.Context(), func(c *model.Chunk) error {
			batches = append(batches, slices.Clone(c.Numbers))
			if err := tab.has(c); err != nil {
				return err
			}
			numbers = append(numbers, c.Numbers...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if f.rows != rows-40 {
			t.Errorf("%d rows", f.rows)
		}
		return numbers, batches
	}
	numbers, batches := given(1)
	if again, _ := given(1); !slices.Equal(again, numbers) {
		t.Error("the same seed gives another order")
	}
	if other, _ := given(2); slices.Equal(other, numbers) {
		t.Error("another seed gives the same order")
	}
	sorted := slices.SortedFunc(slices.Values(numbers), cmp.Compare)
	at := 0
	for n := range int64(rows) {
		if n >= 1000 && n < 1040 {
			continue
		}
		if sorted[at] != n {
			t.Fatalf("row %d is not there once: %d", n, sorted[at])
		}
		at++
	}
	if at != len(numbers) {
		t.Errorf("%d rows, want %d", len(numbers), at)
	}
	short := 0
	for i, b := range batches {
		chunks := map[int]bool{}
		for _, n := range b {
			at, _ := slices.BinarySearch(cuts, int(n)+1)
			chunks[at] = true
		}
		if len(b) != batch {
			short++
		} else if i < len(batches)/2 && len(chunks) < 4 {
			t.Errorf("batch %d has rows of %d chunks", i, len(chunks))
		}
	}
	// The last batch of a block may be short.
	if full := 800; short > (rows+full-1)/full {
		t.Errorf("%d of %d batches are short", short, len(batches))
	}
}

// Rows of a kind that nobody has registered are not learned from.
func TestUnknownKind(t *testing.T) {
	t.Parallel()
	o := &RowsOptions{Kind: "no such kind", Staging: t.TempDir()}
	o.EnsureDefaults()
	if err := o.Validate(); err == nil || !strings.Contains(err.Error(), `unknown kind "no such kind"`) {
		t.Error(err)
	}
}
