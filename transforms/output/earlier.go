package output

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"beamlearn/model/fault"
	"beamlearn/model/results"
	"beamlearn/transforms/files"
)

// shardNumbers are the ending of a shard's name, without its extension: see results.ShardName.
var shardNumbers = regexp.MustCompile(`-([0-9]{5,})-of-([0-9]{5,})$`)

// EarlierShards lists the shards beside the output that an earlier run has written under this name, cut into another
// number: this run removes them, as whoever reads all shards would read those, too. They are known by their names,
// and by their columns: see [results.Format.MayBeOf].
func (o *Options) EarlierShards(ctx context.Context) ([]string, error) {
	if o.Path == "" || files.IsStream(o.Path) || o.Layout.Copied != nil {
		return nil, nil
	}
	format, err := o.format()
	if err != nil || format.IsGraph() { // which is one file
		return nil, err
	}
	var earlier []string
	for _, whole := range format.Files(o.Path, o.Layout) {
		base, ext := cutEnding(whole, o.Path)
		found, err := files.List(ctx, []string{files.EscapeGlob(base) + "-*-of-*" + files.EscapeGlob(ext)})
		var none *fault.Fault
		if errors.As(err, &none) {
			continue // nothing matches
		}
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			numbers, ok := strings.CutSuffix(strings.TrimPrefix(f.Name, base), ext)
			m := shardNumbers.FindStringSubmatch(numbers)
			if !ok || m == nil || m[0] != numbers {
				continue
			}
			i, iErr := strconv.Atoi(m[1])
			n, nErr := strconv.Atoi(m[2])
			if iErr != nil || nErr != nil || i >= n || n == o.NumShards || fmt.Sprintf("-%05d-of-%05d", i, n) != numbers {
				continue
			}
			ours, err := o.isOurs(ctx, format, f)
			if err != nil {
				return nil, err
			}
			if ours {
				earlier = append(earlier, f.Name)
			}
		}
	}
	return earlier, nil
}

// isOurs reports whether a file may be an earlier shard of the output. Where it is not known yet what its features are,
// it may be.
func (o *Options) isOurs(ctx context.Context, format *results.Format, f files.Info) (bool, error) {
	if o.Layout.Features != nil && len(o.Layout.Features.Names) == 0 {
		return true, nil
	}
	head, err := piece(ctx, f, 0, min(f.Size, results.HeadBytes))
	if err != nil {
		return false, err
	}
	length := min(f.Size, results.TailBytes)
	tail, err := piece(ctx, f, f.Size-length, length)
	return err == nil && format.MayBeOf(o.Layout, head, tail), err
}

func piece(ctx context.Context, f files.Info, offset, length int64) ([]byte, error) {
	r, err := files.Open(f).OpenRange(ctx, offset, length)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	return b, errors.Join(err, r.Close())
}

// cutEnding cuts the name of a file of the output, which is the output itself or has one of several endings of it,
// where the numbers of a shard would be.
func cutEnding(file, output string) (base, ext string) {
	base = output[:len(output)-len(path.Ext(output))]
	if rest, ok := strings.CutPrefix(file, base); ok {
		return base, rest
	}
	ext = path.Ext(file)
	return file[:len(file)-len(ext)], ext
}

// signatures are how files begin that this program writes without having been asked for them, by their extensions.
var signatures = map[string][]string{
	".csv": {"alpha,l1_ratio,rank,choice,", "target,alpha,l1_ratio,rank,choice,", "k,choice,",
		"var_smoothing,l1_ratio,rank,choice,"},
	".jsonl": {`{"file":`},
	".html": {"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"generator\" " +
		"content=\"beamlearn\">"},
}

// isByproduct reports whether this program has written a file beside an output, by how it begins.
func isByproduct(ctx context.Context, name string) (bool, error) {
	r, err := files.OpenRead(ctx, name)
	if err != nil {
		return false, err
	}
	head := make([]byte, results.HeadBytes)
	n, err := io.ReadFull(r, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	if err = errors.Join(err, r.Close()); err != nil {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	for _, s := range signatures[strings.ToLower(path.Ext(name))] {
		if bytes.HasPrefix(head[:n], []byte(s)) {
			return true, nil
		}
	}
	return false, nil
}

// CheckByproduct refuses to write, or to remove, what a run has beside its output, a page, scores or rejected rows,
// where there is a file of that name that this program has not written: nobody has asked for that.
func CheckByproduct(ctx context.Context, by files.Named) error {
	if by.Name == "" || files.IsStream(by.Name) {
		return nil
	}
	ours, err := isByproduct(ctx, by.Name)
	// Where a file stands for a directory there is nothing either; that nothing can be written there is told by another
	// check.
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && ours {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%s: %s would replace it, and it is not of this program: move it, or give another name", by.Name,
		by.Flag)
}
