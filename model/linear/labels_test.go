package linear

import (
	"math"
	"testing"
)

// A label that is a number is told as it mostly stands in a file, and reads back as the same number.
func TestLabelText(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", -3: "-3", 12345678: "12345678", 1 << 53: "9007199254740992", 0.5: "0.5",
		1e20: "100000000000000000000", 1e21: "1e+21", -1e300: "-1e+300",
	} {
		if got := LabelText(v); got != want {
			t.Errorf("%v is told as %s, not %s", v, got, want)
		}
		c := Classes{Numbers: []float64{v}}
		if number, ok := LabelNumber(c.Label(0)); !ok || math.Float64bits(number) != math.Float64bits(v) {
			t.Errorf("%s is the number %v, %v", c.Label(0), number, ok)
		}
	}
}
