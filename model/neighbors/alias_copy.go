//go:build purego || !(386 || amd64 || arm || arm64 || loong64 || mipsle || mips64le || ppc64le || riscv64 || wasm)

package neighbors

// aliased: see alias.go. Lists are copied number by number.
func aliased[T number]([]T) (b []byte, ok bool) { return nil, false }

func unaliased[T number]([]byte) (s []T, ok bool) { return nil, false }
