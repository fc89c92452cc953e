package kneighbors_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// Neighbours of another brand, of another id, and at most k within a radius, are those that a search by hand finds,
// with the same bytes by every way of the index. Queries know brands that no point has, and points have none.
func TestExcludeSame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(1, 2))
	const n, m = 240, 30
	type row struct {
		x     [3]float64
		brand string
	}
	rows := make([]row, n)
	var points, queries strings.Builder
	points.WriteString("id,a,b,c,brand\n")
	queries.WriteString("brand,id,a,b,c\n")
	for i := range rows {
		r := &rows[i]
		for j := range r.x {
			r.x[j] = float64(rng.IntN(9))
		}
		if r.brand = strconv.Itoa(rng.IntN(6)); i%9 == 0 {
			r.brand = ""
		}
		fmt.Fprintf(&points, "p%d,%v,%v,%v,%s\n", i, r.x[0], r.x[1], r.x[2], r.brand)
		if i < m {
			brand := r.brand
			if i%7 == 3 {
				brand = "of no point"
			} else if brand != "" {
				brand += ".0" // the same number
			}
			fmt.Fprintf(&queries, "%s,p%d,%v,%v,%v\n", brand, i, r.x[0], r.x[1], r.x[2])
		}
	}
	for name, text := range map[string]string{"p.csv": points.String(), "q.csv": queries.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := func(queries, k int, radius float64, not func(i, j int) bool) string {
		text := "query_id,rank,neighbor_id,distance\n"
		for i := range queries {
			type hit struct {
				d float64
				j int
			}
			var all []hit
			for j, p := range rows {
				d := 0.0
				for c := range p.x {
					d += (p.x[c] - rows[i].x[c]) * (p.x[c] - rows[i].x[c])
				}
				if d = math.Sqrt(d); d <= radius && !not(i, j) {
					all = append(all, hit{d, j})
				}
			}
			slices.SortFunc(all, func(a, b hit) int { return cmp.Or(cmp.Compare(a.d, b.d), a.j-b.j) })
			for rank, h := range all[:min(k, len(all))] {
				text += fmt.Sprintf("p%d,%d,p%d,%s\n", i, rank+1, h.j, strconv.FormatFloat(h.d, 'f', -1, 64))
			}
		}
		return text
	}
	brand := func(i, j int) bool { return rows[i].brand != "" && rows[i].brand == rows[j].brand }
	known := func(i, j int) bool { return brand(i, j) && i%7 != 3 }
	same := func(i, j int) bool { return i == j }
	all := math.Inf(1)
	ways := []string{"--threads=1", "--algorithm=brute --chunk_rows=50", "--broadcast=side_input", "--broadcast=file",
		"--index_memory=3KB"}
	for number, c := range []struct{ flags, want string }{
		{"--exclude_same=brand --k=4", want(n, 4, all, func(i, j int) bool { return same(i, j) || brand(i, j) })},
		{"--queries=q.csv --exclude_same=brand --k=4", want(m, 4, all, known)},
		{"--queries=q.csv --exclude_same_id --k=4 --columns=a,b,c", want(m, 4, all, same)},
		{"--radius=1.5 --k=2 --columns=a,b,c", want(n, 2, 1.5, same)},
		{"--queries=q.csv --exclude_same=brand --radius=1.5 --k=2", want(m, 2, 1.5, known)},
		{"--queries=q.csv --exclude_same=brand --radius=1.5", want(m, n, 1.5, known)},
	} {
		way := ways[number%len(ways)]
		args := append(strings.Fields(c.flags+" "+way), "--input=p.csv", "--id_column=id", "--output=o.csv", "--report=none")
		if _, stderr, code := runCommand(t, dir, args...); code != 0 {
			t.Fatalf("%s %s: exit code %d\n%s", c.flags, way, code, stderr)
		}
		if got := clitest.Read(t, filepath.Join(dir, "o.csv")); got != c.want {
			t.Errorf("%s %s: other neighbours", c.flags, way)
		}
	}
	if got := fmt.Sprint(names(t, dir)); got != "[o.csv p.csv q.csv]" {
		t.Errorf("files %s", got)
	}
	for args, want := range map[string]string{
		"--exclude_same=brand --k=2 --recall=0.9":              "are without recall",
		"--exclude_same=brnd --k=2":                            `"brnd"`,
		"--exclude_same=brand --exclude_same_id --k=2":         "exclude each other",
		"--only_same=brand --exclude_same=brand --k=2":         "of one column, brand, leave no neighbour",
		"--exclude_same=brand --k=2 --output=o.npy":            "union or mutual edges make fewer or more: write .csv",
		"--queries=n.csv --exclude_same=brand --k=2 --quiet":   "n.csv",
		"--exclude_same=brand --k=2 --index=p.index --input=":  "give the input as well",
		"--exclude_same_id --k=2 --queries=q.csv --id_column=": "--exclude_same_id goes by ids",
	} {
		_, stderr, code := runCommand(t, dir, append([]string{"--input=p.csv", "--id_column=id", "--output=x.csv"},
			strings.Fields(args)...)...)
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %s, want %s", args, code, stderr, want)
		}
	}
}
