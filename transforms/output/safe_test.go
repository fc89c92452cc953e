//go:build unix

package output

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"beamlearn/model/results"
	"beamlearn/transforms/files"
)

// namesIn are the files of a directory.
func namesIn(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// Shards of an earlier run, of another number, do not stay beside those of this one; what only has such a name does.
func TestEarlierShards(t *testing.T) {
	dir := t.TempDir()
	foreign := "n-00001-of-00007.csv"
	if err := os.WriteFile(filepath.Join(dir, foreign), []byte("age,height\n1,2\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	own := "n-00001-of-00008.csv" // a table of the user's, with ids as those of predictions
	if err := os.WriteFile(filepath.Join(dir, own), []byte("id,age\n1,2\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	like := []string{"n-0-of-3.csv", "n-00003-of-00003.csv", "n-000001-of-00003.csv", "nn-00000-of-00003.csv",
		"n-00000-of-00003.csv.gz", "n-00000-of-00003.jsonl", "n-x-00000-of-00003.csv"}
	for _, name := range like {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("id,half\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		shards int
		want   []string
	}{
		{3, []string{"n-00000-of-00003.csv", "n-00001-of-00003.csv", "n-00002-of-00003.csv"}},
		{2, []string{"n-00000-of-00002.csv", "n-00001-of-00002.csv"}},
		{1, []string{"n.csv"}},
	} {
		o := Options{Path: dir + "/n.csv", Layout: layout, NumShards: c.shards, RunID: files.NewRunID()}
		if _, _, err := publish(t, o, 50, -1); err != nil {
			t.Fatal(err)
		}
		want := append(append([]string{foreign, own, "n.csv.rejected.jsonl"}, like...), c.want...)
		slices.Sort(want)
		if got := namesIn(t, dir); got != strings.Join(want, " ") {
			t.Errorf("%d shards:\n%s\nwant\n%s", c.shards, got, strings.Join(want, " "))
		}
	}
}

// Of an output of several files, the shards of each are known.
func TestEarlierShardsOfFiles(t *testing.T) {
	dir := t.TempDir()
	header := "\x93NUMPY\x01\x00v\x00{'descr': '%s', 'fortran_order': False, 'shape': (3, 2), }"
	for name, descr := range map[string]string{
		"n-00000-of-00002.indices.npy": "<i8", "n-00001-of-00002.distances.npy": "<f8", "n-00001-of-00002.npy": "<f8",
		"n-00001-of-00003.indices.npy": "<i8",
		"n-00001-of-00004.indices.npy": "<u2",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), fmt.Appendf(nil, header, descr), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	o := Options{Path: dir + "/n.npy", Layout: results.Layout{K: 2}, NumShards: 3, RunID: files.NewRunID()}
	got, err := o.EarlierShards(context.Background())
	if want := []string{dir + "/n-00000-of-00002.indices.npy", dir + "/n-00001-of-00002.distances.npy"}; err != nil ||
		!slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

// What cannot be replaced is written to, without anything beside it; it takes one file.
func TestPublishIntoFIFO(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	o := Options{Path: fifo, Format: "csv", Layout: layout, NumShards: 1, RunID: files.NewRunID()}
	got := make(chan string)
	go func() {
		b, _ := os.ReadFile(fifo)
		got <- string(b)
	}()
	_, s, err := publish(t, o, 8, -1)
	if err != nil {
		t.Fatal(err)
	}
	if b := <-got; b != want(0, totalRows) {
		t.Errorf("%q came through", b)
	}
	if namesIn(t, dir) != "fifo" || !slices.Equal(s.OutputFiles, []string{fifo}) || s.RejectedFiles != nil {
		t.Errorf("files %s, %v, %v", namesIn(t, dir), s.OutputFiles, s.RejectedFiles)
	}
	o.NumShards = 2
	if err := o.Validate(); err == nil || !strings.Contains(err.Error(), "takes one file") {
		t.Errorf("two shards: error %v", err)
	}
	o.NumShards, o.Layout, o.Format = 1, results.Layout{K: 2}, "npy"
	if err := o.Validate(); err == nil || !strings.Contains(err.Error(), "takes one file") {
		t.Errorf("two files: error %v", err)
	}
}

// Whoever ends a run does not wait for a reader that never comes, and from then on nothing is put in place.
func TestEndWhilePublishing(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	o := Options{Path: fifo, Format: "csv", Layout: layout, NumShards: 1, RunID: files.NewRunID()}
	before := len(files.Written())
	failed := make(chan error)
	go func() {
		_, _, err := publish(t, o, 8, -1)
		failed <- err
	}()
	for len(files.Written()) == before { // until it waits for a reader
		time.Sleep(time.Millisecond)
	}
	start := time.Now()
	End(o.RunID)
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("the end took %v", d)
	}
	if err := <-failed; err == nil {
		t.Error("no error")
	}
	// A run that has ended before it publishes leaves what was there.
	o.Path = filepath.Join(dir, "o.csv")
	Begin(o.RunID)
	End(o.RunID)
	f := &publishFn{Options: o}
	if err := f.publish(context.Background(), func(*Part) bool { return false }); err == nil {
		t.Error("a run that is over publishes")
	}
	if namesIn(t, dir) != "fifo" {
		t.Errorf("files %s", namesIn(t, dir))
	}
}

// What stands beside an output is only replaced where this program may have written it.
func TestCheckByproduct(t *testing.T) {
	dir := t.TempDir()
	for i, c := range []struct {
		name, content string
		ours          bool
	}{
		{"a.html", "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"generator\" " +
			"content=\"beamlearn\">\n", true},
		{"b.html", "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>My notes</title>", false},
		{"empty.html", "", false},
		{"a.cv.csv", "alpha,l1_ratio,rank,choice,mean_test_r2\n", true},
		{"a.cv.csv", "k,choice,accuracy\n", true},
		{"a.cv.csv", "var_smoothing,l1_ratio,rank,choice,mean_test_neg_log_loss\n", true},
		{"b.cv.csv", "alpha,beta\n", false},
		{"a.rejected.jsonl", `{"file":"x.csv","row":3,"reason":"found"}`, true},
		{"b.rejected.jsonl", `{"name":"x"}`, false},
		{"none.html", "-", true},
	} {
		path := filepath.Join(dir, c.name)
		if c.content != "-" {
			if err := os.WriteFile(path, []byte(c.content), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		err := CheckByproduct(context.Background(), files.Named{Flag: "the page (--report)", Name: path})
		if (err == nil) != c.ours || err != nil && err.Error() != path+
			": the page (--report) would replace it, and it is not of this program: move it, or give another name" {
			t.Errorf("%d, %s: error %v", i, c.name, err)
		}
	}
}
