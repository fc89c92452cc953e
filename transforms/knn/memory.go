package knn

import (
	"beamlearn/model/neighbors"
	"beamlearn/model/neighbors/groups"
	"beamlearn/model/neighbors/ivf"
	"beamlearn/model/vectors"
	"beamlearn/transforms/placement"
)

// Memory estimates the bytes that the job takes in this process, besides the program's own: the
// points and a byte a value for the filter, the chunks that are read at a time, and the answers, 12 bytes a
// neighbour. (What is read is no longer needed when the answers are made, but neither does its memory fit what is
// needed then.) It is 0 where that is not known: where other processes do the work, and where the rows must be
// counted first; the answers within a radius are not in it.
func (j *Job) Memory() int64 {
	if j.Corpus == nil || j.Options.IndexMemory > 0 {
		return 0 // a file that is mapped, or parts of a size that was asked for
	}
	rows := j.rowsAbout()
	if j.Options.Workers != placement.InProcess || rows < 0 {
		return 0
	}
	dim, element := int64(j.Corpus.Dim), j.element(rows)
	if j.Reading.Formats.Sparse {
		return j.sparseMemory(rows)
	}
	rows = j.kept(rows)
	row := dim * element
	threads, chunks := j.threads(), j.reading(rows)
	answered := rows // at a time
	switch {
	case j.Queries == nil:
		answered = min(int64(j.Options.SearchRows), rows)
	case j.Queries.Rows >= 0:
		answered = min(int64(j.Reading.ChunkRows), j.Queries.Rows)
	}
	if j.Queries != nil {
		chunks += threads * answered * row
	}
	if j.Options.Recall != 0 { // the graph, and what ivf has in float32
		const order = 24
		forms := element - 4 // a value, in float32
		if j.metric() == neighbors.Correlation {
			forms = 12 // less the mean of its row, too
		}
		if o := j.Options.ivf(); o.InCells() {
			forms += element + 1 // rows and their short forms once more
		}
		size := rows*(row+dim+order) + chunks + 12*rows*int64(j.Options.K) + forms*rows*dim
		if j.Options.Groups != nil { // the pairs, and the index that measures
			const pairs = 16 * (12 + 16 + 12)
			size += rows*(groups.RowBytes+pairs+row) + j.diameterMemory(rows)
		}
		return size
	}
	grouped := int64(0)
	if j.Options.Outliers != nil {
		grouped = 8*2*rows + 12*max(answered, rows)
	}
	if j.Options.Groups != nil {
		grouped = rows*groups.RowBytes + j.diameterMemory(rows)
	}
	return j.built(rows) + chunks + 12*answered*int64(j.Options.K) + grouped
}

// kept is how many of so many rows of the points are read: all, or those that a condition keeps.
func (j *Job) kept(rows int64) int64 {
	if j.Options.readsKept(j.Queries == nil) {
		return min(j.Options.Rules.Kept, rows)
	}
	return rows
}

// sparseMemory is Memory of sparse rows, of about so many entries: as they are read, as they are kept, and in the
// lists of the inverted index.
func (j *Job) sparseMemory(rows int64) int64 {
	const entry, perRow = 12 + 12 + 8, 256
	kept := j.kept(rows)
	entries := float64(max(j.Corpus.Entries, 0)) * float64(kept) / float64(max(rows, 1))
	size := int64(entries*entry) + kept*(perRow+12*int64(j.Options.K))
	if j.Options.Recall != 0 && j.Queries == nil && j.metric() == neighbors.Cosine {
		size += ivf.PrunedBytes(kept, int64(entries), j.Corpus.Dim, j.Options.K)
	}
	return size
}

func (j *Job) threads() int64 {
	return int64(neighbors.Search{Threads: j.Options.Threads}.NumThreads())
}

// built is what so many points that are read take, with a byte a value for the filter.
func (j *Job) built(rows int64) int64 {
	row := int64(j.Corpus.Dim)*(j.element(rows)+1) + j.Options.Neighbors.FormBytes(j.Corpus.Dim)
	if j.Options.Answer != nil {
		row += 8 // the target
	}
	if j.Options.Restricted {
		row += 8 // a group, by row and by position
	}
	again := int64(0) // the points that are left, in indexes of their own
	if r := j.Options.Rules; r != nil {
		parted := r.Same.Points != "" || r.Before.Points != ""
		switch {
		case r.Keep != "" && (parted || !j.Options.readsKept(j.Queries == nil)):
			again = min(r.Kept, rows)
		case parted:
			again = rows
		}
	}
	return (rows + again) * row
}

// reading is what the chunks take that are read at a time.
func (j *Job) reading(rows int64) int64 {
	element := j.element(rows)
	row, threads := int64(j.Corpus.Dim)*element, j.threads()
	run := max(int64(j.Reading.ChunkRows)*row, min(readAhead, rows*row/(2*threads)))
	chunks := min(2*threads*run, rows*row)
	if element == 8 && j.Reading.Formats.DType == vectors.Auto {
		chunks += chunks / 2 // they begin as float32
	}
	return chunks
}

// element is the size of a value in memory, as far as the files' size tells it: one of 8 bytes in a binary format, or
// of more digits than a float32 has in text, is kept as a float64 where the user leaves that open.
func (j *Job) element(rows int64) int64 {
	switch j.Reading.Formats.DType {
	case vectors.Float64:
		return 8
	case vectors.Float32:
		return 4
	}
	const binary, digits = 8, 15
	values := float64(rows) * float64(j.Corpus.Dim)
	if size := float64(j.Corpus.Bytes) / values; size >= binary && size < binary+1 || size >= digits {
		return 8
	}
	return 4
}
