package features

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	model "beamlearn/model/features"
	"beamlearn/model/tables"
	"beamlearn/transforms/output"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// Faults of the options are told at once, and workers read no file but those of the input.
func TestApplyOptions(t *testing.T) {
	t.Parallel()
	s, err := model.NewSurvey([]tables.Field{{Name: "a"}}, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rows := &tables.Table{Columns: []tables.Column{{Field: tables.Field{Name: "a"}, Numbers: []float64{1, 2}}}}
	if err := s.Add(rows); err != nil {
		t.Fatal(err)
	}
	e, err := s.Encoding()
	if err != nil {
		t.Fatal(err)
	}
	j := &ApplyJob{Encoding: e, Options: ApplyOptions{Threads: -1, Workers: placement.InProcess,
		Destination: output.To(filepath.Join(t.TempDir(), "x.csv"))}}
	j.Reading.Formats.Cells = true
	input := filepath.Join(t.TempDir(), "x.csv")
	if err := os.WriteFile(input, []byte("a\n1\n2\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	data, err := vectorio.Inspect(t.Context(), []string{input}, j.Reading)
	if err != nil {
		t.Fatal(err)
	}
	j.Data = data.Encoded(e, &j.Reading)
	_, scope := beam.NewPipelineWithRoot()
	if err := Apply(scope, j); err == nil || !strings.Contains(err.Error(), "threads -1: must be at least 1") {
		t.Errorf("threads -1: %v", err)
	}
	if err := j.Check(); err == nil || !strings.Contains(err.Error(), "threads -1: must be at least 1") {
		t.Errorf("threads -1, checked: %v", err)
	}
	j.Options.Threads = 1
	if err := Apply(scope, j); err != nil {
		t.Fatal(err)
	}
	if len(j.Reading.Roots) != 1 || !strings.HasPrefix(input, j.Reading.Roots[0]) {
		t.Errorf("workers read below %q", j.Reading.Roots)
	}
}
