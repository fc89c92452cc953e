package fitting

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"beamlearn/model/internal/lineartest"
	"beamlearn/model/internal/simd"
	"beamlearn/model/linear"
	"beamlearn/model/linear/internal/lanes"
)

// asked is set where the test binary is run to print what it computes.
const asked = "BEAMLEARN_TEST_LEVELS"

// Fits of each kind, models, predictions, probabilities and scores have the same bytes whatever instructions the
// processor has.
func TestEveryLevel(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this starts a process for each level of instructions")
	}
	if os.Getenv(asked) != "" {
		for _, v := range levelCases(t) {
			fmt.Printf("sum %s: %s\n", v.name, sumOf(t, v))
		}
		return
	}
	t.Parallel()
	var settings []string
	for _, l := range lanes.Levels() {
		settings = append(settings, simd.Environment+"="+l.Name)
	}
	if runtime.GOARCH == "amd64" {
		settings = append(settings, "GODEBUG=cpu.fma=off", "GODEBUG=cpu.avx2=off", "GODEBUG=cpu.all=off")
	}
	if brief() {
		settings = []string{settings[0], settings[len(settings)-1]} // all instructions, and none that may be missing
	}
	var first map[string]string
	for _, s := range settings {
		c := exec.Command(os.Args[0], "-test.run=^TestEveryLevel$")
		c.Env = append(os.Environ(), asked+"=1", s)
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", s, err, out)
		}
		sums := map[string]string{}
		for line := range strings.Lines(string(out)) {
			if name, sum, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "sum "), ": "); ok {
				sums[name] = sum
			}
		}
		if first == nil {
			first = sums
		}
		if len(sums) < 40 || len(sums) != len(first) {
			t.Fatalf("%s: %d cases, %d with %s: %s", s, len(sums), len(first), settings[0], out)
		}
		for name, sum := range sums {
			if sum != first[name] {
				t.Errorf("%s: other bytes with %s than with %s", name, s, settings[0])
			}
		}
	}
}

// levelCases are those of each kind, each loss of classification by sgd with each learning rate, and the exact ones.
func levelCases(t *testing.T) []fitCase {
	cases := fitCases(t)
	two, numbers := lineartest.Problem(500, 2, 5), lineartest.Problem(500, 0, 6)
	two.Numbers, numbers.Numbers = lineartest.RowNumbers(0, 500), lineartest.RowNumbers(0, 500)
	for _, l := range []linear.Loss{linear.LogLoss, linear.ModifiedHuber, linear.Hinge} {
		for _, rate := range linear.LearningRates {
			if (rate == linear.PA1 || rate == linear.PA2) && l != linear.Hinge || rate == linear.Newton && !l.Curves() {
				continue
			}
			o := linear.Options{Task: linear.Classification, Loss: l, LearningRate: rate, Eta0: 0.1, PowerT: new(0.37)}
			cases = append(cases, fitCase{name: fmt.Sprintf("sgd, %s, %s", l, rate), rows: two,
				o: FitOptions{Options: o, Solver: SolverSGD, Epochs: 2, BatchSize: 50, Parts: 3, Progressive: true}})
		}
	}
	for _, l := range []linear.Loss{linear.SquaredHinge, linear.ModifiedHuber, linear.LogLoss} {
		o := linear.Options{Task: linear.Classification, Loss: l}
		cases = append(cases, fitCase{name: "exact, " + string(l), o: FitOptions{Options: o, Solver: SolverExact}, rows: two})
	}
	o := linear.Options{Task: linear.Regression, LearningRate: linear.InvScaling, PowerT: new(0.37)}
	return append(cases, fitCase{name: "sgd, squared_error, invscaling", rows: numbers,
		o: FitOptions{Options: o, Solver: SolverSGD, Epochs: 2, BatchSize: 50}})
}

// sumOf is a checksum of a fit with its model, scores and surveys, and of what the model predicts.
func sumOf(t *testing.T, v fitCase) string {
	f := driven(t, v.o, v.rows, 5)
	h := sha256.New()
	fmt.Fprintln(h, encoded(t, f))
	m := f.Model()
	fmt.Fprintln(h, lineartest.Saved(t, m))
	d, err := m.DecisionFunction(v.rows, nil)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(h, "%x\n", d)
	if m.HasProba() {
		p, err := m.PredictProba(v.rows, nil)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(h, "%x\n", p)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}
