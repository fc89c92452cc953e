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
// and by how they begin where that tells (see [IsOurs]).
func (o *Options) EarlierShards(ctx context.Context) ([]string, error) {
	if o.Path == "" || files.IsStream(o.Path) {
		return nil, nil
	}
	format, err := o.format()
	if err != nil {
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
			ours, err := o.isOurs(ctx, format, f.Name)
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

// isOurs is IsOurs of a file of the output's format. Where features are columns, they say how it begins; where it is
// not known yet what they are, all may be.
func (o *Options) isOurs(ctx context.Context, format *results.Format, name string) (bool, error) {
	if o.Layout.Features == nil {
		return IsOurs(ctx, name)
	}
	if len(o.Layout.Features.Names) == 0 {
		return true, nil
	}
	begins := format.Begins(o.Layout)
	return begin(ctx, name, []string{begins[:min(len(begins), headBytes)]})
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

// signatures are how files begin that this program writes, by their extensions.
var signatures = map[string][]string{
	".csv": {"query_id,rank,neighbor_id,distance", "source,target", "id,", "alpha,l1_ratio,rank,choice,", "k,choice,",
		"var_smoothing,l1_ratio,rank,choice,"},
	".jsonl": {`{"query_id":`, `{"source":`, `{"id":`, `{"file":`},
	".html":  {"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"generator\" content=\"beamlearn\">"},
	".npy":   {"\x93NUMPY"},
	".json":  {`{"`},
}

// IsOurs reports whether a file may be one that this program has written, by how it begins. Of formats that others
// write alike, all may be.
func IsOurs(ctx context.Context, name string) (bool, error) {
	known, ok := signatures[strings.ToLower(path.Ext(name))]
	if !ok {
		return true, nil
	}
	return begin(ctx, name, known)
}

// headBytes of a file are looked at.
const headBytes = 1 << 10

// begin reports whether a file begins with one of these, of at most headBytes.
func begin(ctx context.Context, name string, known []string) (bool, error) {
	r, err := files.OpenRead(ctx, name)
	if err != nil {
		return false, err
	}
	head := make([]byte, headBytes)
	n, err := io.ReadFull(r, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	if err = errors.Join(err, r.Close()); err != nil {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	for _, s := range known {
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
	ours, err := IsOurs(ctx, by.Name)
	// Where a file stands for a directory there is nothing either; that nothing can be written there is told by another
	// check.
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && ours {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%s: %s would replace it, and it is not of this program: move it, or give another name", by.Name, by.Flag)
}
