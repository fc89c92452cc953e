package vectorio

import "encoding/json"

// Descriptions are small and cross the wire as JSON, which a log shows as it is.

func encodePiece(p Piece) ([]byte, error) { return json.Marshal(p) }

func decodePiece(b []byte) (Piece, error) {
	var p Piece
	err := json.Unmarshal(b, &p)
	return p, err
}

func encodeChunk(c Chunk) ([]byte, error) { return json.Marshal(c) }

func decodeChunk(b []byte) (Chunk, error) {
	var c Chunk
	err := json.Unmarshal(b, &c)
	return c, err
}

func encodeList(l List) ([]byte, error) { return json.Marshal(l) }

func decodeList(b []byte) (List, error) {
	var l List
	err := json.Unmarshal(b, &l)
	return l, err
}
