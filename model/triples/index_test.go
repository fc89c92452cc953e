package triples

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"testing"

	"beamlearn/model/vectors"
)

// An index says of each row how many triples it has and where it ends; numbers that no row can have are told, each by
// itself, and so is an index that is cut within a row.
func TestDamagedIndex(t *testing.T) {
	t.Parallel()
	record := func(count, size uint64) []byte {
		return binary.AppendUvarint(binary.AppendUvarint(appendID(nil, vectors.ID{Text: "row"}), count), size)
	}
	for _, c := range []struct {
		count, size uint64
		fine        bool
	}{
		{1, 2, true}, {3, 6, true}, {math.MaxInt32, 2 * math.MaxInt32, true}, {1, math.MaxInt64 / 2, true},
		{0, 0, false}, {0, 5, false}, {3, 5, false}, {math.MaxInt32 + 1, 1 << 40, false}, {1, math.MaxInt64/2 + 1, false},
		{math.MaxUint64, 2, false}, {2, math.MaxUint64, false},
	} {
		b := record(c.count, c.size)
		x := NewIndexReader(bytes.NewReader(append(b, record(1, 2)...)))
		row, err := x.Next()
		if !c.fine {
			if !errors.Is(err, errDamaged) {
				t.Errorf("%d triples in %d bytes: %+v, %v", c.count, c.size, row, err)
			}
			continue
		}
		if err != nil || row.ID.Text != "row" || row.Count != int64(c.count) || row.Bytes != int64(c.size) ||
			row.Index != int64(len(b)) {
			t.Errorf("%d triples in %d bytes: %+v, %v", c.count, c.size, row, err)
		}
		if row, err = x.Next(); err != nil || row.Count != 1 || row.Bytes != 2 {
			t.Errorf("the row behind: %+v, %v", row, err)
		}
		if _, err = x.Next(); err != io.EOF {
			t.Errorf("the end: %v", err)
		}
		for n := 1; n < len(b); n++ {
			if _, err := NewIndexReader(bytes.NewReader(b[:n])).Next(); err == nil || err == io.EOF {
				t.Errorf("%d of %d bytes: %v", n, len(b), err)
			}
		}
	}
}

// Integers have their numbers whether a table or a map has them, in the order in which they come, and none that came
// not has one.
func TestNames(t *testing.T) {
	t.Parallel()
	n := &Names{}
	ids := []int64{5, smallInts, 0, smallInts - 1, -1, math.MaxInt64, math.MinInt64, 1 << 32, smallInts + 1, 6}
	for range 2 {
		for want, v := range ids {
			if got := n.Of(vectors.ID{Int: v}); int(got) != want {
				t.Errorf("%d is number %d, expected %d", v, got, want)
			}
			if got, ok := n.find(v, nil); !ok || int(got) != want {
				t.Errorf("%d is found as number %d, %v, expected %d", v, got, ok, want)
			}
		}
	}
	for _, v := range []int64{1, -5, smallInts - 2, smallInts + 2, 4} {
		if got, ok := n.find(v, nil); ok {
			t.Errorf("%d, which did not come, is number %d", v, got)
		}
	}
	if got, ok := n.find(5, []byte("5")); ok {
		t.Errorf("the text 5 is number %d", got)
	}
}
