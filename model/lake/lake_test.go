package lake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"beamlearn/model/formats"
)

// disk is a table on this host.
type disk string

func (d disk) List(_ context.Context, pattern string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(string(d), pattern))
	for i, name := range names {
		names[i], _ = filepath.Rel(string(d), name)
	}
	return names, err
}

func (d disk) Open(_ context.Context, name string) (formats.File, error) {
	return formats.OpenLocal(filepath.Join(string(d), name))
}

// table writes the commits of a table's log.
func table(t testing.TB, commits ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, DeltaLog), 0o777); err != nil {
		t.Fatal(err)
	}
	for i, c := range commits {
		if err := os.WriteFile(filepath.Join(dir, DeltaLog, fmt.Sprintf("%020d.json", i)), []byte(c), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestName(t *testing.T) {
	for name, want := range map[string]struct {
		dir     string
		version Version
	}{
		"a/b": {"a/b", ""}, "a/b/": {"a/b", ""}, "a/b@v12": {"a/b", "v12"}, "a/b/@v0": {"a/b", "v0"},
		"gs://b/t@v3": {"gs://b/t", "v3"}, "a@v3/b": {"a@v3/b", ""}, "a@v": {"a@v", ""}, "@v3": {"@v3", ""},
		"a@v9999999999999999999": {"a@v9999999999999999999", ""}, "a/@9223372036854775807": {"a", "9223372036854775807"},
		"a@9223372036854775808": {"a@9223372036854775808", ""}, "a@3.csv": {"a@3.csv", ""},
	} {
		if dir, v := Name(name); dir != want.dir || v != want.version {
			t.Errorf("%s: %s, %s", name, dir, v)
		}
	}
}

const (
	protocol = `{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}` + "\n"
	schema   = `"schemaString":"{\"fields\":[{\"name\":\"x\",\"type\":\"double\"},{\"name\":\"k\",\"type\":\"long\"},` +
		`{\"name\":\"d\",\"type\":\"double\"}]}"`
	meta = `{"metaData":{"format":{"provider":"parquet"},` + schema + `,"partitionColumns":["k"],"configuration":{}}}` + "\n"
	add  = `{"add":{"path":"a%20b.parquet","partitionValues":{"k":"3"},"size":9}}` + "\n"
)

// with is a text with another in the place of a part of it.
func with(text, part, other string) string {
	if !strings.Contains(text, part) {
		panic(part)
	}
	return strings.Replace(text, part, other, 1)
}

// What a log has that is not read, or that is damaged, is one line.
func TestDeltaFaults(t *testing.T) {
	t.Parallel()
	vector := func(v string) string { return with(add, `"size"`, `"deletionVector":`+v+`,"size"`) }
	for want, commits := range map[string][]string{
		"found no _delta_log/00000000000000000001.json": nil, // which the loop below removes
		"found none, expected a protocol":               {meta + add},
		"found none, expected the table's columns":      {protocol + add},
		"one of version 4, expected a table for readers of version 3": {
			with(protocol, "1", "4") + meta + add},
		`the feature "variantType"`: {with(protocol, `1,`, `3,"readerFeatures":["variantType"],`) + meta + add},
		"column mapping by name: write the table out as Parquet first": {
			protocol + with(meta, "{}", `{"delta.columnMapping.mode":"name"}`) + add},
		`files of "orc"`: {protocol + with(meta, "parquet", "orc") + add},
		"00000000000000000000.json: row 1: found \"{\\\"add\\\":3}\", expected an action of Delta's log": {
			protocol + `{"add":3}`},
		`found the file "s3://bucket/x"`: {protocol + meta + with(add, "a%20b.parquet", "s3://bucket/x")},
		`found the file "../x"`:          {protocol + meta + with(add, "a%20b.parquet", "../x")},
		`found the file "/x"`:            {protocol + meta + with(add, "a%20b.parquet", "/x")},
		`column "d" of double`:           {protocol + with(meta, `["k"]`, `["d"]`) + add},
		`found "1.5", expected a whole number of at most 53 bits in the column "k"`: {
			protocol + meta + with(add, `"3"`, `"1.5"`)},
		`expected a column "z"`:       {protocol + with(meta, `["k"]`, `["z"]`) + add},
		"none in version 0":           {protocol + meta},
		"the table's columns as JSON": {protocol + with(meta, `{\"fields\"`, `\"fields\"`) + add},
		`storage type "p"`:            {protocol + meta + vector(`{"storageType":"p"}`)},
		"text that is no Z85": {
			protocol + meta + vector(`{"storageType":"i","pathOrInlineDv":"~~~~~","sizeInBytes":4}`)},
		`found the file "00000"`: {
			protocol + meta + vector(`{"storageType":"u","pathOrInlineDv":"00000","offset":1}`)},
		`"a b.parquet" twice`: {
			protocol + meta + add + with(vector(`{"storageType":"i"}`), "%20", " ")},
		"found 0 as the last one, expected version 5": {protocol + meta + add},
	} {
		if commits == nil {
			commits = []string{protocol + meta, add, add}
		}
		dir := table(t, commits...)
		version := int64(Newest)
		switch {
		case strings.Contains(want, "version 5"):
			version = 5
		case strings.Contains(want, "found no "):
			if err := os.Remove(filepath.Join(dir, DeltaLog, "00000000000000000001.json")); err != nil {
				t.Fatal(err)
			}
		}
		_, err := ReadDelta(t.Context(), "the table", version, disk(dir))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}

// The order of lines in a commit means nothing: a file whose deletions change is removed with the old ones.
func TestDeltaOrder(t *testing.T) {
	t.Parallel()
	const other = `{"storageType":"u","pathOrInlineDv":"00000000000000000000","offset":1,"sizeInBytes":9,"cardinality":2}`
	next := []string{with(add, `"size"`, `"deletionVector":`+other+`,"size"`),
		`{"remove":{"path":"a%20b.parquet"}}` + "\n"}
	for range 2 {
		slices.Reverse(next)
		dir := table(t, protocol+meta+add, strings.Join(next, ""))
		files, err := ReadDelta(t.Context(), "", Newest, disk(dir))
		if err != nil || len(files) != 1 || files[0].Name != "a b.parquet" || files[0].Deleted == nil {
			t.Fatalf("%+v, %v", files, err)
		}
		d := files[0].Deleted
		const name = "deletion_vector_00000000-0000-0000-0000-000000000000.bin"
		if d.Name != name || d.Offset != 1 || d.Size != 9 || d.Rows != 2 {
			t.Errorf("%+v", d)
		}
		if p := files[0].Constants; len(p) != 1 || p[0].Name != "k" || !p[0].Number || p[0].Value != 3 {
			t.Errorf("%+v", p)
		}
		if files, err = ReadDelta(t.Context(), "", 0, disk(dir)); err != nil || files[0].Deleted != nil {
			t.Errorf("version 0: %+v, %v", files, err)
		}
	}
}

// vectorOf encodes rows as Delta has them.
func vectorOf(rows *roaring64.Bitmap) []byte {
	var b bytes.Buffer
	b.Write([]byte{0xd1, 0xd3, 0x39, 0x64})
	if _, err := rows.WriteTo(&b); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// Vectors of any shape come back; another length, another checksum, other rows than the log has are faults.
func TestVectors(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	rows := roaring64.New()
	rows.AddRange(70_000, 90_000)
	for range 3000 {
		rows.Add(rng.Uint64N(1 << 20))
		rows.Add(1<<33 + rng.Uint64N(1<<30))
	}
	rows.RunOptimize()
	data := vectorOf(rows)
	if got, err := decodeVector(data); err != nil || !got.Equals(rows) {
		t.Fatalf("%v, %v", got, err)
	}
	v := Vector{Inline: data, Rows: int64(rows.GetCardinality()) + 1}
	if _, err := v.read(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "of which the log has") {
		t.Error(err)
	}
	for what, bad := range map[string][]byte{"another beginning": data[1:], "no bitmap": data[:len(data)-1],
		"1 bytes behind": append(slices.Clone(data), 0),
		"are no bitmap":  slices.Concat(data[:4], []byte{0, 0, 0, 0, 0, 1, 0, 0}, data[12:])} {
		if _, err := decodeVector(bad); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %s", err, what)
		}
	}
	dir := table(t)
	stored := slices.Concat([]byte{1, 0, 0, 0, 4}, []byte("data"), []byte{0, 0, 0, 0})
	if err := os.WriteFile(filepath.Join(dir, "x"), stored, 0o666); err != nil {
		t.Fatal(err)
	}
	open := func(name string) (formats.File, error) { return disk(dir).Open(t.Context(), name) }
	for want, v := range map[string]Vector{
		"with its length and its checksum": {Name: "x", Offset: 1, Size: 4},
		"of 400 bytes from byte 1":         {Name: "x", Offset: 1, Size: 400},
		"of -1 bytes":                      {Name: "x", Size: -1}, "from byte -1": {Name: "x", Offset: -1},
	} {
		if _, err := v.read(t.Context(), open); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	gone := Vector{Name: "y"}
	if _, err := gone.read(t.Context(), open); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// Damaged vectors are faults, or bitmaps that hold what they say.
func FuzzVector(f *testing.F) {
	rows := roaring64.BitmapOf(1, 5, 1<<40)
	rows.AddRange(100, 9000)
	f.Add(vectorOf(rows))
	rows.RunOptimize()
	f.Add(vectorOf(rows))
	f.Add(vectorOf(roaring64.New()))
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := decodeVector(data)
		if err != nil {
			return
		}
		n := uint64(0)
		for it := rows.Iterator(); it.HasNext() && n < 1<<16; n++ {
			if v := it.Next(); rows.Rank(v) != n+1 {
				t.Fatalf("row %d is not the %d-th", v, n)
			}
		}
		if c := rows.GetCardinality(); n < 1<<16 && n != c {
			t.Fatalf("%d rows of %d", n, c)
		}
	})
}

// Damaged logs are faults.
func FuzzDelta(f *testing.F) {
	f.Add(protocol + meta + add)
	const vector = `"deletionVector":{"storageType":"i","pathOrInlineDv":"","sizeInBytes":0},"size"`
	f.Add(protocol + meta + with(add, `"size"`, vector))
	f.Add(protocol + meta + `{"add":{"path":"x","partitionValues":[{"key":"k","value":null}]}}`)
	f.Fuzz(func(t *testing.T, commit string) {
		d := &delta{dir: "t", files: map[fileKey]*addAction{}, gone: map[fileKey]bool{}}
		if d.lines("0.json", []byte(commit)) != nil || d.check() != nil {
			return
		}
		d.evolved = false // which would open files
		files, err := d.all(t.Context())
		if err != nil {
			return
		}
		for _, file := range files {
			if !isBelow(file.Name) || file.Deleted != nil && file.Deleted.Name != "" && !isBelow(file.Deleted.Name) {
				t.Errorf("%+v leads elsewhere", file)
			}
			text, err := json.Marshal(file.Facts)
			var back Facts
			if err != nil || json.Unmarshal(text, &back) != nil {
				t.Errorf("%+v: %v", file, err)
			}
		}
	})
}
