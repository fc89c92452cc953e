package beamlearn_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"beamlearn/pipelines/internal/clitest"
)

// Each main runs the command of its name, and so does the program with all commands, which CI runs in their place.
func TestMains(t *testing.T) {
	t.Parallel()
	all := clitest.Read(t, "../../beamlearn/main.go")
	for _, name := range commandNames {
		main := clitest.Read(t, "../../"+name+"/main.go")
		imported := fmt.Sprintf("\t%q\n", "beamlearn/pipelines/internal/command/"+name)
		if !strings.Contains(main, imported) || !strings.Contains(main, "\nfunc main() { cli.Main("+name+".New) }\n") {
			t.Errorf("pipelines/%s does not run the command %s", name, name)
		}
		if !strings.Contains(all, imported) || strings.Count(all, name+".New") != 1 {
			t.Errorf("pipelines/beamlearn does not have the command %s", name)
		}
	}
	rooms, err := os.ReadDir("../../internal/command")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, room := range rooms {
		names = append(names, room.Name())
	}
	if want := slices.Sorted(slices.Values(commandNames)); !slices.Equal(names, want) {
		t.Errorf("commands %v, want %v", names, want)
	}
}
