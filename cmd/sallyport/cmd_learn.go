package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sallyport/gateway"
)

// learning is what the three commands of learn share: where statements come from.
type learning struct {
	from, role, out string
}

// learned is the answer of learn.
type learned struct {
	Source     string              `json:"source"`
	Structures []gateway.Structure `json:"structures"`
	LeftOut    []gateway.LeftOut   `json:"leftOut"`
}

func (p *program) learnCommand() *cobra.Command {
	var l learning
	cmd := &cobra.Command{
		Use: "learn", Short: "Write down the statements that the app sends, for a start that knows them and for the allow-list", Args: cobra.NoArgs,
		Long: "Writes the statements that the running instance has learned, without their literals, as a file for database.allow_list.file:\n" +
			"loaded at the start it makes them known from the first request on. With --from they are read from SQL text or from a log of\n" +
			"PostgreSQL (text, csvlog, jsonlog; - is standard input), so that a test run in CI makes the file without an instance.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, source, err := p.statements(cmd, l)
			if err != nil {
				return err
			}
			return p.sayLearned(found, source, l.out)
		},
	}
	p.addLearnFlags(cmd, &l)
	cmd.Flags().StringVarP(&l.out, "out", "o", "", "write the file here, not to standard output")
	cmd.AddCommand(p.learnDiffCommand(), p.learnApplyCommand())
	return cmd
}

func (p *program) addLearnFlags(cmd *cobra.Command, l *learning) {
	cmd.Flags().StringVar(&l.from, "from", "", "read SQL text or a log of PostgreSQL instead of asking the instance; - is standard input")
	cmd.Flags().StringVar(&l.role, "role", "", "the database role that may send them; any where none is given")
	p.addAdminFlag(cmd)
}

// statements are those of the instance or of the file of --from, and where they come from.
func (p *program) statements(cmd *cobra.Command, l learning) (*gateway.Learned, string, error) {
	found := new(gateway.Learned)
	if l.from == "" {
		var known struct {
			Structures []gateway.Structure `json:"structures"`
		}
		if err := p.get(cmd, "/api/hardening/structures", &known); err != nil {
			return nil, "", err
		}
		for _, one := range known.Structures {
			found.Add(one.SQL, l.role)
		}
		return found, "instance", nil
	}
	in := io.Reader(cmd.InOrStdin())
	if l.from != "-" {
		file, err := os.Open(l.from)
		if err != nil {
			return nil, "", ends(codeUsage, "%w", err)
		}
		defer file.Close() //nolint:errcheck // only read
		in = file
	}
	if err := found.ReadStatements(in, l.role); err != nil {
		return nil, "", ends(codeUsage, "%s: %w", l.from, err)
	}
	return found, l.from, nil
}

// sayLearned writes the file of structures; what was left out is told beside it.
func (p *program) sayLearned(found *gateway.Learned, source, out string) error {
	var file bytes.Buffer
	if err := found.WriteFile(&file); err != nil {
		return ends(codeFailed, "%w", err)
	}
	if out != "" {
		if err := replaceFile(out, file.Bytes()); err != nil {
			return ends(codeUsage, "%w", err)
		}
	}
	for _, left := range found.LeftOut() {
		p.progress("left out: %s (%s)", oneLine(left.SQL, 100), left.Why)
	}
	switch {
	case p.json:
		return p.answer("learn", learned{source, found.List(), found.LeftOut()})
	case out != "":
		p.say("%s: %s", out, count(len(found.List()), "statement"))
	default:
		_, err := p.out.Write(file.Bytes())
		return err
	}
	return nil
}

// readStructures reads a file that learn wrote. A file that does not exist is empty where missing is fine.
func readStructures(file string, missingIsFine bool) (*gateway.Learned, error) {
	l := new(gateway.Learned)
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) && missingIsFine {
		return l, nil
	}
	if os.IsNotExist(err) {
		return nil, ends(codeUsage, "%w; write it with: sallyport learn --out %s", err, file)
	}
	if err != nil {
		return nil, ends(codeUsage, "%w", err)
	}
	if err := l.ReadFile(bytes.NewReader(text)); err != nil {
		return nil, ends(codeUsage, "%s: %w", file, err)
	}
	return l, nil
}

// replaceFile writes text to a new file beside file and moves it there, so that nobody reads a half.
func replaceFile(file string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".learn-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone once it was moved
	_, err = f.Write(text)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
