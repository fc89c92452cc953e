// Package startup keeps Go from collecting garbage while the packages of a program initialise. They make some megabytes
// of tables, of Beam, Arrow and the stores, which stay: two collections in vain, a tenth of the time before main.
//
// Go initialises packages in the order of their paths, where imports leave it free: this one, which imports nearly
// nothing, comes before all of github.com and of Google.
package startup

import "runtime/debug"

var percent = debug.SetGCPercent(-1)

// Done sets the garbage collector back to what the environment or Go's default says. A program calls it first in main.
func Done() { debug.SetGCPercent(percent) }
