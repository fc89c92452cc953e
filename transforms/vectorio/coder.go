package vectorio

import (
	"encoding/json"

	"beamlearn/transforms/internal/jsoncoder"
)

// Descriptions are small and cross the wire as JSON, which a log shows as it is.

func encodeFilePiece(p FilePiece) ([]byte, error) { return json.Marshal(p) }
func decodeFilePiece(b []byte) (FilePiece, error) { return jsoncoder.Decode[FilePiece](b) }

func encodeChunk(c Chunk) ([]byte, error) { return json.Marshal(c) }
func decodeChunk(b []byte) (Chunk, error) { return jsoncoder.Decode[Chunk](b) }

func encodeList(l List) ([]byte, error) { return json.Marshal(l) }
func decodeList(b []byte) (List, error) { return jsoncoder.Decode[List](b) }
