package groups_test

import (
	"fmt"

	"beamlearn/model/neighbors/groups"
)

// Rows 0 and 2, and 2 and 4, are near duplicates: they are one group, of which the first row stays.
func Example() {
	c, err := groups.New(5)
	if err != nil {
		fmt.Println(err)
		return
	}
	c.Join(0, 2)
	c.Join(2, 4)
	keep, err := groups.ParseKeep("first")
	if err != nil {
		fmt.Println(err)
		return
	}
	members := groups.NewMembers(c, keep)
	for row := range int64(5) {
		members.Count(row)
	}
	for row := range int64(5) {
		first, size, stays := members.Of(row)
		fmt.Println(row, "of group", first, "of", size, stays)
	}
	// Output:
	// 0 of group 0 of 3 true
	// 1 of group 1 of 1 true
	// 2 of group 0 of 3 false
	// 3 of group 3 of 1 true
	// 4 of group 0 of 3 false
}
