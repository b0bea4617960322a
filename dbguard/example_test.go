package dbguard_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sallyport/dbguard"
	"sallyport/dbguard/localpg"
	"sallyport/dbguard/screen"
)

// A program of its own guards its queries without the doors.
func ExampleNewPool() {
	ctx := context.Background()
	pg, err := localpg.Start(ctx, localpg.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = pg.Stop() }()

	noDrop := screen.Rule{Name: "no-drop", Check: func(s *screen.Statement) []screen.Finding {
		if !strings.HasPrefix(s.SQL, "drop ") {
			return nil
		}
		return []screen.Finding{{Rule: "no-drop", Reason: "tables stay", Weight: 5}}
	}}
	guard, err := dbguard.New(dbguard.Parts{Settings: dbguard.Defaults(), Rules: []screen.Rule{noDrop}})
	if err != nil {
		fmt.Println(err)
		return
	}
	pool, err := dbguard.NewPool(ctx, pg.URL("postgres"), guard)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()

	var answer int
	if err := pool.QueryRow(ctx, "select $1::int + 1", 41).Scan(&answer); err != nil {
		fmt.Println(err)
		return
	}
	_, err = pool.Exec(ctx, "drop table orders")
	var blocked *dbguard.BlockedError
	fmt.Println(answer, errors.As(err, &blocked), blocked.Rules)
	// Output: 42 true [no-drop]
}
