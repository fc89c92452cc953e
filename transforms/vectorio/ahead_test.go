package vectorio

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/formats"
)

// Blocks that are read ahead have each row, and each fault, once, in their order.
func TestEachAhead(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "t.csv")
	var text strings.Builder
	text.WriteString("a,y\n")
	var rows, faults []int64
	for i := range int64(100) {
		switch i % 9 {
		case 2:
			text.WriteString("bad,1\n")
			faults = append(faults, i)
		case 5:
			text.WriteString("1,-\n")
			faults = append(faults, i)
		default:
			fmt.Fprintf(&text, "%d,1\n", i)
			rows = append(rows, i)
		}
	}
	if err := os.WriteFile(name, []byte(text.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	o := Options{SkipFaults: true, ChunkRows: 7, Formats: formats.Options{TargetColumn: "y"}}
	o.EnsureDefaults()
	d, err := Inspect(t.Context(), []string{name}, o)
	if err != nil {
		t.Fatal(err)
	}
	all, err := d.Chunked(1000, 0).List(t.Context())
	if err != nil || len(all.Chunks) != 1 {
		t.Fatal(all, err)
	}
	var gotRows, gotFaults []int64
	_, err = EachAhead(t.Context(), all.Chunks[0], &o, d.Dim, func(b Batch) error {
		gotRows = append(gotRows, b.Rows.Numbers...)
		for _, f := range b.Rejected {
			gotFaults = append(gotFaults, f.Row)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(gotRows, rows) || !slices.Equal(gotFaults, faults) {
		t.Errorf("rows %v\nfaults %v\nwant %v\n%v", gotRows, gotFaults, rows, faults)
	}
}
