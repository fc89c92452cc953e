package overview

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"beamlearn/model/internal/elementary"
	"beamlearn/model/neighbors"
	"beamlearn/model/report"
	"beamlearn/model/vectors"
)

// What the map has: queries, and of each the first neighbours.
const (
	mapQueries   = 300
	mapNeighbors = 3
	mapBytes     = 4 << 20 // for all of their vectors
)

// mapRows is how many queries of so many columns are on the map.
func mapRows(dim int) int {
	return min(max(mapBytes/((1+mapNeighbors)*4*max(dim, 1)), 10), mapQueries)
}

// keptNeighbors is of how many neighbours of such a query the vectors are kept: those beyond mapNeighbors are for
// pictures alone.
func keptNeighbors(dim int) int {
	return min(max(mapBytes/(mapQueries*4*max(dim, 1))-1, mapNeighbors), sampleNeighbors)
}

// keep keeps the vectors of a query and of its first neighbours.
func (a *Answer) keep(q *vectors.Block, i int, positions []int32, point func(int32, []float64) []float64) {
	row := make([]float64, q.Dim)
	a.Point = encodeVector(q.Row(i, row))
	for _, p := range positions[:min(len(positions), keptNeighbors(q.Dim))] {
		a.Near = append(a.Near, encodeVector(point(p, row)))
	}
}

// encodeVector writes float32, little-endian: enough for a picture.
func encodeVector(v []float64) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(x)))
	}
	return b
}

func decodeVector(b []byte) []float64 {
	v := make([]float64, len(b)/4)
	for i := range v {
		v[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
	}
	return v
}

// atlas is the points of the map, each once.
type atlas struct {
	ids    []string
	rows   [][]float64
	query  []bool
	edges  [][2]int
	places map[string]int
	more   map[string][]float64 // that are not on the map
}

func (o *Overview) atlas() *atlas {
	t := &atlas{edges: [][2]int{}, places: map[string]int{}, more: map[string][]float64{}} // in JSON, none is no null
	for _, a := range o.Sample {
		if a.Point == nil {
			continue
		}
		from := t.add(a.ID, a.Point)
		t.query[from] = true
		for i, b := range a.Near {
			if i >= mapNeighbors {
				t.more[a.Neighbors[i]] = decodeVector(b)
				continue
			}
			if to := t.add(a.Neighbors[i], b); to != from {
				t.edges = append(t.edges, [2]int{from, to})
			}
		}
	}
	return t
}

func (t *atlas) add(id string, vector []byte) int {
	at, ok := t.places[id]
	if !ok {
		at = len(t.ids)
		t.places[id] = at
		t.ids, t.rows, t.query = append(t.ids, id), append(t.rows, decodeVector(vector)), append(t.query, false)
	}
	return at
}

// mapData is what the script gets.
type mapData struct {
	IDs    []string        `json:"ids"`
	Texts  []string        `json:"texts,omitempty"`
	Query  []bool          `json:"query"`
	X      []report.Number `json:"x"`
	Y      []report.Number `json:"y"`
	Edges  [][2]int        `json:"edges"`
	XLabel string          `json:"xlabel"`
	YLabel string          `json:"ylabel"`
}

// mapSection is the map: the points of the sample along the two directions in which they differ most. ok is false
// where no worker had the points.
func (o *Overview) mapSection(v *View, t *atlas) (s report.Section, ok bool, err error) {
	if len(t.rows) < 3 {
		return s, false, nil
	}
	rows := make([][]float64, len(t.rows))
	for i, r := range t.rows {
		rows[i] = r
		if v.Metric == string(neighbors.Cosine) {
			rows[i] = normalised(r)
		}
	}
	x, y, shares := project(rows)
	shownX, shownY, far := atEdge(x, y)
	d := &mapData{IDs: t.ids, Query: t.query, X: report.Numbers(shownX), Y: report.Numbers(shownY), Edges: t.edges}
	d.XLabel = fmt.Sprintf("component 0 (%s of the variance)", report.Percent(shares[0]))
	d.YLabel = fmt.Sprintf("component 1 (%s)", report.Percent(shares[1]))
	table := report.Table{Caption: "The points of the map", Columns: []string{"point", "component 0", "component 1"},
		Folded: true}
	queries := 0
	for i, id := range t.ids {
		if v.Texts != nil {
			d.Texts = append(d.Texts, strings.ReplaceAll(v.Texts(id), "\t", " "))
		}
		if t.query[i] {
			queries++
		}
		if i < tableRows {
			table.Rows = append(table.Rows, []string{v.name(id), report.Format(x[i]), report.Format(y[i])})
		}
	}
	table.Left = len(t.ids) - len(table.Rows)
	lead := fmt.Sprintf("%d of the queries and up to %d neighbours of each, with a line to the nearest (point at one "+
		"to see all of its lines), in the plane in which they differ most (PCA). Near on the map need not be near: it "+
		"shows %s of the variance.",
		queries, mapNeighbors, report.Percent(shares[0]+shares[1]))
	if v.Metric == string(neighbors.Cosine) {
		lead += " Rows are brought to length 1 before, as the cosine sees them."
	}
	if far > 0 {
		lead += fmt.Sprintf(" Points far from all others, %d of them, stand at the edge, on the side on which they are.", far)
	}
	w, err := report.ReadWidget(assets, "map", d)
	if err != nil {
		return s, false, err
	}
	return report.Section{ID: "map", Title: "The map", Lead: lead, Blocks: []report.Block{w, table}}, true, nil
}

// atEdge brings the points that are so far away that all others would be one spot to the edge of these, and says how
// many that are.
func atEdge(x, y []float64) (shownX, shownY []float64, far int) {
	within := func(v []float64) (lo, hi float64) { return report.Fences(slices.Sorted(slices.Values(v))) }
	loX, hiX := within(x)
	loY, hiY := within(y)
	shownX, shownY = make([]float64, len(x)), make([]float64, len(y))
	for i := range x {
		shownX[i], shownY[i] = min(max(x[i], loX), hiX), min(max(y[i], loY), hiY)
		if shownX[i] != x[i] || shownY[i] != y[i] {
			far++
		}
	}
	return shownX, shownY, far
}

func normalised(r []float64) []float64 {
	n := 0.0
	for _, v := range r {
		n = elementary.Hypot(n, v)
	}
	u := make([]float64, len(r))
	for j, v := range r {
		if n > 0 {
			u[j] = v / n
		}
	}
	return u
}

// project gives the coordinates of rows along their first two principal components, and the share of the variance of
// each. It finds them by orthogonal iteration (Golub and Van Loan: Matrix Computations, section 8.2.4), which is
// enough for a picture. The largest loading of a component is positive. O(rows·columns).
func project(rows [][]float64) (x, y []float64, shares [2]float64) {
	const width, rounds = 4, 60 // more directions than two: these then converge soon
	d := len(rows[0])
	mean := make([]float64, d)
	for _, r := range rows {
		for j, v := range r {
			mean[j] += v / float64(len(rows))
		}
	}
	centred, total := make([][]float64, len(rows)), 0.0
	for i, r := range rows {
		centred[i] = make([]float64, d)
		for j, v := range r {
			centred[i][j] = v - mean[j]
			total += float64(centred[i][j] * centred[i][j])
		}
	}
	k := min(width, d)
	axes := make([][]float64, k)
	for a := range axes {
		axes[a] = make([]float64, d)
		for j := range axes[a] { // begin anywhere
			axes[a][j] = float64(rank(int64(a*d+j))>>11)/(1<<53) - 0.5
		}
	}
	orthonormal(axes)
	along := make([][]float64, k)
	for range rounds {
		for a, u := range axes {
			along[a] = make([]float64, len(centred))
			for i, r := range centred {
				along[a][i] = dot(r, u)
			}
		}
		for a := range axes {
			clear(axes[a])
			for i, r := range centred {
				for j, v := range r {
					axes[a][j] += float64(v * along[a][i])
				}
			}
		}
		orthonormal(axes)
	}
	coordinates := func(a int) []float64 {
		c := make([]float64, len(rows))
		if a >= k {
			return c // there is one column
		}
		most := 0
		for j, v := range axes[a] {
			if math.Abs(v) > math.Abs(axes[a][most]) {
				most = j
			}
		}
		sign := math.Copysign(1, axes[a][most])
		for i, r := range centred {
			c[i] = sign * dot(r, axes[a])
			if total > 0 {
				shares[a] += float64(c[i]*c[i]) / total
			}
		}
		return c
	}
	return coordinates(0), coordinates(1), shares
}

// orthonormal makes vectors orthogonal and of length 1, one after the other; what depends on those before becomes 0.
func orthonormal(v [][]float64) {
	for a, u := range v {
		for range 2 { // once is not enough where they are nearly parallel
			for _, w := range v[:a] {
				c := dot(u, w)
				for j := range u {
					u[j] -= float64(c * w[j])
				}
			}
		}
		if n := math.Sqrt(dot(u, u)); n > 1e-150 {
			for j := range u {
				u[j] /= n
			}
		} else {
			clear(u)
		}
	}
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for j, v := range a {
		sum += float64(v * b[j])
	}
	return sum
}

// pictures are the points that are kept as pictures of a byte a pixel, from the least value (0) to the greatest, by id.
func (t *atlas) pictures() map[string]string {
	lo, hi := math.Inf(1), math.Inf(-1)
	known := maps.Clone(t.more)
	for i, r := range t.rows {
		known[t.ids[i]] = r
	}
	for _, r := range known {
		lo, hi = min(lo, slices.Min(r)), max(hi, slices.Max(r))
	}
	all := map[string]string{}
	for id, r := range known {
		b := make([]byte, len(r))
		for j, v := range r {
			if hi > lo {
				b[j] = byte(math.Round((v - lo) / (hi - lo) * 255))
			}
		}
		all[id] = base64.StdEncoding.EncodeToString(b)
	}
	return all
}
