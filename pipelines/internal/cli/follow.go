package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"beamlearn/model/fault"
	"beamlearn/model/results"
	"beamlearn/transforms/files"
	"beamlearn/transforms/vectorio"
)

// Pipes reports whether rows come through standard input, and answers go to standard output, both of a text that can
// be read and written line by line. The patterns are those of the rows.
func (in *Input) Pipes(patterns []string, out *Output) bool {
	format, err := results.Detect(out.Path.Path(), *out.Format, out.now())
	return len(patterns) == 1 && patterns[0] == files.Std && out.Path.Path() == files.Std && err == nil &&
		format.IsText() &&
		(*in.format == "" || slices.Contains(vectorio.StreamFormats, *in.format)) &&
		!strings.HasPrefix(*in.text.encoding, "utf-16")
}

// MoveTo makes the value of the input's flag that of another.
func (in *Input) MoveTo(other *Path) { other.value, in.input.value = in.input.value, "" }

// Follows says when the command answers rows as they come: it is asked when the flags are known. Rows at fault are then
// told at once, and not listed beside the output.
func (a *App) Follows(follows func() bool) { a.follows = follows }

// Following is rows that are answered as they come.
type Following struct {
	Rows *vectorio.Stream
	To   io.Writer
	Tell func(*fault.Fault)
}

// Follow answers the rows that come through standard input, as they come. The options of reading get their format by
// the first byte, where nobody says it. inspect finds out what the rows are; it may be asked again when more have come.
// answer does the rest, and gives how many rows it has answered; its error is that of Follow, but for a reader who has
// gone away.
func (a *App) Follow(ctx context.Context, reading *vectorio.Options,
	inspect func(pattern string) (*vectorio.Dataset, error), answer func(Following) (int64, error)) error {
	rows := vectorio.NewStream(os.Stdin, files.StdinName)
	defer rows.Close()
	a.answered = "no row answered"
	if reading.Formats.Format == "" {
		format, err := rows.Format(ctx)
		if err != nil {
			return err
		}
		reading.Formats.Format = format
		a.Tell(fmt.Sprintf("%s is taken for .%s", files.StdinName, format))
	}
	given := *reading
	err := rows.Inspect(ctx, &given, func(pattern string) (*vectorio.Dataset, error) {
		*reading = given
		return inspect(pattern)
	})
	if err != nil {
		return err
	}
	to, err := files.OpenStream(ctx, files.Std)
	if err != nil {
		return err
	}
	answered, err := answer(Following{Rows: rows, To: to, Tell: func(f *fault.Fault) {
		a.Say(slog.LevelWarn, "%v", f)
	}})
	if ctx.Err() != nil {
		a.answered = Count(answered, "row") + " answered"
	}
	if err = errors.Join(err, to.Close()); errors.Is(err, files.ErrPipe) {
		return nil // which the exit code tells
	}
	return err
}
