// Package e2e has the tests that need what no user of beamlearn should inherit: a browser's driver, for the pages,
// and another Cloud Storage, to compare the one with that all other tests use. It is a module of its own.
package e2e
