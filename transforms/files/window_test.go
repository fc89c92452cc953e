package files

import (
	"context"
	"io"
	"strings"
	"testing"
)

// A window has its head and its latest bytes, and says so where others are asked for; by its pattern it is as large as
// it is now; and once closed it is gone.
func TestWindow(t *testing.T) {
	ctx := context.Background()
	w := NewWindow("a stream")
	w.Grow([]byte("0123"))
	if !w.Begins("012") || w.Begins("12") {
		t.Error("another beginning")
	}
	w.Grow([]byte("45"))
	read := func(offset, length int64) string {
		r, err := w.OpenRange(ctx, offset, length)
		if err != nil {
			return err.Error()
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	type ranges map[[2]int64]string
	check := func(size int64, want ranges) {
		t.Helper()
		if infos, err := List(ctx, []string{w.Pattern()}); err != nil || len(infos) != 1 || infos[0].Size != size ||
			w.Size() != size {
			t.Errorf("%d bytes, by its pattern %+v, %v; want %d", w.Size(), infos, err, size)
		}
		for at, text := range want {
			if got := read(at[0], at[1]); got != text &&
				(text != "" || !strings.HasPrefix(got, "a stream: found a stream of ")) {
				t.Errorf("%d bytes from %d on: %q, want %q", at[1], at[0], got, text)
			}
		}
	}
	check(6, ranges{{0, 6}: "012345", {0, -1}: "012345", {4, 2}: "45", {4, 3}: "", {-1, 2}: ""})
	for _, step := range []struct {
		from  int64
		add   string
		size  int64
		reads ranges
	}{
		{6, "abc", 9, ranges{{6, 3}: "abc", {7, -1}: "bc", {0, 6}: "012345", {5, 2}: "", {8, 2}: ""}},
		{8, "defgh", 14, ranges{{8, 6}: "cdefgh", {13, 1}: "h", {7, 1}: "", {0, 6}: "012345", {6, 1}: ""}},
		{12, "i", 15, ranges{{12, -1}: "ghi", {11, 1}: "", {12, 4}: ""}},
		{15, "", 15, ranges{{14, 1}: "", {2, 2}: "23"}},
		{15, "jklmnopq", 23, ranges{{15, 8}: "jklmnopq"}},
	} {
		if err := w.Advance(step.from, []byte(step.add)); err != nil {
			t.Fatal(err)
		}
		check(step.size, step.reads)
	}
	if err := w.Advance(14, nil); err == nil {
		t.Error("what is gone is kept")
	}
	w.Close()
	if _, err := List(ctx, []string{w.Pattern()}); err == nil {
		t.Error("a window that was closed is there")
	}
}
