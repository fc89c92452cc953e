package linear

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beamlearn/model/linear/overview"
	"beamlearn/model/vectors"
	"beamlearn/transforms/output"
	"beamlearn/transforms/vectorio"
)

// spillIn lets temporary files be in a directory of the test, and tells what was noted; it skips where there is no file
// without a name.
func spillIn(t *testing.T, most int64) (s *spill, dir string, notes *[]string) {
	t.Helper()
	dir, notes = t.TempDir(), new([]string)
	t.Setenv("TMPDIR", dir)
	f, _, err := unnamedFile()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no files without a name here")
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	s = newSpill(most, func(text string) { *notes = append(*notes, text) })
	t.Cleanup(s.close)
	return s, dir, notes
}

// blocksOfAll are rows of each kind that is kept.
func blocksOfAll() map[string]*vectors.Block {
	const n = 50
	all := map[string]*vectors.Block{
		"float32": {Dim: 2, DType: vectors.Float32},
		"float64": {Dim: 2, DType: vectors.Float64},
		"wide":    {Dim: 2},
		"sparse":  {Dim: 500, DType: vectors.Float64, Sparse: &vectors.CSR{}},
	}
	for i := range n {
		x := []float64{float64(i), 1 / float64(i+3)}
		all["float32"].Append(x, int64(2*i))
		all["float64"].Append(x, int64(2*i))
		all["wide"].Append(x, int64(2*i))
		all["sparse"].AppendSparse([]int32{int32(i), 400}, []float64{math.Pi * float64(i), math.Copysign(0, -1)}, int64(2*i))
		all["float32"].Target = append(all["float32"].Target, float64(i%7))
		all["float64"].Labels = append(all["float64"].Labels, []string{"", "no", "yes"}[i%3])
		all["float64"].Weights = append(all["float64"].Weights, float64(i))
		all["sparse"].Labels = append(all["sparse"].Labels, fmt.Sprint("ß", i))
		all["float32"].AppendID(vectors.ParseID(fmt.Sprint("row", i)))
		all["sparse"].AppendID(vectors.ID{Int: int64(i)})
	}
	wide := all["wide"]
	wide.SetTargets(2)
	for i := range n {
		wide.Targets[0].Numbers = append(wide.Targets[0].Numbers, float64(i))
		wide.Targets[1].Labels = append(wide.Targets[1].Labels, "class")
	}
	return all
}

// Rows of every kind come out of a file as they went in, a few at a time, and in memory that had other rows before.
func TestSpillRows(t *testing.T) {
	s, dir, _ := spillIn(t, 1<<20)
	for what, b := range blocksOfAll() {
		empty := func() *vectors.Block {
			e := &vectors.Block{Dim: b.Dim, DType: b.DType}
			if b.Sparse != nil {
				e.Sparse = &vectors.CSR{}
			}
			return e
		}
		k := newKept(1<<20, "")
		r := recording{of: &k.whole, spill: s, reserved: 1 << 20} // no memory
		for lo := 0; lo < b.Len(); lo += 20 {
			if !r.keep(b.Slice(lo, min(lo+20, b.Len())), empty) {
				t.Fatal(what, "there is no room")
			}
		}
		if r.end(0); k.whole.left != 1<<20 {
			t.Errorf("%s: %d bytes of memory are taken", what, 1<<20-k.whole.left)
		}
		c := vectorio.Chunk{}
		c.Span.Rows = 1000
		for _, step := range []int{7, 20, 100} {
			kept, ok := k.get(&c)
			if !ok {
				t.Fatal(what, "nothing is kept")
			}
			got := empty()
			for {
				err := kept.Fill(got, got.Len()+step)
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(what, err)
				}
			}
			if onlyRows(got) != onlyRows(b) {
				t.Errorf("%s, %d at a time: the rows\n%+v\nwant\n%+v", what, step, onlyRows(got), onlyRows(b))
			}
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("the file has a name: %v %v", left, err)
	}
}

// onlyRows is what a block tells, without what its memory looks like.
func onlyRows(b *vectors.Block) string {
	text := fmt.Sprintf("%v %v %v %v %q %v %v", b.F32, b.F64, b.Numbers, b.Target, b.Labels, b.Weights, b.Targets)
	for i := range b.Len() {
		text += b.ID(i).String() + " "
	}
	if b.Sparse != nil {
		text += fmt.Sprint(b.Sparse.Offsets, b.Sparse.Indices)
		for _, v := range b.Sparse.Values {
			text += fmt.Sprintf(" %x", math.Float64bits(v))
		}
	}
	return text
}

// A file that is full takes no more, of which the user is told once. Of a chunk that has no room nothing is kept, what
// it had in memory is given back, and the rows that are to be judged are kept all the same, as they were.
func TestSpillFull(t *testing.T) {
	b := blocksOfAll()["sparse"]
	empty := func() *vectors.Block {
		return &vectors.Block{Dim: b.Dim, DType: b.DType, Sparse: &vectors.CSR{}}
	}
	one := pieceOf(b, empty(), newDictionary())
	size := int64(len(one.appendBinary(nil)))
	s, _, notes := spillIn(t, 2*size+size/2)
	k := newKept(spillShare*(one.bytes()+one.bytes()/2), "csv")
	k.spill = s
	c := vectorio.Chunk{Ordinal: 3, Total: 1000}
	c.Info.Name, c.Span.Rows = "x.csv", 1000
	k.forJudge([]vectorio.Chunk{c}, everyRow)
	r := k.record(&c, &keptReader{pieces: []piece{{rows: b}, {rows: b}, {rows: b}}, end: math.MaxInt64}, empty)
	for room := empty(); ; room.Reset() {
		err := r.Fill(room, 50)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(*notes) != 1 || !strings.Contains((*notes)[0], "is full") {
		t.Errorf("the notes are %q", *notes)
	}
	if _, ok := k.whole.get(3); ok || k.whole.left != k.size {
		t.Errorf("the chunk is kept: %v, of %d bytes %d are left", ok, k.size, k.whole.left)
	}
	pieces, ok := k.ofLot(&c, everyRow)
	if !ok || len(pieces) != 3 {
		t.Fatalf("%d pieces to be judged, want 3", len(pieces))
	}
	for i := range pieces {
		if got := pieces[i].block(empty()); onlyRows(got) != onlyRows(b) {
			t.Errorf("piece %d to be judged has other rows", i)
		}
	}
	again := recording{of: &k.whole, spill: s, reserved: k.size}
	if again.keep(b.Slice(0, 1), empty) || len(*notes) != 1 {
		t.Errorf("a file that is full takes a row, or the user is told again: %q", *notes)
	}
}

// Where there can be no temporary file rows stay in memory, and the user is told why.
func TestSpillNowhere(t *testing.T) {
	s, dir, notes := spillIn(t, 1<<20)
	t.Setenv("TMPDIR", filepath.Join(dir, "missing"))
	b := blocksOfAll()["float64"]
	k := newKept(1<<20, "")
	r := recording{of: &k.whole, spill: s, reserved: 1 << 20}
	for range 2 {
		if !r.keep(b, func() *vectors.Block { return &vectors.Block{Dim: 2, DType: vectors.Float64} }) {
			t.Fatal("there is no room")
		}
	}
	if k.whole.left == 1<<20 || r.chunk != nil {
		t.Error("the rows are not in memory")
	}
	if len(*notes) != 1 || !strings.Contains((*notes)[0], "missing") {
		t.Errorf("the notes are %q", *notes)
	}
}

// A file that has become shorter is a fault, and no row.
func TestSpillLost(t *testing.T) {
	s, _, _ := spillIn(t, 1<<20)
	b := blocksOfAll()["sparse"]
	empty := func() *vectors.Block { return &vectors.Block{Dim: b.Dim, Sparse: &vectors.CSR{}} }
	k := newKept(1<<20, "")
	r := recording{of: &k.whole, spill: s, reserved: 1 << 20}
	r.keep(b, empty)
	r.end(0)
	if err := s.file.Truncate(10); err != nil {
		t.Fatal(err)
	}
	kept, _ := k.get(&vectorio.Chunk{})
	if err := kept.Fill(empty(), 1); err == nil || !strings.Contains(err.Error(), "temporary file") {
		t.Errorf("the error is %v", err)
	}
}

// Whatever bytes a piece is read from, there is a piece or an error.
func FuzzPiece(f *testing.F) {
	for _, b := range blocksOfAll() {
		empty := &vectors.Block{Dim: b.Dim, DType: b.DType}
		var values *dictionary
		if b.Sparse != nil {
			empty.Sparse, values = &vectors.CSR{}, newDictionary()
		}
		p := pieceOf(b, empty, values)
		f.Add(p.appendBinary(nil), values != nil)
	}
	f.Fuzz(func(t *testing.T, b []byte, sparse bool) {
		p := piece{rows: &vectors.Block{Dim: 2}}
		var values *dictionary
		if sparse {
			p.rows.Sparse, values = &vectors.CSR{}, &dictionary{}
		}
		if err := p.takeBinary(b, values); err == nil && len(b) == 0 {
			t.Error("no bytes are a piece")
		}
	})
}

// everyRow is a lot that takes all rows.
var everyRow = overview.LotOf(1000, 1000)

// Where temporary files are memory, as /dev/shm is, a spill goes to the directory of large ones.
func TestSpillBesideMemory(t *testing.T) {
	const memory = "/dev/shm"
	if _, err := os.Stat(memory); err != nil {
		t.Skip("no directory that is memory here")
	}
	f, _, err := unnamedFileIn(memory)
	if err == nil {
		f.Close()
		t.Skip(memory + " is no memory here")
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Fatal(err)
	}
	large, _, err := unnamedFileIn("/var/tmp")
	if err != nil {
		t.Skip(err)
	}
	large.Close()
	t.Setenv("TMPDIR", memory)
	f, _, err = unnamedFile()
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

// Who cleans up after a run whose rows nobody has judged by gives back their file.
func TestCleanCloses(t *testing.T) {
	s, dir, _ := spillIn(t, 1<<20)
	o := &Options{RunID: "clean-closes"}
	output.Begin(o.RunID)
	last, err := o.last()
	if err != nil {
		t.Fatal(err)
	}
	last.kept = newKept(1<<20, "")
	last.kept.spill = s
	if !s.open() {
		t.Fatal("no file")
	}
	if err := Clean(t.Context(), o, &Report{dir: filepath.Join(dir, "run")}); err != nil {
		t.Fatal(err)
	}
	if s.file != nil || last.kept != nil {
		t.Error("the file is open after the run")
	}
}
