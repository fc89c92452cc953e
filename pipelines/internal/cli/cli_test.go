package cli

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"beamlearn/model/fault"
	"beamlearn/transforms/files"
	"beamlearn/transforms/progress"
)

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "500000": 500000, "200MB": 200e6, "1GiB": 1 << 30, "1.5KiB": 1536, "3 MiB": 3 << 20, "7B": 7, "2KB": 2000,
	} {
		if got, err := parseSize(s); err != nil || got != want {
			t.Errorf("parseSize(%q) = %d, %v; want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "MB", "-1", "1TB", "nan", "1e30", "one"} {
		if got, err := parseSize(s); err == nil {
			t.Errorf("parseSize(%q) = %d, want an error", s, got)
		}
	}
}

func TestCount(t *testing.T) {
	for want, got := range map[string]string{
		"1 row": Count(1, "row"), "0 rows": Count(0, "row"), "2 passes": Count(2, "pass"), "1 pass": Count(1, "pass"),
		"1 query": Count(1, "query"), "3 queries": Count(int64(3), "query"),
		"1 row is": Agree(1, "row is", "rows are"), "0 rows are": Agree(int64(0), "row is", "rows are"),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestList(t *testing.T) {
	if got, want := List(" a.csv, b/*.npy,,"), []string{"a.csv", "b/*.npy"}; !reflect.DeepEqual(got, want) {
		t.Errorf("List = %q, want %q", got, want)
	}
	got, err := commas(`a, "b,c",3-7`)
	if want := []string{"a", "b,c", "3-7"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("commas = %q, %v; want %q", got, err, want)
	}
	if _, err := commas(`a,"b`); err == nil {
		t.Error("an open quote is no error")
	}
}

// What a user sees of an error is the fault of a worker, whatever the runner has wrapped around it.
func TestLines(t *testing.T) {
	verbose := false
	a := &App{verbose: &verbose}
	row := fault.Mark(&fault.Fault{File: "b.csv", Row: 3, Column: "x", Found: `"abc"`, Expected: "a number"})
	other := fault.Mark(&fault.Fault{File: "c.csv", Row: 1, Found: "2 fields", Expected: "3"})
	for _, c := range []struct {
		err  error
		want []string
	}{
		{&runError{fmt.Errorf("bundle failed:\n%v\nstack\nbundle failed:\n%q", other, row.Error())},
			[]string{`b.csv: row 3, column x: found "abc", expected a number`}},
		{&runError{errors.New("rpc failed\nstack")}, []string{"rpc failed … (the whole error: --verbose)"}},
		{&runError{errors.New("job x failed:\njava.lang.Exception: lost\n\tat x")},
			[]string{"job x failed: java.lang.Exception: lost … (the whole error: --verbose)"}},
		{&runError{errors.New("job x failed:\n<no error received>")}, []string{"job x failed: <no error received>"}},
		{&runError{errors.New("job x failed:\npanic in stage.Execute bundle processing goroutine: runtime error: invalid " +
			"memory address or nil, stage: &{ID:1 envID: finalize:false}")},
			[]string{"Apache Beam's runner in this process has failed by a fault of its own: run this again (the whole " +
				"error: --verbose)"}},
		{Usage(errors.New("one"), nil, errors.New("two")), []string{"one", "two"}},
		{errors.New(strings.Repeat("line\n", 11)), slices.Repeat([]string{"line"}, 11)},
		{errors.New(strings.Repeat("line\n", 200)),
			append(slices.Repeat([]string{"line"}, 10), "… and 190 more (all of them: --verbose)")},
	} {
		if got := a.lines(c.err); !reflect.DeepEqual(got, c.want) {
			t.Errorf("lines(%v) = %q, want %q", c.err, got, c.want)
		}
	}
	if Usage(nil, nil) != nil {
		t.Error("Usage of no fault is an error")
	}
}

func TestProgressLine(t *testing.T) {
	r := progress.Start("line")
	defer progress.Stop("line")
	if got := progressLine(r, time.Second); got != "running, 1 s" {
		t.Errorf("at the start: %s", got)
	}
	r.Phase("searching")
	r.Total(400)
	r.Add(100)
	if got, want := progressLine(r, 10*time.Second),
		"searching, 10 s: 100 of 400 rows (25 %), 10 rows/s, 30 s left"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	r.Add(299)
	if got, want := progressLine(r, 10*time.Second),
		"searching, 10 s: 399 of 400 rows (99 %), 40 rows/s, 1 s left"; got != want {
		t.Errorf("of one row that is left: got %s, want %s", got, want)
	}
	r.Add(1)
	if got, want := progressLine(r, 10*time.Second), "searching, 10 s: all 400 rows read"; got != want {
		t.Errorf("where all rows are read: got %s, want %s", got, want)
	}
	r.Add(88000)
	if got, want := progressLine(r, 10*time.Second), "searching, 10 s: 88400 rows, 8840 rows/s"; got != want {
		t.Errorf("of more rows than there were to be: got %s, want %s", got, want)
	}
}

// The rate of a phase is that since it began, not since the run did.
func TestProgressOfPhase(t *testing.T) {
	r := progress.Start("phase")
	defer progress.Stop("phase")
	r.Begin("pass 3", 1000)
	r.Add(10)
	if got := progressLine(r, time.Hour); strings.Contains(got, " 0 rows/s") ||
		!strings.HasPrefix(got, "pass 3, 3600 s: 10 of 1000 rows (1 %), ") {
		t.Errorf("got %s", got)
	}
	r.Note("one")
	r.Note("two")
	if got := fmt.Sprint(r.Notes(), r.Notes()); got != "[one two] []" {
		t.Errorf("notes %s", got)
	}
}

func TestWrap(t *testing.T) {
	got := wrap("one two  three four", 9)
	if want := []string{"one two", "three", "four"}; !reflect.DeepEqual(got, want) {
		t.Errorf("wrap = %q, want %q", got, want)
	}
	if s := strings.Join(wrap("", 9), "|"); s != "" {
		t.Errorf("wrap of nothing = %q", s)
	}
}

// What a survey of columns finds is beside the output; beside a device or standard output nothing can be, or should.
func TestColumnsDir(t *testing.T) {
	for output, want := range map[string]string{
		"/a/o.csv": "/a/.o.csv.", "-": os.TempDir() + "/.stream.", "/dev/stdout": os.TempDir() + "/.stream.",
		"gs://b/o.csv": "gs://b/.o.csv.",
	} {
		if got := ColumnsDir(output, files.NewRunID()); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s…", output, got, want)
		}
	}
}
