// Package layout is what the generators of the certified filter's kernels know of package tile: the shape of a tile,
// and where the fields of its arguments and answers are.
package layout

// The shape of a tile, and the bytes from one word of a row to its next: a panel holds word w of all its rows
// together.
const (
	Rows    = 8
	Columns = 48
	Stride  = 4 * Columns
)

// Offsets of the fields of tile.Args.
const (
	ArgQueries = 8 * iota
	ArgPanels
	ArgWords
	ArgNPanels
	ArgScales
	ArgHalves
	ArgA
	ArgB
	ArgC
	ArgMargins
	ArgHits
	ArgBest
	ArgQOffsets
)

const (
	ArgQScales = ArgQOffsets + 32
	ArgQHalves = ArgQScales + 32
	ArgQA      = ArgQHalves + 32
	ArgQB      = ArgQA + 32
	ArgQC      = ArgQB + 32
	ArgQMargin = ArgQC + 32
	ArgLimits  = ArgQMargin + 8
	ArgNumber  = ArgLimits + 32
	ArgSize    = ArgNumber + 8
)

// Offsets of the fields of tile.Hit.
const (
	HitMasks = 8
	HitSize  = HitMasks + 8*Rows
)

// PanelBits is tile.PanelBits.
const PanelBits = 10
