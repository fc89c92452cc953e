package beamlearn_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// The tests that each command runs with -short are there: none has gone by a change of its name.
func TestShort(t *testing.T) {
	t.Parallel()
	mains := regexp.MustCompile(`clitest\.Main\(m, "\w+"(.*)\)`)
	rooms, err := filepath.Glob("../*")
	if err != nil || len(rooms) < len(commandNames) {
		t.Fatal(rooms, err)
	}
	for _, room := range rooms {
		sources, err := filepath.Glob(filepath.Join(room, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, name := range sources {
			all.WriteString(clitest.Read(t, name))
		}
		listed := 0
		if main := mains.FindStringSubmatch(all.String()); main != nil {
			for _, name := range regexp.MustCompile(`"(\w+)"`).FindAllStringSubmatch(main[1], -1) {
				listed++
				if !strings.Contains(all.String(), "\nfunc "+name[1]+"(t *testing.T) {") {
					t.Errorf("%s has no %s", room, name[1])
				}
			}
		}
		if listed == 0 {
			t.Errorf("%s has no test for -short", room)
		}
	}
}
