package cli

import (
	"fmt"
	"strings"

	"beamlearn/transforms/files"
)

// NoReport is the --report that writes none.
const NoReport = "none"

// ReportPath is where the page of a job goes, or nothing. It is beside an output on this host, under its name, unless the flag
// --report says otherwise.
func ReportPath(flag, output string) (string, error) {
	switch {
	case flag == NoReport:
		return "", nil
	case flag != "" && !strings.HasSuffix(flag, ".html"):
		return "", fmt.Errorf("--report=%s: must end in .html", flag)
	case flag != "":
		return files.Absolute(flag)
	case output == "" || !files.IsLocal(output):
		return "", nil
	}
	dir, name := files.Split(output)
	if dot := strings.LastIndexByte(name, '.'); dot > 0 {
		name = name[:dot]
	}
	return files.Join(dir, name+".html"), nil
}

// SourceOf names the files of an input.
func SourceOf(all []files.Info) string {
	_, name := files.Split(all[0].Name)
	if len(all) > 1 {
		name += fmt.Sprintf(" and %d more files", len(all)-1)
	}
	return name
}
