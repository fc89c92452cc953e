package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/transforms/files"
)

// textRunes is how much of a text the page shows.
const textRunes = 200

// Texts reads the texts of some ids: with ids from lines of an id, a tab and a text, else of the rows by their numbers,
// whole lines, whose tabs stand between fields. It warns where ids have no text, and where lines are not as many as the
// rows, so that they may be those of others: of a header, for one.
func (a *App) Texts(ctx context.Context, name string, wanted map[string]bool, ids bool,
	rows int64) (map[string]string, error) {
	texts, lines, err := readTexts(ctx, name, wanted, ids)
	if err != nil {
		return nil, err
	}
	var without []string
	for id := range wanted {
		if _, ok := texts[id]; !ok {
			without = append(without, id)
		}
	}
	switch {
	case !ids && lines != rows:
		a.Say(slog.LevelWarn, "%s: found %s, expected %d, as line i is the text of row i: the page may show texts of "+
			"other rows", name, Count(lines, "line"), rows)
	case len(without) > 0:
		a.Say(slog.LevelWarn, "%s: no text of %d of %s that the page shows, as of %s: lines are an id, a tab and its text",
			name, len(without), Count(len(wanted), "id"), fault.Quote(slices.Min(without)))
	}
	return texts, nil
}

// readTexts reads texts, and counts the lines.
func readTexts(ctx context.Context, name string, wanted map[string]bool,
	ids bool) (texts map[string]string, lines int64, err error) {
	f, err := files.OpenRead(ctx, name)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	texts = map[string]string{}
	r := bufio.NewReaderSize(f, 1<<20)
	for ; ; lines++ {
		line, err := r.ReadString('\n')
		if line == "" && err == io.EOF {
			return texts, lines, nil
		}
		if err != nil && err != io.EOF {
			return nil, 0, fmt.Errorf("%s: %w", name, err)
		}
		line = strings.TrimRight(line, "\r\n")
		id, text := strconv.FormatInt(lines, 10), line
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
