// Command sallyport is a guarded passage with two doors, one for HTTP and one for PostgreSQL, in front of a web app.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// The reasons for which a command is told to stop.
var (
	errInterrupted = errors.New("interrupted")
	errTerminated  = errors.New("terminated")
)

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	go func() {
		if <-stop == os.Interrupt {
			cancel(errInterrupted)
		} else {
			cancel(errTerminated)
		}
		signal.Stop(stop) // a second one ends the process at once
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main without the process: it returns the exit code. The cause of ctx tells why it was cancelled.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	return newProgram(out, errOut).run(ctx, args)
}
