package recommend

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"beamlearn/model/vectors"
)

// Fitted is what it takes to recommend: what users had, and the neighbours of items. Its encoding is for workers of one
// job, and of one version.
type Fitted struct {
	Interactions *Interactions
	Model        *Model
	// Only are the items that may be recommended, ascending; nil: all.
	Only []uint32
}

const magic = "beamlearn recommend 2\n"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sections are the parts of the file, in their order, as they are written and read.
func (f *Fitted) sections() []any {
	x, m := f.Interactions, f.Model
	return []any{&x.Users, &x.Items, &x.Offsets, &x.Item, &x.Value, &m.Offsets, &m.Neighbor, &m.Similarity, &f.Only}
}

// Encode writes all that a [Scorer] needs, without times.
func (f *Fitted) Encode(w io.Writer) error {
	sum := crc32.New(castagnoli)
	b := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<20)
	if _, err := b.WriteString(magic); err != nil {
		return err
	}
	for _, s := range f.sections() {
		if err := writeSection(b, s); err != nil {
			return err
		}
	}
	if err := b.Flush(); err != nil {
		return err
	}
	return binary.Write(w, binary.LittleEndian, sum.Sum32())
}

// writeSection writes the number of bytes, and the bytes.
func writeSection(w *bufio.Writer, section any) error {
	var list any
	switch s := section.(type) {
	case *vectors.IDs:
		return writeIDs(w, s)
	case *[]int64:
		list = *s
	case *[]uint32:
		list = *s
	case *[]float64:
		list = *s
	}
	if err := binary.Write(w, binary.LittleEndian, uint64(binary.Size(list))); err != nil {
		return err
	}
	return binary.Write(w, binary.LittleEndian, list)
}

// writeIDs writes integers, and then the texts, each with its length; an integer has none.
func writeIDs(w *bufio.Writer, ids *vectors.IDs) error {
	if err := writeSection(w, &ids.Ints); err != nil {
		return err
	}
	var b bytes.Buffer
	for _, t := range ids.Texts {
		b.Write(binary.AppendUvarint(nil, uint64(len(t))))
		b.WriteString(t)
	}
	if err := binary.Write(w, binary.LittleEndian, uint64(b.Len())); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

var errDamaged = errors.New("recommend: the file of a model is damaged")

// Decode reads what Encode has written. What is not that is an error, and takes no more memory than b does.
func Decode(b []byte) (*Fitted, error) {
	if len(b) < 4 || crc32.Checksum(b[:len(b)-4], castagnoli) != binary.LittleEndian.Uint32(b[len(b)-4:]) {
		return nil, errDamaged
	}
	return decode(b[:len(b)-4])
}

// decode is Decode of what has the right sum.
func decode(b []byte) (*Fitted, error) {
	rest, ok := bytes.CutPrefix(b, []byte(magic))
	if !ok {
		return nil, errDamaged
	}
	f := &Fitted{Interactions: &Interactions{}, Model: &Model{}}
	var err error
	for _, s := range f.sections() {
		if rest, err = readSection(rest, s); err != nil {
			return nil, err
		}
	}
	f.Model.Items = f.Interactions.Items
	if len(f.Only) == 0 {
		f.Only = nil
	}
	if len(rest) > 0 {
		return nil, errDamaged
	}
	return f, f.check()
}

// readSection reads a section, and gives what follows it.
func readSection(b []byte, section any) (rest []byte, err error) {
	body, rest, err := cut(b)
	if err != nil {
		return nil, err
	}
	switch s := section.(type) {
	case *vectors.IDs:
		texts, after, err := cut(rest)
		if err != nil {
			return nil, err
		}
		return after, readIDs(body, texts, s)
	case *[]int64:
		*s, err = readList[int64](body, 8)
	case *[]uint32:
		*s, err = readList[uint32](body, 4)
	case *[]float64:
		*s, err = readList[float64](body, 8)
	}
	return rest, err
}

// cut takes a section off.
func cut(b []byte) (body, rest []byte, err error) {
	if len(b) < 8 {
		return nil, nil, errDamaged
	}
	n := binary.LittleEndian.Uint64(b)
	if b = b[8:]; n > uint64(len(b)) {
		return nil, nil, errDamaged
	}
	return b[:n], b[n:], nil
}

func readList[T any](b []byte, size int) ([]T, error) {
	if len(b)%size != 0 {
		return nil, errDamaged
	}
	list := make([]T, len(b)/size)
	_, err := binary.Decode(b, binary.LittleEndian, list)
	return list, err
}

func readIDs(ints, texts []byte, ids *vectors.IDs) (err error) {
	if ids.Ints, err = readList[int64](ints, 8); err != nil || len(texts) == 0 {
		return err
	}
	for range ids.Ints {
		n, size := binary.Uvarint(texts)
		if size <= 0 || n > uint64(len(texts)-size) {
			return errDamaged
		}
		ids.Texts = append(ids.Texts, string(texts[size:size+int(n)]))
		texts = texts[size+int(n):]
	}
	if len(texts) > 0 {
		return errDamaged
	}
	return nil
}

// check says whether everything is within bounds.
func (f *Fitted) check() error {
	x, m := f.Interactions, f.Model
	items := uint64(x.Items.Len())
	if items > math.MaxUint32 {
		return errDamaged
	}
	for _, rows := range []struct {
		offsets []int64
		n       int
		entries []uint32
		values  int
	}{{x.Offsets, x.Users.Len(), x.Item, len(x.Value)}, {m.Offsets, x.Items.Len(), m.Neighbor, len(m.Similarity)}} {
		n := len(rows.entries)
		if len(rows.offsets) != rows.n+1 || rows.offsets[0] != 0 || rows.offsets[rows.n] != int64(n) || n != rows.values {
			return errDamaged
		}
		for i := range rows.n {
			if rows.offsets[i] > rows.offsets[i+1] {
				return errDamaged
			}
		}
		if err := checkItems(rows.entries, items); err != nil {
			return err
		}
	}
	return checkItems(f.Only, items)
}

// checkItems reports an item that there is not.
func checkItems(list []uint32, items uint64) error {
	for _, i := range list {
		if uint64(i) >= items {
			return fmt.Errorf("%w: item %d of %d", errDamaged, i, items)
		}
	}
	return nil
}
