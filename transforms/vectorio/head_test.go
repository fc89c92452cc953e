package vectorio

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHead(t *testing.T) {
	dir := t.TempDir()
	var text strings.Builder
	text.WriteString("id,a,b\n")
	for i := range 30 {
		fmt.Fprintf(&text, "r%d,%d,%d\n", i, i, 2*i)
	}
	text.WriteString("bad,x,1\n")
	name := filepath.Join(dir, "rows.csv")
	if err := os.WriteFile(name, []byte(text.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	o := Options{ChunkRows: 4}
	o.Formats.IDColumn = "id"
	d, err := Inspect(ctx, []string{name}, o)
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]int{1: 1, 10: 10, 30: 30, 100: 30} {
		b, err := d.Head(ctx, n, o)
		if err != nil || b.Len() != want {
			t.Fatalf("%d rows: %v, %v", n, b, err)
		}
		if row := b.Row(want-1, make([]float64, 2)); row[0] != float64(want-1) || row[1] != float64(2*(want-1)) {
			t.Errorf("%d rows: the last is %v", n, row)
		}
	}
}
