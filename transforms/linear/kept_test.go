package linear

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"beamlearn/model/formats"
	model "beamlearn/model/linear"
	"beamlearn/model/linear/fitting"
	"beamlearn/model/linear/overview"
	"beamlearn/model/vectors"
	"beamlearn/transforms/files"
	"beamlearn/transforms/placement"
	"beamlearn/transforms/vectorio"
)

// A pass over kept rows gives what the first gave, whatever is left of the files: without the rows at fault, cut to a
// sample, and in other blocks. What has no room is read anew.
func TestKept(t *testing.T) {
	dir := t.TempDir()
	tab := classes(107, 8)
	tab.x[50][1] = math.NaN()
	input, reading := tab.cuts(t, dir, "csv", 33, 70)
	reading.EnsureDefaults()
	reading.SkipFaults, reading.ChunkRows = true, 16
	ctx := t.Context()
	d, err := vectorio.Inspect(ctx, input, reading)
	if err != nil {
		t.Fatal(err)
	}
	var chunks []vectorio.Chunk
	first := int64(0)
	for i, info := range d.Files {
		f, err := formats.OpenLocal(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		src, err := formats.Inspect(ctx, f, reading.Formats)
		if err != nil {
			t.Fatal(err)
		}
		spans, err := formats.Spans(ctx, src)
		if err != nil || len(spans) != 1 {
			t.Fatal(spans, err)
		}
		chunks = append(chunks, vectorio.Chunk{Ordinal: int64(i), Info: info, Span: spans[0], First: first, Total: 107})
		first += spans[0].Rows
	}
	given := func(k *kept, pass fitting.Pass, block int) (rows string, n int, err error) {
		f := &shardReader{reading: reading, dim: d.Dim, unit: block, pass: pass, chunks: chunks, kept: k}
		f.reading.ChunkRows = block
		err = f.each(ctx, func(c *model.Chunk) error {
			for i := range c.Len() {
				rows += fmt.Sprint(c.Numbers[i], " ", c.Labels[i])
				for j := range d.Dim {
					if k := i*d.Dim + j; c.X != nil {
						rows += fmt.Sprint(" ", c.X[k])
					} else {
						rows += fmt.Sprint(" ", float64(c.X32[k]))
					}
				}
				rows += "\n"
			}
			return nil
		})
		return rows, len(f.rejected), err
	}
	all, sample := newKept(1<<20, ""), fitting.Pass{Batch: 10, Sample: true}
	want, rejected, err := given(all, fitting.Pass{Batch: 10}, 16)
	if err != nil || rejected != 1 {
		t.Fatal(rejected, err)
	}
	wantSample, _, err := given(nil, sample, 16)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(0)
	for _, piece := range all.whole.chunks[0] {
		size += piece.bytes()
	}
	room := all.whole.chunks[1][0].bytes() + 100 // for the first piece of a chunk, and not for all of it
	// Of a format that is quick to read, rows are kept where all have room.
	whole := int64(107 * rowBytes(reading.NewBlock(d.Dim)))
	some, none, quick := newKept(size+room, ""), newKept(whole-1, "npy"), newKept(whole, "npy")
	for k, want := range map[*kept]bool{none: false, quick: true} {
		r := k.record(&chunks[0], nil, func() *vectors.Block { return reading.NewBlock(d.Dim) })
		if kept, ok := r.(*recorder); want != (ok && kept.whole.of != nil) {
			t.Errorf("room for %d bytes: rows are to be kept: %v, want %v", k.size, ok, want)
		}
	}
	// Of values that turn out to be float64 there is no room for all where there would be of float32.
	float64s := &vectors.Block{Dim: d.Dim, DType: vectors.Float64, F64: make([]float64, d.Dim), Numbers: []int64{0}}
	r := quick.record(&chunks[0], nil, func() *vectors.Block { return reading.NewBlock(d.Dim) }).(*recorder)
	if err := r.keep(float64s); err != nil || r.whole.of != nil || len(r.whole.pieces) > 0 || quick.whole.left != whole {
		t.Errorf("rows of float64 are kept, where only float32 would have room")
	}
	for _, k := range []*kept{some, none} {
		if got, _, err := given(k, fitting.Pass{Batch: 10}, 16); err != nil || got != want {
			t.Fatal("with another cache, the first pass gives other rows", err)
		}
	}
	if len(all.whole.chunks) != 3 || len(some.whole.chunks) != 1 || len(none.whole.chunks) != 0 {
		t.Fatalf("%d, %d and %d chunks are kept, want all, one and none", len(all.whole.chunks), len(some.whole.chunks),
			len(none.whole.chunks))
	}
	if some.whole.left != room {
		t.Errorf("room for %d bytes is left, want %d: what did not fit must be given back", some.whole.left, room)
	}
	if got, _, err := given(some, fitting.Pass{Batch: 10}, 16); err != nil || got != want {
		t.Error("rows of which some are kept differ", err)
	}
	for _, info := range d.Files {
		if err := os.Remove(info.Name); err != nil {
			t.Fatal(err)
		}
	}
	for _, block := range []int{16, 1, 7, 200} {
		if got, _, err := given(all, fitting.Pass{Batch: 10}, block); err != nil || got != want {
			t.Errorf("blocks of %d: kept rows\n%s\nwant\n%s%v", block, got, want, err)
		}
	}
	if got, _, err := given(all, sample, 16); err != nil || got != wantSample {
		t.Errorf("a sample of kept rows\n%s\nwant\n%s%v", got, wantSample, err)
	}
	if _, _, err := given(some, fitting.Pass{Batch: 10}, 16); err == nil {
		t.Error("what is not kept was read from files that are gone")
	}
}

// Of a chunk that is not kept whole, the rows that a lot takes are kept, and no other, once all have been read: they do
// for that lot and those within it, and not for a larger one. What was kept of a chunk that is closed before its end is
// given back.
func TestKeptSample(t *testing.T) {
	b := &vectors.Block{Dim: 1}
	for i := range 1000 {
		b.Append([]float64{float64(i)}, int64(i))
	}
	chunk := vectorio.Chunk{Ordinal: 3, Info: files.Info{Name: "x.npy"}, Total: 1 << 20} // more than there is room for
	lot := overview.LotOf(100, 1000)
	k := newKept(1<<20, "")
	k.forJudge([]vectorio.Chunk{chunk}, lot)
	empty := func() *vectors.Block { return &vectors.Block{Dim: 1} }
	read := func(c vectorio.Chunk, most int) {
		t.Helper()
		r := k.record(&c, &keptReader{pieces: []piece{{rows: b}}, end: math.MaxInt64}, empty)
		var err error
		for n := 0; n < most && err == nil; n += 100 {
			err = r.Fill(empty(), 100)
		}
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	read(chunk, 500)
	text := vectorio.Chunk{Ordinal: 4, Info: files.Info{Name: "x.csv"}}
	read(text, 500)
	if len(k.sample.chunks)+len(k.whole.chunks) != 0 || k.sample.left != sampleMemory || k.whole.left != 1<<20 {
		t.Errorf("of chunks that were not read to their end %d bytes and %d are missing", sampleMemory-k.sample.left,
			1<<20-k.whole.left)
	}
	read(chunk, 2000)
	// One that was to be kept whole, and outgrows its room on the way.
	text.Ordinal, k.whole.left = 5, 8000
	k.judged[5] = true
	read(text, 2000)
	if _, ok := k.whole.get(5); ok || k.whole.left != 8000 {
		t.Error("a chunk is kept that has no room")
	}
	var want, got []int64
	for _, n := range b.Numbers {
		if lot.Takes(n) {
			want = append(want, n)
		}
	}
	pieces, ok := k.ofLot(&chunk, overview.LotOf(50, 1000))
	for _, p := range pieces {
		got = append(got, p.rows.Numbers...)
	}
	if !ok || !slices.Equal(got, want) {
		t.Errorf("the rows %v are kept, want %v", got, want)
	}
	got = nil
	pieces, _ = k.ofLot(&text, lot)
	for _, p := range pieces {
		got = append(got, p.rows.Numbers...)
	}
	if !slices.Equal(got, want) {
		t.Errorf("of a chunk without room as a whole the rows %v are kept, want %v", got, want)
	}
	if _, ok := k.ofLot(&chunk, overview.LotOf(200, 1000)); ok {
		t.Error("rows of a lot are taken for those of a larger one")
	}
	// Before the last pass, text is kept for the judge alone, in all the room that there is.
	k = newKept(1<<20, "")
	k.forJudge([]vectorio.Chunk{text}, lot)
	k.last()
	if read(text, 2000); len(k.whole.chunks) != 0 || len(k.sample.chunks) != 1 {
		t.Errorf("%d chunks are kept whole, and of %d the rows to judge, want 0 and 1", len(k.whole.chunks),
			len(k.sample.chunks))
	}
	if room := k.sample.left; room >= sampleMemory+1<<20 || room < sampleMemory+1<<20-100_000 {
		t.Errorf("%d bytes of room are left", room)
	}
}

// Judge finds the same in rows that the passes have kept, whole chunks of text and a sample of numbers, as in the files
// read anew, and reads none of those.
func TestJudgeKept(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: the examples have one each")
	}
	tab := classes(judgedRows+7000, 8)
	for _, format := range []string{"csv", "npy"} {
		input, reading := tab.cuts(t, t.TempDir(), format, 50_000)
		inputs, err := filepath.Glob(input[0])
		if err != nil {
			t.Fatal(err)
		}
		judged := map[int64]*overview.Judged{}
		for _, size := range []int64{-1, 0, 4 << 20} { // nothing is kept, all, and of .csv some of the chunks whole
			if brief() && format == "npy" && size > 0 { // the last size is for text
				continue
			}
			j := &training{input: input, reading: reading, unitRows: 1000, chunkRows: 20_000, fitting: exactOfTwo}
			j.options = Options{Shards: 8, Workers: placement.InProcess, CacheMemory: size}
			j.options.Model = filepath.Join(t.TempDir(), "m.json")
			j.then = func(job *Job, report *Report, fit *fitting.Fit) error {
				if size >= 0 { // no file is read
					move(t, inputs, ".gone", "")
					defer move(t, inputs, "", ".gone")
				}
				var err error
				judged[size], err = Judge(t.Context(), job, report, fit.Model())
				return err
			}
			if _, _, err := j.trained(t); err != nil {
				t.Fatal(format, size, err)
			}
			if n := judged[size].Rows; n < judgedRows*99/100 || n > judgedRows*101/100 {
				t.Errorf("%s: %d rows are judged", format, n)
			}
			if !reflect.DeepEqual(judged[size], judged[-1]) {
				t.Errorf("%s: with a cache of %d bytes, Judge finds %+v, not %+v", format, size, judged[size], judged[-1])
			}
		}
	}
}

// move renames files that have one ending to another.
func move(t *testing.T, files []string, to, from string) {
	t.Helper()
	for _, f := range files {
		if err := os.Rename(f+from, f+to); err != nil {
			t.Fatal(err)
		}
	}
}

// A model has the same bits, whatever is kept between passes.
func TestTrainCache(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this multiplies jobs on Prism: TestTrainCounters has one")
	}
	tab := classes(900, 1)
	for _, how := range []fitting.FitOptions{sgdOfTwo, exactOfTwo} {
		for _, format := range []string{"csv", "npy"} {
			input, reading := tab.cuts(t, t.TempDir(), format, 300, 450)
			j := &training{input: input, reading: reading, unitRows: 30, chunkRows: 50, fitting: how}
			var models []string
			for _, size := range []int64{-1, 0, 2_000, 20_000} { // of .csv most are in a file, and then all
				j.options = Options{Shards: 8, Seed: 5, Workers: placement.InProcess, CacheMemory: size}
				models = append(models, j.bytes(t))
			}
			if slices.Sort(models); models[0] != models[3] {
				t.Errorf("%s, %s: with another cache the model is\n%s\nnot\n%s", how.Solver, format, models[0], models[3])
			}
		}
	}
}

// Kept rows are lent as they stand, in whole batches; only a batch that begins in one chunk and ends in another is
// copied.
func TestKeptLent(t *testing.T) {
	k := newKept(1<<20, "")
	const unit, most = 8, 24
	var chunks []vectorio.Chunk
	first := int64(0)
	for ordinal, n := range []int{37, 5, 64} {
		rows := &vectors.Block{Dim: 1, DType: vectors.Float64}
		for i := range n {
			rows.F64, rows.Numbers = append(rows.F64, float64(i)), append(rows.Numbers, first+int64(i))
			rows.Target = append(rows.Target, 0)
		}
		c := vectorio.Chunk{Ordinal: int64(ordinal), First: first, Total: 106}
		c.Span.Rows = int64(n)
		k.whole.chunks[c.Ordinal] = []piece{{rows: rows}}
		chunks, first = append(chunks, c), first+int64(n)
	}
	f := &shardReader{dim: 1, unit: most, chunks: chunks, kept: k, pass: fitting.Pass{Batch: unit},
		reading: vectorio.Options{ChunkRows: most}}
	blocks := make(chan lent, 100)
	if err := f.read(t.Context(), blocks); err != nil {
		t.Fatal(err)
	}
	close(blocks)
	var sizes []string
	at := int64(0)
	for b := range blocks {
		sizes = append(sizes, fmt.Sprint(b.Len(), b.kept))
		for _, number := range b.Numbers {
			if number != at {
				t.Fatalf("row %d, want %d", number, at)
			}
			at++
		}
	}
	want := []string{"24 true", "8 true", "8 false", "8 false", "24 true", "24 true", "8 true", "2 false"}
	if at != first || f.rows != first || !slices.Equal(sizes, want) {
		t.Errorf("%d rows in %q, want %q", at, sizes, want)
	}
}
