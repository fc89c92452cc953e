package states

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestSum(t *testing.T) {
	for _, c := range []struct {
		name string
		all  []State
		want State
	}{
		{"no worker", nil, State{}},
		{"of two", []State{{"searching", 5, "", 10, 100}, {"searching", 7, "", 20, 100}},
			State{"searching", 7, "", 30, 100}},
		{"one waits", []State{{"reading points", 1, "", 0, 0}, {"searching", 7, "", 20, 100}},
			State{"searching", 7, "", 20, 100}},
		{"one is ahead", []State{{"pass 1", 1, "pass 1", 50, 50}, {"pass 2", 9, "pass 2", 3, 50}},
			State{"pass 2", 9, "pass 2", 3, 50}},
		{"a worker died", []State{{"searching", 5, "", 80, 100}, {"searching", 7, "", 40, 100}},
			State{"searching", 7, "", 100, 100}},
		{"one writes", []State{{"searching", 5, "", 80, 100}, {"writing the output", 9, "", 20, 100}},
			State{"writing the output", 9, "", 100, 100}},
	} {
		if got := Sum(c.all); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// A file takes the place of an earlier one, and no directory is made for it.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "progress-1.json")
	for _, text := range []string{"one", "two"} {
		if err := Replace(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(name); err != nil || string(b) != text {
			t.Errorf("%q, %v, want %q", b, err, text)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
	if err := Replace(filepath.Join(dir+"x", "progress-1.json"), nil); err == nil {
		t.Error("a worker has made the directory of a run that is over")
	}
}
