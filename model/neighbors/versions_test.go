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
