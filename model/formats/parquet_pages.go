package formats

import (
	"encoding/binary"
	"math"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
)

// pickPages gives the chosen values of a column of floats that are plain or in a dictionary, straight from where they
// stand in the pages: arrow's decoders go through all values, and grow a dictionary with each batch of them. It is not
// ok for other columns, and where anything is not as it should be: then a decoder is to read the column from its
// beginning, and tells what is wrong.
func (x *chosenReader) pickPages(r *file.Reader, group int, f *parquetField, row int64, put func(k int, v float64),
	none func(k int)) (ok bool) {
	if f.list || f.valued > 1 || f.kind != kindFloat && f.kind != kindDouble {
		return false
	}
	pages, err := r.RowGroup(group).GetColumnPageReader(f.leaf)
	if err != nil {
		return false
	}
	defer func() { ok = pages.Close() == nil && ok }()
	p := floatPage{size: 8, leveled: f.valued > 0}
	if f.kind == kindFloat {
		p.size = 4
	}
	for k := 0; k < len(x.numbers); {
		if !pages.Next() {
			return false
		}
		if dictionary, ok := pages.Page().(*file.DictionaryPage); ok {
			if e := parquet.Encoding(dictionary.Encoding()); e != parquet.Encodings.Plain && e != parquet.Encodings.PlainDict {
				return false
			}
			p.dictionary = dictionary.Data()
			continue
		}
		page, rows := pages.Page(), int64(pages.Page().NumValues())
		if row+rows <= x.numbers[k] {
			row += rows
			continue
		}
		if !p.open(page) {
			return false
		}
		for ; k < len(x.numbers) && x.numbers[k] < row+rows; k++ {
			valued, rank := true, int(x.numbers[k]-row)
			if p.leveled {
				var ok bool
				if valued, rank, ok = p.levels.count(rank); !ok {
					return false
				}
			}
			if !valued {
				none(k)
				continue
			}
			v, ok := p.value(rank)
			if !ok {
				return false
			}
			put(k, v)
		}
		row += rows
	}
	return true
}

// floatPage is a page of floats of a column that is no list.
type floatPage struct {
	size       int    // of a value
	leveled    bool   // there are levels, of 0 and 1
	dictionary []byte // the values, one after the other
	levels     runs
	indices    runs   // into the dictionary
	plain      []byte // the values; nil where there are indices
}

// open finds the parts of a page.
func (p *floatPage) open(page file.Page) bool {
	data := page.Data()
	levels := 0
	switch page := page.(type) {
	case *file.DataPageV1:
		if !p.leveled {
			break
		}
		if page.DefinitionLevelEncoding() != parquet.Encodings.RLE || len(data) < 4 {
			return false
		}
		levels = int(binary.LittleEndian.Uint32(data))
		data = data[4:]
	case *file.DataPageV2:
		if page.RepetitionLevelByteLen() != 0 {
			return false
		}
		levels = int(page.DefinitionLevelByteLen())
	default:
		return false
	}
	if levels < 0 || levels > len(data) {
		return false
	}
	p.levels = runs{data: data[:levels], width: 1}
	data = data[levels:]
	switch parquet.Encoding(page.Encoding()) {
	case parquet.Encodings.Plain:
		p.plain = data
		return true
	case parquet.Encodings.RLEDict, parquet.Encodings.PlainDict:
		if len(data) == 0 || data[0] > 32 || p.dictionary == nil {
			return false
		}
		p.plain, p.indices = nil, runs{data: data[1:], width: int(data[0])}
		return true
	}
	return false
}

// value is that of a place, which is no less than the one before. It is not ok where there is none.
func (p *floatPage) value(place int) (v float64, ok bool) {
	from := p.plain
	if from == nil {
		index, ok := p.indices.at(place)
		if !ok {
			return 0, false
		}
		from, place = p.dictionary, int(index)
	}
	if place >= len(from)/p.size {
		return 0, false
	}
	if from = from[place*p.size:]; p.size == 4 {
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(from))), true
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(from)), true
}

// runs are whole numbers in Parquet's encoding RLE: runs of one value, and runs of values that are packed bit by bit.
type runs struct {
	data   []byte // what comes after the run
	width  int    // bits of a value
	first  int    // place of the run's first value
	end    int    // place after its last
	packed []byte // its values, or nil where all are the same
	value  uint32
	place  int // of count: the next one
	ones   int // of count: how many are 1 before it
}

// next goes on to the next run. It is not ok where there is none, or less than it says.
func (r *runs) next() (ok bool) {
	header, n := binary.Uvarint(r.data)
	if n <= 0 || header>>1 == 0 || header > math.MaxInt32 {
		return false
	}
	r.data = r.data[n:]
	size, values := (r.width+7)/8, int(header>>1)
	if header&1 == 1 {
		size, values = values*r.width, 8*values
	}
	if size > len(r.data) || values > math.MaxInt32-r.end {
		return false
	}
	r.first, r.end, r.packed, r.value = r.end, r.end+values, nil, 0
	if header&1 == 1 {
		r.packed = r.data[:size:size]
	} else {
		for i, b := range r.data[:size] {
			r.value |= uint32(b) << (8 * i)
		}
	}
	r.data = r.data[size:]
	return true
}

// at is the value of a place, which is in this run or in a later one.
func (r *runs) at(place int) (v uint32, ok bool) {
	for place >= r.end {
		if !r.next() {
			return 0, false
		}
	}
	if r.packed == nil {
		return r.value, true
	}
	bit := (place - r.first) * r.width
	var eight [8]byte
	copy(eight[:], r.packed[min(bit/8, len(r.packed)):])
	return uint32(binary.LittleEndian.Uint64(eight[:]) >> (bit % 8) & (1<<r.width - 1)), true
}

// count tells whether the value of a place, beyond the last one asked for, is 1, and how many before it are.
func (r *runs) count(place int) (one bool, before int, ok bool) {
	for {
		to := min(place, r.end)
		if r.packed == nil {
			r.ones += int(r.value) * (to - r.place)
			r.place = to
		}
		for ; r.place < to; r.place++ {
			i := r.place - r.first
			r.ones += int(r.packed[i/8] >> (i % 8) & 1)
		}
		if place < r.end {
			break
		}
		if !r.next() {
			return false, 0, false
		}
	}
	v, ok := r.at(place)
	return v == 1, r.ones, ok && v <= 1
}
