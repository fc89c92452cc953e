package report

import (
	"bytes"
	"strings"
	"testing"
)

// Of the parts of a choice the first is seen; those for which there is no room are counted; names are escaped.
func TestChoice(t *testing.T) {
	part := func(name string) Option {
		return Option{Name: name, Sections: []Section{{Title: "Scores", Blocks: []Block{Text(strings.Repeat("x", 1000))}}}}
	}
	c := Choice{ID: "each", Label: "Target", Options: []Option{part("<b>"), part("second"), part("third")}, Most: 2500}
	var b bytes.Buffer
	if err := (&Page{Sections: []Section{{ID: "s", Title: "S", Blocks: []Block{c}}}}).Write(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{"<option>&lt;b&gt;</option>", "<h3>second: Scores</h3>", "1 more are left out",
		`<div class="panel" role="group" aria-label="second" hidden>`, `aria-label="&lt;b&gt;">`, `id="each-data">null<`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in the page", want)
		}
	}
	if strings.Contains(page, "third") {
		t.Error("a part for which there is no room is on the page")
	}
	c.Options[1].Sections[0].Blocks[0] = Widget{ID: "w"}
	if _, _, err := c.render(); err == nil || !strings.Contains(err.Error(), "second") {
		t.Errorf("a widget in a choice: %v", err)
	}
}
