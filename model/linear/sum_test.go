package linear_test

import (
	"encoding"
	"fmt"
	"math/rand/v2"
	"testing"

	"beamlearn/model/linear"
)

// trace is a partial that tells how it was merged.
type trace struct {
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
	s string
}

func (*trace) PartialFit(*linear.Chunk) error { return nil }
func (t *trace) Merge(next linear.Partial) error {
	t.s = "(" + t.s + next.(*trace).s + ")"
	return nil
}

func TestSumIsAFixedTree(t *testing.T) {
	for parts, want := range map[int]string{
		1: "0", 2: "(01)", 3: "((01)2)", 5: "(((01)(23))4)", 6: "(((01)(23))(45))", 7: "(((01)(23))((45)6))",
		8: "(((01)(23))((45)(67)))",
	} {
		rng := rand.New(rand.NewPCG(1, uint64(parts)))
		for range 20 {
			// Two workers merge some of the parts each; a third merges what they have.
			workers := []*linear.Sum{linear.NewSum(parts), linear.NewSum(parts)}
			for _, i := range rng.Perm(parts) {
				if err := workers[rng.IntN(2)].Add(linear.Node{Index: i}, &trace{s: fmt.Sprint(i)}); err != nil {
					t.Fatal(err)
				}
			}
			all := linear.NewSum(parts)
			if _, err := all.Total(); err == nil {
				t.Fatal("a sum of nothing is total")
			}
			for _, w := range workers {
				if err := w.Rest(all.Add); err != nil {
					t.Fatal(err)
				}
			}
			p, err := all.Total()
			if err != nil {
				t.Fatal(err)
			}
			if got := p.(*trace).s; got != want {
				t.Fatalf("%d parts were merged as %s, want %s", parts, got, want)
			}
		}
	}
}

func TestSumRefuses(t *testing.T) {
	s := linear.NewSum(3)
	for _, n := range []linear.Node{{0, 3}, {0, -1}, {1, 2}, {-1, 0}, {63, 0}} {
		if err := s.Add(n, &trace{}); err == nil {
			t.Errorf("node %+v was taken", n)
		}
	}
	for i := range 2 {
		if err := s.Add(linear.Node{Index: i}, &trace{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Total(); err == nil {
		t.Error("two parts of three are total")
	}
	if err := s.Add(linear.Node{Index: 2}, &trace{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Total(); err != nil {
		t.Fatal(err)
	}
	again := s.Add(linear.Node{Index: 2}, &trace{})
	if _, err := s.Total(); again == nil && err == nil {
		t.Error("a part was taken twice")
	}
}
