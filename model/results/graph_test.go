package results

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"beamlearn/model/neighbors"
	"beamlearn/model/vectors"
)

// graphMembers are the names and the contents of an archive.
func graphMembers(t *testing.T, b []byte) (names []string, contents map[string][]byte) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	contents = map[string][]byte{}
	for _, f := range z.File {
		if f.Method != zip.Store {
			t.Errorf("%s has method %d", f.Name, f.Method)
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if contents[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		names = append(names, f.Name)
	}
	return names, contents
}

// queriedRows are the rows of small's queries: 1 was left out of the input.
var queriedRows = []int64{0, 2, 3, 4}

// small is the graph of testdata/fixtures.py.
func small() *answer {
	a := &answer{neighbors: &neighbors.Neighbors{
		Offsets: []int64{0, 2, 5, 6, 6}, Positions: []int32{3, 0, 6, 1, 0, 2},
		Distances: []float64{0, 0.1, 1e-17, 2.5, 2.5, 1e300},
	}}
	for _, row := range queriedRows {
		a.queries = append(a.queries, vectors.ID{Int: row})
	}
	for i := range 7 {
		a.points = append(a.points, number(i))
	}
	return a
}

// graph writes a small graph in parts that end at the cuts.
func (a *answer) graph(t *testing.T, f *Format, l Layout, cuts ...int) []byte {
	t.Helper()
	infos := []Info{{Queries: 5, Points: 7}} // the shape
	parts := []Part{{Info: infos[0]}}
	from := 0
	for _, to := range append(cuts, a.neighbors.Len()) {
		data := make([]bytes.Buffer, f.PartFiles(l))
		var writers []io.Writer
		for i := range data {
			writers = append(writers, &data[i])
		}
		w := f.NewPart(writers, l)
		c := a.chunk(from, to)
		c.Row = func(i int) int64 { return queriedRows[i] }
		c.Column = func(p int32) int64 { return int64(p) }
		if err := w.Write(c); err != nil {
			t.Fatal(err)
		}
		info, err := w.Close()
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, Part{info, func(file int) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(data[file].Bytes())), nil
		}})
		from = to
	}
	var b bytes.Buffer
	if err := f.Assemble(0, &b, parts, l); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The members of .npz are those of scipy.sparse.save_npz, byte for byte (testdata/fixtures.py).
func TestNPZLikeSciPy(t *testing.T) {
	names, want := graphMembers(t, golden(t, "graph.npz"))
	a := small()
	whole := a.graph(t, npzFormat, Layout{K: 3})
	found, got := graphMembers(t, whole)
	if !slices.Equal(names, found) {
		t.Errorf("members %v, expected %v", found, names)
	}
	for name := range want {
		if !bytes.Equal(got[name], want[name]) {
			t.Errorf("%s: got %q, expected %q", name, got[name], want[name])
		}
	}
	for _, cuts := range [][]int{{0}, {1}, {2, 2, 3}, {4}} {
		if !bytes.Equal(a.graph(t, npzFormat, Layout{}, cuts...), whole) {
			t.Errorf("cuts %v: other bytes", cuts)
		}
	}
	_, ones := graphMembers(t, a.graph(t, npzFormat, Layout{Connectivity: true}))
	values := ones["data.npy"][128:]
	for len(values) > 0 {
		if v := math.Float64frombits(binary.LittleEndian.Uint64(values)); v != 1 {
			t.Errorf("the connectivity %v", v)
		}
		values = values[8:]
	}
	if len(ones["data.npy"]) != 128+6*8 || !bytes.Equal(ones["indices.npy"], want["indices.npy"]) {
		t.Errorf("connectivity: %d bytes of data, indices %q", len(ones["data.npy"]), ones["indices.npy"])
	}
}

// Beyond int32, indices are int64, as scipy has them: here the number of points alone.
func TestNPZWide(t *testing.T) {
	var b bytes.Buffer
	if err := npzFormat.Assemble(0, &b, []Part{{Info: Info{Queries: 3, Points: math.MaxInt32 + 1}}},
		Layout{}); err != nil {
		t.Fatal(err)
	}
	_, got := graphMembers(t, b.Bytes())
	if p := got["indptr.npy"]; !bytes.Contains(p, []byte("'<i8'")) || len(p) != 128+4*8 {
		t.Errorf("indptr %q", p)
	}
	b.Reset()
	if err := npzFormat.Assemble(0, &b, []Part{{Info: Info{Queries: 3, Points: math.MaxInt32}}}, Layout{}); err != nil {
		t.Fatal(err)
	}
	_, got = graphMembers(t, b.Bytes())
	if p := got["indptr.npy"]; !bytes.Contains(p, []byte("'<i4'")) || len(p) != 128+4*4 {
		t.Errorf("indptr %q", p)
	}
}

func TestMTX(t *testing.T) {
	a := small()
	const want = "%%MatrixMarket matrix coordinate real general\n5 7 6\n1 4 0\n1 1 0.1\n3 7 1e-17\n3 2 2.5\n3 1 2.5\n4 " +
		"3 1e+300\n"
	if got := string(a.graph(t, mtxFormat, Layout{}, 1, 3)); got != want {
		t.Errorf("got %q", got)
	}
	const pattern = "%%MatrixMarket matrix coordinate pattern general\n5 7 6\n1 4\n1 1\n3 7\n3 2\n3 1\n4 3\n"
	if got := string(a.graph(t, mtxFormat, Layout{Connectivity: true})); got != pattern {
		t.Errorf("got %q", got)
	}
}

// Parts that do not belong together are no graph.
func TestNPZRefused(t *testing.T) {
	a := small()
	for _, c := range []struct {
		name   string
		change func(parts []Part)
	}{
		{"fewer columns", func(p []Part) { p[0].Info.Points = 6 }},
		{"fewer rows", func(p []Part) { p[0].Info.Queries = 4 }},
		{"twice the rows", func(p []Part) { p[0] = p[1] }},
		{"more edges", func(p []Part) { p[1].Info.Neighbors++ }},
	} {
		w := make([]bytes.Buffer, npzPartFiles)
		p := npzFormat.NewPart([]io.Writer{&w[0], &w[1], &w[2]}, Layout{})
		chunk := a.chunk(0, 4)
		chunk.Row, chunk.Column = func(i int) int64 { return queriedRows[i] }, func(p int32) int64 { return int64(p) }
		if err := p.Write(chunk); err != nil {
			t.Fatal(err)
		}
		info, err := p.Close()
		if err != nil {
			t.Fatal(err)
		}
		part := Part{info, func(file int) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(w[file].Bytes())),
				nil
		}}
		parts := []Part{{Info: Info{Queries: 5, Points: 7}}, part}
		c.change(parts)
		if err := npzFormat.Assemble(0, io.Discard, parts, Layout{}); err == nil {
			t.Errorf("%s: assembled", c.name)
		}
	}
}

// Neighbours in every form, of integer ids and of texts, some of which no neighbour follows.
func TestForms(t *testing.T) {
	a := small()
	a.points[3] = vectors.ID{Text: `a,"b`}
	lines := func(s ...string) string { return strings.Join(s, "\n") + "\n" }
	for _, c := range []struct {
		f    *Format
		l    Layout
		want string
	}{
		{csvFormat, Layout{Form: Nested}, lines("id,neighbors,distances",
			`0,"[""a,\""b"",0]","[0,0.1]"`, `2,"[6,1,0]","[1e-17,2.5,2.5]"`, "3,[2],[1e+300]", "4,[],[]")},
		{csvFormat, Layout{Form: Edges}, lines("source,target,distance",
			`0,"a,""b",0`, "0,0,0.1", "2,6,1e-17", "2,1,2.5", "2,0,2.5", "3,2,1e+300")},
		{csvFormat, Layout{Form: Edges, Connectivity: true}, lines("source,target", `0,"a,""b"`, "0,0", "2,6", "2,1", "2,0",
			"3,2")},
		{csvFormat, Layout{Similarity: OneMinusDistance}, lines("query_id,rank,neighbor_id,distance,similarity",
			`0,1,"a,""b",0,1`, "0,2,0,0.1,0.9", "2,1,6,1e-17,1", "2,2,1,2.5,-1.5", "2,3,0,2.5,-1.5", "3,1,2,1e+300,-1e+300")},
		{jsonlFormat, Layout{Form: Long, Similarity: MinusDistance}, lines(
			`{"query_id":0,"rank":1,"neighbor_id":"a,\"b","distance":0,"similarity":0}`,
			`{"query_id":0,"rank":2,"neighbor_id":0,"distance":0.1,"similarity":-0.1}`,
			`{"query_id":2,"rank":1,"neighbor_id":6,"distance":1e-17,"similarity":-1e-17}`,
			`{"query_id":2,"rank":2,"neighbor_id":1,"distance":2.5,"similarity":-2.5}`,
			`{"query_id":2,"rank":3,"neighbor_id":0,"distance":2.5,"similarity":-2.5}`,
			`{"query_id":3,"rank":1,"neighbor_id":2,"distance":1e+300,"similarity":-1e+300}`)},
		{jsonlFormat, Layout{Form: Edges, Connectivity: true},
			lines(`{"source":0,"target":"a,\"b"}`, `{"source":0,"target":0}`,
				`{"source":2,"target":6}`, `{"source":2,"target":1}`, `{"source":2,"target":0}`, `{"source":3,"target":2}`)},
		{jsonlFormat, Layout{Form: Nested, Similarity: OneMinusDistance}, lines(
			`{"id":0,"neighbors":["a,\"b",0],"distances":[0,0.1],"similarities":[1,0.9]}`,
			`{"id":2,"neighbors":[6,1,0],"distances":[1e-17,2.5,2.5],"similarities":[1,-1.5,-1.5]}`,
			`{"id":3,"neighbors":[2],"distances":[1e+300],"similarities":[-1e+300]}`,
			`{"id":4,"neighbors":[],"distances":[],"similarities":[]}`)},
	} {
		if got := string(a.write(t, c.f, c.l, 1, 2)[0]); got != c.want {
			t.Errorf("%s, %+v: got\n%sexpected\n%s", c.f.Name, c.l, got, c.want)
		}
	}
}

// A row for each neighbour in .parquet, by integer ids and by texts.
func TestParquetForms(t *testing.T) {
	texts := small()
	texts.points[3] = vectors.ID{Text: "a"}
	for _, c := range []struct {
		a    *answer
		l    Layout
		want string
	}{
		{small(), Layout{Form: Long}, "query_id=0 rank=1 neighbor_id=3 distance=0|query_id=0 rank=2 neighbor_id=0 " +
			"distance=0.1|" +
			"query_id=2 rank=1 neighbor_id=6 distance=1e-17|query_id=2 rank=2 neighbor_id=1 distance=2.5|" +
			"query_id=2 rank=3 neighbor_id=0 distance=2.5|query_id=3 rank=1 neighbor_id=2 distance=1e+300|"},
		{texts, Layout{Form: Edges, Connectivity: true},
			"source=0 target=a|source=0 target=0|source=2 target=6|source=2 target=1|" +
				"source=2 target=0|source=3 target=2|"},
		{texts, Layout{Form: Nested, Similarity: OneMinusDistance},
			`id=0 neighbors=["a","0"] distances=[0,0.1] similarities=[1,0.9]|` +
				`id=2 neighbors=["6","1","0"] distances=[1e-17,2.5,2.5] similarities=[1,-1.5,-1.5]|` +
				`id=3 neighbors=["2"] distances=[1e+300] similarities=[-1e+300]|id=4 neighbors=[] distances=[] similarities=[]|`},
	} {
		b := c.a.write(t, parquetFormat, c.l, 1, 2)[0]
		table := readAny(t, b)
		var got strings.Builder
		for row := range int(table.NumRows()) {
			for i, f := range table.Schema().Fields() {
				if i > 0 {
					got.WriteByte(' ')
				}
				got.WriteString(f.Name + "=" + table.Column(i).Data().Chunk(0).ValueStr(row))
			}
			got.WriteByte('|')
		}
		if got.String() != c.want {
			t.Errorf("%+v: got\n%s\nexpected\n%s", c.l, got.String(), c.want)
		}
	}
}

// What a format cannot store is said by Check.
func TestCheckForms(t *testing.T) {
	table := []Column{{Name: "half", Type: Float}}
	for _, c := range []struct {
		f    *Format
		l    Layout
		want string
	}{
		{npzFormat, Layout{}, ""},
		{npzFormat, Layout{Connectivity: true}, ""},
		{csvFormat, Layout{Form: Edges, Connectivity: true}, ""},
		{npzFormat, Layout{Columns: table},
			".npz holds graphs of neighbours, no tables: write .csv, .jsonl, .parquet or .npy"},
		{mtxFormat, Layout{Form: Long}, "layout long: .mtx has a layout of its own: write .csv, .jsonl or .parquet"},
		{npyFormat, Layout{K: 1, Form: Nested},
			"layout nested: .npy has a layout of its own: write .csv, .jsonl or .parquet"},
		{csvFormat, Layout{Form: "wide"}, `layout "wide": must be one of long, nested, edges`},
		{csvFormat, Layout{Connectivity: true},
			"mode connectivity is of graphs: write .npz, .mtx, or the layout edges (.csv)"},
		{npzFormat, Layout{Similarity: MinusDistance}, "similarities go into .csv, .jsonl and .parquet, not into .npz"},
		{csvFormat, Layout{Form: Edges, Connectivity: true, Similarity: MinusDistance},
			"mode connectivity leaves out distances, and similarities with them"},
		{csvFormat, Layout{Columns: table, Form: Long}, "a table has no form, connectivity or similarity of neighbours"},
	} {
		got := ""
		if err := c.f.Check(c.l); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s, %+v: got %q, expected %q", c.f.Name, c.l, got, c.want)
		}
	}
}

// A column of ids, of integers and of texts, in each format that has one.
func TestTableOfIDs(t *testing.T) {
	l := Layout{Columns: []Column{{Name: "group", Type: ID}, {Name: "size", Type: Int}}}
	names := []vectors.ID{{Int: 7}, {Int: 8}, {Int: 9}}
	for _, c := range []struct {
		f          *Format
		refs       []vectors.ID
		want, part string
	}{
		{csvFormat, []vectors.ID{{Int: 7}, {Text: "a,b"}, {Int: 7}}, "id,group,size\n7,7,1\n8,\"a,b\",2\n9,7,3\n", ""},
		{jsonlFormat, []vectors.ID{{Int: 7}, {Text: "a"}, {Int: 7}},
			`{"id":7,"group":7,"size":1}` + "\n" + `{"id":8,"group":"a","size":2}` + "\n" + `{"id":9,"group":7,"size":3}` +
				"\n", ""},
		{parquetFormat, names, "id=7 group=7 size=1|id=8 group=8 size=2|id=9 group=9 size=3|", "int64"},
		{parquetFormat, []vectors.ID{{Int: 7}, {Text: "a"}, {Int: 7}},
			"id=7 group=7 size=1|id=8 group=a size=2|id=9 group=7 size=3|", "utf8"},
	} {
		var b, out bytes.Buffer
		w := c.f.NewPart([]io.Writer{&b}, l)
		err := w.WriteTable(&Table{
			ID: func(i int) vectors.ID { return names[i] }, Ref: func(i int) vectors.ID { return c.refs[i] },
			Values: []float64{0, 1, 0, 2, 0, 3}, From: 0, To: 3,
		})
		if err != nil {
			t.Fatal(err)
		}
		info, err := w.Close()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.f.Assemble(0, &out, []Part{{info, open(b.Bytes())}}, l); err != nil {
			t.Fatal(err)
		}
		got := out.String()
		if c.f == parquetFormat {
			table := readAny(t, out.Bytes())
			got = ""
			for row := range int(table.NumRows()) {
				for i, f := range table.Schema().Fields() {
					got += strings.Repeat(" ", min(i, 1)) + f.Name + "=" + table.Column(i).Data().Chunk(0).ValueStr(row)
				}
				got += "|"
			}
			for _, i := range []int{0, 1} {
				if name := table.Schema().Field(i).Type.Name(); name != c.part {
					t.Errorf("column %d is of type %s, expected %s", i, name, c.part)
				}
			}
		}
		if got != c.want {
			t.Errorf("%s: got %q, expected %q", c.f.Name, got, c.want)
		}
	}
	if err := npyFormat.Check(l); err == nil {
		t.Error("ids in a table of .npy")
	}
}
