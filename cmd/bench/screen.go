package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// screenCommand plays corpora through the guard and the cross-door window as the product joins them, in its default policy, and prints
// what was found, refused and wrongly refused, and what each step costs.
func screenCommand(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("screen", flag.ContinueOnError)
	flags.SetOutput(out)
	dir := flags.String("corpus", os.Getenv("SALLYPORT_CORPORA"), "folder with pairs/, benign_sql/, benign_inputs/ and attack/ (also SALLYPORT_CORPORA)")
	half := flags.Int("half", 0, "only half of each corpus, 1 or 2, so that the other can be held out; 0 is all")
	asJSON := flags.Bool("json", false, "print JSON")
	pages := flags.Int("pages", searchPages, "statements of the generated search page")
	missed := flags.Int("missed", 0, "print so many attacks of each group that were not refused, and honest rows that were; -1: honest rows with any finding")
	quick := flags.Bool("quick", false, "leave out the costs")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *dir == "" {
		return errors.New("screen: -corpus DIR is missing")
	}
	c, err := readCorpora(*dir, *half)
	if err != nil {
		return err
	}
	b := &screenBench{corpora: c, missed: *missed, pages: *pages}
	if err := b.run(ctx, *quick); err != nil {
		return err
	}
	if *asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(b.result)
	}
	b.result.print(out)
	return nil
}

// corpora are the rows of a folder; what a folder lacks is empty.
type corpora struct {
	pairs, changed, logged []row
	values, attacks        []row
}

func readCorpora(dir string, half int) (c corpora, err error) {
	for _, part := range []struct {
		to      *[]row
		pattern string
	}{
		{&c.pairs, "pairs/templates.jsonl*"},
		{&c.changed, "pairs/transformed.jsonl*"},
		{&c.logged, "benign_sql/*.jsonl*"},
		{&c.values, "benign_inputs/*.jsonl*"},
		{&c.attacks, "attack/*.jsonl*"},
	} {
		names, err := filepath.Glob(filepath.Join(dir, part.pattern))
		if err != nil {
			return c, fmt.Errorf("corpus: %w", err)
		}
		for _, name := range names {
			rows, err := readRows(name)
			if err != nil {
				return c, err
			}
			*part.to = append(*part.to, rows...)
		}
	}
	if len(c.pairs) == 0 {
		return c, fmt.Errorf("corpus: no pairs/templates.jsonl in %s", dir)
	}
	for _, rows := range []*[]row{&c.pairs, &c.changed, &c.values, &c.attacks} {
		*rows = keep(*rows, func(r row) bool { return half == 0 || r.half() == half })
	}
	return c, nil
}

// screenBench runs the groups of figures one after the other.
type screenBench struct {
	corpora
	missed int
	pages  int
	result screenResult
}

func (b *screenBench) run(ctx context.Context, quick bool) error {
	groups := []func() error{b.boundaries, b.attacksVerbatim, b.attacksChanged, b.honest, b.secondOrder}
	if !quick {
		groups = append(groups, b.costs)
	}
	for _, group := range groups {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := group(); err != nil {
			return err
		}
	}
	return nil
}

// boundaries says where the token boundaries are compared: that takes PostgreSQL's own scanner and thereby cgo.
func (b *screenBench) boundaries() error {
	b.result.Notes = append(b.result.Notes,
		"token boundaries: compared with PostgreSQL's scanner in a module of its own (dbguard/screen/difftest, cgo): SALLYPORT_CORPORA=DIR make prove")
	return nil
}
