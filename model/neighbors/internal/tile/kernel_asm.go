//go:build (amd64 || arm64) && !purego

package tile

import "unsafe"

func assemblyTile(find func(*byte) int, best func(*byte)) *Tile {
	t := &Tile{Find: func(a *Args) int { return find((*byte)(unsafe.Pointer(a))) }}
	if best != nil {
		t.Best = func(a *Args) { best((*byte)(unsafe.Pointer(a))) }
	}
	return t
}

func assemblyBytes(find func(*byte) int, best, bestPanel func(*byte), scored func(*byte) int) *Tile {
	t := assemblyTile(find, best)
	t.BestPanel = func(a *Args) { bestPanel((*byte)(unsafe.Pointer(a))) }
	t.Scored = func(a *Args) int { return scored((*byte)(unsafe.Pointer(a))) }
	return t
}
