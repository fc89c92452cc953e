package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// A job that Prism has failed by its own fault begins again, some times, where nothing can be read or written twice by
// that; a fault of the job's own, even a panic, does not.
func TestBeginAgain(t *testing.T) {
	prism := &runError{errors.New(
		"job job-001 failed:\npanic in stage.Execute bundle processing goroutine: runtime error: invalid memory address " +
			"or nil pointer dereference, stage: &{ID:stage-014 transforms:[e17] internalCols:[] envID: " +
			"finalize:false},stackTrace:\ngoroutine 1")}
	own := &runError{errors.New(strings.Replace(prism.Error(), "envID: ", "envID:go ", 1))}
	for _, c := range []struct {
		name   string
		err    error
		input  string
		before string
		may    bool
	}{
		{"its runner's fault", prism, "x.csv", "", true},
		{"the last time", prism, "x.csv", fmt.Sprint(mostAgain - 1), true},
		{"too often", prism, "x.csv", fmt.Sprint(mostAgain), false},
		{"standard input", prism, "a.csv,-", "", false},
		{"a worker's panic", own, "x.csv", "", false},
		{"another error", errors.New(prism.Error()), "x.csv", "", false},
		{"none", nil, "x.csv", "", false},
	} {
		t.Setenv(againName, c.before)
		a := New("a", "")
		g := a.Group("g")
		g.InputFiles("input", "the `PATH`")
		if err := a.flags.Parse([]string{"--input=" + c.input}); err != nil {
			t.Fatal(err)
		}
		if before, may := a.mayBeginAgain(context.Background(), c.err); may != c.may ||
			may && fmt.Sprint(before) != c.before && c.before != "" {
			t.Errorf("%s: may begin again: %v, after %d times", c.name, may, before)
		}
		a.answered = "12 rows answered"
		if _, may := a.mayBeginAgain(context.Background(), c.err); may {
			t.Errorf("%s: begins again after rows were answered", c.name)
		}
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if _, may := New("a", "").mayBeginAgain(over, prism); may {
		t.Error("begins again when it was told to end")
	}
}
