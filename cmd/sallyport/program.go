package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	"sallyport/config"
)

// program is one call of the command line.
type program struct {
	out, errOut io.Writer
	// in is standard input where it is not the process's.
	in      io.Reader
	environ []string
	// json asks for a machine's answer; file and set are settings given by flags.
	json bool
	file string
	set  []string
	// flags are settings that have a flag of their own, in order.
	flags []config.Flag
}

func newProgram(out, errOut io.Writer) *program {
	return &program{out: out, errOut: errOut, environ: os.Environ()}
}

// commands are all commands in the order of the help.
func (p *program) commands() []*cobra.Command {
	return []*cobra.Command{
		p.demoCommand(),
		p.initCommand(),
		p.runCommand(),
		p.checkCommand(),
		p.doctorCommand(),
		p.smokeCommand(),
		p.checklistCommand(),
		p.driftCommand(),
		p.statusCommand(),
		p.healthCommand(),
		p.reloadCommand(),
		p.blockedCommand(),
		p.releaseCommand(),
		p.explainCommand(),
		p.cspCommand(),
		p.topCommand(),
		p.learnCommand(),
		p.tunnelCommand(),
		p.appCommand(),
		p.alertsCommand(),
		p.muteCommand(),
		p.reportCommand(),
		p.serviceCommand(),
		p.configCommand(),
		p.versionCommand(),
	}
}

// run carries out args and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	root := &cobra.Command{
		Use:   "sallyport",
		Short: "A guarded passage with two doors in front of a web app",
		Long: "Sallyport stands between cloudflared and a web app (the HTTP door) and between the app and\n" +
			"PostgreSQL (the database door). It refuses what harms, and tells what it saw.",
		Version:       build(),
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("{{.Version}}\n") // --version says what version says
	root.SetArgs(args)
	root.SetOut(p.out)
	root.SetErr(p.errOut)
	root.SetIn(p.in)
	root.PersistentFlags().BoolVar(&p.json, "json", false, "answer in JSON")
	root.PersistentFlags().StringVarP(&p.file, "config", "c", "", "settings file (default: $SALLYPORT_CONFIG, ./sallyport.yaml, /etc/sallyport/sallyport.yaml)")
	root.PersistentFlags().StringArrayVar(&p.set, "set", nil, "one setting, such as --set http.listen=127.0.0.1:8081 (repeatable)")
	root.AddCommand(p.commands()...)
	cmd, err := root.ExecuteContextC(ctx)
	return p.end(ctx, cmd, err)
}
