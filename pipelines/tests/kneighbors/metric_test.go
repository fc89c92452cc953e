package kneighbors_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// By nan_euclidean cells may be missing, in points and in queries; what has no column in common with a query is no
// neighbour of it. By each way to the workers, and by an index, these are the same bytes.
func TestMissingCells(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"x.csv": "id,a,b,c\np,1,,3\nq,,2,\nr,1,5,\ns,,,\nt,4,2,8\n", "q.csv": "id,a,b,c\nu,,,3\nv,,,\nw,1,2,NA\n",
		"large.csv": "a,b\n1,\n1e160,2\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args string) (string, int) {
		_, stderr, code := clitest.End(t, clitest.Program(dir, strings.Fields(args)...))
		return stderr, code
	}
	const find = "kneighbors --metric=nan_euclidean --id_column=id --k=2 --report=none --output=n.csv"
	const own = "query_id,rank,neighbor_id,distance\np,1,r,0\np,2,t,7.14142842854285\nq,1,t,0\nq,2,r,5.196152422706632\n" +
		"r,1,p,0\nr,2,q,5.196152422706632\nt,1,q,0\nt,2,r,5.196152422706632\n"
	const others = "query_id,rank,neighbor_id,distance\nu,1,p,0\nu,2,t,8.660254037844387\nw,1,p,0\nw,2,q,0\n"
	if stderr, code := run("index --metric=nan_euclidean --input=x.csv --id_column=id --index=x.index"); code != 0 {
		t.Fatal(stderr)
	}
	for args, want := range map[string]string{
		find + " --input=x.csv": own, find + " --input=x.csv --broadcast=file --chunk_rows=2": own,
		find + " --input=x.csv --queries=q.csv --broadcast=side_input":                                 others,
		find + " --input=x.csv --queries=q.csv --broadcast=shards --index_memory=1KB":                  others,
		"kneighbors --index=x.index --id_column=id --queries=q.csv --k=2 --report=none --output=n.csv": others,
	} {
		if stderr, code := run(args); code != 0 {
			t.Errorf("%s: %s", args, stderr)
			continue
		}
		if got := clitest.Read(t, filepath.Join(dir, "n.csv")); got != want {
			t.Errorf("%s:\n%s", args, got)
		}
	}
	for args, want := range map[string]string{
		"kneighbors --metric=nan_euclidean --input=large.csv --k=1 --output=l.csv": "large.csv: row 1, column a: " +
			"found 1e+160, expected a magnitude",
		find + " --input=x.csv --dtype=float32": "dtype float32: rows with " +
			"missing values are kept as float64",
		find + " --input=x.csv --outliers=lof": "outliers are told by k " +
			"neighbours, which rows may lack",
		"kneighbors --metric=euclidean --id_column=id --input=x.csv --k=1 --output=e.csv": "x.csv: row 0, column b",
	} {
		if stderr, code := run(args); code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %s", args, code, stderr)
		}
	}
}

// The same bytes come of a metric by each way to the workers, and what it cannot be is one line.
func TestMetrics(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("places.csv", "lat,lon\n52.5,13.4\n48.1,11.6\n53.6,10\n50.1,8.7\n-34.8,-58.5\n")
	write("far.csv", "lat,lon\n48.9,2.35\n91,2\n")
	write("bits.csv", "a,b\n255,0\n15,0\n240,1\n0,255\n")
	write("x.csv", "a,b\n1,2\n2,1\n4,4\n8,5\n9,9\n")
	write("v.csv", "a,b\n4,1\n")
	run := func(args string) (string, int) {
		_, stderr, code := clitest.End(t, clitest.Program(dir, append([]string{"kneighbors"}, strings.Fields(args)...)...))
		return stderr, code
	}
	for i, args := range []string{
		"--input=places.csv --metric=haversine --degrees --km --k=2",
		"--input=bits.csv --metric=hamming --bits --k=2",
		"--input=x.csv --metric=seuclidean --metric_params=v.csv --k=2",
		"--input=x.csv --metric=correlation --k=2",
	} {
		want := ""
		ways := []string{"", " --index_memory=1KB --broadcast=shards", " --broadcast=side_input", " --broadcast=file"}
		if i > 0 {
			ways = ways[:1+i%3] // by which their options go is the same
		}
		for _, way := range ways {
			if stderr, code := run(args + way + " --report=none --output=n.csv"); code != 0 {
				t.Fatalf("%s%s: %s", args, way, stderr)
			}
			got, err := os.ReadFile(filepath.Join(dir, "n.csv"))
			if err != nil {
				t.Fatal(err)
			}
			if want == "" {
				want = string(got)
			}
			if string(got) != want {
				t.Errorf("%s%s: %s, want %s", args, way, got, want)
			}
		}
	}
	if stderr, code := run("--input=" + clitest.Testdata(t, "digits.csv") +
		" --columns=pixel_* --metric=mahalanobis --k=3 --explain --output=e.csv"); code != 0 {
		t.Error(stderr)
	}
	if stderr,
		code := run("--input=x.csv --metric=correlation --k=1 --similarity --report=none --output=s.csv"); code != 0 {
		t.Error(stderr)
	}
	// Rows of two columns rise or fall together, or are constant.
	if b, err := os.ReadFile(filepath.Join(dir, "s.csv")); err != nil || !strings.HasPrefix(string(b),
		"query_id,rank,neighbor_id,distance,similarity\n0,1,2,1,0\n1,1,3,") {
		t.Errorf("%s, %v", b, err)
	}
	// A place that is none is a row at fault like any other, of the points, the queries and those of an index.
	for _, args := range []string{
		"kneighbors --input=far.csv,places.csv --metric=haversine --degrees --k=1 --output=n.csv",
		"kneighbors --input=places.csv --queries=far.csv --metric=haversine --degrees --k=1 --output=n.csv",
		"index --input=places.csv,far.csv --metric=haversine --degrees --index=places.index",
		"kneighbors --index=places.index --queries=far.csv --k=1 --output=n.csv",
		"groups --input=places.csv,far.csv --metric=haversine --degrees --radius=1 --output=n.csv",
	} {
		_, stderr, code := clitest.End(t, clitest.Program(dir, append(strings.Fields(args), "--on_error=skip")...))
		out := args[strings.LastIndex(args, "=")+1:]
		rejected := clitest.Read(t, filepath.Join(dir, out+".rejected.jsonl"))
		want := `{"file":"far.csv","row":1,"column":"lat","reason":"found 91, expected a latitude between -90 and 90 degrees"}` + "\n"
		if code != 0 || !strings.Contains(stderr, "1 row left out") || rejected != want {
			t.Errorf("%s: exit code %d, %s, rejected %s", args, code, stderr, rejected)
		}
	}
	for args, want := range map[string]string{
		"--input=places.csv --metric=haversine --k=1": "kneighbors: places.csv: row 0, column " +
			"lat: found 52.5, expected a latitude between -1.570796 and 1.570796 radians (degrees need --degrees)\n",
		"--input=places.csv --queries=far.csv --metric=haversine --degrees --k=1": "kneighbors: far.csv: row 1, column " +
			"lat: found 91, expected a latitude between -90 and 90 degrees\n",
		"--input=x.csv --metric=seuclidean --k=1 --broadcast=shards --index_memory=1KB": "kneighbors: seuclidean has " +
			"parameters of all points, which no shard has: give them " +
			"(--metric_params=FILE), or leave the index in one piece\n",
		"--input=x.csv --metric=mahalanobis --metric_params=v.csv --k=1": "kneighbors: v.csv: found 1 × 2 values, " +
			"expected a square matrix, the inverse of the covariance\n",
		"--input=x.csv --metric=precomputed --k=1": "kneighbors: metric precomputed: rows are what is " +
			"searched here",
		"--input=x.csv --metric=russellrao --include_self --k=2": "kneighbors: by russellrao no point is the nearest to " +
			"itself",
		"--input=x.csv --metric=jaccard --km --k=2": "kneighbors: degrees and kilometers: of haversine, not of jaccard",
	} {
		stderr, code := run(args + " --output=out.csv")
		if code == 0 || !strings.HasPrefix(stderr, want) {
			t.Errorf("%s: exit code %d, %s, want %s", args, code, stderr, want)
		}
	}
}
