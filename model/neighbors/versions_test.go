package neighbors

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/vectors"
)

// An index keeps the lists of its points in a file, which trusts nothing, and numbers its points from where it is told.
func TestPartitionFile(t *testing.T) {
	t.Parallel()
	b := &vectors.Block{Dim: 20}
	row := make([]float64, 20)
	for i := range 5 {
		row[0] = float64(i)
		b.Append(row, int64(i))
	}
	x, err := Fit(b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := &Partition{Leaders: []int32{4, 1}, Lists: []int32{1, 1, -1, 0, 0}}
	var file bytes.Buffer
	if _, err := x.WithPartition(p).WriteFile(&file, []byte("note")); err != nil {
		t.Fatal(err)
	}
	y, err := OpenBytes(slices.Clone(file.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if got := y.Partition(); got == nil || !slices.Equal(got.Leaders, p.Leaders) || !slices.Equal(got.Lists, p.Lists) {
		t.Errorf("lists %v, want %v", got, p)
	}
	if x.Partition() != nil {
		t.Error("the index itself has lists")
	}
	z := y.NumberedFrom(100)
	if z.Number(3) != 103 || z.Position(103) != 3 || z.Position(3) != -1 || y.Number(3) != 3 {
		t.Errorf("the point 3 has the number %d, and %d before", z.Number(3), y.Number(3))
	}
	h := y.file
	for kind, v := range map[uint32]int32{secLeaders: 5, secLists: 2} {
		damaged := slices.Clone(file.Bytes())
		binary.LittleEndian.PutUint32(damaged[h.sections[kind].offset:], uint32(v))
		if _, err := OpenBytes(damaged); err == nil || !strings.Contains(err.Error(), "list") {
			t.Errorf("section %d with %d: %v", kind, v, err)
		}
	}
	// A file with one of both.
	cut := slices.Clone(file.Bytes())
	at := headerBytes + sectionBytes*slices.Index(h.kinds, secLists)
	s := h.sections[secLists]
	cut = cut[:len(cut)-int(aligned(s.size))]
	clear(cut[at:][:sectionBytes])
	binary.LittleEndian.PutUint32(cut[atSections:], uint32(len(h.kinds)-1))
	binary.LittleEndian.PutUint64(cut[atSize:], uint64(len(cut)))
	head := slices.Clone(cut[:aligned(headerBytes+sectionBytes*int64(len(h.kinds)-1))])
	clear(head[atCRC : atCRC+4])
	binary.LittleEndian.PutUint32(cut[atCRC:], crc32.Checksum(head, castagnoli))
	if _, err := OpenBytes(cut); err == nil {
		t.Error("leaders without lists")
	}
}

// A version without some points has the others, with their numbers and ids, whichever and however many are left out;
// positions that do not ascend, are there twice or of no point are refused. Points are found by their ids, each of
// several that have one.
func TestVersions(t *testing.T) {
	t.Parallel()
	const n = 9
	b := &vectors.Block{Dim: 2}
	for i := range n {
		b.Append([]float64{float64(i), -float64(i)}, int64(10*i))
		b.AppendID(vectors.ID{Int: int64(i % 5)})
	}
	x, err := Fit(b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for set := range 1 << n {
		var gone, left []int32
		for i := range int32(n) {
			if set&(1<<i) != 0 {
				gone = append(gone, i)
			} else {
				left = append(left, i)
			}
		}
		got, err := x.Without(gone)
		if err != nil {
			t.Fatal(err)
		}
		if got.Len() != len(left) || got.IDs.Len() != len(left) {
			t.Fatalf("without %v: %d points and %d ids, want %d", gone, got.Len(), got.IDs.Len(), len(left))
		}
		row := make([]float64, 2)
		for at, i := range left {
			if v := got.Row(at, row); v[0] != float64(i) || v[1] != -float64(i) || got.Numbers[at] != int64(10*i) ||
				got.IDs.At(at).Int != int64(i%5) {
				t.Fatalf("without %v: point %d is %v with the number %d, want point %d", gone, at, v, got.Numbers[at], i)
			}
		}
	}
	for _, wrong := range [][]int32{{3, 3}, {4, 3}, {-1}, {n}, {0, n}} {
		if _, err := x.Without(wrong); err == nil || !strings.HasPrefix(err.Error(), "neighbors.Without: the position") {
			t.Errorf("without %v: %v", wrong, err)
		}
	}
	id := func(all ...int64) (ids []vectors.ID) {
		for _, v := range all {
			ids = append(ids, vectors.ID{Int: v})
		}
		return ids
	}
	positions, unknown := x.Find(id(7, 3, 0, 7, 3, 6))
	if !slices.Equal(positions, []int32{0, 3, 5, 8}) || !slices.Equal(unknown, id(7, 6)) {
		t.Errorf("found the positions %v, and not the ids %v", positions, unknown)
	}
}
