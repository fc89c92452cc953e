package linear

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/graph/window"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/typex"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"beamlearn/model/fault"
	"beamlearn/transforms/internal/registry"
)

func init() {
	beam.RegisterType(reflect.TypeOf((*Trained)(nil)).Elem())
	beam.RegisterType(reflect.TypeOf((*Predicted)(nil)).Elem())
	registry.DoFns(&lineFn{}, &textFn{})
	register.Function1x1(whole)
	register.Emitter1[Trained]()
	register.Emitter1[Predicted]()
	register.Emitter1[string]()
	register.Iter1[Trained]()
	register.Iter1[string]()
}

// Trained is a model as an element of a collection: the bytes of its file, of whatever kind [PredictJob.ReadAny] reads.
type Trained struct {
	File []byte
	// Notes are of a model that [TrainOf] has learned: columns that were left out, and warnings.
	Notes []string
}

// whole is a model that engines in Java can keep: the SDK's coder writes a list that is nil as null, of which their
// schema knows nothing. A model that is a side input is one between two stages.
func whole(t Trained) Trained {
	if t.File == nil {
		t.File = []byte{}
	}
	if t.Notes == nil {
		t.Notes = []string{}
	}
	return t
}

// linesOf is rows as lines of JSON, whose keys are the columns: PCollection<string>.
func linesOf(s beam.Scope, rows beam.PCollection, of string) (beam.PCollection, error) {
	if !rows.IsValid() {
		return rows, fmt.Errorf("%s: no collection of rows", of)
	}
	if w := rows.WindowingStrategy(); w.Fn.Kind != window.GlobalWindows {
		return rows, fmt.Errorf("%s: the rows are in windows (%v): all of them must be in the global one, "+
			"which beam.WindowInto(s, window.NewGlobalWindows(), …) puts them into", of, w.Fn)
	}
	t := rows.Type()
	if !typex.IsKV(t) && !typex.IsCoGBK(t) {
		switch t.Type().Kind() {
		case reflect.String:
			return beam.ParDo(s, &textFn{of}, rows), nil
		case reflect.Struct:
			return beam.ParDo(s, &lineFn{}, rows), nil
		}
	}
	return rows, fmt.Errorf("%s: the rows are a PCollection<%v>: it must be of structs, or of strings that are objects "+
		"of JSON", of, t)
}

// lineFn writes a row as a line of JSON.
type lineFn struct{}

func (*lineFn) ProcessElement(row beam.T) (string, error) {
	b, err := json.Marshal(row)
	var unsupported *json.UnsupportedValueError
	if errors.As(err, &unsupported) {
		err = fmt.Errorf("the row %s: found %s, expected finite numbers, and nil of a pointer where there is none",
			fault.Quote(fmt.Sprint(row)), unsupported.Str)
	}
	if err == nil && replaced(b) {
		err = fmt.Errorf("the row %s: found text that is not UTF-8, expected UTF-8", fault.Quote(fmt.Sprint(row)))
	}
	return string(b), fault.Mark(err)
}

// replaced reports whether JSON has text that was not UTF-8. encoding/json escapes U+FFFD where it stands for bytes at
// fault, and nowhere else; a backslash of the text itself is escaped, too.
func replaced(b []byte) bool {
	for i := 0; i+1 < len(b); i++ {
		if b[i] == '\\' {
			if bytes.HasPrefix(b[i+1:], []byte("ufffd")) {
				return true
			}
			i++
		}
	}
	return false
}

// textFn brings a row that is text on one line. (In JSON a line end is either between values, or escaped.)
type textFn struct{ Of string }

func (f *textFn) ProcessElement(row string) (string, error) {
	line := strings.TrimSpace(strings.NewReplacer("\r", " ", "\n", " ").Replace(row))
	if line == "" {
		return "", fault.Mark(fmt.Errorf("%s: found an empty row, expected an object of JSON", f.Of))
	}
	return line, nil
}

// idOf is the text of a column of a line, to tell the row by, where it has it.
func idOf(line, column string) string {
	var cells map[string]json.RawMessage
	if json.Unmarshal([]byte(line), &cells) != nil || cells[column] == nil {
		return line
	}
	var text string
	if json.Unmarshal(cells[column], &text) == nil {
		return text
	}
	return string(cells[column])
}

// ofRow tells a fault of a row, which is in no file of the user's, by the row's id, and one of all rows by the first.
func ofRow(err error, line func(file string, row int64) (string, bool), column string) error {
	var at *fault.Fault
	if !errors.As(err, &at) {
		return err
	}
	text, found := line(at.File, max(0, at.Row))
	told := *at
	if !found {
		if at.File != "" {
			told.File = pipelineRows
		}
		return &told
	}
	told.File, told.Row = "the row "+fault.Quote(idOf(text, column)), fault.WholeFile
	if at.Row == fault.WholeFile {
		told.File = "the rows from " + fault.Quote(idOf(text, column)) + " on"
	}
	return &told
}
