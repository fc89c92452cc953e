package files_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"beamlearn/transforms/files"
)

// A file that is replaced has what it had before until all of the new is there.
func ExampleReplace() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "files")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "greeting.txt")
	if err := files.WriteFile(ctx, name, []byte("hello")); err != nil {
		fmt.Println(err)
		return
	}
	err = files.Replace(ctx, name, func(w io.Writer) error {
		if _, err := io.WriteString(w, "good"); err != nil {
			return err
		}
		return fmt.Errorf("interrupted")
	})
	b, _ := files.ReadFile(ctx, name)
	fmt.Printf("%v: %s\n", err, b)

	infos, err := files.List(ctx, []string{filepath.Join(dir, "*.txt")})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, info := range infos {
		fmt.Println(filepath.Base(info.Name), info.Size)
	}
	// Output:
	// interrupted: hello
	// greeting.txt 5
}
