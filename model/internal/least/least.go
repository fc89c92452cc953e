// Package least keeps the least of what it is offered.
package least

// Offer offers v to those kept so far, at most so many, and returns those kept now: a heap whose first is the greatest,
// by compare, and gives way to what is less. O(log most).
func Offer[T any](h []T, most int, v T, compare func(a, b *T) int) []T {
	if len(h) < most {
		h = append(h, v)
		for i := len(h) - 1; i > 0; {
			above := (i - 1) / 2
			if compare(&h[i], &h[above]) <= 0 {
				break
			}
			h[i], h[above] = h[above], h[i]
			i = above
		}
		return h
	}
	if most == 0 || compare(&v, &h[0]) >= 0 {
		return h
	}
	h[0] = v
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(h) {
			return h
		}
		if child+1 < len(h) && compare(&h[child+1], &h[child]) > 0 {
			child++
		}
		if compare(&h[child], &h[i]) <= 0 {
			return h
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}
