package impute

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// magic begins a file of points.
const magic = "beamlearn impute 1\n"

// head is what a file says before the numbers.
type head struct {
	Options Options
	Dim     int
	Rows    int
}

// Save writes an Imputer for the workers of a run, which read it by [Load]: a line that says what it is, a line of
// JSON, and 8 bytes a value, little-endian.
func (m *Imputer) Save(w io.Writer) error {
	b, err := json.Marshal(head{m.options, m.dim, m.rows})
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<20)
	if _, err := out.WriteString(magic + string(b) + "\n"); err != nil {
		return err
	}
	var buf [8]byte
	for _, v := range m.raw {
		binary.LittleEndian.PutUint64(buf[:], math.Float64bits(v))
		if _, err := out.Write(buf[:]); err != nil {
			return err
		}
	}
	return out.Flush()
}

// Load reads what Save has written, of so many bytes.
func Load(r io.Reader, size int64) (*Imputer, error) {
	in := bufio.NewReaderSize(r, 1<<20)
	first, err := in.ReadString('\n')
	if err != nil || first != magic {
		return nil, errors.Join(err, errors.New("impute: no file of points"))
	}
	line, err := in.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	var h head
	if err := json.Unmarshal(line, &h); err != nil {
		return nil, fmt.Errorf("impute: %w", err)
	}
	m, err := New(h.Dim, h.Options)
	if err != nil {
		return nil, err
	}
	left := size - int64(len(first)+len(line))
	if h.Dim < 1 || h.Rows < 0 || h.Rows > math.MaxInt32 || int64(h.Dim) > left/8+1 {
		return nil, fmt.Errorf("impute: %d points of %d columns in %d bytes", h.Rows, h.Dim, left)
	}
	values := int64((h.Rows+lanes-1)/lanes) * int64(lanes*h.Dim)
	if left != 8*values {
		return nil, fmt.Errorf("impute: %d bytes for %d points of %d columns", left, h.Rows, h.Dim)
	}
	m.rows, m.raw = h.Rows, make([]float64, values)
	var buf [8]byte
	for i := range m.raw {
		if _, err := io.ReadFull(in, buf[:]); err != nil {
			return nil, err
		}
		m.raw[i] = math.Float64frombits(binary.LittleEndian.Uint64(buf[:]))
	}
	m.Fit()
	return m, nil
}
