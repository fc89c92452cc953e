package linear

import (
	"math"
	"reflect"
	"testing"
)

func TestNewPath(t *testing.T) {
	coef := [][][]float64{{{1, -5, 0}}, nil, {{2, 1, 0.5}}}
	p := NewPath(3, 0, func(c int) [][]float64 { return coef[c] })
	if !reflect.DeepEqual(p.Features, []int{1, 0, 2}) || !reflect.DeepEqual(p.Coef[0], []float64{-5, 1, 0}) ||
		!reflect.DeepEqual(p.Coef[2], []float64{1, 2, 0.5}) || p.Coef[1][0] == p.Coef[1][0] {
		t.Errorf("%+v", p)
	}
	if p := NewPath(3, 2, func(c int) [][]float64 { return coef[c] }); !reflect.DeepEqual(p.Features, []int{0, 1, 2}) {
		t.Errorf("the largest of the chosen one: %v", p.Features) // not of another
	}
	several := [][]float64{{3, 0}, {4, 1}, {0, 0}}
	if p := NewPath(1, 0, func(int) [][]float64 { return several }); !(math.Abs(p.Coef[0][0]-5) <= 1e-12) ||
		p.Coef[0][1] != 1 {
		t.Errorf("of three classes: %+v", p)
	}
	if p := NewPath(2, 1, func(int) [][]float64 { return nil }); len(p.Features) != 0 || len(p.Coef) != 2 {
		t.Errorf("of none: %+v", p)
	}
	wide := [][]float64{make([]float64, 100)}
	if p := NewPath(1, 0, func(int) [][]float64 { return wide }); len(p.Features) != PathFeatures {
		t.Errorf("%d features", len(p.Features))
	}
}
