package lake

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/avro"
	"github.com/twmb/avro/ocf"
)

// newest is the metadata of a table of the tests: its file's name and its text.
func newest(t testing.TB, table string) (name, text string) {
	t.Helper()
	names, err := newestMetadata(t.Context(), "t", disk(table))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	b, err := os.ReadFile(filepath.Join(table, names[0]))
	if err != nil {
		t.Fatal(err)
	}
	return names[0], string(b)
}

// copyOf is a copy of a table with other metadata.
func copyOf(t testing.TB, table, name, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(table)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What metadata has that is not read, or that is damaged, is one line.
func TestIcebergFaults(t *testing.T) {
	t.Parallel()
	const table = "testdata/evolved"
	name, text := newest(t, table)
	for want, change := range map[string][2]string{
		"found version 4, expected a table of Iceberg's format": {`"format-version": 2`, `"format-version": 4`},
		"as JSON":                                  {`{`, `{{`},
		"a table that has no snapshot yet":         {`"current-snapshot-id": `, `"current-snapshot-id": -1, "x": `},
		"as the last ones, expected snapshot 7":    {`"current-snapshot-id": `, `"current-snapshot-id": 7, "x": `},
		"expected the schema 77":                   {`"current-schema-id": `, `"current-schema-id": 77, "x": `},
		"expected the partition spec 0":            {`"spec-id": 0`, `"spec-id": 5`},
		"a snapshot with a manifest list":          {`"manifest-list"`, `"x"`},
		"expected files in the directory of the":   {`"location": "file:///lake/evolved"`, `"location": "file:///elsewhere"`},
		"or a mapping of names":                    {`"schema.name-mapping.default"`, `"x"`},
		"expected a mapping of names to columns":   {`"schema.name-mapping.default": "`, `"schema.name-mapping.default": "x`},
		"the column \"kind\" of double with one":   {`"name": "kind", "type": "string"`, `"name": "kind", "type": "double"`},
		"the column \"later\" of double with one":  {`"name": "later", "type": "double"`, `"name": "later", "type": "double", "initial-default": 1.5`},
		"metadata of version 99":                   {"", "99"},
		"of which the table's catalog knows":       {"", "twin"},
		"a manifest list of Iceberg, in Avro":      {"", "list"},
		"expected files with columns of the table": {`"id": `, `"x": `},
	} {
		to := text
		if change[0] != "" {
			if !strings.Contains(text, change[0]) {
				t.Fatalf("no %s in %s", change[0], text)
			}
			to = strings.ReplaceAll(text, change[0], change[1])
			if change[0] == "{" {
				to = with(text, "{", "{{")
			}
		}
		dir := copyOf(t, table, name, to)
		var err error
		switch change[1] {
		case "99":
			err = os.WriteFile(filepath.Join(dir, versionHint), []byte("99\n"), 0o666)
		case "twin":
			err = os.WriteFile(filepath.Join(dir, with(name, ".metadata", "0.metadata")), []byte(text), 0o666)
		case "list":
			lists, _ := filepath.Glob(filepath.Join(dir, "metadata/snap-*.avro"))
			for _, l := range lists {
				err = os.WriteFile(l, []byte("Obj"), 0o666)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = ReadIceberg(t.Context(), "t", Newest, disk(dir))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}

// Metadata of tables without a catalog, compressed or not, and paths in the spellings of other programs, are read.
func TestIcebergMetadata(t *testing.T) {
	t.Parallel()
	const table = "testdata/vectors3"
	name, text := newest(t, table)
	want, err := ReadIceberg(t.Context(), "t", Newest, disk(table))
	if err != nil {
		t.Fatal(err)
	}
	dir := copyOf(t, table, name, with(text, `"file:///lake/vectors3"`, `"file:/lake/vectors3/"`))
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for i, file := range []struct{ name, text string }{{name, ""}, {"metadata/v100.gz.metadata.json", packed.String()},
		{"metadata/v101.metadata.json", text}, {versionHint, "101"}, {"metadata/x.metadata.json", "{}"}} {
		if file.text != "" {
			if err := os.WriteFile(filepath.Join(dir, file.name), []byte(file.text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		got, err := ReadIceberg(t.Context(), "t", Newest, disk(dir))
		if err != nil {
			t.Fatal(err)
		}
		if g, w := mustJSON(t, got), mustJSON(t, want); g != w {
			t.Errorf("%d: %s\nwant %s", i, g, w)
		}
	}
	for name, want := range map[string]string{"s3a://b/x": "s3://b/x", "file:///x": "/x", "file:/x": "/x", "/x": "/x",
		"gs://b/x": "gs://b/x", "s3n://b": "s3://b"} {
		if got := plainPath(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Files that are not read are one line each, which names them.
func TestManifestFaults(t *testing.T) {
	t.Parallel()
	schema := avro.MustParse(`{"type":"record","name":"e","fields":[{"name":"status","type":"int"},{"name":"data_file","type":
		{"type":"record","name":"f","fields":[{"name":"content","type":"int"},{"name":"file_path","type":"string"},
		{"name":"file_format","type":"string"},{"name":"key_metadata","type":["null","bytes"]}]}}]}`)
	type file map[string]any
	for want, f := range map[string]file{
		"of \"orc\", expected files of Parquet":     {"file_format": "orc"},
		"found content 7":                           {"content": 7},
		"expected files that are not encrypted":     {"key_metadata": []byte{1}},
		"expected deletion vectors with their file": {"content": 1, "file_format": "puffin"},
		"of \"puffin\", expected files of Parquet":  {"file_format": "puffin"},
		"": {"file_format": "PARQUET"},
	} {
		var b bytes.Buffer
		w, err := ocf.NewWriter(&b, schema)
		if err != nil {
			t.Fatal(err)
		}
		all := file{"content": 0, "file_path": "x", "file_format": "parquet", "key_metadata": nil}
		for k, v := range f {
			all[k] = v
		}
		if err := w.Encode(map[string]any{"status": 1, "data_file": map[string]any(all)}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		i := &iceberg{dir: "t", metadata: &icebergMetadata{}, specs: map[int32][]icebergSplit{0: nil}}
		entries, err := i.decodeManifest("m.avro", b.Bytes(), &manifestFile{})
		if want == "" && (err != nil || len(entries) != 1) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// Damaged manifests, and lists of them, are faults.
func FuzzManifest(f *testing.F) {
	for _, pattern := range []string{"testdata/vectors3/metadata/*.avro", "testdata/evolved/metadata/*-m0.avro"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			f.Fatal(names, err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		i := &iceberg{dir: "t", metadata: &icebergMetadata{Location: "file:///lake/t"},
			specs: map[int32][]icebergSplit{0: {{ID: 1000, Source: 6, Transform: "identity"}}}}
		entries, err := i.decodeManifest("m.avro", text, &manifestFile{Sequence: 3})
		for _, e := range entries {
			if err != nil || e.Content < contentData || e.Content > contentEquality {
				t.Errorf("%+v, %v", e, err)
			}
			if below, err := i.below(e.Path); err == nil && !isBelow(below) {
				t.Errorf("%s leads elsewhere", below)
			}
		}
		if _, err := decodeManifestList("l.avro", text); err != nil && strings.Contains(err.Error(), "\n") {
			t.Error(err)
		}
	})
}

// Damaged metadata is a fault.
func FuzzIceberg(f *testing.F) {
	for _, table := range []string{"testdata/vectors3", "testdata/evolved"} {
		_, text := newest(f, table)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		i, err := parseMetadata("t", "v1.metadata.json", []byte(text))
		if err != nil || i.choose(Newest) != nil {
			return
		}
		file, err := i.file(&entry{manifestData: manifestData{Path: i.metadata.Location + "/a/../b.parquet"}},
			map[int32]string{1: "x"}, []string{"x"})
		if err == nil && (!isBelow(file.Name) || len(file.Columns)+len(file.Constants) > len(i.fields)) {
			t.Errorf("%+v of %s", file, text)
		}
	})
}
