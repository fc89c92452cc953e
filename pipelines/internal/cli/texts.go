package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"beamlearn/transforms/files"
)

// textRunes is how much of a text the page shows.
const textRunes = 200

// ReadTexts reads the texts of some ids: with ids from lines of an id, a tab and a text, else of the rows by their
// numbers, whole lines, whose tabs stand between fields.
func ReadTexts(ctx context.Context, name string, wanted map[string]bool,
	ids bool) (texts map[string]string, err error) {
	f, err := files.OpenRead(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	texts = map[string]string{}
	r := bufio.NewReaderSize(f, 1<<20)
	for row := 0; ; row++ {
		line, err := r.ReadString('\n')
		if line == "" && err == io.EOF {
			return texts, nil
		}
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		line = strings.TrimRight(line, "\r\n")
		id, text := strconv.Itoa(row), line
		if ids {
			id, text, _ = strings.Cut(line, "\t")
		}
		if !wanted[id] {
			continue
		}
		if long := []rune(text); len(long) > textRunes {
			text = string(long[:textRunes]) + "…"
		}
		texts[id] = text
	}
}

// Agree is a number and what is said of it: of one thing, or of several.
func Agree[N int | int64](n N, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, several)
}

// Count is so many of a thing, in words.
func Count[N int | int64](n N, thing string) string {
	switch {
	case n == 1:
		return "1 " + thing
	case strings.HasSuffix(thing, "s"):
		thing += "e"
	case strings.HasSuffix(thing, "y"):
		thing = strings.TrimSuffix(thing, "y") + "ie"
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
