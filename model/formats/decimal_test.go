package formats

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
)

// Decimals are the numbers that a text of their digits has, in every width that Parquet and Arrow have for them.
func TestDecimals(t *testing.T) {
	const values = `"0.00","-0.01","12345678901.10","-99999999999999999999.99","0.07","179.45","90071992547409.93"`
	text, err := inspectText("a\n"+strings.Join(strings.Split(strings.ReplaceAll(values, `"`, ""), ","), "\n")+"\n",
		"f.csv", Options{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := readText(text, 1000, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, dtype := range []arrow.DataType{&arrow.Decimal128Type{Precision: 30, Scale: 2},
		&arrow.Decimal256Type{Precision: 40, Scale: 2}} {
		var row []string
		for v := range strings.SplitSeq(values, ",") {
			row = append(row, fmt.Sprintf(`{"a":%s}`, v))
		}
		data := "[" + strings.Join(row, ",") + "]"
		wantRows(t, "x.arrow", arrowOf(t, []arrow.Field{column("a", dtype)}, data, 2, true), Options{}, want)
		if dtype.ID() == arrow.DECIMAL128 {
			wantRows(t, "x.parquet", parquetOf(t, []arrow.Field{column("a", dtype)}, data, 3), Options{}, want)
		}
	}
	for precision, physical := range map[int32]string{9: "INT32", 18: "INT64", 25: "FIXED_LEN_BYTE_ARRAY"} {
		dtype := &arrow.Decimal128Type{Precision: precision, Scale: 3}
		schema := arrow.NewSchema([]arrow.Field{column("a", dtype)}, nil)
		record, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema,
			strings.NewReader(`[{"a":"-1.005"},{"a":"2.5"}]`))
		if err != nil {
			t.Fatal(err)
		}
		data := parquetTable(t, record, 1, parquet.WithStoreDecimalAsInteger(true))
		src, err := inspectText(data, "x.parquet", Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := src.(*parquetSource).meta.Schema.Column(0).PhysicalType().String(); got != physical {
			t.Errorf("precision %d is stored as %s, not %s", precision, got, physical)
		}
		wantRows(t, "x.parquet", data, Options{}, rowsOf("[-1.005]", "[2.5]"))
	}
}

// A decimal is rounded once, whatever its digits, its scale and the bytes that it takes.
func TestDecimalRounding(t *testing.T) {
	for _, v := range []int64{0, 1, -1, 7, 1<<53 + 1, -1<<53 - 1, math.MaxInt64, math.MinInt64, 123456789} {
		for _, scale := range []int{-5, 0, 1, 2, 17, 22, 23, 38} {
			exact := new(big.Rat).SetInt64(v)
			power := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(scale, -scale))), nil))
			if scale < 0 {
				exact.Mul(exact, power)
			} else {
				exact.Quo(exact, power)
			}
			want, _ := exact.Float64()
			var eight, sixteen []byte
			for i := 7; i >= 0; i-- {
				eight = append(eight, byte(v>>(8*i)))
			}
			sixteen = append(bytes.Repeat([]byte{byte(v >> 63)}, 8), eight...)
			for _, got := range []float64{decimalOf(v, scale), bigDecimal(eight, scale), bigDecimal(sixteen, scale)} {
				if got != want {
					t.Errorf("%d·10^%d: %v, not %v", v, -scale, got, want)
				}
			}
		}
	}
	if v := bigDecimal([]byte{0xff}, 1); v != -0.1 {
		t.Errorf("one byte: %v", v)
	}
}
