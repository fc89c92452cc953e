package cli

import (
	"reflect"
	"testing"

	"beamlearn/model/formats"
	"beamlearn/transforms/vectorio"
)

// parse parses a command line of the flags that add adds.
func parse(t *testing.T, add func(*App) *Input, args ...string) *Input {
	t.Helper()
	a := New("test", "")
	in := add(a)
	if _, err := a.parse(args); err != nil {
		t.Fatal(err)
	}
	if _, err := a.resolve(); err != nil {
		t.Fatal(err)
	}
	return in
}

func TestInputOptions(t *testing.T) {
	const rows = vectorio.DefaultChunkRows
	for _, c := range []struct {
		add  func(*App) *Input
		args []string
		want vectorio.Options
	}{
		{(*App).Input, []string{"--input=x.csv", "--id_column=i", "--columns=a,b", "--on_error=skip"},
			vectorio.Options{Formats: formats.Options{Header: "auto", Delimiter: "auto", Quoting: "minimal", Encoding: "auto",
				IDColumn: "i", Columns: []string{"a", "b"}, Unlabelled: true, ZeroBased: "auto"}, ChunkRows: rows,
				SkipFaults: true}},
		{(*App).LabelledInput, []string{"--input=x.csv", "--target=y", "--weight_column=w", "--chunk_rows=5"},
			vectorio.Options{Formats: formats.Options{Header: "auto", Delimiter: "auto", Quoting: "minimal", Encoding: "auto",
				TargetColumn: "y", WeightColumn: "w", ZeroBased: "auto"}, ChunkRows: 5}},
		{(*App).LabelledInput, []string{"--input=x.npy", "--target=y-*.npy, z.NPY"},
			vectorio.Options{Formats: formats.Options{Header: "auto", Delimiter: "auto", Quoting: "minimal", Encoding: "auto",
				ZeroBased: "auto"}, ChunkRows: rows, Targets: []string{"y-*.npy", "z.NPY"}}},
		{(*App).LabelledInput, []string{"--input=x.svm", "--features=7", "--zero_based=no"},
			vectorio.Options{Formats: formats.Options{Header: "auto", Delimiter: "auto", Quoting: "minimal", Encoding: "auto",
				Features: 7, ZeroBased: "no"}, ChunkRows: rows}},
	} {
		got, err := parse(t, c.add, c.args...).Options()
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v: %+v, %v\nwant %+v", c.args, got, err, c.want)
		}
	}
	const want = "--input is needed\nzero based \"maybe\": must be auto, yes or no\nfeatures -1: must be from 1 to " +
		"2147483647, or 0 to find it out"
	if _, err := parse(t, (*App).LabelledInput, "--features=-1", "--zero_based=maybe").Options(); err == nil ||
		err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}
