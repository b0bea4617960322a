package localpg

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"time"
)

// process is one running postmaster.
type process struct {
	os   *os.Process
	gone chan struct{} // closed when it was waited for
}

// spawn starts postgres on port with its words appended to the cluster's log.
func (c *cluster) spawn(port int) (*process, error) {
	log, err := os.OpenFile(c.log(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the child holds its own copy
	cmd := exec.Command(binary(c.bin, "postgres"), "-D", c.data(), "-p", strconv.Itoa(port))
	c.prepare(cmd)
	cmd.Stdout, cmd.Stderr = log, log
	return host(cmd)
}

// host starts cmd and waits for it on one thread that lives as long as the child: the system ends the child when the
// thread that started it ends (prctl(2), PR_SET_PDEATHSIG), which must mean the death of this process and nothing else.
func host(cmd *exec.Cmd) (*process, error) {
	started := make(chan error, 1)
	p := &process{gone: make(chan struct{})}
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.gone)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended stands in its log
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	p.os = cmd.Process
	return p, nil
}

// whileAlive is ctx, ended when the process is gone. The returned function must be called; it waits for what was started.
func (p *process) whileAlive(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-p.gone:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(); <-watched }
}

// interrupt asks for a fast shutdown and kills what does not follow.
func (p *process) interrupt() {
	if err := fastShutdown(p.os); err == nil {
		select {
		case <-p.gone:
			return
		case <-time.After(stopFor):
		}
	}
	p.kill()
}

// kill ends the process at once and returns when it is gone. Backends see that their postmaster died and leave by themselves.
func (p *process) kill() {
	_ = p.os.Kill() // the error is that it is gone already
	<-p.gone
}

func urlEscape(s string) string { return url.PathEscape(s) }
