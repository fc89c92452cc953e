package vectorio

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/vectors"
)

// Rows whose values are out of the domain are told by their place in their file, or left out, each with its number in
// the dataset, wherever they stand among sound ones; without a domain all rows are sound.
func TestDomain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, dir, "a.csv", "id,x,y\na,1,0\nb,2,-1\nc,3,4\n")
	put(t, dir, "b.csv", "id,x,y\nd,-9,5\ne,5,6\nf,6,-2\ng,7,8\n")
	domain := vectors.Domain{
		{Column: vectors.TheTarget, High: math.MaxFloat64, Expected: "a target from 0 on"},
		{Column: 0, High: math.MaxFloat64, Missing: -9, Expected: "an exposure"},
	}
	for _, size := range []int{1, 2, 100} {
		o := Options{ChunkRows: size, SkipFaults: true}
		o.Formats.IDColumn, o.Formats.TargetColumn = "id", "y"
		d, err := Inspect(t.Context(), []string{filepath.Join(dir, "*.csv")}, o)
		if err != nil {
			t.Fatal(err)
		}
		sound := func() (numbers []int64, rejected []string) {
			for _, c := range chunks(t, d) {
				reject := func(f *fault.Fault) {
					rejected = append(rejected, fmt.Sprintf("%d %s %s", f.Number, f.ID, filepath.Base(f.Error())))
				}
				err := EachBlock(t.Context(), c, &o, d.Dim, reject, func(b *vectors.Block) error {
					numbers = append(numbers, b.Numbers...)
					if len(b.Target) != b.Len() || b.IDs.Len() != b.Len() {
						t.Errorf("%d targets, %d ids of %d rows", len(b.Target), b.IDs.Len(), b.Len())
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			return numbers, rejected
		}
		if numbers, rejected := sound(); len(numbers) != 7 || rejected != nil {
			t.Errorf("without a domain: rows %v, %q", numbers, rejected)
		}
		o.Domain = domain
		numbers, rejected := sound()
		want := []string{"1 b a.csv: row 1, column y: found -1, expected a target from 0 on",
			"3 d b.csv: row 0, column x: found nothing, expected an exposure",
			"5 f b.csv: row 2, column y: found -2, expected a target from 0 on"}
		if !slices.Equal(numbers, []int64{0, 2, 4, 6}) || !slices.Equal(rejected, want) {
			t.Errorf("%d at a time: rows %v, %q", size, numbers, rejected)
		}
		o.SkipFaults = false
		err = EachBlock(t.Context(), chunks(t, d)[0], &o, d.Dim, nil, func(*vectors.Block) error { return nil })
		if err == nil || !strings.HasSuffix(err.Error(), want[0][len("1 b "):]) {
			t.Errorf("not left out: %v", err)
		}
	}
}

// The first fault of a file is found in whatever chunk it is, though those before it are sound and read sooner.
func TestFirstFaultOfLaterChunk(t *testing.T) {
	t.Parallel()
	values := column(0, 2000)
	values[1990], values[1997] = math.Inf(1), math.NaN()
	name := put(t, t.TempDir(), "x.npy", npy("(2000, 1)", values...))
	o := Options{ChunkRows: 10, Formats: formats.Options{DType: vectors.Float64}}
	d, err := Inspect(t.Context(), []string{name}, o)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		f, err := d.FirstFault(t.Context(), name, 1997)
		if err != nil || f == nil || f.Row != 1990 {
			t.Fatalf("%v, %v", f, err)
		}
	}
}

// Lines without a word are none that is filled.
func TestFilled(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 0, "\n \n\t\r\n": 0, "a\n\n b \n \nc": 3} {
		if got := filled([]byte(text)); got != want {
			t.Errorf("%q has %d, want %d", text, got, want)
		}
	}
}
