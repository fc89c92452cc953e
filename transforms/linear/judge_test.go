package linear

import (
	"math"
	"testing"

	"beamlearn/model/formats"
	"beamlearn/transforms/vectorio"
)

// The sample is of rows from everywhere, about as many as asked for, whatever the chunks; or all of them.
func TestLot(t *testing.T) {
	for _, v := range []struct{ chunks, rows, most int64 }{{1, 1000, 1000}, {7, 10_000, 5000}, {3, 100_000, 1000},
		{100, 500_000, 100_000}} {
		var chunks []vectorio.Chunk
		size := v.rows / v.chunks
		for i := range v.chunks {
			chunks = append(chunks, vectorio.Chunk{Ordinal: i, First: i * size, Span: formats.Span{Rows: size}})
		}
		some, rows := someChunks(chunks, v.most)
		if len(some) != len(chunks) {
			t.Fatalf("%d rows: %d of %d chunks are read", v.rows, len(some), len(chunks))
		}
		n, tenths := int64(0), make([]float64, 10)
		for i := range size * v.chunks {
			if rows.Takes(i) {
				n++
				tenths[i*10/(size*v.chunks)]++
			}
		}
		if off := math.Abs(float64(n - v.most)); off > 5*math.Sqrt(float64(v.most)) ||
			v.most == v.rows && n != size*v.chunks {
			t.Errorf("%d of %d rows, asked for %d", n, v.rows, v.most)
		}
		for i, k := range tenths {
			if want := float64(n) / 10; !(math.Abs(k-want) <= 5*math.Sqrt(want)) {
				t.Errorf("%d of %d rows: %v are of tenth %d", n, v.rows, k, i)
			}
		}
	}
	// Of very many rows, some chunks are read, from everywhere.
	var chunks []vectorio.Chunk
	for i := range int64(10_000) {
		chunks = append(chunks, vectorio.Chunk{Ordinal: i, Span: formats.Span{Rows: 8192}})
	}
	some, rows := someChunks(chunks, 100_000)
	if n := len(some) * 8192; n < readRows*9/10 || n > readRows*11/10 || some[0].Ordinal > 50 ||
		some[len(some)-1].Ordinal < 9950 {
		t.Errorf("%d rows are read, of the chunks from %d to %d", n, some[0].Ordinal, some[len(some)-1].Ordinal)
	}
	n := 0
	for i := range 1 << 20 {
		if rows.Takes(int64(i)) {
			n++
		}
	}
	if want := 100_000 / float64(len(some)*8192) * (1 << 20); !(math.Abs(float64(n)-want) <= 5*math.Sqrt(want)) {
		t.Errorf("%d of %d rows are judged, want about %v", n, 1<<20, want)
	}
}
