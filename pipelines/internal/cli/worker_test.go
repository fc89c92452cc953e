package cli

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// options is the value of the flag of a worker.
type options string

func (o *options) String() string     { return string(*o) }
func (o *options) Set(s string) error { *o = options(s); return nil }

// Of the options of a pipeline a worker keeps those of its own SDK, whether the flag has them or a file; others may be
// of any type.
func TestOwnOptions(t *testing.T) {
	const given = `{"beam:option:parallelism:v1":"-1","beam:option:app_name:v1":null,` +
		`"beam:option:go_options:v1":{"options":{"experiments":"a"}}}`
	const want = `{"beam:option:go_options:v1":{"options":{"experiments":"a"}}}`
	t.Setenv(optionsVariable, "")
	o := options(given)
	if err := ownOptions(&o); err != nil || o != want {
		t.Errorf("by the flag: %s, %v", o, err)
	}
	file := filepath.Join(t.TempDir(), "options.json")
	if err := os.WriteFile(file, []byte(given), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv(optionsVariable, file)
	o = ""
	if err := ownOptions(&o); err != nil || o != want || os.Getenv(optionsVariable) != "" {
		t.Errorf("by a file: %s, %v, %q", o, err, os.Getenv(optionsVariable))
	}
	if o = ""; ownOptions(&o) != nil || o != "" {
		t.Errorf("none: %s", o)
	}
	if o = "{"; ownOptions(&o) == nil {
		t.Error("half an object is taken")
	}
}

// A file that another boot has begun to write is read when it is whole.
func TestOptionsAreWhole(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "options.json")
	if err := os.WriteFile(file, []byte(`{"beam:option`), 0o666); err != nil {
		t.Fatal(err)
	}
	var wrote error
	done := make(chan struct{})
	go func() {
		defer close(done)
		time.Sleep(50 * time.Millisecond)
		wrote = os.WriteFile(file, []byte(`{}`), 0o666)
	}()
	b, err := readOptions(file)
	if <-done; err != nil || wrote != nil || string(b) != "{}" {
		t.Errorf("%q, %v, %v", b, err, wrote)
	}
}
