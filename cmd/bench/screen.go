package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"sallyport/dbguard/screen"
)

// screenCommand prints what screening finds and refuses in the corpora of a folder, and what it costs.
func screenCommand(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("screen", flag.ContinueOnError)
	flags.SetOutput(out)
	dir := flags.String("corpus", os.Getenv("SALLYPORT_CORPORA"), "folder with pairs/ and benign_sql/ (also SALLYPORT_CORPORA)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *dir == "" {
		return errors.New("screen: -corpus DIR is missing")
	}
	pairs, err := readRows(filepath.Join(*dir, "pairs", "templates.jsonl.gz"))
	if err != nil {
		return err
	}
	changed, err := readRows(filepath.Join(*dir, "pairs", "transformed.jsonl.gz"))
	if err != nil {
		return err
	}
	logged, err := readRows(filepath.Join(*dir, "benign_sql", "orm.jsonl.gz"))
	if err != nil {
		return err
	}
	model := learnHonest(pairs)
	for _, d := range detectors(model) {
		if err := ctx.Err(); err != nil {
			return err
		}
		fmt.Fprintf(out, "\n== %s\n", d.name)
		report(out, "templates", pairs, d)
		report(out, "transformed", changed, d)
		report(out, "logged statements of honest clients", logged, d)
	}
	fmt.Fprintln(out, "\n== while the model learns, logged statements of honest clients in order")
	reportLearning(out, logged)
	fmt.Fprintln(out, "\n== cost per step")
	reportCost(out, "logged statements", logged, model)
	reportCost(out, "effective attacks", keep(pairs, row.isAttack), model)
	return nil
}

// detector is one layer of screening with those before it.
type detector struct {
	name string
	find func(r row, s *screen.Statement) []screen.Finding
}

// detectors are the layers, from rules alone to all of them. What needs the request's inputs finds them in the row.
func detectors(model *screen.Model) []detector {
	rules := screen.Builtin()
	warm := append(screen.Builtin(), model.GrowthRule())
	return []detector{
		{"rules, cold", func(_ row, s *screen.Statement) []screen.Finding { return screen.Check(s, rules) }},
		{"rules and growth, warm", func(_ row, s *screen.Statement) []screen.Finding {
			if model.Knows(s) {
				return nil
			}
			return screen.Check(s, warm)
		}},
	}
}

// learnHonest returns a model of the statements that harmless values made.
func learnHonest(rows []row) *screen.Model {
	model := screen.NewModel(screen.Key{1}, 0)
	for _, r := range rows {
		if r.Kind == "benign" && r.Truth == "inert" {
			s := screen.Read(r.SQL, screen.Options{})
			model.Learn(s, r.ID, true)
			s.Release()
		}
	}
	return model
}
