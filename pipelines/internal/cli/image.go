package cli

import (
	"fmt"
	"strings"
)

// Image is the size of a picture: width and height in pixels; 0 is none.
type Image struct{ Width, Height int }

// ParseImage reads the flag --image.
func ParseImage(s string) (Image, error) {
	var size Image
	if s == "" {
		return size, nil
	}
	if n, err := fmt.Sscanf(s, "%dx%d", &size.Width, &size.Height); n != 2 || err != nil ||
		fmt.Sprintf("%dx%d", size.Width, size.Height) != s || size.Width < 1 || size.Height < 1 {
		return size, fmt.Errorf("--image=%s: must be width and height, as 28x28", s)
	}
	return size, nil
}

// Of is the size of pictures of so many columns: that of the flag, or else square, where all names of columns begin
// with pixel.
func (s Image) Of(dim int, columns []string) (Image, error) {
	if s.Width > 0 {
		if s.Width*s.Height != dim {
			return s, fmt.Errorf("--image=%dx%d: %d pixels are not the %d columns", s.Width, s.Height, s.Width*s.Height, dim)
		}
		return s, nil
	}
	side := 1
	for side*side < dim {
		side++
	}
	for _, c := range columns {
		if !strings.HasPrefix(strings.ToLower(c), "pixel") {
			return s, nil
		}
	}
	if columns == nil || side*side != dim || side < 4 {
		return s, nil
	}
	return Image{side, side}, nil
}
