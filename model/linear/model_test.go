package linear_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/linear"
)

func TestModelFile(t *testing.T) {
	if got := lineartest.Saved(t, lineartest.GoldenModel()); got != lineartest.Golden {
		t.Errorf("got %s", got)
	}
	m, err := linear.Load("m.json", strings.NewReader(lineartest.Golden))
	if err != nil {
		t.Fatal(err)
	}
	if again := lineartest.Saved(t, m); again != lineartest.Golden {
		t.Errorf("read and written again: %s", again)
	}
	if !math.Signbit(m.Coef[0][0]) || m.Coef[0][1] != 1e-320 {
		t.Errorf("coef reads back as %v", m.Coef)
	}
}

// Labels may differ in case, as fields may not.
func TestLabelsInCapitals(t *testing.T) {
	m := lineartest.GoldenModel()
	m.Classes.Texts = []string{"A", "a"}
	m.Options.ClassWeight.Of = map[string]float64{"A": 1, "a": 2, "task": 3}
	if _, err := linear.Load("m", strings.NewReader(lineartest.Saved(t, m))); err != nil {
		t.Error(err)
	}
}

func TestSaveFaults(t *testing.T) {
	m := lineartest.GoldenModel()
	m.Coef[0][1] = math.NaN()
	if err := m.Save(new(bytes.Buffer)); err == nil ||
		err.Error() != "linear.Model.Save: coef: NaN in row 0, feature 1: must be finite" {
		t.Errorf("NaN: %v", err)
	}
	if err := lineartest.GoldenModel().Save(failing{}); !errors.Is(err, errFailing) {
		t.Errorf("a writer that fails: %v", err)
	}
}

var errFailing = errors.New("no space")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFailing }

// What cannot be written is told.
func TestSaveFails(t *testing.T) {
	m := &linear.Model{Task: linear.Regression, Loss: linear.SquaredError, Coef: [][]float64{make([]float64, 1<<15)},
		Intercept: []float64{0}, Options: linear.Options{Task: linear.Regression}}
	var whole bytes.Buffer
	if err := m.Save(&whole); err != nil {
		t.Fatal(err)
	}
	for _, room := range []int{0, 10, 5000, whole.Len() - 1} {
		if err := m.Save(&limited{room}); !errors.Is(err, errFull) {
			t.Errorf("room for %d bytes: %v", room, err)
		}
	}
}

var errFull = errors.New("full")

// limited takes so many bytes.
type limited struct{ room int }

func (l *limited) Write(b []byte) (int, error) {
	n := min(len(b), l.room)
	if l.room -= n; n < len(b) {
		return n, errFull
	}
	return n, nil
}
