package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"beamlearn/model/neighbors"
)

// release is the version of a release, which its build sets (-ldflags=-X); a build from a checkout has a commit
// instead.
var release string

// version is a line on this program and on what it computes with here.
func version() string {
	info, _ := debug.ReadBuildInfo()
	return fmt.Sprintf("beamlearn %s, %s, Beam %s, %s/%s, SIMD %s",
		versionOf(release, info), runtime.Version(), beamOf(info), runtime.GOOS, runtime.GOARCH, neighbors.Instructions())
}

// versionOf is the version of the module, or the commit that it was built from.
func versionOf(release string, info *debug.BuildInfo) string {
	if release != "" {
		return release
	}
	if info == nil {
		return "unknown"
	}
	version := info.Main.Version
	if version == "" {
		version = "(devel)"
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			version += ", commit " + s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			version += " with changes"
		}
	}
	return version
}

// beamOf is the version of Beam.
func beamOf(info *debug.BuildInfo) string {
	if info != nil {
		for _, m := range info.Deps {
			if m.Path == "github.com/apache/beam/sdks/v2" {
				return m.Version
			}
		}
	}
	return "unknown"
}
