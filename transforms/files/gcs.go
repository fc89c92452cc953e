package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"cloud.google.com/go/storage"
	"google.golang.org/api/option"
)

// Beam's filesystem reads Cloud Storage objects from their beginning; ranges and generations need its client.

func isGCS(name string) bool { return strings.HasPrefix(name, "gs://") }

var gcs struct {
	sync.Mutex
	client *storage.Client
}

// gcsClient is one client for the process, with the user's credentials, or without any where there are none, as for
// public objects and for an emulator (STORAGE_EMULATOR_HOST).
func gcsClient(ctx context.Context) (*storage.Client, error) {
	gcs.Lock()
	defer gcs.Unlock()
	if gcs.client != nil {
		return gcs.client, nil
	}
	// The client outlives the call that needs it first.
	ctx = context.WithoutCancel(ctx)
	c, err := storage.NewClient(ctx, storage.WithJSONReads())
	if err != nil {
		if c, err = storage.NewClient(ctx, storage.WithJSONReads(), option.WithoutAuthentication()); err != nil {
			return nil, err
		}
	}
	gcs.client = c
	return c, nil
}

func gcsObject(ctx context.Context, name string) (*storage.ObjectHandle, error) {
	bucket, object, ok := strings.Cut(strings.TrimPrefix(name, "gs://"), "/")
	if !ok || bucket == "" || object == "" {
		return nil, fmt.Errorf("%s: must be gs://BUCKET/OBJECT", name)
	}
	c, err := gcsClient(ctx)
	if err != nil {
		return nil, err
	}
	return c.Bucket(bucket).Object(object), nil
}

func statGCS(ctx context.Context, name string) (Info, error) {
	o, err := gcsObject(ctx, name)
	if err != nil {
		return Info{}, err
	}
	a, err := o.Attrs(ctx)
	if err != nil {
		return Info{}, fmt.Errorf("%s: %w", name, notExist(err))
	}
	return Info{Name: name, Size: a.Size, Version: strconv.FormatInt(a.Generation, 10)}, nil
}

// openGCS reads the generation that was listed, whatever the name stands for by now.
func openGCS(ctx context.Context, f *file, offset, length int64) (io.ReadCloser, error) {
	o, err := gcsObject(ctx, f.info.Location())
	if err != nil {
		return nil, err
	}
	if g, err := strconv.ParseInt(f.info.Version, 10, 64); err == nil && g != 0 {
		o = o.Generation(g)
	}
	r, err := o.NewRangeReader(ctx, offset, length)
	if errors.Is(err, storage.ErrObjectNotExist) {
		return nil, f.changed("no such object of that generation any more")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.info.Name, err)
	}
	return r, nil
}
