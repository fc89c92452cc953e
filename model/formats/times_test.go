package formats

import (
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"beamlearn/model/tables"
	"beamlearn/model/vectors"
)

// labelsOf are the labels of all rows, "" of one that has none, read so many at a time.
func labelsOf(t *testing.T, name, data string, o Options, some int) []string {
	t.Helper()
	src, err := inspectText(data, name, o)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	spans, err := Spans(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	b := &vectors.Block{Dim: src.Dim()}
	if o.Cells {
		b = &vectors.Block{Cells: tables.New(src.(Tabular).Fields())}
	}
	for _, s := range spans {
		r, err := src.Read(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			err = r.Read(b, some)
		}
		if err != io.EOF {
			t.Fatalf("%s: %v", name, err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Labels
}

// Instants and dates are labels by their text, in one way: of columns of any unit, in rows and in tables, of columns
// and of text that writes them in another way of ISO 8601. Different instants are never the same label.
func TestTimeLabels(t *testing.T) {
	day := []string{"2013-05-01", "1969-12-31", "2024-02-29", "", "2013-05-01"}
	second := []string{"2013-05-01 10:00:00", "1969-12-31 23:59:59", "2024-02-29", "", "2013-05-01 10:00:00"}
	milli := []string{"2013-05-01 10:00:00.500000", "1969-12-31 23:59:59.999000", "2024-02-29", "",
		"2013-05-01 10:00:00.500000"}
	nano := []string{"2013-05-01 10:00:00.500000001", "1969-12-31 23:59:59.999999999", "2024-02-29", "",
		"2013-05-01 10:00:00.500000"}
	utc := []string{"2013-05-01 10:00:00+00:00", "1969-12-31 23:59:59+00:00", "2024-02-29 00:00:00+00:00", "",
		"2013-05-01 10:00:00+00:00"}
	timestamp := func(unit arrow.TimeUnit, zone string) arrow.DataType {
		return &arrow.TimestampType{Unit: unit, TimeZone: zone}
	}
	for _, c := range []struct {
		t      arrow.DataType
		values []string // in JSON
		want   []string
	}{
		{arrow.FixedWidthTypes.Date32, day, day},
		{arrow.FixedWidthTypes.Date64, day, day},
		{timestamp(arrow.Second, ""), second, second},
		{timestamp(arrow.Millisecond, ""), []string{"2013-05-01 10:00:00.500", "1969-12-31T23:59:59.999",
			"2024-02-29 00:00:00", "", "2013-05-01 10:00:00.500"}, milli},
		{timestamp(arrow.Microsecond, ""), milli, milli},
		{timestamp(arrow.Nanosecond, ""), []string{"2013-05-01 10:00:00.500000001", "1969-12-31T23:59:59.999999999",
			"2024-02-29", "", "2013-05-01 10:00:00.500000000"}, nano},
		{timestamp(arrow.Microsecond, "UTC"), utc, utc},
		{timestamp(arrow.Nanosecond, "Europe/Berlin"), []string{"2013-05-01 12:00:00+02:00", "1970-01-01 00:59:59+01:00",
			"2024-02-29 01:00:00+01:00", "", "2013-05-01 12:00:00+02:00"}, utc},
	} {
		fields := []arrow.Field{column("x", arrow.PrimitiveTypes.Float64), column("y", c.t)}
		json, lines, text := "", "", "x,y\n"
		for i, v := range c.values {
			quoted := fmt.Sprintf("%q", v)
			if text += fmt.Sprintf("%d,%s\n", i, v); v == "" {
				quoted = "null"
			}
			json += fmt.Sprintf(`,{"x":%d,"y":%s}`, i, quoted)
			lines += fmt.Sprintf(`{"x":%d,"y":%s}`+"\n", i, quoted)
		}
		json = "[" + json[1:] + "]"
		for name, data := range map[string]string{"x.csv": text, "x.jsonl": lines,
			"x.parquet": parquetOf(t, fields, json, 2), "x.arrow": arrowOf(t, fields, json, 2, true)} {
			for i, cells := range []bool{false, true} {
				o := Options{Columns: []string{"x"}, TargetColumn: "y", Labels: true, Untargeted: true, Cells: cells}
				if got := labelsOf(t, name, data, o, 1+3*i); !slices.Equal(got, c.want) {
					t.Errorf("%s of %s, cells %v: %q\nwant %q", name, c.t, cells, got, c.want)
				}
			}
		}
	}
}

// Parquet's old type of instants, which Spark and Impala write, has the same labels.
func TestInt96Labels(t *testing.T) {
	const json = `[{"x":0,"y":"2013-05-01 10:00:00.500000001"},{"x":1,"y":"1969-12-31"},{"x":2,"y":null}]`
	fields := []arrow.Field{column("x", arrow.PrimitiveTypes.Float64), column("y", &arrow.TimestampType{Unit: arrow.Nanosecond})}
	data := parquetAs(t, fields, json, pqarrow.NewArrowWriterProperties(pqarrow.WithDeprecatedInt96Timestamps(true)))
	for _, cells := range []bool{false, true} {
		o := Options{Columns: []string{"x"}, TargetColumn: "y", Labels: true, Untargeted: true, Cells: cells}
		want := []string{"2013-05-01 10:00:00.500000001", "1969-12-31", ""}
		if got := labelsOf(t, "x.parquet", data, o, 2); !slices.Equal(got, want) {
			t.Errorf("cells %v: %q, want %q", cells, got, want)
		}
	}
}
