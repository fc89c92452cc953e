package features

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"beamlearn/model/fault"
)

// interaction is the products of the features of some columns: of those of categories, one that is 1 where the row is
// of one category and of the other; of a number with itself, its square. Features for missing numbers take no part.
type interaction struct {
	factors []factor
	first   int
	width   int
	hashed  bool // there are more than 2^bits products
	bits    int
}

// factor is some features of a column: all but the one for missing numbers, or those of a part of a date.
type factor struct {
	column, lo, width int
	part              string
}

// name is how an option calls it.
func (x *interaction) name(e *Encoding) string {
	names := make([]string, len(x.factors))
	for i := range x.factors {
		f := &x.factors[i]
		if names[i] = e.columns[f.column].Name; f.part != "" {
			names[i] += "_" + f.part
		}
	}
	return strings.Join(names, "*")
}

// prepareInteractions finds the spans of the products behind all columns.
func (e *Encoding) prepareInteractions() error {
	names := make([]string, len(e.columns))
	for i := range names {
		names[i] = e.columns[i].Name
	}
	e.interactions = nil
	for _, spec := range e.options.Interactions {
		x, err := e.interaction(spec, names)
		if err != nil {
			return fmt.Errorf("interactions %s: %w", fault.Quote(spec), err)
		}
		x.first = e.dim
		e.dim += x.width
		if e.dim > mostFeatures {
			return fmt.Errorf("interactions %s: more than %d features", fault.Quote(spec), mostFeatures)
		}
		e.interactions = append(e.interactions, x)
	}
	return nil
}

func (e *Encoding) interaction(spec string, names []string) (x interaction, err error) {
	factors, err := parseInteraction(spec)
	if err != nil {
		return x, err
	}
	const mostProducts = 1 << 62
	product, texts, entries := uint64(1), 0, 1.0
	for _, name := range factors {
		f, err := e.factor(name, names)
		if err != nil {
			return x, err
		}
		c := &e.columns[f.column]
		if c.Kind == Text {
			texts++
		}
		if texts > 1 {
			return x, fmt.Errorf("the column %s is text as another of them, expected at most one", fault.Quote(name))
		}
		if product > mostProducts/uint64(f.width) {
			return x, fmt.Errorf("more than %d products", mostProducts)
		}
		product *= uint64(f.width)
		entries *= min(c.entries(), float64(f.width))
		x.factors = append(x.factors, f)
	}
	e.entries += entries
	if x.bits = e.options.HashBits; x.bits == 0 {
		x.bits = fittingBits
	}
	limit := uint64(1) << x.bits
	x.width, x.hashed = int(min(product, limit)), product > limit
	return x, nil
}

// factor finds the features that a name means.
func (e *Encoding) factor(name string, names []string) (f factor, err error) {
	f.column, f.part = findPart(name, names)
	if f.column < 0 {
		return f, fmt.Errorf("no column %s: there are %s", fault.Quote(name), listNames(names))
	}
	c := &e.columns[f.column]
	if f.part != "" {
		j := slices.IndexFunc(c.Parts, func(p Part) bool { return c.Kind == Date && p.Name == f.part })
		if j < 0 {
			return f, fmt.Errorf("the column %s has no %s: %s: %s", fault.Quote(c.Name), f.part, c.Kind, c.Why)
		}
		f.lo, f.width = c.offsets[j], c.Parts[j].width()
		return f, nil
	}
	if f.width = c.width - oneIf(c.Indicator); f.width == 0 {
		return f, fmt.Errorf("the column %s is left out: %s", fault.Quote(name), c.Why)
	}
	return f, nil
}

// appendProducts appends the names of products.
func (e *Encoding) appendProducts(names []string, x *interaction) []string {
	if x.hashed {
		return appendHashes(names, x.name(e), x.width)
	}
	products := []string{""}
	for i := range x.factors {
		f := &x.factors[i]
		of := e.columns[f.column].appendNames(nil)[f.lo : f.lo+f.width]
		next := make([]string, 0, len(products)*len(of))
		for _, a := range products {
			for _, b := range of {
				if i > 0 {
					b = a + "*" + b
				}
				next = append(next, b)
			}
		}
		products = next
	}
	return append(names, products...)
}

// entry is a product that is not zero, and its place among all products.
type entry struct {
	place uint64
	value float64
}

// crossing is memory for products.
type crossing struct{ now, next []entry }

// interact appends the products of the row's features.
func (enc *Encoder) interact() {
	for i := range enc.e.interactions {
		x := &enc.e.interactions[i]
		p := &enc.products
		p.now = append(p.now[:0], entry{0, 1})
		for j := range x.factors {
			f := &x.factors[j]
			p.next = p.next[:0]
			first := enc.e.columns[f.column].first + f.lo
			lo, hi := enc.starts[f.column], enc.starts[f.column+1]
			for _, a := range p.now {
				for k := lo; k < hi; k++ {
					if feature := int(enc.features[k]) - first; feature >= 0 && feature < f.width {
						p.next = append(p.next, entry{a.place*uint64(f.width) + uint64(feature), a.value * enc.values[k]})
					}
				}
			}
			p.now, p.next = p.next, p.now
		}
		if x.hashed {
			p.now = hashProducts(p.now, x.bits, enc.e.options.Counts)
		}
		for _, a := range p.now {
			if a.value != 0 {
				enc.features, enc.values = append(enc.features, int32(x.first)+int32(a.place)), append(enc.values, a.value)
			}
		}
	}
}

// hashProducts brings products to 2^bits places by a hash, signed unless they are only counted, and adds those that
// meet.
func hashProducts(all []entry, bits int, counted bool) []entry {
	for i := range all {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], all[i].place)
		feature, sign := place(b[:], bits)
		if counted {
			sign = 1
		}
		all[i] = entry{uint64(feature), sign * all[i].value}
	}
	slices.SortStableFunc(all, func(a, b entry) int { return cmp.Compare(a.place, b.place) })
	n := 0
	for _, a := range all {
		if n > 0 && all[n-1].place == a.place {
			all[n-1].value += a.value
		} else {
			all[n], n = a, n+1
		}
	}
	return all[:n]
}

// Product is what an interaction gives: products of the features of some columns, in Width features from First on.
// Hashed ones are at the signed hash of their place among all products, as 8 bytes, the lowest first.
type Product struct {
	Name         string
	Factors      []Factor
	First, Width int
	Hashed       bool
	Bits         int // of the hash
}

// Factor is the features of a column that take part in products: Width of them from Lo on.
type Factor struct{ Column, Lo, Width int }

// Products are those of the interactions, for who encodes elsewhere than here.
func (e *Encoding) Products() []Product {
	products := make([]Product, len(e.interactions))
	for i := range e.interactions {
		x := &e.interactions[i]
		products[i] = Product{Name: x.name(e), First: x.first, Width: x.width, Hashed: x.hashed, Bits: x.bits}
		for _, f := range x.factors {
			products[i].Factors = append(products[i].Factors, Factor{f.column, f.lo, f.width})
		}
	}
	return products
}
