package files_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// A message names a file as the user gave it, whichever flag of whichever command it is of.
func TestPathsAsGiven(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "here")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"x.csv": clitest.Read(t, clitest.Testdata(t, "breast_cancer.csv")),
		"r.csv": "user,item\na,b\na,c\nb,b\n",
	} {
		clitest.Write(t, filepath.Join(dir, name), data)
	}
	sgd := "sgd --input=x.csv --target=target --task=classification "
	for _, line := range []string{
		"kneighbors --input=x.csv --k=2 --output=NAME.xyz", "kneighbors --input=x.csv --k=2 --output=x.csv/NAME.csv",
		"kneighbors --input=x.csv --k=2 --output=o.csv --summary=x.csv/NAME.json",
		"kneighbors --input=x.csv --k=2 --output=o.csv --report=x.csv/NAME.html",
		"index --input=x.csv --index=x.csv/NAME.index", "index --from=NAME.index --append=x.csv --index=o.index",
		"groups --input=x.csv --radius=1 --output=NAME.xyz", "groups --input=x.csv --radius=1 --output=o.csv " +
			"--output_kept=NAME.xyz",
		sgd + "--output_model=x.csv/NAME.json", sgd + "--output_model=o.json --warm_start=NAME.json",
		"predict --model=NAME.json --input=x.csv --output=o.csv",
		"eigen --input=x.csv --output=NAME.xyz", "eigen --input=x.csv --output_model=x.csv/NAME.json",
		"kmeans --input=x.csv --n_clusters=2 --output_model=o.json --output=NAME.xyz",
		"bayes --input=x.csv --target=target --kind=gaussian --output_model=x.csv/NAME.json",
		"recommend --input=r.csv --row=user --column=item --output=NAME.xyz",
		"recommend --input=r.csv --row=user --column=item --neighbors_output=NAME.xyz",
		"transform --input=x.csv --output=NAME.xyz", "transform --input=x.csv --output_encoding=x.csv/NAME.json",
		"inspect NAME.csv", "inspect x.csv --report=x.csv/NAME.html",
	} {
		for name, want := range map[string]string{"b": "b.", "../b": "../b.", "./b": "./b.",
			filepath.Join(dir, "b"): dir + "/b."} {
			args := strings.Fields(strings.ReplaceAll(line, "NAME", name))
			if strings.Contains(line, "/NAME") { // in what is a file, by a path that is given, or by none
				if filepath.IsAbs(name) || strings.HasPrefix(name, "..") {
					continue
				}
				want = "x.csv/" + want
			}
			_, stderr, code := clitest.End(t, clitest.Program(dir, append(args, "--quiet")...))
			rest := strings.ReplaceAll(stderr, want, "")
			if code == 0 || rest == stderr || strings.Contains(rest, top) {
				t.Errorf("%v: exit code %d, without %q, or with a path that nobody gave:\n%s", args, code, want, stderr)
			}
		}
	}
}
