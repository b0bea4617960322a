// Command sallyport is a guarded passage with two doors, one for HTTP and one for PostgreSQL, in front of a web app.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process: it returns the exit code.
func run(_ context.Context, _ []string, _, _ io.Writer) int { return 2 }
