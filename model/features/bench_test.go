package features

import (
	"math/rand/v2"
	"slices"
	"testing"

	"beamlearn/model/tables"
)

// Benchmarks are of a table of ten columns of all kinds; ns/cell is what counts.
func BenchmarkSurvey(b *testing.B) {
	tab := randomTable(rand.New(rand.NewPCG(1, 2)), 4000)
	for i := range tab.Columns {
		b.Run(tab.Columns[i].Name, func(b *testing.B) {
			one := table(tab.Columns[i])
			s, err := NewSurvey(one.Fields(), Options{})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Add(one); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*tab.Len()), "ns/cell")
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	tab := randomTable(rand.New(rand.NewPCG(1, 2)), 4000)
	for i := range tab.Columns {
		b.Run(tab.Columns[i].Name, func(b *testing.B) {
			one := table(tab.Columns[i])
			e := encodingOf(b, Options{Standardize: true}, one)
			enc, err := e.Encoder(one.Fields())
			if err != nil {
				b.Fatal(err)
			}
			to := vectorsFor(e)
			b.ReportAllocs()
			for b.Loop() {
				to.Reset()
				for row := range one.Len() {
					if err := enc.Encode(to, one, row, int64(row)); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*tab.Len()), "ns/cell")
		})
	}
}

// BenchmarkRows encodes rows of nine columns at once, without text.
func BenchmarkRows(b *testing.B) {
	tab := randomTable(rand.New(rand.NewPCG(1, 2)), 4000)
	tab.Columns = slices.DeleteFunc(tab.Columns, func(c tables.Column) bool { return c.Name == "words" })
	e := encodingOf(b, Options{Standardize: true}, tab)
	enc, err := e.Encoder(tab.Fields())
	if err != nil {
		b.Fatal(err)
	}
	to := vectorsFor(e)
	b.ReportAllocs()
	for b.Loop() {
		to.Reset()
		for row := range tab.Len() {
			if err := enc.Encode(to, tab, row, int64(row)); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*tab.Len()*len(tab.Columns)), "ns/cell")
}
