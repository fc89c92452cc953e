package inspect_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, "inspect", "TestVectors", "TestOthers") }

func TestVectors(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "a.csv"), "id,x,y\na,100,100.5\nb,100,101\n")
	clitest.Write(t, filepath.Join(dir, "b.csv"), "id,x,y\nc,100,inf\na,100,101\n")
	want := `2 files: 56 bytes
              a.csv: csv, 2 rows, 29 bytes
              b.csv: csv, 2 rows, 27 bytes
  size        4 rows × 2 columns
  faulty      1 row; the first: b.csv: row 0, column y: found "inf", expected a finite number
  values      float32 holds every value
  norms       min 141.775, median 142.13, max 142.13; none is zero
  duplicates  1 row the same as an earlier one (2 different); the commonest, of row 1, is there 2 times
  ids         1 id the same as an earlier one (2 different); the commonest, of row 0, is there 2 times
  constant    1 column: x
  far away    the mean is 602.505 times as far from the origin as the rows are from it: subtract it before you use float32 libraries, whose distances lose about 6 of 7 digits
  column  min    mean     std       max  
  x       100    100      0         100  █
  y       100.5  100.833  0.235702  101  ▄                  █
  row  values
  a    100 100.5
  to find what is alike: beamlearn kneighbors --input=a.csv,b.csv --id_column=id --k=3 --output=out/neighbors.csv
  to see all of it: beamlearn eigen --input=a.csv,b.csv --id_column=id --standardize --report=out/eigen.html
`
	// Options may stand among the files.
	stdout, stderr, code := clitest.End(t, clitest.Command(dir, "a.csv", "--id_column=id", "--head=1", "b.csv"))
	if code != 0 || stdout != want || stderr != "" {
		t.Errorf("exit code %d, %s\n%s\nwant\n%s", code, stderr, stdout, want)
	}
	stdout, stderr, code = clitest.End(t, clitest.Command(dir, "--json", "--columns=y", "*.csv"))
	var f struct {
		Dataset struct {
			Rows       int64
			Faulty     int64 `json:"faulty_rows"`
			Columns    int
			Spread     []struct{ Name string }
			Duplicates struct{ Repeated int64 }
			IDs        *struct{}
		}
	}
	if err := json.Unmarshal([]byte(stdout), &f); err != nil || code != 0 || stderr != "" {
		t.Fatalf("exit code %d, %v\n%s%s", code, err, stdout, stderr)
	}
	if d := f.Dataset; d.Rows != 4 || d.Columns != 1 || d.Faulty != 1 || d.Spread[0].Name != "y" ||
		d.Duplicates.Repeated != 1 || d.IDs != nil {
		t.Errorf("JSON: %s", stdout)
	}
}

const model = `{"format":"beamlearn.linear","version":1,"task":"classification","loss":"hinge","feature_names":["a","b","c"],
"classes":["no","yes"],"coef":[[0,-2.5,1]],"intercept":[0.5],"scaler":null,"hyperparameters":{},
"training":{"solver":"exact","rows":10,"epochs":1},"state":null}`

func TestOthers(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "n.csv"), "query_id,rank,neighbor_id,distance\n0,1,5,1\n0,2,7,2.5\n1,1,5,2\n")
	clitest.Write(t, filepath.Join(dir, "m.json"), model)
	want := `n.csv: neighbours, 61 bytes
  size        2 queries, 3 neighbours: 1 to 2 each
  distances   1 to 2.5; the last of a query is 2.25 on average
  points      2 different ones
  hubs        5 (2 times), 7 (1 time)

m.json: a linear model, 272 bytes
  task        classification, hinge
  classes     2: no, yes
  features    3
  coef        2 of 3 are not zero
  largest     b -2.5, c 1
  intercept   0.5
  training    exact, 10 rows, 1 epoch
`
	stdout, stderr, code := clitest.End(t, clitest.Command(dir, "n.csv", "m.json"))
	if code != 0 || stdout != want || stderr != "" {
		t.Errorf("exit code %d, %s\n%s\nwant\n%s", code, stderr, stdout, want)
	}
}

// Models of every kind are told of, also where another program has written their JSON anew, and encodings.
func TestModels(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("colour,size,sold,price\n")
	for i := range 60 {
		fmt.Fprintf(&b, "%s,%d,%v,%d\n", []string{"red", "green", "blue"}[i%3], i%7, i%7+i%3 > 4, i%7*10+i%3)
	}
	clitest.Write(t, filepath.Join(dir, "t.csv"), b.String())
	for _, args := range []string{
		"kmeans --input=t.csv --columns=size,price --n_clusters=2-3 --output_model=kmeans.json",
		"bayes --kind=gaussian --input=t.csv --target=sold --output_model=bayes.json",
		"sgd --input=t.csv --target=size,price --task=regression --output_model=targets.json",
		"transform --input=t.csv --output=t.npy --output_encoding=encoding.json",
	} {
		if _, stderr, code := clitest.End(t, clitest.Program(dir, strings.Fields(args)...)); code != 0 {
			t.Fatalf("%s: exit code %d\n%s", args, code, stderr)
		}
	}
	for name, want := range map[string][]string{
		"kmeans.json": {": clusters, ", "  size        2 clusters × 2 features, of 60 rows\n",
			"  compared    3 clusters: inertia "},
		"bayes.json": {": a naive Bayes classifier, gaussian, ", "  size        60 rows × 5 features\n",
			"  class       True: 25 rows; for it speaks price "},
		"targets.json": {": linear models of 2 targets, ", "  target      size\n", "  target      price\n",
			"  task        regression, squared_error\n"},
		"encoding.json": {": an encoding of tables, ", "  size        4 columns, 6 features\n",
			"  colour  categorical  3         3 distinct values\n"},
	} {
		var of map[string]any
		d := json.NewDecoder(strings.NewReader(clitest.Read(t, filepath.Join(dir, name))))
		d.UseNumber()
		if err := d.Decode(&of); err != nil {
			t.Fatal(err)
		}
		anew, err := json.MarshalIndent(of, "", " ") // sorted by name
		if err != nil {
			t.Fatal(err)
		}
		clitest.Write(t, filepath.Join(dir, "anew-"+name), string(anew))
		for _, name := range []string{name, "anew-" + name} {
			stdout, stderr, code := clitest.End(t, clitest.Command(dir, name))
			for _, want := range want {
				if code != 0 || !strings.Contains(stdout, want) {
					t.Errorf("%s: exit code %d, no %q in\n%s%s", name, code, want, stderr, stdout)
				}
			}
		}
	}
}

func TestFaults(t *testing.T) {
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "empty.csv"), "")
	clitest.Write(t, filepath.Join(dir, "other.json"), `{"a":1}`)
	clitest.Write(t, filepath.Join(dir, "one.npy"), "\x93NUMPY")
	clitest.Write(t, filepath.Join(dir, "x.pdf"), "%PDF")
	clitest.Write(t, filepath.Join(dir, "y.csv"), "a,b\n1,2\n")
	clitest.Write(t, filepath.Join(dir, "m.json"), model)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "a file is needed: inspect FILE…"},
		{[]string{"nix.csv"}, 1, "nix.csv: found no file of that name"},
		{[]string{"empty.csv"}, 1, "empty.csv: found an empty file"},
		{[]string{"other.json"}, 1, "other.json: found other JSON"},
		{[]string{"one.npy"}, 1, "one.npy: "},
		{[]string{"x.pdf"}, 1, `x.pdf: found the extension ".pdf"`},
		{[]string{"y.csv", "--target=z"}, 2, `y.csv: found no column "z", expected a column to be the target: a, b`},
		{[]string{"y.csv", "--report=y.pdf"}, 2, "--report=y.pdf: must end in .html"},
		{[]string{"y.csv", "--report=nix/../y.csv/x.html"}, 2, "--report"},
		{[]string{"m.json", "--report=x.html"}, 1, "only vectors and tables have a page"},
		{[]string{"x.pdf", "--rows=-1"}, 2, "--rows=-1: must be at least 0"},
		{[]string{"x.pdf", "--nix"}, 2, "nix"},
	} {
		stdout, stderr, code := clitest.End(t, clitest.Command(dir, c.args...))
		first, rest, _ := strings.Cut(stderr, "\n")
		if code != c.code || stdout != "" || !strings.Contains(first, c.want) || c.code == 1 && rest != "" {
			t.Errorf("%v: exit code %d, want %d with %q in one line:\n%s%s", c.args, code, c.code, c.want, stdout, stderr)
		}
	}
}

func TestHelp(t *testing.T) {
	stdout, _, code := clitest.End(t, clitest.Command(t.TempDir(), "--help"))
	if code != 0 || !strings.Contains(stdout, "--show_columns=N") || strings.Contains(stdout, "Beam") {
		t.Errorf("exit code %d\n%s", code, stdout)
	}
}
