package report

import (
	"cmp"
	"slices"
	"sort"
)

// Largest is where the n largest of x are, from the largest on; of equal ones, the first are before. O(len(x) +
// n²·log(len(x)/n)) where they are in no order.
func Largest[T cmp.Ordered](x []T, n int) []int {
	order := make([]int, 0, n+1)
	for j, v := range x {
		if len(order) == n && v <= x[order[n-1]] {
			continue
		}
		at := sort.Search(len(order), func(i int) bool { return x[order[i]] < v })
		order = slices.Insert(order, at, j)[:min(len(order)+1, n)]
	}
	return order
}
