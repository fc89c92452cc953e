package linear

import (
	"testing"

	"beamlearn/model/formats"
	"beamlearn/transforms/vectorio"
)

func TestSomeChunks(t *testing.T) {
	chunks := func(sizes ...int64) (all []vectorio.Chunk) {
		for i, n := range sizes {
			all = append(all, vectorio.Chunk{Ordinal: int64(i), Span: formats.Span{Rows: n}})
		}
		return all
	}
	hundred := make([]int64, 100)
	for i := range hundred {
		hundred[i] = 50
	}
	for _, c := range []struct {
		sizes []int64
		most  int64
		n     int
		rows  int64
	}{
		{[]int64{10, 20, 5}, 35, 3, 35}, {[]int64{1000}, 100, 1, 100}, {hundred, 1000, 20, 1000}, {hundred, 49, 1, 49}, {hundred, 5000, 100, 5000},
	} {
		some, rows := someChunks(chunks(c.sizes...), c.most), int64(0)
		for i, s := range some {
			rows += s.Span.Rows
			if i > 0 && s.Ordinal <= some[i-1].Ordinal {
				t.Errorf("chunk %d after %d", s.Ordinal, some[i-1].Ordinal)
			}
		}
		if len(some) != c.n || rows != c.rows {
			t.Errorf("%d chunks, at most %d rows: %d chunks of %d rows", len(c.sizes), c.most, len(some), rows)
		}
		if last := some[len(some)-1].Ordinal; len(some) > 1 && int(last) < len(c.sizes)*9/10 {
			t.Errorf("the last chunk of %d is %d", len(c.sizes), last)
		}
	}
}
