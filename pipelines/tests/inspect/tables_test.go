package inspect_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"beamlearn/pipelines/internal/clitest"
)

// Of a table, inspect tells what each column is, the same from every format, and ends with commands that run as they
// stand.
func TestTable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var first string
	for _, ext := range []string{"csv", "jsonl", "parquet", "arrow"} {
		name := clitest.Testdata(t, "flights_small."+ext)
		stdout, stderr, code := clitest.End(t, clitest.Command(dir, name))
		if code != 0 {
			t.Fatalf("%s: exit code %d\n%s", ext, code, stderr)
		}
		_, text, found := strings.Cut(stdout, ": a table: as sgd takes it, and kneighbors and eigen with --encode=auto, ")
		if !found {
			t.Fatalf("%s: no table in\n%s", ext, stdout)
		}
		text = strings.ReplaceAll(text, name, "FILE")
		if first == "" {
			first = text
		} else if text != first {
			t.Errorf("%s: got\n%s\nfrom .csv\n%s", ext, text, first)
		}
	}
	for _, want := range []string{
		"carrier         0 %      14         categorical  14 distinct values; the most frequent: UA (17.8 %), EV (17.2 " +
			"%), B6 (16.1 %), …",
		"gate            10.8 %   40         numeric      █▆▆▅▅▆█▅▇▆▅▄▅▄▇▅▆▅▅▅  numbers from 0 to 39; 51 of 471 missing",
		"time_hour       0 %      467        date         ▇▇██▇█▇▇████▇█▇▇▇▇█▇  days from 2013-01-01 to 2013-12-31",
		"early           0 %      2          boolean      █▃  101 true, 370 false",
		"look at     id: unique: each row has a value of its own; if it is an id, --id_column=id",
		"to predict delayed: beamlearn sgd --input=FILE --id_column=id --target=delayed --task=classification " +
			"--standardize --alpha=auto --output_model=out/model.json",
	} {
		if !strings.Contains(first, want) {
			t.Errorf("no %q in\n%s", want, first)
		}
	}

	var b strings.Builder
	b.WriteString("id,when,colour,size,sold\n")
	for i := range 120 {
		fmt.Fprintf(&b, "row%d,2026-%02d-%02d,%s,%v,%v\n", i, i%12+1, i%28+1, []string{"red", "green", ""}[i%3],
			[]any{i % 7, ""}[i%10/9], i%7+i%3 > 4)
	}
	clitest.Write(t, filepath.Join(dir, "t.csv"), b.String())
	stdout, stderr, code := clitest.End(t, clitest.Command(dir, "t.csv"))
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	ran := 0
	for line := range strings.Lines(stdout) {
		_, command, found := strings.Cut(line, ": beamlearn ")
		if !found {
			continue
		}
		ran++
		args := strings.Fields(command)
		if _, stderr, code := clitest.End(t, clitest.Program(dir, args...)); code != 0 {
			t.Errorf("%v: exit code %d\n%s", args, code, stderr)
		}
	}
	if ran != 3 {
		t.Errorf("%d commands in\n%s", ran, stdout)
	}
}

// The commands for a table have the flags by which its dates and numbers are read.
func TestForms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, sep, format string, number func(i int) string) {
		var b strings.Builder
		b.WriteString(strings.Join([]string{"a", "on", "x:y", "sold"}, sep) + "\n")
		for i := range 40 {
			day := time.Date(2026, 1, 1+9*i, 0, 0, 0, 0, time.UTC).Format(format)
			b.WriteString(strings.Join([]string{number(i), day, day, fmt.Sprint(i%3 > 0)}, sep) + "\n")
		}
		clitest.Write(t, filepath.Join(dir, name), b.String())
	}
	write("semicolons.csv", ";", "02.01.2006", func(i int) string { return fmt.Sprintf("%d.%03d,5", i+1, i) })
	write("commas.tsv", "\t", "01/02/2006", func(i int) string { return fmt.Sprintf("%d,%03d.25", i+1, i) })
	write("doubt.tsv", "\t", "2006-01-02", func(i int) string { return fmt.Sprintf("%d,%03d", i+1, i) }) // 1.5, or 1,500
	write("spaces.tsv", "\t", "2006/01/02", func(i int) string { return fmt.Sprintf("%d %03d", i+1, i) })
	for name, want := range map[string]string{
		"semicolons.csv": "--input=semicolons.csv --thousands=. --date_format=on:%d.%m.%Y --target",
		"commas.tsv":     "--input=commas.tsv --thousands=, --date_format=on:%m/%d/%Y --target",
		"doubt.tsv":      "--input=doubt.tsv --id_column=a --target",
		"spaces.tsv":     "--input=spaces.tsv --thousands=space --date_format=on:%Y/%m/%d --target",
	} {
		stdout, stderr, code := clitest.End(t, clitest.Command(dir, name, "--target=sold"))
		_, command, _ := strings.Cut(stdout, "to predict sold: beamlearn ")
		command, _, _ = strings.Cut(strings.ReplaceAll(command, "'", ""), "\n")
		if code != 0 || !strings.Contains(command, want) {
			t.Errorf("%s: exit code %d, %s%s\nwant %s", name, code, stderr, stdout, want)
			continue
		}
		args := strings.Fields(command)
		if _, stderr, code := clitest.End(t, clitest.Program(dir, args...)); code != 0 {
			t.Errorf("%v: exit code %d\n%s", args, code, stderr)
		}
	}
}

// A table without numbers is a table; some rows of it are looked at; numbers alone are none; names are quoted for a
// shell.
func TestTableKinds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("the kind,what\n")
	for i := range 100 {
		fmt.Fprintf(&b, "k%d,%s\n", i%3, []string{"it's", "b"}[i/90])
	}
	clitest.Write(t, filepath.Join(dir, "a, b.csv"), b.String())
	clitest.Write(t, filepath.Join(dir, "n.csv"), "x,y\n1,2\n3,4\n")
	stdout, stderr, code := clitest.End(t, clitest.Command(dir, "a\\, b.csv"))
	for _, want := range []string{"a, b.csv: csv, 784 bytes: a table: ",
		"3 distinct values; the most frequent: k0 (34 %), k1 (33 %), k2 (33 %)", `--input='a\, b.csv' --target=what`} {
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("exit code %d, no %q in\n%s%s", code, want, stdout, stderr)
		}
	}
	stdout, stderr, code = clitest.End(t, clitest.Command(dir, "--json", "--rows=90", "a\\, b.csv"))
	var got struct {
		Table struct {
			Rows    int64
			Columns []struct {
				Name, Kind string
				Frequent   []struct {
					Value string
					Rows  int64
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 {
		t.Fatal(err, stderr)
	}
	if s := fmt.Sprint(got); s != "{{90 [{the kind categorical [{k0 30} {k1 30} {k2 30}]} {what left out [{it's 90}]}]}}" {
		t.Error(s)
	}
	if stdout, stderr, code = clitest.End(t, clitest.Command(dir, "n.csv")); code != 0 ||
		strings.Contains(stdout, "a table") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

// The neighbours that are proposed are no more than there are, and of a single row nothing is.
func TestFewRows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "few.csv"), "x,y\n1,2\n3,4\n5,7\n8,1\n")
	clitest.Write(t, filepath.Join(dir, "one.csv"), "x,y\n1,2\n")
	stdout, stderr, code := clitest.End(t, clitest.Command(dir, "few.csv", "--rows=2"))
	_, line, found := strings.Cut(stdout, "to find what is alike: beamlearn ")
	line, _, _ = strings.Cut(line, "\n")
	if code != 0 || !found || !strings.Contains(line, " --k=3 ") {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if _, stderr, code = clitest.End(t, clitest.Program(dir, strings.Fields(line)...)); code != 0 {
		t.Errorf("%s: exit code %d\n%s", line, code, stderr)
	}
	if stdout, stderr, code = clitest.End(t, clitest.Command(dir, "one.csv")); code != 0 ||
		strings.Contains(stdout, ": beamlearn ") {
		t.Errorf("one row: exit code %d\n%s%s", code, stdout, stderr)
	}
}

// Warnings tell of what is learned from in vain, or must not be.
func TestWarnings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("key;when;price;same;code;noise;copy;city;late;sold\n")
	for i := range 200 {
		sold, city := i*7%11, i%5
		fmt.Fprintf(&b, "k%03d;%d.%d.2024;%d kg;x;%d;%d;%v;%s;%d;%d\n", i, i%28+1, i%12+1, i*3, city, i*37%101,
			float64(sold)*2+1,
			[]string{"Rom", "Bonn", "Oslo", "Bern", "Riga"}[city], 3*city+i%3, city)
	}
	clitest.Write(t, filepath.Join(dir, "t.csv"), b.String())
	stdout, stderr, code := clitest.End(t, clitest.Command(dir, "t.csv", "--target=sold", "--report=t.html", "--head=2"))
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	for _, want := range []string{
		"look at     key: unique: each row has a value of its own; if it is an id, --id_column=key",
		`look at     when: dates as text, as "1.1.2024": --date_format='when:%d.%m.%Y' reads them`,
		`look at     price: numbers as text, as "0 kg": leave out what stands around the digits`,
		"look at     code: a near-copy of the target sold: their correlation is 1.0000",
		"look at     city: it determines the target sold: rows of the same value have the same target (100 % of it)",
		"same    0 %      1          left out",
		"--id_column=key --target=sold --task=regression --standardize --columns='*,!code,!city,!late' --alpha=auto",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	for _, other := range []string{"look at     noise", "look at     copy", "look at     sold"} {
		if strings.Contains(stdout, other) {
			t.Errorf("%q in\n%s", other, stdout)
		}
	}
	page := clitest.Read(t, filepath.Join(dir, "t.html"))
	for _, want := range []string{"The columns of t.csv", "What to look at", "dates as text",
		`beamlearn sgd <span class="word"><span class="flag">--input=</span>t.csv</span>`, "<svg"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	// Truth values, and few whole numbers, stand below bars of their own; what is frequent keeps its share beside it.
	clitest.Write(t, filepath.Join(dir, "few.csv"),
		"ok,day,kind\n"+strings.Repeat("true,1,new york\nfalse,2,rio\ntrue,3,rio\ntrue,3,rio\n", 5))
	if _, stderr, code := clitest.End(t, clitest.Command(dir, "few.csv", "--report=few.html")); code != 0 {
		t.Fatal(stderr)
	}
	if _, stderr, code := clitest.End(t, clitest.Command(dir, "few.csv", "--report=none")); code != 0 {
		t.Errorf("without a page: %s", stderr)
	}
	page = clitest.Read(t, filepath.Join(dir, "few.html"))
	for _, want := range []string{">False</text>", ">True</text>", ">1</text>", ">2</text>", ">3</text>",
		"rio\u00a0(75\u00a0%), new york\u00a0(25\u00a0%)"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	if strings.Contains(page, ">0.5</text>") || strings.Contains(page, ">2.5</text>") {
		t.Error("a tick stands between whole numbers")
	}
	stdout, _, code = clitest.End(t, clitest.Command(dir, "t.csv", "--target=sold", "--json"))
	var got struct {
		Table struct {
			Columns []struct {
				Name      string
				Distinct  int
				Warnings  []string
				Histogram *struct {
					Low, High float64
					Counts    []int
					Of        int
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 {
		t.Fatal(err, code)
	}
	if s := fmt.Sprint(got.Table.Columns[0].Distinct,
		got.Table.Columns[4].Histogram); s != "200 &{-0.5 4.5 [40 40 40 40 40] 200}" {
		t.Error(s)
	}
}

// What other commands have written is known.
func TestOutputs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clitest.Write(t, filepath.Join(dir, "p.csv"),
		"id,prediction,proba_no,proba_yes\na,yes,0.25,0.75\nb,,,\nc,no,0.5,0.5\nd,yes,0.125,0.875\n,,,\n")
	clitest.Write(t, filepath.Join(dir, "e-00000-of-00002.csv"), "id,pca0,pca1\n0,1,2\n1,3,4\n")
	clitest.Write(t, filepath.Join(dir, "e-00001-of-00002.csv"), "id,pca0,pca1\n2,0.5,2\n3,2.5,4\n")
	clitest.Write(t, filepath.Join(dir, "m.cv.csv"),
		"alpha,l1_ratio,rank,choice,constant_test_r2,mean_test_r2,std_test_r2,split0_test_r2,split1_test_r2\n"+
			"0.1,,2,,-0.1,0.25,0.01,0.2,0.3\n0.01,,1,best,-0.1,0.5,0.01,0.4,0.6\n")
	stdout, stderr, code := clitest.End(t, clitest.Command(dir, "p.csv", "e-*.csv", "m.cv.csv"))
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	for _, want := range []string{
		"p.csv: predictions, as predict writes them, ", "  size        5 rows\n",
		"  without     2 predictions: of rows at fault, which NAME.rejected.jsonl lists\n",
		"prediction: yes (40 %), no (20 %)", "e-00000-of-00002.csv, … (2 files): projected rows, as eigen writes them, ",
		"  size        4 rows × 2 components\n",
		"m.cv.csv: scores of a cross-validation, as sgd writes them\n  size        2 combinations × 2 folds\n  best       " +
			" alpha 0.01, mean_test_r2 0.5\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	if strings.Contains(stdout, "beamlearn ") {
		t.Errorf("commands for outputs:\n%s", stdout)
	}
}

// Values are counted as they are, not as they are shown: numbers that begin with the same six digits are different
// ones. What is estimated from a sample is never more than all rows, and whole numbers that float64 rounds are told.
func TestCountsOfValues(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, v := range []struct {
		rows int
		want []string
		not  string
	}{
		{300, []string{
			" numbers from 52.52 to 52.52\n",
			"the most frequent: 9007199254740996 (0.667 %), 9007199254741000 (0.667 %), ",
			"the most frequent: 52.5 (66.7 %), 48.1 (33.3 %)",
			"look at     order: whole numbers beyond 2⁵³ are rounded in the vector, where different ones may be equal; ids keep " +
				"all of their digits: --id_column=order",
		}, "(100 %)"},
		{20000, []string{"≈ 20000", "the most frequent, about: 52.5 (66."}, "≈ 20136"},
	} {
		var b strings.Builder
		b.WriteString("order,lat,city,place,at\n")
		for i := range v.rows {
			fmt.Fprintf(&b, "%d,%.6f,%g,%s,%s\n", uint64(1)<<53+1+2*uint64(i),
				52.52+float64(i)/1e6, []float64{52.5, 48.1, 52.5}[i%3],
				[]string{"Köln", "東京"}[i%2], time.Unix(int64(i)*61, 0).UTC().Format("2006-01-02 15:04:05"))
		}
		clitest.Write(t, filepath.Join(dir, "t.csv"), b.String())
		stdout, stderr, code := clitest.End(t, clitest.Command(dir, "t.csv"))
		if code != 0 {
			t.Fatalf("exit code %d\n%s", code, stderr)
		}
		for _, want := range v.want {
			if !strings.Contains(stdout, want) {
				t.Errorf("%d rows: no %q in\n%s", v.rows, want, stdout)
			}
		}
		if strings.Contains(stdout, v.not) {
			t.Errorf("%d rows: %q in\n%s", v.rows, v.not, stdout)
		}
	}
}

// What a line advises can be given to a shell as it stands; the target is no id.
func TestAdviceForAShell(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("full name,height,net pay\n")
	for i := range 30 {
		fmt.Fprintf(&b, "n%d,%d,%d\n", i, i*i%7, 3*i)
	}
	clitest.Write(t, filepath.Join(dir, "t.csv"), b.String())
	stdout, stderr, code := clitest.End(t, clitest.Command(dir, "t.csv", "--target=net pay"))
	if code != 0 || !strings.Contains(stdout, "if it is an id, --id_column='full name'\n") ||
		strings.Contains(stdout, "look at     net pay: unique") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
}
