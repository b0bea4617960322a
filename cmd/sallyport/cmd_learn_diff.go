package main

import (
	"bytes"

	"github.com/spf13/cobra"

	"sallyport/gateway"
)

// learnDiff is the answer of learn diff.
type learnDiff struct {
	File   string `json:"file"`
	Source string `json:"source"`
	// New are sent and not in the file, Unseen in the file and not seen.
	New    []gateway.Structure `json:"new"`
	Unseen []gateway.Structure `json:"unseen"`
}

// learnApplied is the answer of learn apply.
type learnApplied struct {
	File  string              `json:"file"`
	Added []gateway.Structure `json:"added"`
	// Statements is how many the file holds now.
	Statements int `json:"statements"`
	// Reloaded is true where an instance runs and has read it.
	Reloaded   bool `json:"reloaded"`
	Generation int  `json:"generation"`
}

// listFile is the file that was named, or that of the settings.
func (p *program) listFile(cmd *cobra.Command, args []string) (string, error) {
	if len(args) > 0 {
		return args[0], nil
	}
	cfg, err := p.load(cmd)
	if err != nil {
		return "", err
	}
	if cfg.Database.AllowList.File == "" {
		return "", ends(codeUsage, "database.allow_list.file is empty: name a file, or set it")
	}
	return cfg.Database.AllowList.File, nil
}

func (p *program) learnDiffCommand() *cobra.Command {
	var l learning
	cmd := &cobra.Command{
		Use: "diff [FILE]", Short: "Compare what the app sends with a file of learn; exit 1 where it sends what the file has not", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := p.listFile(cmd, args)
			if err != nil {
				return err
			}
			listed, err := readStructures(file, false)
			if err != nil {
				return err
			}
			found, source, err := p.statements(cmd, l)
			if err != nil {
				return err
			}
			return p.sayLearnDiff(learnDiff{file, source, found.Missing(&listed.Structures), listed.Missing(&found.Structures)})
		},
	}
	p.addLearnFlags(cmd, &l)
	return cmd
}

func (p *program) sayLearnDiff(d learnDiff) error {
	if p.json {
		if err := p.answer("learn-diff", d); err != nil {
			return err
		}
	} else {
		for _, one := range d.New {
			p.say("+ %s", withRole(one))
		}
		for _, one := range d.Unseen {
			p.say("- %s", withRole(one))
		}
		p.say("%s: %s sent and not in it, %d in it and not seen", d.File, count(len(d.New), "statement"), len(d.Unseen))
	}
	if len(d.New) > 0 {
		return failed()
	}
	return nil
}

func withRole(one gateway.Structure) string {
	if one.Role == "" {
		return oneLine(one.SQL, 200)
	}
	return one.Role + ": " + oneLine(one.SQL, 200)
}

func (p *program) learnApplyCommand() *cobra.Command {
	var l learning
	cmd := &cobra.Command{
		Use: "apply [FILE]", Short: "Add what the app sends, or what FILE holds, to database.allow_list.file and let the instance read it", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := p.listFile(cmd, nil)
			if err != nil {
				return err
			}
			var more *gateway.Learned
			if len(args) > 0 {
				more, err = readStructures(args[0], false)
			} else {
				more, _, err = p.statements(cmd, l)
			}
			if err != nil {
				return err
			}
			return p.applyLearned(cmd, file, more)
		},
	}
	p.addLearnFlags(cmd, &l)
	return cmd
}

// applyLearned adds more to file and asks the instance to reload; without an instance the file holds from the next start on.
func (p *program) applyLearned(cmd *cobra.Command, file string, more *gateway.Learned) error {
	listed, err := readStructures(file, true)
	if err != nil {
		return err
	}
	done := learnApplied{File: file, Added: more.Missing(&listed.Structures)}
	listed.Merge(&more.Structures)
	var text bytes.Buffer
	if err := listed.WriteFile(&text); err != nil {
		return ends(codeFailed, "%w", err)
	}
	if err := replaceFile(file, text.Bytes()); err != nil {
		return ends(codeUsage, "%w", err)
	}
	done.Statements = len(listed.List())
	for _, left := range more.LeftOut() {
		p.progress("left out: %s (%s)", oneLine(left.SQL, 100), left.Why)
	}
	if err := p.reloadFor(cmd, &done); err != nil {
		return err
	}
	if p.json {
		return p.answer("learn-apply", done)
	}
	for _, one := range done.Added {
		p.say("+ %s", withRole(one))
	}
	p.say("%s: %s, %d of them new", file, count(done.Statements, "statement"), len(done.Added))
	if !done.Reloaded {
		p.say("no instance runs; the file holds from the next start on")
	}
	return nil
}

// reloadFor lets a running instance read the file; none is no mistake.
func (p *program) reloadFor(cmd *cobra.Command, done *learnApplied) error {
	r, err := p.ask(cmd, "POST", "/-/reload", nil)
	if isAbsent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	var now reloaded
	if err := r.Decode(&now); err != nil {
		return coded(err)
	}
	done.Reloaded, done.Generation = true, now.Generation
	return nil
}
