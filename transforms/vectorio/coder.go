package vectorio

import (
	"encoding/json"

	"beamlearn/transforms/internal/jsoncoder"
)

// Descriptions are small and cross the wire as JSON, which a log shows as it is.

func encodePiece(p Piece) ([]byte, error) { return json.Marshal(p) }
func decodePiece(b []byte) (Piece, error) { return jsoncoder.Decode[Piece](b) }

func encodeChunk(c Chunk) ([]byte, error) { return json.Marshal(c) }
func decodeChunk(b []byte) (Chunk, error) { return jsoncoder.Decode[Chunk](b) }

func encodeList(l List) ([]byte, error) { return json.Marshal(l) }
func decodeList(b []byte) (List, error) { return jsoncoder.Decode[List](b) }
