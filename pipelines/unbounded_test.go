//go:build engines

package pipelines_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/state"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/fileio"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/local"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	inmemory "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
)

func init() {
	register.Function1x2(underOneKey)
	register.DoFn3x1[state.Provider, string, string, error](&versionFn{})
}

// underOneKey gives all files to one state.
func underOneKey(m fileio.FileMetadata) (key, name string) { return "model", filepath.Base(m.Path) }

// versionFn is the smallest of what --watch would be as one unbounded job: its state is the number of the last version,
// and each file makes one more.
type versionFn struct {
	Last state.Value[int]
	Log  string
}

// fatal is the file behind whose version the worker fails.
const fatal = "fatal.csv"

func (f *versionFn) ProcessElement(p state.Provider, _, name string) (err error) {
	last, _, err := f.Last.Read(p)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(f.Log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(log, last+1, name)
	if err = errors.Join(err, log.Close(), f.Last.Write(p, last+1)); err == nil && name == fatal {
		err = errors.New("a fault behind a version")
	}
	return err
}

// An unbounded source with state runs on Prism: a file that comes while the job runs is in the next version. But a
// version that was written stays where its bundle fails, the state is gone with the job, and the next one learns from
// all files again. That is why --watch keeps versions in files, and on an engine submits a job for each file. Where this
// fails, a runner can do more than CLUSTER.md says.
func TestUnbounded(t *testing.T) {
	beam.Init()
	dir := t.TempDir()
	log := filepath.Join(t.TempDir(), "log")
	arrive := func(name string) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Error(err)
		}
	}
	lines := func() []string {
		text, err := os.ReadFile(log)
		if err != nil && !os.IsNotExist(err) {
			t.Error(err)
		}
		return strings.Split(strings.TrimSpace(string(text)), "\n")
	}
	knows := func(line string) {
		for range 1200 {
			if slices.Contains(lines(), line) {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Errorf("no line %q in %q", line, lines())
	}
	run := func(files func()) {
		p, s := beam.NewPipelineWithRoot()
		found := fileio.MatchContinuously(s, filepath.Join(dir, "*.csv"), 200*time.Millisecond)
		beam.ParDo0(s, &versionFn{Last: state.MakeValueState[int]("last"), Log: log}, beam.ParDo(s, underOneKey, found))
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer arrive(fatal)
			files()
		}()
		if _, err := inmemory.Execute(t.Context(), p); err == nil || !strings.Contains(err.Error(), "a fault behind a version") {
			t.Errorf("the job ends with %v", err)
		}
		<-done
	}
	arrive("a.csv")
	run(func() {
		knows("1 a.csv")
		arrive("b.csv")
		knows("2 b.csv")
	})
	if want := []string{"1 a.csv", "2 b.csv", "3 " + fatal}; !slices.Equal(lines(), want) {
		t.Errorf("%q, want %q", lines(), want)
	}
	if err := errors.Join(os.Remove(filepath.Join(dir, fatal)), os.Remove(filepath.Join(dir, "b.csv"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(log, log+".first"); err != nil {
		t.Fatal(err)
	}
	run(func() { knows("1 a.csv") })
	if got, want := lines(), []string{"1 a.csv", "2 " + fatal}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q, from all files again", got, want)
	}
}
