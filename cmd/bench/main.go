// Command bench measures both doors side by side with their peers and prints ratios.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
)

// command is one benchmark: its name, a line of help, and what runs it with the arguments behind the name.
type command struct {
	name, help string
	run        func(ctx context.Context, args []string, out io.Writer) error
}

// commands are all benchmarks, in the order of the help text.
func commands() []command {
	return []command{
		{"http", "our HTTP door beside nginx and other peers", httpCommand},
		{"db", "our database door beside PgBouncer", dbCommand},
		{"screen", "-corpus DIR: detection, refusals and cost of screening", screenCommand},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run finds the command that args name and runs it; without one it prints the list.
func run(ctx context.Context, args []string, out io.Writer) error {
	for _, c := range commands() {
		if len(args) > 0 && args[0] == c.name {
			return c.run(ctx, args[1:], out)
		}
	}
	fmt.Fprintln(out, "usage: bench COMMAND")
	for _, c := range commands() {
		fmt.Fprintf(out, "  %-8s %s\n", c.name, c.help)
	}
	if len(args) > 0 {
		return fmt.Errorf("%s is no command", args[0])
	}
	return nil
}
