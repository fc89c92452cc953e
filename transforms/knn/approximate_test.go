package knn

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"beamlearn/model/formats"
	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// clustered are points in clusters of about 100.
func clustered(n, d int, seed uint64) [][]float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	centres := rand.New(rand.NewPCG(7, 7))
	means := make([][]float64, max(n/100, 1))
	for i := range means {
		means[i] = make([]float64, d)
		for j := range means[i] {
			means[i][j] = 4 * centres.NormFloat64()
		}
	}
	x := make([][]float64, n)
	for i := range x {
		x[i] = make([]float64, d)
		for j, m := range means[r.IntN(len(means))] {
			x[i][j] = m + r.NormFloat64()
		}
	}
	return x
}

// agreement is the share of the neighbours of every query that two outputs have in common.
func agreement(t *testing.T, a, b string) float64 {
	t.Helper()
	of := make(map[string]bool)
	key := func(line string) string {
		f := strings.Split(line, ",")
		return f[0] + " " + f[2]
	}
	exact := strings.Split(strings.TrimSpace(b), "\n")
	for _, line := range exact[1:] {
		of[key(line)] = true
	}
	found, all := 0, strings.Split(strings.TrimSpace(a), "\n")
	if len(all) != len(exact) {
		t.Fatalf("%d lines, want %d", len(all), len(exact))
	}
	for _, line := range all[1:] {
		if of[key(line)] {
			found++
		}
	}
	return float64(found) / float64(len(all)-1)
}

// some are the lines of every 20th row in an output, and the lines of its exact neighbours, which cost a twentieth of
// those of all rows.
func some(t *testing.T, x [][]float64, output string, k int, dtype vectors.DType,
	o neighbors.Options) (found, exact string) {
	t.Helper()
	points, queries := &vectors.Block{Dim: len(x[0]), DType: dtype}, &vectors.Block{Dim: len(x[0]), DType: dtype}
	all := strings.Split(strings.TrimSpace(output), "\n")
	lines := all[:1:1]
	for i, row := range x {
		points.Append(row, int64(i))
		if i%20 == 0 {
			queries.Append(row, int64(i))
			lines = append(lines, all[1+i*k:][:k]...)
		}
	}
	index, err := neighbors.Fit(points, o)
	if err != nil {
		t.Fatal(err)
	}
	nearest, err := index.KNeighbors(queries, k, neighbors.Search{Self: true})
	if err != nil {
		t.Fatal(err)
	}
	exact = all[0]
	for i := range nearest.Len() {
		positions, _ := nearest.Of(i)
		for rank, p := range positions {
			exact += fmt.Sprintf("\n%d,%d,%d,", 20*i, rank+1, p)
		}
	}
	return strings.Join(lines, "\n"), exact
}

// An approximate graph has the recall that it reports, and the same bytes at any chunk size, number of threads and of
// files.
func TestApproximateGraph(t *testing.T) {
	long(t)
	const n, d, k = 200_000, 96, 5
	dir := t.TempDir()
	x := clustered(n, d, 3)
	f32 := to[float32]
	whole := []string{writeFile(t, filepath.Join(dir, "x.npy"), npyOf(x, "<f4", f32))}
	cut := []string{writeFile(t, filepath.Join(dir, "x0.npy"), npyOf(x[:777], "<f4", f32)),
		writeFile(t, filepath.Join(dir, "x1.npy"), npyOf(x[777:], "<f4", f32))}
	expected := ""
	for i, c := range []struct {
		input []string
		rows  int
		o     Options
	}{
		{whole, 0, Options{Threads: 1}},
		{cut, 1001, Options{Workers: placement.InProcess, SearchRows: 100}},
	} {
		if i > 0 && brief() {
			break
		}
		c.o.K, c.o.Recall, c.o.Seed, c.o.Output = k, 0.9, 5, filepath.Join(dir, fmt.Sprint(i), "n.csv")
		r := mustRun(t, c.input, nil, vectorio.Options{ChunkRows: c.rows}, c.o)
		a := r.Approximate
		if a == nil || a.Method != "partition" || a.Recall < 0.9 || a.Short() || r.Points != n || r.Queries != n ||
			r.Neighbors != n*k || r.Algorithm != IVF {
			t.Fatalf("report %+v, %+v", r, a)
		}
		got := read(t, c.o.Output)
		nothingBut(t, filepath.Dir(c.o.Output), "n.csv")
		if i == 0 {
			expected = got
			got, exact := some(t, x, got, k, vectors.Float32, neighbors.Options{})
			if share := agreement(t, got, exact); share < a.Low-0.01 || share > a.High+0.01 {
				t.Errorf("%.4f of the neighbours are the true ones, reported %.4f to %.4f", share, a.Low, a.High)
			}
		} else if got != expected {
			t.Errorf("%d: the output differs: %s", i, firstDifference(got, expected))
		}
	}
}

// So do answers to other queries, of which faulty ones are left out.
func TestApproximateQueries(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: Example and TestOf have one each")
	}
	const n, q, d, k = 20_000, 4_000, 16, 5
	dir := t.TempDir()
	x, y := clustered(n, d, 3), clustered(q, d, 4)
	points := []string{writeFile(t, filepath.Join(dir, "x.npy"), npyOf(x, "<f8", to[float64]))}
	text := strings.Split(strings.TrimSpace(string(csvOf(y, true, ","))), "\n")
	text[100] = strings.Repeat("?,", d-1) + "?"
	queries := []string{
		writeFile(t, filepath.Join(dir, "q0.csv"), []byte(strings.Join(text[:1900], "\n")+"\n")),
		writeFile(t, filepath.Join(dir, "q1.csv"), []byte(text[0]+"\n"+strings.Join(text[1900:], "\n")+"\n")),
	}
	expected := ""
	for i, c := range []struct {
		rows int
		o    Options
	}{
		{0, Options{Threads: 1}},
		{300, Options{Workers: placement.InProcess}},
		{1111, Options{Destination: output.Destination{NumShards: 3}}},
	} {
		c.o.K, c.o.Recall, c.o.Output = k, 0.9, filepath.Join(dir, fmt.Sprint(i), "n.csv")
		reading := vectorio.Options{ChunkRows: c.rows, SkipFaults: true, Formats: formats.Options{}}
		r := mustRun(t, points, queries, reading, c.o)
		a := r.Approximate
		if a == nil || a.Method != "lists" || a.Recall < 0.9 || a.Fanout >= a.Leaders || r.Points != n || r.Queries != q-1 ||
			r.Rejected != 1 {
			t.Fatalf("report %+v, %+v", r, a)
		}
		var got string
		if c.o.NumShards > 0 {
			for s := range 3 {
				part := read(t, filepath.Join(dir, fmt.Sprint(i), fmt.Sprintf("n-%05d-of-00003.csv", s)))
				if s > 0 {
					part = part[strings.IndexByte(part, '\n')+1:]
				}
				got += part
			}
		} else {
			got = read(t, c.o.Output)
		}
		if i == 0 {
			expected = got
			o := Options{K: k, Workers: placement.InProcess, Destination: output.To(filepath.Join(dir, "exact.csv"))}
			mustRun(t, points, queries, reading, o)
			if share := agreement(t, got, read(t, o.Output)); share < a.Low-0.01 || share > a.High+0.01 {
				t.Errorf("%.4f of the neighbours are the true ones, reported %.4f to %.4f", share, a.Low, a.High)
			}
		} else if got != expected {
			t.Errorf("%d: the output differs: %s", i, firstDifference(got, expected))
		}
	}
}

// Of the metrics that are searched in cells the graph has the recall that it reports, too, and the same bytes at any
// chunk size and number of threads.
func TestApproximateCells(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this compares thousands of points, as fewer are not put into lists")
	}
	const n, d, k = 20_000, 12, 5
	dir := t.TempDir()
	of := map[neighbors.Metric][][]float64{neighbors.Hamming: clustered(n, d, 3), neighbors.Manhattan: clustered(n, d, 3)}
	codes, bits := of[neighbors.Hamming], rand.New(rand.NewPCG(1, 1))
	for i, row := range codes { // bytes of bits: 50 codes, and rows a few bits from one of them
		of := bits.IntN(50)
		for j := range row {
			if i < 50 {
				row[j] = float64(bits.IntN(256))
			} else if row[j] = codes[of][j]; bits.IntN(3) == 0 {
				row[j] = float64(int(row[j]) ^ 1<<bits.IntN(8))
			}
		}
	}
	for m, x := range of {
		if brief() && m != neighbors.Hamming {
			continue
		}
		o := Options{K: k, Recall: 0.8, Seed: 5, Neighbors: neighbors.Options{Metric: m, Bits: m == neighbors.Hamming}}
		input := []string{writeFile(t, filepath.Join(dir, "x.npy"), npyOf(x, "<f4", to[float32]))}
		expected := ""
		for i, rows := range []int{0, 1001} {
			o.Threads, o.Workers = 1+i, []placement.Workers{placement.Remote, placement.InProcess}[i]
			o.Output = filepath.Join(dir, fmt.Sprint(m, i), "n.csv")
			r := mustRun(t, input, nil, vectorio.Options{ChunkRows: rows}, o)
			a := r.Approximate
			if a == nil || a.Method != "lists" || a.Recall < 0.8 || a.Short() || r.Neighbors != n*k || r.Algorithm != IVF {
				t.Fatalf("report %+v, %+v", r, a)
			}
			got := read(t, o.Output)
			if i > 0 {
				if got != expected {
					t.Errorf("%s: the output differs: %s", m, firstDifference(got, expected))
				}
				continue
			}
			expected = got
			found, near := kthDistances(t, x, got, k, o.Neighbors)
			good := 0.0
			for j, d := range found {
				if d <= near[j/k] {
					good++
				}
			}
			if share := good / float64(len(found)); share < a.Low-0.03 || share > a.High+0.03 {
				t.Errorf("%s: %.4f of the neighbours are near enough, reported %.4f to %.4f", m, share, a.Low, a.High)
			}
		}
	}
}

// kthDistances are the distances of the neighbours of every 100th row in an output, and the k-th ones of its exact
// neighbours: of bits, many rows are equally far.
func kthDistances(t *testing.T, x [][]float64, output string, k int, o neighbors.Options) (found, kth []float64) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(output), "\n")[1:]
	for i := 0; i < len(x); i += 100 {
		var near []float64 // the k least, in their order
		for j, y := range x {
			if j == i {
				continue
			}
			if d := neighbors.Distance(x[i], y, o); len(near) < k || d < near[k-1] {
				at, _ := slices.BinarySearch(near, d)
				near = slices.Insert(near[:min(len(near), k-1)], at, d)
			}
		}
		kth = append(kth, near[k-1])
		for _, line := range lines[i*k : (i+1)*k] {
			f := strings.Split(line, ",")
			j, err := strconv.Atoi(f[2])
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, neighbors.Distance(x[i], x[j], o))
		}
	}
	return found, kth
}

// Few points or few queries are answered exactly, and it says so.
func TestApproximateFew(t *testing.T) {
	dir := t.TempDir()
	points := []string{writeFile(t, filepath.Join(dir, "x.csv"), csvOf(testPoints(200, 5), true, ","))}
	queries := []string{writeFile(t, filepath.Join(dir, "q.csv"), csvOf(testPoints(31, 5), true, ","))}
	for _, q := range [][]string{nil, queries} {
		o := Options{K: 3, Destination: output.To(filepath.Join(dir, "exact.csv"))}
		mustRun(t, points, q, vectorio.Options{ChunkRows: 10}, o)
		a := Options{K: 3, Recall: 0.5, Destination: output.To(filepath.Join(dir, "n.csv"))}
		r := mustRun(t, points, q, vectorio.Options{ChunkRows: 10}, a)
		if r.Approximate == nil || r.Approximate.Method != "exact" || r.Approximate.Recall != 1 {
			t.Errorf("report %+v", r.Approximate)
		}
		if got := read(t, a.Output); got != read(t, o.Output) {
			t.Error("the output is not the exact one")
		}
	}
}

func TestApproximateFaults(t *testing.T) {
	radius := 1.0
	for want, o := range map[string]Options{
		"recall 2: must be greater than 0 and at most 1": {K: 1, Recall: 2},
		`metric "canberra": approximate search has`: {K: 1, Recall: 0.9,
			Neighbors: neighbors.Options{Metric: neighbors.Canberra}},
		"algorithm kd_tree is exact": {K: 1, Recall: 0.9,
			Neighbors: neighbors.Options{Algorithm: neighbors.KDTree}},
		"within a radius are only found exactly": {Radius: &radius, Recall: 0.9},
		"in parts: without broadcast":            {K: 1, Recall: 0.9, Broadcast: File},
	} {
		o.Output = "n.csv"
		o.EnsureDefaults()
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// Above the index memory, the points are put into parts: the same bytes for any chunk size and number of threads, in
// files that are cut otherwise, whatever is at fault among the rows, and the recall that was asked, as measured.
func TestParts(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: Example and TestOf have one each")
	}
	const n, d, k = 8_000, 16, 5
	dir := t.TempDir()
	x := clustered(n, d, 3)
	f64 := to[float64]
	whole := []string{writeFile(t, filepath.Join(dir, "x.npy"), npyOf(x, "<f8", f64))}
	cut := []string{writeFile(t, filepath.Join(dir, "x0.npy"), npyOf(x[:4147], "<f8", f64)),
		writeFile(t, filepath.Join(dir, "x1.npy"), npyOf(x[4147:], "<f8", f64))}
	for _, metric := range []neighbors.Metric{neighbors.Euclidean, neighbors.Cosine, neighbors.Correlation,
		neighbors.Manhattan} {
		if brief() && metric != neighbors.Euclidean {
			break
		}
		expected := ""
		for i, c := range []struct {
			input []string
			rows  int
			o     Options
		}{
			{whole, 0, Options{Threads: 1, Overview: true}},
			{whole, 1000, Options{Workers: placement.InProcess}},
			{cut, 3701, Options{Staging: filepath.Join(dir, "staging")}},
		} {
			if i > 0 && (brief() || (i == 1) != (metric == neighbors.Cosine)) {
				continue
			}
			c.o.K, c.o.Recall, c.o.Seed, c.o.IndexMemory = k, 0.9, 5, 640<<10
			c.o.Output, c.o.Neighbors.Metric = filepath.Join(dir, fmt.Sprint(metric, i), "n.csv"), metric
			r := mustRun(t, c.input, nil, vectorio.Options{ChunkRows: c.rows}, c.o)
			a := r.Approximate
			if a == nil || a.Method != "partition" || a.Recall < 0.9 || a.Short() || a.Sample < 1000 || a.Leaders < 10 ||
				r.Shards < 3 ||
				r.Points != n || r.Queries != n || r.Neighbors != n*k || r.Algorithm != IVF || r.Broadcast != Parts {
				t.Fatalf("report %+v, %+v", r, a)
			}
			if c.o.Overview && (r.Overview == nil || r.Overview.Queries != n) {
				t.Errorf("overview %+v", r.Overview)
			}
			got := read(t, c.o.Output)
			nothingBut(t, filepath.Dir(c.o.Output), "n.csv")
			if i == 0 {
				expected = got
				got, exact := some(t, x, got, k, vectors.Float64, neighbors.Options{Metric: metric})
				share := agreement(t, got, exact)
				t.Logf("%s: %.4f of the neighbours are the true ones, reported %.4f to %.4f; %d parts by %d leaders, fan-out %d",
					metric, share, a.Low, a.High, r.Shards, a.Leaders, a.Fanout)
				if share < a.Low-0.01 || share > a.High+0.01 {
					t.Errorf("%.4f of the neighbours are the true ones, reported %.4f to %.4f", share, a.Low, a.High)
				}
			} else if got != expected {
				t.Errorf("%d: the output differs: %s", i, firstDifference(got, expected))
			}
		}
	}
}

// Rows with text ids, some of them at fault, many equal, are put into parts as well, and each has k neighbours.
func TestPartsOfRows(t *testing.T) {
	long(t)
	const n, d, k = 12_000, 3, 40
	dir := t.TempDir()
	x := clustered(n, d, 5)
	for i := range n {
		if i%3 == 0 {
			x[i] = x[0] // more of them than a part holds
		}
	}
	text := strings.Split(strings.TrimSpace(string(csvOf(x, true, ","))), "\n")
	text[0] = "id," + text[0]
	for i := range n {
		text[i+1] = fmt.Sprintf("row %d,%s", i, text[i+1])
	}
	text[4567] = "x" + strings.Repeat(",?", d)
	input := []string{writeFile(t, filepath.Join(dir, "x.csv"), []byte(strings.Join(text, "\n")+"\n"))}
	reading := vectorio.Options{SkipFaults: true, Formats: formats.Options{IDColumn: "id"}}
	expected := ""
	for i, rows := range []int{0, 777} {
		if i > 0 && brief() {
			break
		}
		reading.ChunkRows = rows
		o := Options{K: k, Recall: 0.8, IndexMemory: 3 << 20,
			Workers:     []placement.Workers{placement.InProcess, placement.Remote}[i],
			Destination: output.To(filepath.Join(dir, fmt.Sprint(i), "n.csv"))}
		r := mustRun(t, input, nil, reading, o)
		if r.Points != n-1 || r.Queries != n-1 || r.Neighbors != (n-1)*k || r.Rejected != 1 || r.Approximate.Recall < 0.8 {
			t.Fatalf("report %+v, %+v", r, r.Approximate)
		}
		nothingBut(t, filepath.Dir(o.Output), "n.csv", "n.csv.rejected.jsonl")
		got := read(t, o.Output)
		if i == 0 {
			expected = got
		} else if got != expected {
			t.Errorf("%d: the output differs: %s", i, firstDifference(got, expected))
		}
	}
}

// Other queries are put into the parts of the points: ids on either side, rows at fault, queries that are far from
// all points, more of them than a part answers at a time, and few.
func TestPartsOfQueries(t *testing.T) {
	long(t)
	const n, m, d, k = 8_000, 5_000, 16, 5
	dir := t.TempDir()
	all := clustered(n+m, d, 9)
	x, q := all[:n], all[n:]
	for i := range 50 {
		q[100*i] = slices.Repeat([]float64{float64(1000 * (i + 1))}, d)
	}
	named := func(name string, rows [][]float64) []string {
		text := strings.Split(strings.TrimSpace(string(csvOf(rows, true, ","))), "\n")
		text[0] = "id," + text[0]
		for i := range rows {
			text[i+1] = fmt.Sprintf("%s %d,%s", name, i, text[i+1])
		}
		text[4567] = "x" + strings.Repeat(",?", d)
		return []string{writeFile(t, filepath.Join(dir, name+".csv"), []byte(strings.Join(text, "\n")+"\n"))}
	}
	points, queries := named("point", x), named("query", q)
	npy := []string{writeFile(t, filepath.Join(dir, "x.npy"), npyOf(x, "<f4", to[float32]))}
	few := []string{writeFile(t, filepath.Join(dir, "few.npy"), npyOf(q[:7], "<f4", to[float32]))}
	reading := vectorio.Options{SkipFaults: true, Formats: formats.Options{IDColumn: "id", DType: vectors.Float32}}
	expected := map[string]string{}
	for i, c := range []struct {
		points, queries []string
		rejected, asked int64
		rows            int
		o               Options
	}{
		{points, queries, 1, m - 1, 0, Options{Threads: 1, Overview: true}},
		{npy, few, 0, 7, 0, Options{}},
		{points, queries, 1, m - 1, 777, Options{Workers: placement.InProcess}},
	} {
		if i > 1 && brief() {
			break
		}
		input := reading
		if input.ChunkRows = c.rows; c.asked == 7 {
			input.Formats.IDColumn = ""
		}
		c.o.K, c.o.Recall, c.o.Seed, c.o.IndexMemory = k, 0.9, 5, 512<<10
		c.o.Output = filepath.Join(dir, fmt.Sprint(i), "n.csv")
		r := mustRun(t, c.points, c.queries, input, c.o)
		a := r.Approximate
		if a == nil || a.Recall < 0.9 || a.Short() || r.Shards < 1 || r.Points != n-c.rejected || r.Queries != c.asked ||
			r.Neighbors != c.asked*k ||
			r.Rejected != 2*c.rejected || r.Algorithm != IVF || r.Broadcast != Parts {
			t.Fatalf("%d: report %+v, %+v", i, r, a)
		}
		if c.o.Overview && (r.Overview == nil || r.Overview.Queries != m-1) {
			t.Errorf("overview %+v", r.Overview)
		}
		got, of := read(t, c.o.Output), c.queries[0]
		if expected[of] == "" {
			expected[of] = got
			e := Options{K: k, Workers: placement.InProcess, Destination: output.To(filepath.Join(dir, "exact.csv"))}
			mustRun(t, c.points, c.queries, input, e)
			share := agreement(t, got, read(t, e.Output))
			t.Logf("%.4f of the neighbours are the true ones, reported %.4f to %.4f, %d parts, %.2f copies", share, a.Low,
				a.High, r.Shards, a.Copies)
			if share < a.Low-0.01 || share > a.High+0.01 {
				t.Errorf("%.4f of the neighbours are the true ones, reported %.4f to %.4f", share, a.Low, a.High)
			}
		} else if got != expected[of] {
			t.Errorf("%d: the output differs: %s", i, firstDifference(got, expected[of]))
		}
	}
}

// More parts than a sample has leaders for are planned in regions: with the recall asked, and the same bytes at any
// chunk size, of points that are the queries and of others.
func TestPartsInRegions(t *testing.T) {
	long(t)
	const n, m, d, k = 32_000, 500, 4, 3
	dir := t.TempDir()
	all := clustered(n+m, d, 9)
	points := []string{writeFile(t, filepath.Join(dir, "x.npy"), npyOf(all[:n], "<f4", to[float32]))}
	others := []string{writeFile(t, filepath.Join(dir, "q.npy"), npyOf(all[n:], "<f4", to[float32]))}
	expected := ""
	for i, c := range []struct {
		queries []string
		rows    int
	}{{nil, 0}, {nil, 7001}, {others, 0}} {
		o := Options{K: k, Recall: 0.9, Seed: 5, IndexMemory: 180 << 10, Threads: 1 + i}
		o.Output = filepath.Join(dir, fmt.Sprint(i), "n.csv")
		reading := vectorio.Options{ChunkRows: c.rows, Formats: formats.Options{DType: vectors.Float32}}
		r := mustRun(t, points, c.queries, reading, o)
		a := r.Approximate
		if a == nil || a.Recall < 0.9 || a.Short() || r.Shards < 30 || r.Points != n || r.Broadcast != Parts {
			t.Fatalf("report %+v, %+v", r, a)
		}
		t.Logf("recall %.3f from %.3f to %.3f, %d parts by %d leaders, %.2f copies", a.Recall, a.Low, a.High, r.Shards,
			a.Leaders, a.Copies)
		got := read(t, o.Output)
		nothingBut(t, filepath.Dir(o.Output), "n.csv")
		switch i {
		case 0:
			expected = got
		case 1:
			if got != expected {
				t.Errorf("the output differs: %s", firstDifference(got, expected))
			}
		}
	}
}
