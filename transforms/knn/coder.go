package knn

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"

	"beamlearn/model/neighbors/evaluate"
	"beamlearn/model/neighbors/groups"
	"beamlearn/model/neighbors/ivf"
	"beamlearn/model/neighbors/outliers"
	"beamlearn/model/neighbors/overview"
	"beamlearn/model/neighbors/vote"
	"beamlearn/transforms/internal/jsoncoder"
	"beamlearn/transforms/vectorio"
)

// IndexPiece is one of the few large pieces in which an encoded index crosses Beam.
type IndexPiece struct {
	Number int  // place of the piece, from 0
	Last   bool // no piece follows
	Data   []byte
}

// A piece is its number, 1 if it is the last, the CRC-32C of the data, each as uint32, and the data.

const pieceHeader = 12

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encodeIndexPiece(p IndexPiece) []byte {
	b := make([]byte, pieceHeader, pieceHeader+len(p.Data))
	binary.LittleEndian.PutUint32(b, uint32(p.Number))
	if p.Last {
		b[4] = 1
	}
	binary.LittleEndian.PutUint32(b[8:], crc32.Checksum(p.Data, castagnoli))
	return append(b, p.Data...)
}

func decodeIndexPiece(b []byte) (IndexPiece, error) {
	if len(b) < pieceHeader {
		return IndexPiece{}, errors.New("knn: a piece of an index that is shorter than its header")
	}
	p := IndexPiece{
		Number: int(binary.LittleEndian.Uint32(b)),
		Last:   b[4] == 1,
		Data:   b[pieceHeader:],
	}
	if b[4] > 1 || b[5]|b[6]|b[7] != 0 {
		return IndexPiece{}, errors.New("knn: a piece of an index with a header that none has")
	}
	if crc32.Checksum(p.Data, castagnoli) != binary.LittleEndian.Uint32(b[8:]) {
		return IndexPiece{}, errors.New("knn: a piece of an index was damaged on its way")
	}
	return p, nil
}

// Range describes consecutive points of the index that are queries.
type Range struct {
	Ordinal     int64 // place among the ranges
	First, Rows int   // positions in the index
	Total       int64 // rows of the dataset that the index was built of
	// Index is the file of the index. Without a name the index is in the process.
	Index IndexFile
}

func encodeRange(r Range) ([]byte, error) { return json.Marshal(r) }
func decodeRange(b []byte) (Range, error) { return jsoncoder.Decode[Range](b) }

// Query is a chunk of queries, and the file of the index to ask; without a name the index is in the process.
type Query struct {
	Chunk vectorio.Chunk
	Index IndexFile
}

func encodeQuery(q Query) ([]byte, error) { return json.Marshal(q) }
func decodeQuery(b []byte) (Query, error) { return jsoncoder.Decode[Query](b) }

// Report says what was done. Reports add up.
type Report struct {
	Points       int64 `json:"points"`
	Dim          int   `json:"dimensions"`
	Queries      int64 `json:"queries"`
	Neighbors    int64 `json:"neighbors"`
	Edges        int64 `json:"edges,omitempty"` // of a graph that was made symmetric, without those to oneself
	Rejected     int64 `json:"rejected_rows"`
	DuplicateIDs int64 `json:"duplicate_ids"`
	// Deleted and Added are how many points a new version of an index is without, and has beside, those of the one
	// before.
	Deleted int64 `json:"deleted_points,omitempty"`
	Added   int64 `json:"added_points,omitempty"`
	// Unknown is how many cells of the queries are of categories that the encoding of the points does not know, by the
	// column.
	Unknown     map[string]int64 `json:"unknown_categories,omitempty"`
	IndexBytes  int64            `json:"index_bytes"`
	Decodes     int64            `json:"index_decodes"`
	ReadPoints  float64          `json:"read_points_s"`  // seconds of one worker
	BuildIndex  float64          `json:"build_index_s"`  // seconds of one worker
	DecodeIndex float64          `json:"decode_index_s"` // seconds, added up over the worker processes
	ReadQueries float64          `json:"read_queries_s"` // seconds, added up over the chunks, as the next two
	Search      float64          `json:"search_s"`
	Write       float64          `json:"write_s"`
	Assemble    float64          `json:"assemble_s"`
	Algorithm   string           `json:"algorithm,omitempty"`
	// Approximate is how well an approximate search went.
	Approximate *ivf.Report `json:"approximate,omitempty"`
	Broadcast   string      `json:"broadcast,omitempty"` // how the index reached the workers
	// Overview is what a page shows, where Options.Overview asks for it.
	Overview *overview.Overview `json:"overview,omitempty"`
	// Groups are those of Options.Groups.
	Groups *groups.Summary `json:"groups,omitempty"`
	// GroupsOverview is what a page shows of them, where Options.Overview asks for it.
	GroupsOverview *groups.Overview `json:"groups_overview,omitempty"`
	Shards         int              `json:"index_shards,omitempty"`
	// Outliers are those of Options.Outliers.
	Outliers *outliers.Summary `json:"outliers,omitempty"`
	// Evaluation is how well another system has found neighbours: see Options.Evaluate.
	Evaluation *evaluate.Recall `json:"evaluation,omitempty"`
	// Scores judge the predictions for points, by the others.
	Scores *vote.Scores `json:"scores,omitempty"`
	// Kept are the neighbours of every point where several k are compared: see [AnswerKept].
	Kept          []keptList `json:"kept,omitempty"`
	OutputFiles   []string   `json:"output_files,omitempty"`
	RejectedFiles []string   `json:"rejected_files,omitempty"`
}

func (r *Report) add(o Report) {
	r.Points += o.Points
	r.Dim = max(r.Dim, o.Dim)
	r.Queries += o.Queries
	r.Neighbors += o.Neighbors
	r.Edges += o.Edges
	r.Rejected += o.Rejected
	r.DuplicateIDs += o.DuplicateIDs
	r.Unknown = vectorio.AddUnknown(r.Unknown, o.Unknown)
	r.Deleted += o.Deleted
	r.Added += o.Added
	r.IndexBytes += o.IndexBytes
	r.Decodes += o.Decodes
	r.ReadPoints += o.ReadPoints
	r.BuildIndex += o.BuildIndex
	r.DecodeIndex += o.DecodeIndex
	r.ReadQueries += o.ReadQueries
	r.Search += o.Search
	r.Write += o.Write
	r.Shards += o.Shards
	if o.Algorithm != "" {
		r.Algorithm = o.Algorithm
	}
	if o.Approximate != nil {
		r.Approximate = o.Approximate
	}
	if o.Overview != nil {
		if r.Overview == nil {
			r.Overview = new(overview.Overview)
		}
		r.Overview.Merge(o.Overview)
	}
	if o.Groups != nil {
		r.Groups = o.Groups
	}
	if o.GroupsOverview != nil {
		if r.GroupsOverview == nil {
			r.GroupsOverview = new(groups.Overview)
		}
		r.GroupsOverview.Merge(o.GroupsOverview)
	}
	if o.Outliers != nil {
		r.Outliers = o.Outliers
	}
	if o.Evaluation != nil {
		if r.Evaluation == nil {
			r.Evaluation = evaluate.New(o.Evaluation.K)
		}
		r.Evaluation.Merge(o.Evaluation)
	}
	if o.Broadcast != "" {
		r.Broadcast = o.Broadcast
	}
	r.Kept = append(r.Kept, o.Kept...)
	if o.Scores != nil {
		if r.Scores == nil {
			r.Scores = vote.NewScores(o.Scores.Task, o.Scores.Ks)
		}
		r.Scores.Merge(o.Scores)
	}
}
