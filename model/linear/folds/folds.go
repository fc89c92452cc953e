// Package folds deals the rows of a cross-validation to folds.
package folds

import (
	"errors"
	"fmt"
	"slices"

	"beamlearn/model/fault"
	"beamlearn/model/internal/splitmix"
	"beamlearn/model/linear"
)

// Max is how many folds there are at most.
const Max = 1000

// Folds tells the fold of each row of a cross-validation. It depends on the seed, on the row's class, and on its
// number or, where rows have ids, on its id; on nothing else, so that any worker knows it.
//
// In a regression the folds of K rows that follow each other are all different, and so of one size. In a
// classification without ids folds are stratified: of the rows of a class, each fold has those whose hashes are
// between two of Cuts. For up to max(1024, 64·K) rows of a class the cuts are between the ranks of the hashes, and a
// fold's share is exact to one row; beyond that they are at equal distances, and a share is right to the root of its
// rows.
//
// Rows of one id are in one fold, whatever their classes. Of several ways to hash the ids, that one is taken whose
// folds have the classes in the most equal shares.
type Folds struct {
	K       int        `json:"k"`
	Seed    uint64     `json:"seed"`
	Grouped bool       `json:"grouped"`        // by id
	Cuts    [][]uint64 `json:"cuts,omitempty"` // of each class: where the folds but the first begin; nil in a regression
}

// Plain are the folds of a regression.
func Plain(k int, seed uint64) *Folds { return &Folds{K: k, Seed: seed} }

// Of is the fold of row i of the chunk, of that number and class.
func (f *Folds) Of(c *linear.Chunk, i int, number int64, class int32) int {
	key := c.FoldKey(i, number)
	switch {
	case f.Grouped:
		return groupFold(f.Seed, f.K, key)
	case f.Cuts == nil:
		return ByNumber(f.Seed, f.K)(key)
	}
	h, cuts := foldHash(f.Seed, key), f.Cuts[class]
	fold := 0
	if len(cuts) < 16 {
		for _, cut := range cuts { // all of them: a processor guesses badly where a loop by hashes ends
			if cut <= h {
				fold++
			}
		}
	} else if at, found := slices.BinarySearch(cuts, h); found {
		for fold = at + 1; fold < len(cuts) && cuts[fold] == h; fold++ {
		}
	} else {
		fold = at
	}
	// Folds that have a row more than others are not the same ones in every class.
	return (fold + int(class)) % f.K
}

// Empty is the fault of rows of which a fold has none of a weight above 0.
func (f *Folds) Empty(fold int) error {
	expected := fmt.Sprintf("rows of a weight above 0 in each of %d folds: take fewer folds", f.K)
	if f.Grouped {
		expected = fmt.Sprintf("rows of a weight above 0 in each of %d folds, which rows of one id share: take fewer folds",
			f.K)
	}
	return fault.File("", expected, "none in fold %d", fold)
}

// Check says what is wrong with folds of so many classes that were read.
func (f *Folds) Check(classes int) error {
	if f.K < 2 || f.K > Max || f.Cuts != nil && len(f.Cuts) != classes {
		return fmt.Errorf("%d folds of %d classes: must be from 2 to %d, of %d classes", f.K, len(f.Cuts), Max, classes)
	}
	for _, cuts := range f.Cuts {
		if len(cuts) != f.K-1 || !slices.IsSorted(cuts) {
			return errors.New("folds whose cuts do not ascend")
		}
	}
	return nil
}

// ByNumber tells the fold of a row of a regression by its number, or its id. The folds of a run of numbers go round,
// from another one on after every round.
func ByNumber(seed uint64, folds int) func(int64) int {
	s, k := splitmix.Mix(seed), uint64(folds)
	return func(number int64) int {
		n := uint64(number)
		return int((n%k + splitmix.Mix(s^n/k)%k) % k)
	}
}

func groupFold(seed uint64, folds int, key int64) int {
	return int(foldHash(seed, key) % uint64(folds))
}

func foldHash(seed uint64, key int64) uint64 { return splitmix.Mix(splitmix.Mix(seed) ^ uint64(key)) }
