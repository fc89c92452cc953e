package lake

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/apache/arrow-go/v18/arrow"

	"beamlearn/model/fault"
	"beamlearn/model/formats"
)

// checkpoint reads a part of a checkpoint: rows of which each is one action, as commits have them.
func (t *delta) checkpoint(ctx context.Context, name string) error {
	f, err := t.store.Open(ctx, name)
	if err != nil {
		return err
	}
	columns, err := formats.ParquetColumns(ctx, f)
	if err != nil {
		return err
	}
	names := actionColumns(columns)
	return formats.EachRecord(ctx, f, names, func(r arrow.RecordBatch) error {
		for row := range int(r.NumRows()) {
			if err := t.actionAt(r, row); err != nil {
				return fault.File(f.Name(), "actions of Delta's log, without other files (sidecars)", "%v", err)
			}
		}
		return nil
	})
}

// sidecar is the column of a checkpoint that names files with more of it.
const sidecar = "sidecar"

// actionAt takes the action in a row.
func (t *delta) actionAt(r arrow.RecordBatch, row int) error {
	var a action
	for i := range int(r.NumCols()) {
		column := r.Column(i)
		if column.IsNull(row) {
			continue
		}
		if r.ColumnName(i) == sidecar {
			return errors.New("one of version 2, with such")
		}
		text, err := json.Marshal(column.GetOneForMarshal(row))
		if err != nil {
			return errors.New("another form of " + r.ColumnName(i))
		}
		var to any
		switch r.ColumnName(i) {
		case "add":
			a.Add = &addAction{}
			to = a.Add
		case "metaData":
			a.MetaData = &metaDataAction{}
			to = a.MetaData
		default:
			a.Protocol = &protocolAction{}
			to = a.Protocol
		}
		if err := json.Unmarshal(text, to); err != nil {
			return errors.New("another form of " + r.ColumnName(i))
		}
	}
	t.apply(&a)
	return nil
}
