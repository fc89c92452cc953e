package neighbors

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/vectors"
)

func fileBytes(t testing.TB, x *Index) []byte {
	t.Helper()
	var b bytes.Buffer
	stamp, err := x.WriteFile(&b, []byte("note"))
	if err != nil {
		t.Fatal(err)
	}
	if stamp.Size != int64(b.Len()) || stamp.CRC != binary.LittleEndian.Uint32(b.Bytes()[atCRC:]) {
		t.Fatalf("%d bytes, stamp %+v", b.Len(), stamp)
	}
	return b.Bytes()
}

func indexFile(t testing.TB, x *Index) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "x.index")
	if err := os.WriteFile(name, fileBytes(t, x), 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

// Every engine, metric, storage and kind of label comes back from a file, mapped or in memory, and answers the same.
func TestFile(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	rows := gaussianRows(r, 130, 5)
	queries := rowsBlock(gaussianRows(r, 9, 5), vectors.Auto)
	for _, o := range []Options{{}, {Metric: SqEuclidean}, {Metric: Cosine}, {Metric: InnerProduct}, {Metric: Manhattan},
		{Metric: Chebyshev}, {Metric: Minkowski, P: 1.5}, {Metric: Minkowski, P: 2}, {Metric: Hamming}} {
		for _, dtype := range []vectors.DType{vectors.Float32, vectors.Float64} {
			for label, put := range labels {
				if label != "row numbers" && o.Metric != "" && o.Metric != Cosine {
					continue // they have nothing to do with the metric
				}
				b := rowsBlock(rows, dtype)
				put(b)
				for engine, x := range fitted(t, b, o) {
					t.Run(fmt.Sprintf("%s %v/%v/%s/%s", o.Metric, o.P, dtype, label, engine), func(t *testing.T) {
						path := indexFile(t, x)
						mapped, err := MapFile(path)
						if err != nil {
							t.Fatal(err)
						}
						data, err := os.ReadFile(path)
						if err != nil {
							t.Fatal(err)
						}
						read, err := OpenBytes(data)
						if err != nil {
							t.Fatal(err)
						}
						all, found := kNeighbors(t, x, b, 6, Search{Self: true}), kNeighbors(t, x, queries, 20, Search{})
						radius := kNeighbors(t, x, queries, 3, Search{}).Distances[2]
						within := radiusNeighbors(t, x, queries, radius, Search{})
						part := kNeighbors(t, x, x.Rows(3, 90), 6, Search{Self: true})
						for _, y := range []*Index{mapped, read} {
							if err := y.Verify(math.MaxInt64); err != nil {
								t.Error(err)
							}
							checkSameIndex(t, y, x)
							if string(y.Note()) != "note" || y.Stamp().Size != int64(len(data)) {
								t.Errorf("note %q, stamp %+v", y.Note(), y.Stamp())
							}
							same(t, kNeighbors(t, y, b, 6, Search{Self: true}), all)
							same(t, kNeighbors(t, y, queries, 20, Search{}), found)
							same(t, radiusNeighbors(t, y, queries, radius, Search{}), within)
							same(t, kNeighbors(t, y, y.Rows(3, 90), 6, Search{Self: true}), part)
						}
						if engine != "plain" && !bytes.Equal(fileBytes(t, mapped), data) {
							t.Error("written again it has other bytes")
						}
						runtime.KeepAlive(mapped)
					})
				}
			}
		}
	}
}

// Rows whose squares overflow are rescaled for the cosine, in memory that is no file's.
func TestFileRescaled(t *testing.T) {
	rows := gaussianRows(rand.New(rand.NewPCG(3, 9)), 60, 7)
	for j := range rows[7] {
		rows[7][j] *= 0x1p900
	}
	b := rowsBlock(rows, vectors.Float64)
	for engine, x := range fitted(t, b, Options{Metric: Cosine}) {
		y, err := MapFile(indexFile(t, x))
		if err != nil {
			t.Fatal(engine, err)
		}
		same(t, kNeighbors(t, y, b, 9, Search{Self: true}), kNeighbors(t, x, b, 9, Search{Self: true}))
	}
}

// ask asks an index everything: whatever its values, no answer is out of bounds.
func ask(t *testing.T, x *Index) {
	t.Helper()
	q := &vectors.Block{Dim: x.Dim()}
	row := make([]float64, x.Dim())
	q.Append(row, x.Number(0))
	for j := range row {
		row[j] = float64(j%3) - 0.7
	}
	q.Append(row, x.Number(int32(x.Len()-1)))
	k := min(x.Len(), 14)
	for _, s := range []Search{{Threads: 1}, {Threads: 1, Self: true}} {
		for _, q := range []*vectors.Block{q, x.Rows(0, x.Len())} {
			kk := k
			if s.Self {
				kk = max(k-1, 1)
			}
			n, err := x.KNeighbors(q, kk, s)
			if err != nil {
				continue // of row numbers that are not in order
			}
			for _, p := range n.Positions {
				if p < 0 || int(p) >= x.Len() {
					t.Fatalf("neighbours %v", n.Positions)
				}
				x.ID(p)
			}
			r := n.Distances[len(n.Distances)-1]
			if math.IsNaN(r) {
				r = 1
			}
			if n, err = x.RadiusNeighbors(q, r, s); err != nil {
				t.Fatal(err)
			}
			for _, p := range n.Positions {
				x.ID(p)
			}
		}
	}
	x.DuplicateIDs()
}

// openDamaged opens a file that may be damaged, and asks it. Where its checksums are right, so are its bytes.
func openDamaged(t *testing.T, b, good []byte) {
	t.Helper()
	x, err := OpenBytes(b)
	if err != nil {
		if strings.Contains(err.Error(), "\n") {
			t.Fatalf("error %q", err)
		}
		return
	}
	ask(t, x)
	if err := x.Verify(math.MaxInt64); err == nil && good != nil && !bytes.Equal(b, good) {
		t.Fatal("a damaged file passes")
	}
}

// remade gives a header its checksum, so that what is behind it is looked at.
func remade(b []byte) []byte {
	if len(b) < headerBytes {
		return b
	}
	end := aligned(headerBytes + sectionBytes*int64(binary.LittleEndian.Uint32(b[atSections:])))
	if end > int64(len(b)) {
		return b
	}
	clear(b[atCRC : atCRC+4])
	binary.LittleEndian.PutUint32(b[atCRC:], crc32.Checksum(b[:end], castagnoli))
	return b
}

func TestDamagedFile(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this damages thousands of bytes of many files")
	}
	cuts, step := 5, 23 // between the lengths, and the bytes, that lie in sections
	if brief() {
		cuts, step = 97, 397
	}
	all := smallIndexes(t, fileBytes)
	for name, b := range smallIndexes(t, compactBytes) {
		all[name+", compact"] = b
	}
	for name, b := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := 0; n < len(b); n++ {
				if _, err := OpenBytes(b[:n]); err == nil {
					t.Fatalf("%d bytes of %d", n, len(b))
				}
				if n > headerBytes+sectionBytes*secEnd {
					n += cuts - 1
				}
			}
			if _, err := OpenBytes(append(slices.Clone(b), make([]byte, 64)...)); err == nil ||
				!strings.Contains(err.Error(), "cut, or written to") {
				t.Errorf("longer: %v", err)
			}
			for i := 0; i < len(b); i++ {
				c := slices.Clone(b)
				c[i] ^= []byte{1, 128, 255}[i%3]
				openDamaged(t, c, b)
				openDamaged(t, remade(c), nil)
				if i > headerBytes+sectionBytes*secEnd {
					i += step - 1
				}
			}
		})
	}
}

func TestFileFaults(t *testing.T) {
	b := smallIndexes(t, fileBytes)["brute"]
	put := func(at int, v uint64) []byte {
		c := slices.Clone(b)
		binary.LittleEndian.PutUint64(c[at:], v)
		return remade(c)
	}
	newer := slices.Clone(b)
	newer[atVersion] = 2
	flipped := slices.Clone(b)
	flipped[atN] ^= 1
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"empty":   {nil, `found an empty file, expected an index, as the command index writes them`},
		"foreign": {[]byte("\x93NUMPY\x01\x00 and so on"), `found an .npy file, expected an index`},
		"cut": {b[:len(b)-64], fmt.Sprintf("found an index of %d bytes, expected %d: it has been cut", len(b)-64,
			len(b))},
		"cut soon": {b[:100], "found an index that has been cut to 100 bytes"},
		"newer":    {newer, "found an index of version 2, expected version 1: build it anew"},
		"flipped":  {flipped, "the checksum of its header is"},
		"shape":    {put(atN, 13), "13 points of 2 columns with"},
		"wraps":    {put(atDim, 1<<31-1), "2147483647 columns with"},
		"no point": {put(atN, 0), "0 points of 2 columns"},
		"metric":   {put(atMetric, 0x32), `metric "2`},
		"section":  {put(headerBytes+8, 0), "a section of 4 bytes at byte 0"},
		"length":   {put(headerBytes+16, 1<<63), "a section of 9223372036854775808 bytes"},
	} {
		if _, err := OpenBytes(c.b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s", name, err, c.want)
		}
	}
	// The name of the file is part of the error.
	path := filepath.Join(t.TempDir(), "x.index")
	if err := os.WriteFile(path, b[:100], 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := MapFile(path); err == nil || !strings.HasPrefix(err.Error(), path+": found an index that has been cut") {
		t.Errorf("error %v", err)
	}
}

func FuzzOpenBytes(f *testing.F) {
	for _, b := range smallIndexes(f, fileBytes) {
		f.Add(b, true)
		f.Add(b[:300], true)
	}
	for _, b := range smallIndexes(f, compactBytes) {
		f.Add(b, true)
	}
	f.Fuzz(func(t *testing.T, b []byte, mend bool) {
		if mend {
			b = remade(b)
		}
		openDamaged(t, b, nil)
	})
}
