package ivf

import (
	"math"
	"unsafe"

	"beamlearn/model/neighbors/internal/tile"
)

// panels are vectors in int8, each with a scale of its own, less a common centre, in the layout of package tile. Half
// the squared distance of two is Halves of both less their product.
type panels struct {
	kernels  *tile.Kernels
	n, words int
	bytes    []int8
	scales   []float32
	halves   []float32
	offsets  []int32
	most     float32 // the greatest scale
	centre   []float32
	// Scratch: a row less the centre, and in int8.
	row   []float32
	round []int8
}

// reset makes room for n vectors of dim components around a centre that the caller writes.
func (p *panels) reset(k *tile.Kernels, n, dim int) {
	p.kernels, p.n, p.words = k, n, (dim+3)/4
	all := p.count() * tile.Columns
	p.bytes = sized(p.bytes, all*p.words*4)
	p.scales, p.halves, p.offsets = sized(p.scales, all), sized(p.halves, all), sized(p.offsets, all)
	room := (dim + 15) / 16 * 16
	p.centre, p.row, p.round = sized(p.centre, dim), sized(p.row, room), sized(p.round, room)
}

// close drops what only put needs.
func (p *panels) close() { p.row, p.round = nil, nil }

func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/4)
	}
	return s[:n]
}

func (p *panels) count() int { return (p.n + tile.Columns - 1) / tile.Columns }

func (p *panels) word(i int) unsafe.Pointer {
	return unsafe.Pointer(&p.bytes[4*(i/tile.Columns*tile.Columns*p.words+i%tile.Columns)])
}

// pack makes the members' vectors around their own mean.
func (p *panels) pack(r *rows, members []int32) {
	p.reset(r.kernels, len(members), r.dim)
	p.middle(r, members)
	p.putAll(r, members)
	p.end()
}

// fetchAhead is by how many rows memory is asked for ahead: members of a leaf stand anywhere.
const fetchAhead = 3

// putAll makes the members' vectors.
func (p *panels) putAll(r *rows, members []int32) {
	for i, m := range members {
		x, factor := r.row(int(m))
		ahead, _ := r.row(int(members[min(i+fetchAhead, len(members)-1)]))
		p.put(i, x, factor, &ahead[0])
	}
}

// middle takes the mean of some of the members as the centre.
func (p *panels) middle(r *rows, members []int32) {
	const most = 48
	clear(p.centre)
	step := max(len(members)/most, 1)
	count := float32(0)
	for i := 0; i < len(members); i += step {
		x, f := r.row(int(members[i]))
		for j, v := range x {
			p.centre[j] += float32(v * f)
		}
		count++
	}
	for j := range p.centre {
		p.centre[j] /= count
	}
}

// put makes vector i of a row, and fetches another meanwhile. One beyond float32 is compared to all in vain, but
// never lost.
func (p *panels) put(i int, x []float32, factor float32, ahead *float32) {
	bits := p.kernels.Centre(x, p.centre, factor, p.row, ahead)
	most := math.Float32frombits(bits)
	scale, inverse := most/127, 127/most
	if !(most > 0x1p-100 && most <= math.MaxFloat32) {
		scale, inverse = 0, 0
	}
	var sum, squares int32
	if inverse > 0 {
		sum, squares = p.kernels.Round(p.row, inverse, p.round)
	} else {
		clear(p.round)
	}
	at := 4 * (i/tile.Columns*tile.Columns*p.words + i%tile.Columns)
	to := unsafe.Pointer(&p.bytes[at])
	from := unsafe.Slice((*uint32)(unsafe.Pointer(&p.round[0])), p.words)
	_ = p.bytes[at+(p.words-1)*4*tile.Columns+3]
	for w, v := range from {
		*(*uint32)(unsafe.Add(to, w*4*tile.Columns)) = v
	}
	p.scales[i], p.offsets[i] = scale, -128*sum
	p.halves[i] = float32(float32(squares)*scale) * scale / 2
	if !(most <= math.MaxFloat32) {
		p.halves[i] = float32(math.NaN())
	}
}

// end makes the places after the last vector such as are no one's neighbour.
func (p *panels) end() {
	p.most = 0
	for _, s := range p.scales[:p.n] {
		p.most = max(p.most, s)
	}
	inf := float32(math.Inf(1))
	for i := p.n; i < len(p.halves); i++ {
		p.scales[i], p.offsets[i], p.halves[i] = 0, 0, inf
		at := 4 * (i/tile.Columns*tile.Columns*p.words + i%tile.Columns)
		for w := range p.words {
			clear(p.bytes[at+w*4*tile.Columns:][:4])
		}
	}
}

// comparer runs the tiles of a group of queries against panels. It belongs to one goroutine.
type comparer struct {
	tile    *tile.Tile
	args    tile.Args
	hits    []tile.Hit
	zeros   []float32
	nones   []float32 // limits of points that are no queries
	best    [tile.Rows * tile.Columns]float32
	scores  []float32 // of the hits found last
	minimal [tile.Rows * tile.Columns]float32
}

func newComparer(k *tile.Kernels) *comparer {
	c := &comparer{tile: k.Bytes}
	for i := range c.minimal {
		c.minimal[i] = float32(math.Inf(-1))
	}
	return c
}

// load takes the 8 vectors from i on, a multiple of 8, as queries.
func (c *comparer) load(q *panels, i int) {
	a := &c.args
	a.Queries, a.Words = q.word(i), q.words
	copy(a.QOffsets[:], q.offsets[i:])
	copy(a.QScales[:], q.scales[i:])
	copy(a.QHalves[:], q.halves[i:])
	a.QB, a.QC, a.QMargin = [tile.Rows]float32{}, [tile.Rows]float32{}, [2]float32{}
}

// against takes count panels from the first on.
func (c *comparer) against(p *panels, first, count int) {
	a, at := &c.args, first*tile.Columns
	a.Panels, a.NPanels = p.word(at), count
	a.Halves, a.Scales = &p.halves[at], &p.scales[at]
	if len(c.zeros) < count*tile.Columns {
		c.zeros = make([]float32, 2*count*tile.Columns)
		c.hits = make([]tile.Hit, 2*count+1)
		c.scores = make([]float32, (2*count+1)*tile.Rows*tile.Columns)
	}
	a.B, a.C, a.Margins = &c.zeros[0], &c.zeros[0], &c.zeros[0]
	a.Hits = &c.hits[0]
}

// scored returns the tiles that hold a pair whose half squared distance is within the limit of the query, or of the
// point, whose limits are limits, and leaves their scores, tile after tile, in c.scores. Halves of the query less a
// score is half the squared distance.
func (c *comparer) scored(limits []float32) []tile.Hit {
	c.args.A, c.args.Best = &limits[0], &c.scores[0]
	return c.hits[:c.tile.Scored(&c.args)]
}

// none are limits of the points of count panels that are no queries.
func (c *comparer) none(count int) []float32 {
	for len(c.nones) < count*tile.Columns {
		c.nones = append(c.nones, float32(math.Inf(-1)))
	}
	return c.nones
}

// score leaves the scores of a panel.
func (c *comparer) score(p *panels, panel int) *[tile.Rows * tile.Columns]float32 {
	c.best = c.minimal
	c.against(p, panel, 1)
	c.args.Best = &c.best[0]
	c.tile.Best(&c.args)
	return &c.best
}
