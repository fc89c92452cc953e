package recommend

import (
	"context"
	"fmt"
	"slices"

	"beamlearn/model/fault"
	"beamlearn/model/features/compare"
	model "beamlearn/model/recommend"
	"beamlearn/model/vectors"
	rows "beamlearn/transforms/triples"
	"beamlearn/transforms/vectorio"
)

// InspectItems finds the table of the items: their ids in the column that is called as in the rows, and the columns of
// the condition that recommended items meet.
func (j *Job) InspectItems(ctx context.Context, patterns []string, c *compare.Condition) (err error) {
	o := &j.ItemsReading
	o.ChunkRows, o.Formats.Names, o.Formats.Cells, o.Formats.Unlabelled = j.Reading.ChunkRows, c.Columns(), true, true
	if j.Items, err = j.inspectIDs(ctx, patterns, 1, j.Columns.Column, o, func(string) {}); err != nil {
		return err
	}
	if _, err := c.Matcher(j.Items.Fields); err != nil {
		return fmt.Errorf("%s: %w", j.Items.Name(), err)
	}
	j.Options.Filter = c.String()
	return nil
}

// itemsThatMeet are the ids of the rows of a table that meet a condition. An item has one row: of two, which may say
// different things, neither is the right one.
func itemsThatMeet(
	ctx context.Context, chunks []vectorio.Chunk, o *vectorio.Options, condition *compare.Condition,
) ([]vectors.ID, error) {
	var all []vectors.ID
	type place struct {
		file string
		row  int64
	}
	places := map[vectors.ID]place{}
	for _, c := range chunks {
		var matcher *compare.Matcher
		_, err := vectorio.EachTargeted(ctx, c, o, func(*fault.Fault) {}, func(b *vectors.Block) (err error) {
			if matcher == nil {
				if matcher, err = condition.Matcher(b.Cells.Fields()); err != nil {
					return fmt.Errorf("%s: %w", c.Info.Name, err)
				}
			}
			for i, number := range b.Numbers {
				id, here := rows.ID(b.IDs.At(i)), place{c.Info.Name, number - c.First + c.Span.First}
				if first, twice := places[id]; twice {
					return &fault.Fault{File: here.file, Row: here.row, ID: id.String(),
						Found:    fmt.Sprintf("the item %q, which %s has in row %d", id.String(), first.file, first.row),
						Expected: "a row of each item"}
				}
				places[id] = here
				met, f := matcher.Match(b.Cells, i)
				if f != nil {
					f.File, f.Row, f.ID = here.file, here.row, id.String()
					return f
				}
				if met {
					all = append(all, id)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// only are the places of the items that may be recommended: those of the rows that the table of the items has, and that
// meet the condition.
func (f *buildFn) only(ctx context.Context, chunks []vectorio.Chunk, x *model.Interactions) ([]uint32, error) {
	condition, err := compare.Parse(f.Options.Filter)
	if err != nil {
		return nil, err
	}
	ids, err := itemsThatMeet(ctx, chunks, &f.ItemsReading, condition)
	if err != nil {
		return nil, err
	}
	name := chunks[0].Info.Name
	if len(ids) == 0 {
		return nil, fault.File(name, condition.Wanted("items"), "none of %d", chunks[0].Total)
	}
	at := make(map[vectors.ID]uint32, x.Items.Len())
	for i := range x.Items.Len() {
		at[x.Items.At(i)] = uint32(i)
	}
	var places []uint32
	for _, id := range ids {
		if i, ok := at[id]; ok {
			places = append(places, i)
		}
	}
	slices.Sort(places)
	if places = slices.Compact(places); len(places) == 0 {
		expected := "items of the input among those that meet --filter, by the same ids in the column of both"
		return nil, fault.File(name, expected, "only %d that the input does not have", len(ids))
	}
	return places, nil
}
