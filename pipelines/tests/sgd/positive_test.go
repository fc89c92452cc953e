package sgd_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// Coefficients that may not be negative: some are 0, exactly, and cross-validation and several targets have them, too.
func TestPositive(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "all.csv"), targetTable(false, false))
	for _, args := range []string{"--target=y1 --columns=a,b,c", "--target=y1 --columns=a,b,c --penalty=l1 --alpha=auto",
		"--target=y1,y3 --alpha=0.1,1 --folds=3", "--target=y1 --columns=a,b,c --penalty=none --standardize"} {
		mustRun(t, dir, append(strings.Fields(args), "--input=all.csv", "--task=regression", "--positive", "--report=none",
			"--output_model=m.json")...)
		var m struct {
			Coef            [][]float64
			Hyperparameters struct{ Positive bool }
		}
		text := []byte(clitest.Read(t, filepath.Join(dir, "m.json")))
		if strings.Contains(args, "y3") {
			text = readTargets(t, filepath.Join(dir, "m.json")).Models[0]
		}
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		if c := m.Coef[0]; slices.Min(c) != 0 || slices.Max(c) == 0 || !m.Hyperparameters.Positive {
			t.Errorf("%s: coefficients %v", args, c)
		}
	}
}

// What --positive is not for is refused in one line, before any work.
func TestPositiveRefused(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "all.csv"), targetTable(false, false))
	mustRun(t, dir, "--input=all.csv", "--target=y1", "--task=regression", "--positive", "--output_model=one.json",
		"--report=none")
	for args, want := range map[string]string{
		"--positive --loss=huber": "positive: is for the loss squared_error in regression, not for huber",
		"--positive --task=classification": "positive: is for the loss squared_error in regression, not for " +
			"log_loss",
		"--positive --solver=sgd":                    "option positive: only solver exact has it",
		"--positive --epochs=3":                      "option positive: is learned by solver exact, which has no epochs",
		"--positive --penalty=none --inference=wald": "inference: is not for positive",
		"--warm_start=one.json --solver=sgd": "warm_start: the model has the option positive, which sgd cannot " +
			"go on with",
		"--input=all.csv --target=y1,y2 --positive=x": "positive",
	} {
		_, stderr, code := runCommand(t, dir, append([]string{"--input=all.csv", "--target=y1", "--task=regression",
			"--output_model=m.json"}, strings.Fields(args)...)...)
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, no %q in\n%s", args, code, want, stderr)
		}
	}
}
