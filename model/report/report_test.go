package report

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

const evil = `</script><script>alert("x")</script><img src=x onerror=alert(1)>'"`

func write(t *testing.T, blocks ...Block) string {
	t.Helper()
	p := Page{Title: evil, Lead: evil, Facts: []Fact{{evil, evil}},
		Sections: []Section{{ID: "a", Title: evil, Lead: evil, Blocks: blocks}}}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// elements counts the elements of a page, as a browser reads it.
func elements(t *testing.T, page string) map[string]int {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			count[n.Data]++
		}
	}
	return count
}

// Text stays text, in every place where there can be some.
func TestEscapes(t *testing.T) {
	page := write(t, Text(evil),
		Table{Caption: evil, Columns: []string{evil, evil}, Rows: [][]string{{evil, evil}}, Folded: true},
		Chart{
			Title: evil, Description: evil, X: Axis{Label: evil, Names: []string{evil, "b"}}, Y: Axis{Label: evil},
			Series: []Series{{Name: evil, Kind: Bars, X: []float64{0, 1}, Y: []float64{1, 2}},
				{Name: evil, X: []float64{0, 1}, Y: []float64{2, 1}}},
		},
		Widget{ID: "w", Markup: "<p>here</p>", Data: map[string]string{evil: evil}, Script: "root.title = 1;"})
	count := elements(t, page)
	if count["script"] != 3 || count["img"] != 0 {
		t.Errorf("%d scripts and %d images: %s", count["script"], count["img"], page)
	}
	for _, outside := range []string{"http://", "https://", "//cdn"} {
		if rest := strings.ReplaceAll(page, "http://www.w3.org/2000/svg", ""); strings.Contains(rest, outside) {
			t.Errorf("the page refers to %s", outside)
		}
	}
}

func TestChart(t *testing.T) {
	page := write(t, Chart{
		Title: "curve", X: Axis{Label: "alpha", Log: true}, Y: Axis{Label: "score, %", Lo: 0, Hi: 100},
		Series: []Series{
			{Name: "train", X: []float64{0.001, 0.01, 0.1}, Y: []float64{90, 80, math.NaN()}, Error: []float64{1, 2, 3}},
			{Name: "test", Kind: Points, X: []float64{0.001, 0.01, 0.1}, Y: []float64{85, 75, 50}},
		},
	})
	for _, want := range []string{`role="img"`, "score, %", "<title>train, 0.001: 90 ± 1</title>",
		"<td class=\"number\">80 ± 2</td>",
		">50</td>", ">0.01</text>", ">100</text>"} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is missing: %s", want, page)
		}
	}
	if strings.Contains(strings.Split(page, "<svg")[1], "NaN") {
		t.Error("what is not finite is drawn")
	}
	for _, broken := range []Block{Chart{}, Chart{Series: []Series{{X: []float64{1}}}}, Widget{ID: "w", Data: math.NaN()},
		Columns{Widget{ID: "w"}}} {
		p := Page{Sections: []Section{{ID: "a", Blocks: []Block{broken}}}}
		if err := p.Write(&bytes.Buffer{}); err == nil {
			t.Errorf("%+v is drawn", broken)
		}
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		log    bool
		want   []float64
	}{
		{0, 10, false, []float64{0, 2, 4, 6, 8, 10}}, {-1, 1.1, false, []float64{-1, -0.5, 0, 0.5, 1}},
		{1, 1000, true, []float64{1, 10, 100, 1000}}, {0.9, 17, true, []float64{1, 2, 5, 10}}, {3, 3, false, []float64{3}},
	} {
		got := ticks(c.lo, c.hi, 5, c.log)
		if !slices.Equal(got, c.want) || slices.ContainsFunc(got, func(v float64) bool { return v == 0 && math.Signbit(v) }) {
			t.Errorf("%v to %v: %v, want %v", c.lo, c.hi, got, c.want)
		}
	}
	if n := len(ticks(0, math.MaxFloat64, 5, false)); n > 11 {
		t.Errorf("%d ticks up to the largest number", n)
	}
	for v, want := range map[float64]string{0: "0", 12: "12", 0.5: "0.5", 1234.5: "1234", 1e-5: "1e-05", -2.25: "-2.25",
		1.618034: "1.618", 123456: "123456", 1e8: "1e+08"} {
		if got := Format(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}

// A column of numbers, of shares, or of numbers and what they may be off by, is aligned as one.
func TestNumbers(t *testing.T) {
	table := Table{Columns: []string{"a", "b", "c", "d"}, Rows: [][]string{
		{"x", "1.5e-05", "0.5 ± 0.1", "1 and 2"}, {"y", "–", "-3", "2"}, {"z", "12.50 %", "1 ± 2 %", "3"}}}
	if got := table.Numbers(); !slices.Equal(got, []bool{false, true, true, false}) {
		t.Errorf("%v", got)
	}
	if html, _, err := table.render(); err != nil || strings.Contains(string(html), `<td class="number">3</td>`) {
		t.Errorf("%v: one of a column's cells stands at the right:\n%s", err, html)
	}
	for _, not := range []string{"± 1", "1 ± x", "1 ± 2 ± 3", "", "1 %%"} {
		if numeric(not) {
			t.Errorf("%q is taken for a number", not)
		}
	}
}

// Bars are as wide as their places allow: those of a histogram do not overlap.
func TestPitch(t *testing.T) {
	for want, x := range map[float64][]float64{1: {7}, 0.25: {0.5, 0.25, 1.5, 0.25}, 2: {1, 3, 5}} {
		c := &Chart{Series: []Series{{Kind: Line, X: []float64{0, 0.1}}, {Kind: Bars, X: x}}}
		if got := c.pitch(); got != want {
			t.Errorf("%v: %v, want %v", x, got, want)
		}
	}
}

// Bars lie between the least and the greatest value and end at 0, and every name is there.
func TestRanking(t *testing.T) {
	page := write(t, Ranking{Title: "t", Label: "u", Names: []string{"a name of more than twenty characters", "b", "c"},
		Values: []float64{3, -1, math.NaN()}})
	for _, want := range []string{
		"a name of more than twenty characters: 3", "a name o…haracters<", // the middle of 158 to 364 is 0 to 1 in 4
		`<path class="axis" d="M209.5,0V60"/>`,
		`<rect x="209.5" y="3" width="154.5" height="14" fill="var(--plus)">`,
		`<rect x="158" y="23" width="51.5" height="14" fill="var(--minus)">`,
		`<rect x="209.5" y="43" width="0" height="14" fill="var(--plus)">`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s", want)
		}
	}
	if err := (&Page{Sections: []Section{{Blocks: []Block{Ranking{Names: []string{"a"}}}}}}).Write(
		new(bytes.Buffer)); err == nil {
		t.Error("a name without a value is no error")
	}
}

func TestSkewed(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   bool
	}{{[]float64{1, 100, 2}, true}, {[]float64{1, 20, 2}, false}, {[]float64{0, 100, 2}, false},
		{[]float64{1, 100}, false}} {
		if got := Skewed(c.values); got != c.want {
			t.Errorf("%v: %v", c.values, got)
		}
	}
}

// Long numbers of the y axis move the picture to the right, so that they do not meet the axis' label.
func TestLeft(t *testing.T) {
	if got := leftOf([]tickView{{Text: "10"}}); got != chartLeft {
		t.Errorf("short numbers: %v", got)
	}
	if got := leftOf([]tickView{{Text: "-1.234e+05"}}); got < 14+7+10*7 {
		t.Errorf("long numbers: %v", got)
	}
}

// A flag is not broken after its hyphens, and what is no flag stays as it is.
func TestProse(t *testing.T) {
	for text, want := range map[string]string{
		"so --max_per=a does":      `so <span class="flag">--max_per</span>=a does`,
		"a -- b, --, <i>--x</i> &": `a -- b, --, &lt;i&gt;<span class="flag">--x</span>&lt;/i&gt; &amp;`,
	} {
		if got := string(prose(text)); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// The label of an axis that is longer than the axis is cut in its middle, and no other is.
func TestLongLabels(t *testing.T) {
	long := strings.Repeat("the name of a column ", 5)
	c := Chart{Title: "T", X: Axis{Label: long}, Y: Axis{Label: "precision: right, of those found"},
		Series: []Series{{X: []float64{1, 2}, Y: []float64{1, 2}}}}
	v := c.view()
	if got := v.X.Label; !strings.Contains(got, "…") || ems(got)*axisText > chartWidth ||
		!strings.HasPrefix(got, "the name of") {
		t.Errorf("%q", got)
	}
	if v.Y.Label != c.Y.Label {
		t.Errorf("%q", v.Y.Label)
	}
}
