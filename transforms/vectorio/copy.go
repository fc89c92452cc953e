package vectorio

import (
	"context"

	"beamlearn/model/formats"
	"beamlearn/transforms/files"
)

// Copies says how the rows of the files stand in them, so that they can be written once more: see [formats.Copies].
func (d *Dataset) Copies(ctx context.Context, fills bool) (*formats.Copied, error) {
	all := make([]formats.Source, len(d.Files))
	for i, info := range d.Files {
		var err error
		if all[i], err = formats.Inspect(ctx, files.Open(info), d.naming[i].Options(d.options.Formats)); err != nil {
			return nil, err
		}
	}
	return formats.Copies(ctx, all, fills)
}

// OpenCopy opens a chunk for copying its rows, whose numbers are those within its file.
func OpenCopy(ctx context.Context, c Chunk, o *Options, how *formats.Copied) (formats.CopyReader, error) {
	src, err := o.inspect(ctx, c.Info, c.Naming.Options(o.Formats))
	if err != nil {
		return nil, err
	}
	return formats.Copy(ctx, src, how, c.Span)
}
