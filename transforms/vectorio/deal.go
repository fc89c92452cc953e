package vectorio

import (
	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"beamlearn/transforms/internal/registry"
)

func init() { registry.DoFns(&dealFn{}) }

// Deal deals chunks to groups of shards: it gives a PCollection<KV<int, Chunk>> of the group and the chunk. Shard i
// has the chunks i, i+shards, i+2·shards, … and so rows from everywhere, as files are often sorted (see
// [Chunk.Shard]); group i has the shards i, i+groups, ….
func Deal(s beam.Scope, chunks beam.PCollection, shards, groups int) beam.PCollection {
	return beam.ParDo(s, &dealFn{Shards: shards, Groups: groups}, chunks)
}

// Shard is the shard of the chunk, of so many.
func (c *Chunk) Shard(shards int) int { return int(c.Ordinal % int64(shards)) }

type dealFn struct{ Shards, Groups int }

func (f *dealFn) ProcessElement(c Chunk) (int, Chunk) { return c.Shard(f.Shards) % f.Groups, c }
