package features

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"beamlearn/model/fault"
)

// Encoding says how rows of a table become numbers. It is plain data, and part of the file of a model. It is safe for
// concurrent use.
type Encoding struct {
	options      Options
	columns      []Column
	interactions []interaction
	dim          int
	entries      float64 // how many features of a row are not zero, about

	lookups []lookup      // one for each column
	formats []*dateFormat // of the dates of each column
	names   *featureNames
}

// Column is what becomes of a column of the table.
type Column struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	// Why says in words what was found, and what follows from that.
	Why string `json:"why,omitempty"`
	// Rows is how many were looked at, and Missing in how many of them nothing was.
	Rows    int64 `json:"rows,omitempty"`
	Missing int64 `json:"missing,omitempty"`
	// Distinct is how many different values a column of Categorical, Hashed or Text has, about if Estimated.
	Distinct  int64 `json:"distinct,omitempty"`
	Estimated bool  `json:"estimated,omitempty"`
	// Bits is the binary logarithm of the number of features of Hashed and Text.
	Bits int `json:"bits,omitempty"`
	// Parts are the numbers that the column gives: one of Numeric and Boolean, those that vary of Date, all of a List.
	Parts []Part `json:"parts,omitempty"`
	// Indicator says that the last feature of a column with Parts is 1 where the cell is missing, otherwise 0.
	Indicator bool `json:"indicator,omitempty"`
	// Values says what the values of Categorical and Hashed are.
	Values ValueType `json:"values,omitempty"`
	// Categories have a feature each, in this order; Counts are their rows. Numbers are written as short as they can be.
	Categories []string `json:"categories,omitempty"`
	Counts     []int64  `json:"counts,omitempty"`
	// MissingCategory says that the feature after these is 1 where the cell is missing.
	MissingCategory bool `json:"missing_category,omitempty"`
	// Rare categories share the last feature, where there are any, with unknown ones. RareRows is how many rows they have.
	Rare     []string `json:"rare,omitempty"`
	RareRows int64    `json:"rare_rows,omitempty"`
	// Documents is how many texts there were in the pass for tf-idf, and Frequencies in how many of them each feature
	// is, in pairs: the feature, counted from the one before it, and the number; all as varints.
	Documents   int64  `json:"documents,omitempty"`
	Frequencies []byte `json:"frequencies,omitempty"`

	first, width int
	offsets      []int // of the features of each of Parts, from first on, and of what follows
}

// Span is the place of the column's features among all: width of them from first on.
func (c *Column) Span() (first, width int) { return c.first, c.width }

// Part is a number that a column gives: (v − Mean) / Scale of the value v; or Knots + 2 numbers, which are splines of
// v.
type Part struct {
	// Name is what stands behind the column's: year or hour of a date, the index of a list, otherwise nothing.
	Name string `json:"name,omitempty"`
	// Fill is the value where there is none.
	Fill float64 `json:"fill,omitempty"`
	// Mean and Scale are 0 and 1 of what is not standardized.
	Mean  float64 `json:"mean,omitempty"`
	Scale float64 `json:"scale"`
	// Min and Max are the least and the largest value that was there.
	Min float64 `json:"min"`
	Max float64 `json:"max"`
	// Knots is how many the splines have, from Min to Max; 0 where there are none.
	Knots int `json:"knots,omitempty"`
}

// width is the number of features.
func (p *Part) width() int {
	if p.Knots > 0 {
		return p.Knots + splineDegree - 1
	}
	return 1
}

// mostFeatures bounds the number of features.
const mostFeatures = 1 << 30

// prepare finds the spans of features, and what it takes to encode fast.
func (e *Encoding) prepare() error {
	formats, err := parseDateFormats(e.options.DateFormat)
	if err != nil {
		return err
	}
	names := make([]string, len(e.columns))
	for i := range e.columns {
		names[i] = e.columns[i].Name
	}
	if e.formats, err = formats.of(names); err != nil {
		return err
	}
	e.dim, e.entries, e.names = 0, 0, &featureNames{}
	e.lookups = make([]lookup, len(e.columns))
	for i := range e.columns {
		c := &e.columns[i]
		if e.lookups[i], err = c.lookup(); err != nil {
			return err
		}
		c.offsets = append(c.offsets[:0:0], 0)
		for j := range c.Parts {
			c.offsets = append(c.offsets, c.offsets[j]+c.Parts[j].width())
		}
		c.first, c.width = e.dim, c.widthOf()
		e.dim += c.width
		e.entries += c.entries()
		if e.dim > mostFeatures {
			return fmt.Errorf("column %s: more than %d features", fault.Quote(c.Name), mostFeatures)
		}
	}
	return e.prepareInteractions()
}

func (c *Column) widthOf() int {
	switch c.Kind {
	case Numeric, Boolean, Date, List:
		return c.offsets[len(c.Parts)] + oneIf(c.Indicator)
	case Categorical:
		return len(c.Categories) + oneIf(c.MissingCategory) + oneIf(len(c.Rare) > 0)
	case Hashed, Text:
		return 1 << c.Bits
	}
	return 0
}

// entries is how many features of a row are not zero, about.
func (c *Column) entries() float64 {
	switch {
	case c.Kind == LeftOut:
		return 0
	case c.Kind == Text:
		return 16
	case len(c.Parts) == 0:
		return 1
	}
	n := 0
	for i := range c.Parts {
		n += min(c.Parts[i].width(), splineDegree+1)
	}
	return float64(n)
}

func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Dim is the number of features.
func (e *Encoding) Dim() int { return e.dim }

// Sparse reports whether rows take less memory as sparse ones. It is so where any column is hashed.
func (e *Encoding) Sparse() bool {
	const sparseEntry, denseEntry = 12, 8 // bytes
	return sparseEntry*e.entries < denseEntry*float64(e.dim)
}

// Hashed reports whether any features are hashes, which are many, and have names that say no more than their places.
func (e *Encoding) Hashed() bool {
	hashed := func(c Column) bool { return c.Bits > 0 }
	return slices.ContainsFunc(e.columns, hashed)
}

// Options are those of the survey, with their defaults.
func (e *Encoding) Options() Options { return e.options }

// Columns are those of the table, in its order; those that are left out too. They must not be changed.
func (e *Encoding) Columns() []Column { return e.columns }

// Needs are the names of the columns that are not left out: those that a table must have to be encoded.
func (e *Encoding) Needs() []string {
	var names []string
	for i := range e.columns {
		if e.columns[i].Kind != LeftOut {
			names = append(names, e.columns[i].Name)
		}
	}
	return names
}

// Lines say what was decided of each column, and why, in a line each.
func (e *Encoding) Lines() []string {
	lines := make([]string, len(e.columns))
	for i := range e.columns {
		c := &e.columns[i]
		lines[i] = fault.Plain(c.Name) + ": " + string(c.Kind) + ": " + c.Why
	}
	return lines
}

// Names are those of the features: of a number x, a category carrier_UA, a part of a date time_hour_month, a place of
// a list x_0, a spline hour_sp_3, a hash gloss#17, a product origin_JFK*dest_LAX, and of the features for what is
// missing, x_missing, and for the rare categories, x_infrequent. Where one is there already, " (2)" and so on follows
// it. They must not be changed.
func (e *Encoding) Names() []string {
	if e.names == nil {
		return e.makeNames()
	}
	e.names.once.Do(func() { e.names.all = e.makeNames() })
	return e.names.all
}

// featureNames are made once, as hashes are many.
type featureNames struct {
	once sync.Once
	all  []string
}

func (e *Encoding) makeNames() []string {
	names := make([]string, 0, e.dim)
	hashed, spans := map[string]bool{}, [][2]int{} // what stands before the # of hashes, and where these are
	clash := false
	hashes := func(name string, first, width int) {
		clash = clash || hashed[name]
		hashed[name], spans = true, append(spans, [2]int{first, first + width})
	}
	for i := range e.columns {
		c := &e.columns[i]
		if names = c.appendNames(names); c.Bits > 0 {
			hashes(c.Name, c.first, c.width)
		}
	}
	for i := range e.interactions {
		x := &e.interactions[i]
		if names = e.appendProducts(names, x); x.hashed {
			hashes(x.name(e), x.first, x.width)
		}
	}
	others := func(do func(i int)) { // with the places of names that are no hashes
		at := 0
		for _, span := range append(spans, [2]int{len(names), len(names)}) {
			for ; at < span[0]; at++ {
				do(at)
			}
			at = span[1]
		}
	}
	others(func(i int) {
		if at := strings.LastIndexByte(names[i], '#'); at >= 0 && hashed[names[i][:at]] {
			clash = true
		}
	})
	if clash {
		spans = nil
	}
	seen := map[string]struct{}{}
	others(func(i int) {
		name := names[i]
		for n := 2; ; n++ {
			if _, there := seen[names[i]]; !there {
				break
			}
			names[i] = fmt.Sprintf("%s (%d)", name, n)
		}
		seen[names[i]] = struct{}{}
	})
	return names
}

// appendHashes appends the names of so many hashes, which share memory.
func appendHashes(names []string, name string, width int) []string {
	var all strings.Builder
	all.Grow(width * (len(name) + len("#123456")))
	digits := make([]byte, 0, 20)
	for j := range width {
		begin := all.Len()
		digits = strconv.AppendInt(append(digits[:0], '#'), int64(j), 10)
		all.WriteString(name)
		all.Write(digits)
		names = append(names, all.String()[begin:])
	}
	return names
}

// Units tell how features that are standardized are read as the numbers of their columns: feature·scale + mean. They
// are 1 and 0 of all others.
func (e *Encoding) Units() (mean, scale []float64) {
	mean, scale = make([]float64, e.dim), make([]float64, e.dim)
	for j := range scale {
		scale[j] = 1
	}
	for i := range e.columns {
		c := &e.columns[i]
		for k := range c.Parts {
			if p, at := &c.Parts[k], c.first+c.offsets[k]; p.Knots == 0 {
				mean[at], scale[at] = p.Mean, p.Scale
			}
		}
	}
	return mean, scale
}

func (c *Column) appendNames(names []string) []string {
	if c.Kind == Hashed || c.Kind == Text {
		names = appendHashes(names, c.Name, c.width)
	}
	for i := range c.Parts {
		p, name := &c.Parts[i], c.Name
		if p.Name != "" {
			name += "_" + p.Name
		}
		if p.Knots == 0 {
			names = append(names, name)
			continue
		}
		for j := range p.width() {
			names = append(names, name+"_sp_"+strconv.Itoa(j))
		}
	}
	for _, category := range c.Categories {
		names = append(names, c.Name+"_"+category)
	}
	if c.Indicator || c.MissingCategory {
		names = append(names, c.Name+"_missing")
	}
	if len(c.Rare) > 0 {
		names = append(names, c.Name+"_infrequent")
	}
	return names
}

// encodingVersion is that of the file.
const encodingVersion = 1

// encodingFile is an Encoding as JSON.
type encodingFile struct {
	Version int      `json:"version"`
	Options Options  `json:"options"`
	Columns []Column `json:"columns"`
}

// MarshalJSON writes the encoding.
func (e *Encoding) MarshalJSON() ([]byte, error) {
	return json.Marshal(encodingFile{encodingVersion, e.options, e.columns})
}

// UnmarshalJSON reads what MarshalJSON wrote. It fails where that is of another version, has unknown fields, or does
// not make sense.
func (e *Encoding) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var f encodingFile
	if err := d.Decode(&f); err != nil {
		return fmt.Errorf("encoding of the columns: %s", fault.JSON(b, err))
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("encoding of the columns: more than one value")
	}
	if f.Version != encodingVersion {
		return fmt.Errorf("encoding of the columns: version %d, expected %d", f.Version, encodingVersion)
	}
	read := Encoding{options: f.Options, columns: f.Columns}
	if err := read.check(); err != nil {
		return fmt.Errorf("encoding of the columns: %w", err)
	}
	*e = read
	return nil
}

// check reports what does not make sense, and prepares the rest.
func (e *Encoding) check() error {
	o := e.options
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	e.options = o
	names := map[string]bool{}
	for i := range e.columns {
		c := &e.columns[i]
		if c.Name == "" || names[c.Name] {
			return fmt.Errorf("column %d: the name %s, expected one of its own", i, fault.Quote(c.Name))
		}
		names[c.Name] = true
		if err := c.check(); err != nil {
			return fmt.Errorf("column %s: %w", fault.Quote(c.Name), err)
		}
	}
	if err := e.prepare(); err != nil {
		return err
	}
	if e.dim == 0 {
		return errors.New("no column has features")
	}
	return nil
}

func (c *Column) check() error {
	if !slices.Contains(kinds, c.Kind) {
		return fmt.Errorf("the kind %s is unknown", fault.Quote(string(c.Kind)))
	}
	if c.Rows < 0 || c.Missing < 0 || c.Missing > c.Rows || c.RareRows < 0 || c.Documents < 0 || c.Distinct < 0 {
		return errors.New("a count is below 0, or that of missing cells above that of rows")
	}
	numbers := c.Kind == Numeric || c.Kind == Boolean || c.Kind == Date || c.Kind == List
	one := c.Kind == Numeric || c.Kind == Boolean
	if !numbers && (len(c.Parts) > 0 || c.Indicator) || one && (len(c.Parts) != 1 || c.Parts[0].Name != "") {
		return fmt.Errorf("%d numbers of %s", len(c.Parts), c.Kind)
	}
	for i := range c.Parts {
		if err := c.checkPart(i); err != nil {
			return err
		}
	}
	if hashed := c.Kind == Hashed || c.Kind == Text; hashed != (c.Bits >= 1 && c.Bits <= mostHashBits) ||
		!hashed && c.Bits != 0 {
		return fmt.Errorf("%d bits of %s", c.Bits, c.Kind)
	}
	if c.Kind != Text && (c.Documents != 0 || c.Frequencies != nil) {
		return fmt.Errorf("frequencies of %s", c.Kind)
	}
	return c.checkCategories()
}

func (c *Column) checkPart(i int) error {
	p := &c.Parts[i]
	for _, v := range []float64{p.Fill, p.Mean, p.Scale, p.Min, p.Max} {
		if v-v != 0 {
			return errors.New("a number is not finite")
		}
	}
	if p.Scale <= 0 {
		return fmt.Errorf("scale %v, expected more than 0", p.Scale)
	}
	if p.Knots != 0 && (c.Kind != Numeric && c.Kind != Date || p.Knots < 2 || p.Knots > mostKnots || !(p.Min < p.Max)) {
		return fmt.Errorf("%d knots of %s, from %v to %v", p.Knots, c.Kind, p.Min, p.Max)
	}
	if c.Kind == Date && (partIndex(p.Name) < 0 || i > 0 && partIndex(p.Name) <= partIndex(c.Parts[i-1].Name)) {
		return fmt.Errorf("the part %s of a date", fault.Quote(p.Name))
	}
	if c.Kind == List && p.Name != strconv.Itoa(i) {
		return fmt.Errorf("the place %s of a list, expected %d", fault.Quote(p.Name), i)
	}
	return nil
}

func partIndex(name string) int { return slices.Index(partNames[:], name) }

func (c *Column) checkCategories() error {
	hasValues := c.Kind == Categorical || c.Kind == Hashed
	if c.Kind != Categorical && (len(c.Categories)+len(c.Rare)+len(c.Counts) > 0 || c.MissingCategory || c.RareRows > 0) {
		return fmt.Errorf("categories of %s", c.Kind)
	}
	if hasValues != slices.Contains(valueTypes, c.Values) || !hasValues && c.Values != "" {
		return fmt.Errorf("values %s of %s", fault.Quote(string(c.Values)), c.Kind)
	}
	if len(c.Categories)+len(c.Rare) > mostCategories {
		return fmt.Errorf("more than %d categories", mostCategories)
	}
	if len(c.Counts) != len(c.Categories) {
		return fmt.Errorf("%d counts of %d categories", len(c.Counts), len(c.Categories))
	}
	for _, n := range c.Counts {
		if n < 0 {
			return errors.New("a count is below 0")
		}
	}
	return nil
}
