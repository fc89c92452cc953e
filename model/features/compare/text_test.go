package compare

import (
	"strings"
	"testing"
)

// The text of a condition has the parentheses that it needs, and no other.
func TestText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a = 1":                                      "`a` = 1",
		"a = 1 and b < 2":                            "`a` = 1 and `b` < 2",
		"(a = 1) or (not (b is null))":               "`a` = 1 or not `b` is null",
		"a = 1 and (b < 2 or c in (1, 2))":           "`a` = 1 and (`b` < 2 or `c` in (1, 2))",
		"not (a = 1 and b = 2) or c != 'x'":          "not (`a` = 1 and `b` = 2) or `c` != \"x\"",
		"(a = 1 and b = 2) or (c = 3 and `d``` = 4)": "(`a` = 1 and `b` = 2) or (`c` = 3 and `d``` = 4)",
	} {
		c, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := c.String(); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

// What a part of a condition cannot be compared with is told before any row is read.
func TestIncomparableParts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`price = "1" and sold = true`, `sold = true or (not price = "1")`, `not price = "1"`} {
		c, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Matcher(shop().Fields()); err == nil ||
			!strings.Contains(err.Error(), `column "price", of type number, is compared with "1"`) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
