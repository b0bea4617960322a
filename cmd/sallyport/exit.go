package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"sallyport/config"
)

// The exit codes, as scripts may rely on.
const (
	codeGood        = 0
	codeFailed      = 1
	codeUsage       = 2
	codeAbsent      = 3
	codeLate        = 4
	codeInterrupted = 130
)

// ending is an error with its exit code; a nil cause means that everything was said already.
type ending struct {
	code  int
	cause error
}

func (e *ending) Error() string {
	if e.cause == nil {
		return ""
	}
	return e.cause.Error()
}

func (e *ending) Unwrap() error { return e.cause }

// failed ends the command with code 1 after its answer was written.
func failed() error { return &ending{code: codeFailed} }

// ends gives a cause its exit code.
func ends(code int, format string, args ...any) error {
	return &ending{code: code, cause: fmt.Errorf(format, args...)}
}

// end says what went wrong and returns the exit code. An error without a code comes from the reading of the command line.
func (p *program) end(ctx context.Context, cmd *cobra.Command, err error) int {
	if err == nil {
		return codeGood
	}
	var e *ending
	switch {
	case errors.Is(context.Cause(ctx), errInterrupted):
		return codeInterrupted
	case config.AsMistakes(err) != nil:
		p.sayMistakes(config.AsMistakes(err))
		return codeUsage
	case errors.As(err, &e):
		p.complain(e.cause)
		return e.code
	}
	p.complain(err)
	fmt.Fprintf(p.errOut, "Help: %s --help\n", cmd.CommandPath())
	return codeUsage
}
