// Command tilearm64 generates the kernels of the certified filter for arm64. In model/neighbors/internal/tile:
//
//	go generate
package main

import "beamlearn/model/neighbors/_asm/arm64"

// V is a vector register.
type V = arm64.V

// file is what is generated.
var file arm64.File

func main() {
	for _, form := range []form{bytes, float32s, manhattan, chebyshev, hamming} {
		for _, level := range []string{"NEON", "DotProd", "I8MM"} {
			if !form.differs(level) {
				continue
			}
			for _, take := range []taking{find, scored, best, bestPanel} {
				if form == bytes || take == find || take == best && form != hamming {
					newTile(form, level, take).function()
				}
			}
		}
	}
	screen()
	centre()
	round()
	missing()
	widen()
	centre64()
	round64()
	for _, bits := range [][2]int{{32, 32}, {64, 32}, {64, 64}} {
		for _, k := range []string{"squares", "scaledSquares", "products", "manhattan", "chebyshev", "hamming"} {
			if k != "scaledSquares" || bits[0] == 64 {
				pairs(k, bits[0], bits[1])
			}
		}
	}
	file.Write()
}
