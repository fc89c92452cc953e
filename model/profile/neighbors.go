package profile

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
	"beamlearn/model/vectors"
)

// Neighbors is what a file of neighbours holds, as package results writes it.
type Neighbors struct {
	Files     []File `json:"files"`
	Queries   int64  `json:"queries"` // of .csv those with neighbours
	Neighbors int64  `json:"neighbors"`
	// MinK and MaxK are the fewest and the most neighbours of a query.
	MinK int64 `json:"min_k"`
	MaxK int64 `json:"max_k"`
	// MinDistance and MaxDistance are those of the finite distances, MeanLast the mean of each query's largest, and
	// NotFinite the number of the others.
	MinDistance float64 `json:"min_distance"`
	MeanLast    float64 `json:"mean_last_distance"`
	MaxDistance float64 `json:"max_distance"`
	NotFinite   int64   `json:"not_finite_distances"`
	// Points is the number of different points among the neighbours; Hubs are those that are it most often.
	Points int64 `json:"points"`
	Hubs   []Hub `json:"hubs"`
	// HubsOf is the number of neighbours that were counted for Points and Hubs: all but those of points that first came
	// after the first 4,194,304 different ones.
	HubsOf int64 `json:"hubs_of"`
}

// Hub is a point that is often a neighbour.
type Hub struct {
	ID    string `json:"id"`
	Times int64  `json:"times"`
}

const (
	mostPoints = 1 << 22
	mostHubs   = 5
)

// counter adds up neighbours.
type counter struct {
	n      Neighbors
	times  map[string]int64
	last   float64 // sum
	finite int64   // queries with a finite last distance
}

func newCounter() *counter {
	return &counter{n: Neighbors{MinK: math.MaxInt64, MinDistance: math.Inf(1), MaxDistance: math.Inf(-1)},
		times: map[string]int64{}}
}

// query counts the distances of one query.
func (c *counter) query(distances []float64) {
	k := int64(len(distances))
	c.n.Queries++
	c.n.Neighbors += k
	c.n.MinK, c.n.MaxK = min(c.n.MinK, k), max(c.n.MaxK, k)
	last := math.Inf(-1)
	for _, d := range distances {
		if d-d != 0 {
			c.n.NotFinite++
			continue
		}
		c.n.MinDistance, c.n.MaxDistance, last = min(c.n.MinDistance, d), max(c.n.MaxDistance, d), max(last, d)
	}
	if last >= 0 || last < 0 && !math.IsInf(last, -1) {
		c.last += last
		c.finite++
	}
}

func (c *counter) neighbor(id []byte) {
	n, known := c.times[string(id)]
	if !known && len(c.times) >= mostPoints {
		return
	}
	c.times[string(id)] = n + 1
	c.n.HubsOf++
}

func (c *counter) end(files ...formats.File) *Neighbors {
	n := &c.n
	for _, f := range files {
		n.Files = append(n.Files, File{Name: f.Name(), Bytes: f.Size(), Rows: n.Queries})
	}
	if n.Queries == 0 {
		n.MinK = 0
	}
	if c.finite > 0 {
		n.MeanLast = c.last / float64(c.finite)
	} else {
		n.MinDistance, n.MaxDistance = 0, 0 // JSON has no infinities
	}
	n.Points = int64(len(c.times))
	for id, times := range c.times {
		n.Hubs = append(n.Hubs, Hub{id, times})
	}
	slices.SortFunc(n.Hubs, func(a, b Hub) int {
		return cmp.Or(-cmp.Compare(a.Times, b.Times), cmp.Compare(len(a.ID), len(b.ID)), strings.Compare(a.ID, b.ID))
	})
	n.Hubs = slices.Clone(n.Hubs[:min(len(n.Hubs), mostHubs)])
	return n
}

const neighborsHeader = "query_id,rank,neighbor_id,distance"

// firstLine is the beginning of a text file, up to the end of its first line.
func firstLine(ctx context.Context, f formats.File) (string, error) {
	r, err := f.OpenRange(ctx, 0, min(f.Size(), 1<<20))
	if err != nil {
		return "", err
	}
	line, err := bufio.NewReader(r).ReadString('\n')
	if err == io.EOF {
		err = nil
	}
	return strings.TrimRight(line, "\r\n"), errors.Join(err, r.Close())
}

// IsNeighbors reports whether a file holds neighbours, by its first line, or by the columns of a .parquet.
func IsNeighbors(ctx context.Context, f formats.File) bool {
	switch format, err := formats.Detect(f.Name()); {
	case err != nil || f.Size() == 0:
		return false
	case format == "parquet":
		columns, err := formats.ParquetColumns(ctx, f)
		return err == nil && len(columns) == 3 && columns[0].Name == "id" &&
			columns[1].Name == "neighbors" && strings.HasPrefix(columns[1].Type, "lists of ") &&
			columns[2].Name == "distances" && columns[2].Type == "lists of number"
	case format == "csv":
		line, err := firstLine(ctx, f)
		return err == nil && line == neighborsHeader
	case format == "jsonl":
		line, err := firstLine(ctx, f)
		var keys map[string]json.RawMessage
		return err == nil && json.Unmarshal([]byte(line), &keys) == nil && keys["neighbors"] != nil &&
			keys["distances"] != nil
	}
	return false
}

// NeighborsOf counts the neighbours of a .csv, .jsonl or .parquet, or of the files that such an output was cut into.
func NeighborsOf(ctx context.Context, all ...formats.File) (*Neighbors, error) {
	c := newCounter()
	var queries []int64 // of each file
	for _, f := range all {
		format, err := formats.Detect(f.Name())
		if err != nil {
			return nil, err
		}
		switch format {
		case "csv":
			err = read(ctx, f, c.csv)
		case "jsonl":
			err = read(ctx, f, c.jsonl)
		case "parquet":
			err = c.parquet(ctx, f)
		default:
			err = fault.File(f.Name(), "neighbours: .csv, .jsonl, .parquet or two .npy", "the format %s", format)
		}
		if err != nil {
			return nil, err
		}
		queries = append(queries, c.n.Queries-sum(queries))
	}
	n := c.end(all...)
	for i, q := range queries {
		n.Files[i].Rows = q
	}
	return n, nil
}

func sum(all []int64) (total int64) {
	for _, v := range all {
		total += v
	}
	return total
}

// parquet counts the neighbours of a .parquet: integers or texts, as many of each query or not.
func (c *counter) parquet(ctx context.Context, f formats.File) error {
	row := int64(0)
	return formats.EachRecord(ctx, f, []string{"neighbors", "distances"}, func(record arrow.RecordBatch) error {
		ids, ok1 := record.Column(0).(array.ListLike)
		distances, ok2 := record.Column(1).(array.ListLike)
		if !ok1 || !ok2 {
			return fault.File(f.Name(), "lists of neighbours and of distances", "%s and %s", record.Column(0).DataType(),
				record.Column(1).DataType())
		}
		values, ok := distances.ListValues().(*array.Float64)
		if !ok {
			return fault.File(f.Name(), "distances that are numbers", "%s", distances.DataType())
		}
		for i := range int(record.NumRows()) {
			lo, hi := distances.ValueOffsets(i)
			from, to := ids.ValueOffsets(i)
			if to-from != hi-lo {
				return &fault.Fault{File: f.Name(), Row: row, Found: fmt.Sprintf("%d neighbors and %d distances", to-from, hi-lo),
					Expected: "as many of both"}
			}
			c.query(values.Float64Values()[lo:hi])
			for j := from; j < to; j++ {
				c.neighbor([]byte(ids.ListValues().ValueStr(int(j))))
			}
			row++
		}
		return nil
	})
}

// NeighborsOfNPY counts those of NAME.indices.npy and NAME.distances.npy.
func NeighborsOfNPY(ctx context.Context, indices, distances formats.File) (*Neighbors, error) {
	c := newCounter()
	o := formats.Options{DType: vectors.Float64}
	if err := each(ctx, distances, o, c.query); err != nil {
		return nil, err
	}
	if err := each(ctx, indices, o, c.integers); err != nil {
		return nil, err
	}
	if found := c.n.HubsOf; found != c.n.Neighbors && len(c.times) < mostPoints {
		return nil, fault.File(indices.Name(), fmt.Sprintf("%d neighbours, as %s has distances", c.n.Neighbors,
			distances.Name()), "%d", found)
	}
	return c.end(indices, distances), nil
}

func (c *counter) integers(row []float64) {
	var b [24]byte
	for _, v := range row {
		c.neighbor(strconv.AppendInt(b[:0], int64(v), 10))
	}
}

// each reads the rows of a file.
func each(ctx context.Context, f formats.File, o formats.Options, row func([]float64)) (err error) {
	src, err := formats.Inspect(ctx, f, o)
	if err != nil {
		return err
	}
	spans, err := formats.Spans(ctx, src)
	if err != nil {
		return err
	}
	b := &vectors.Block{Dim: src.Dim(), DType: vectors.Float64}
	for _, s := range spans {
		r, err := src.Read(ctx, s)
		if err != nil {
			return err
		}
		for err == nil {
			b.Reset()
			err = r.Read(b, chunkRows)
			for i := range b.Len() {
				row(b.Row(i, nil))
			}
		}
		if err == io.EOF {
			err = ctx.Err()
		}
		if err = errors.Join(err, r.Close()); err != nil {
			return err
		}
	}
	return nil
}

// read reads a whole text.
func read(ctx context.Context, f formats.File, parse func(ctx context.Context, name string, r io.Reader) error) error {
	r, err := f.OpenRange(ctx, 0, -1)
	if err != nil {
		return err
	}
	return errors.Join(parse(ctx, f.Name(), r), r.Close())
}

func (c *counter) csv(ctx context.Context, name string, r io.Reader) error {
	in := csv.NewReader(bufio.NewReaderSize(r, 1<<20))
	in.FieldsPerRecord, in.ReuseRecord = 4, true
	if _, err := in.Read(); err != nil {
		return fault.File(name, neighborsHeader, "%v", err)
	}
	var distances []float64
	for row := int64(0); ; row++ {
		record, err := in.Read()
		if err == io.EOF {
			break
		}
		bad := func(column, found, expected string) error {
			return &fault.Fault{File: name, Row: row, Column: column, Found: found, Expected: expected}
		}
		if err != nil {
			return bad("", err.Error(), "four fields: "+neighborsHeader)
		}
		if row%chunkRows == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if record[1] == "1" && row > 0 {
			c.query(distances)
			distances = distances[:0]
		}
		if record[1] != strconv.Itoa(len(distances)+1) {
			return bad("rank", fault.Quote(record[1]), strconv.Itoa(len(distances)+1))
		}
		d, err := strconv.ParseFloat(record[3], 64)
		if err != nil {
			return bad("distance", fault.Quote(record[3]), "a number")
		}
		distances = append(distances, d)
		c.neighbor([]byte(record[2]))
	}
	if len(distances) > 0 {
		c.query(distances)
	}
	return nil
}

// maxLine bounds a line of JSON.
const maxLine = 64 << 20

func (c *counter) jsonl(ctx context.Context, name string, r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 1<<20), maxLine)
	var distances []float64
	for row := int64(0); lines.Scan(); row++ {
		var q struct {
			Neighbors []json.RawMessage `json:"neighbors"`
			Distances []*float64        `json:"distances"`
		}
		bad := func(found string) error {
			return &fault.Fault{File: name, Row: row, Found: found,
				Expected: `{"id":…,"neighbors":[…],"distances":[…]}, as many of both`}
		}
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			return bad(err.Error())
		}
		if len(q.Neighbors) != len(q.Distances) {
			return bad(fmt.Sprintf("%d neighbors and %d distances", len(q.Neighbors), len(q.Distances)))
		}
		if row%chunkRows == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		distances = distances[:0]
		for i, d := range q.Distances {
			if d == nil {
				distances = append(distances, math.NaN()) // null is what is not finite
			} else {
				distances = append(distances, *d)
			}
			id := q.Neighbors[i]
			if text := ""; bytes.HasPrefix(id, []byte(`"`)) && json.Unmarshal(id, &text) == nil {
				id = []byte(text)
			}
			c.neighbor(id)
		}
		c.query(distances)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
