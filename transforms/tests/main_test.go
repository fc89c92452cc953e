// Package tests runs the jobs of the smaller transforms, as their users make them, in one test binary: each binary with
// Beam takes seconds to link. What a transform has of its own that is not exported is tested beside it.
package tests

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/coder"

	"beamlearn/transforms/internal/beamtest"
)

func TestMain(m *testing.M) { beamtest.Main(m) }

// write writes a file into a directory, and gives its name.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// read gives what is in a file.
func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// encode gives the bytes that the coder which is registered for a type makes of a value.
func encode[T any](v T) ([]byte, error) {
	var b bytes.Buffer
	if err := beam.NewElementEncoder(reflect.TypeFor[T]()).Encode(v, &b); err != nil {
		return nil, err
	}
	_, err := coder.DecodeVarInt(&b) // their number, which Beam puts before them
	return b.Bytes(), err
}

// decode reads such bytes.
func decode[T any](encoded []byte) (v T, err error) {
	var b bytes.Buffer
	if err = coder.EncodeVarInt(int64(len(encoded)), &b); err != nil {
		return v, err
	}
	b.Write(encoded)
	decoded, err := beam.NewElementDecoder(reflect.TypeFor[T]()).Decode(&b)
	if err != nil {
		return v, err
	}
	return decoded.(T), nil
}
