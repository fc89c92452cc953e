//go:build !amd64 || purego

package delimited

const fast = false

func endsFast(_ []byte, _ byte, _ []int, _ int) (all []int, ok bool) { return nil, false }

func decimals(_ []byte, _ []int, _ []float64, _ []int, _ []Long, _ bool) (count, wide int) {
	return 0, 0
}
