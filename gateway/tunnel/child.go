package tunnel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// launch is how a child is started.
type launch struct {
	spec    spec
	metrics string // where it tells that it is ready
	log     string // file of its output, rotated; "" means none is kept
	logSize int64  // bytes
	logKeep int    // files
}

// child is one start of the supervised program.
type child struct {
	n       int
	metrics string
	started chan struct{} // closed once process is set, or could not be
	process *process      // nil where the start failed
	ended   chan struct{} // closed once all is over
	// verified reports that the running image has the pinned hash; only checks use it, one at a time.
	verified bool
	// reached reports that the app accepted a connection once; likewise.
	reached bool
	members []identity // who else is in the group of an app; guarded by the supervisor's mu

	mu     sync.Mutex // guards reason
	reason lineClass  // of the last line that told a reason
	line   string
	forced bool
}

// begin starts child n.
func (r *runner) begin(n int, protocol string) *child {
	c := &child{n: n, started: make(chan struct{}), ended: make(chan struct{})}
	r.mu.Lock()
	r.children[n] = c
	r.mu.Unlock()
	r.wg.Go(func() {
		defer close(c.ended)
		r.live(c, protocol)
		r.mu.Lock()
		delete(r.children, n)
		r.mu.Unlock()
		r.post(tick{}) // the loop counts children
	})
	return c
}

// live starts c and returns when it has ended.
func (r *runner) live(c *child, protocol string) {
	out, fault := r.spawn(c, protocol)
	close(c.started)
	if fault != nil {
		fault.child = c.n
		r.post(*fault)
		return
	}
	defer out.Close()
	r.save()
	<-c.process.ended
	c.mu.Lock()
	end := exited{child: c.n, code: c.process.code, class: c.reason, line: c.line, forced: c.forced}
	c.mu.Unlock()
	r.post(end)
}

func (r *runner) spawn(c *child, protocol string) (io.Closer, *unstarted) {
	l, fault := r.job.prepare(c.n, protocol)
	if fault != nil {
		return nil, fault
	}
	if l.spec.exe != nil {
		defer l.spec.exe.Close()
	}
	out := l.output()
	l.spec.line = func(raw []byte) {
		_, _ = out.Write(append(raw[:len(raw):len(raw)], '\n')) // a full disk must not stop the tunnel
		r.heard(c, raw)
	}
	p, err := r.spawner.start(l.spec)
	if err != nil {
		_ = out.Close()
		return nil, &unstarted{cause: startFault(err), reason: err.Error()}
	}
	c.process, c.metrics = p, l.metrics
	return out, nil
}

// startFault tells an executable that cannot be used from a start that failed for another reason.
func startFault(err error) Cause {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return Binary
	}
	return BadConfig
}

// output is the rotated log of a child.
func (l launch) output() io.WriteCloser {
	if l.log == "" {
		return nopCloser{io.Discard}
	}
	return &rotating{name: l.log, size: l.logSize, keep: l.logKeep}
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// heard takes in one line of c's output.
func (r *runner) heard(c *child, raw []byte) {
	class, text := r.job.classify(raw)
	if class == lineOther {
		return
	}
	c.note(class, text)
	if class == lineVersion {
		r.mu.Lock()
		r.seen.version = text
		r.mu.Unlock()
		return
	}
	if class == lineRegistered || class == lineQUICDial || class == lineAuth {
		r.post(logged{child: c.n, class: class, line: text})
	}
}

// note keeps the line that tells best why c may end: a reason we know before an error that fits nothing.
func (c *child) note(class lineClass, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case class.tellsReason(), class == lineFailure && !c.reason.tellsReason():
		c.reason, c.line = class, text
	case class == lineRegistered:
		c.reason, c.line = lineOther, ""
	}
}

// end stops child n with grace.
func (r *runner) end(n int) {
	r.mu.Lock()
	c := r.children[n]
	r.mu.Unlock()
	if c == nil {
		return
	}
	r.wg.Go(func() { c.stop(r.job.grace()) })
}

func (c *child) stop(grace time.Duration) {
	<-c.started
	if c.process == nil {
		return
	}
	forced := c.process.stop(context.Background(), grace)
	c.mu.Lock()
	c.forced = forced
	c.mu.Unlock()
}

func (r *runner) stopAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.children {
		r.wg.Go(func() { c.stop(r.job.grace()) })
	}
}

func (r *runner) anyChild() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.children) > 0
}

// besideLimit is how long a second connector may take until it serves.
const besideLimit = time.Minute

// beginBeside starts child n while the one before serves on, and stops that one once n serves.
func (r *runner) beginBeside(n int, protocol string) {
	c := r.begin(n, protocol)
	r.wg.Go(func() {
		if why := r.awaitReady(c); why != "" {
			c.stop(r.job.grace())
			<-c.ended
			r.post(replaced{child: n, reason: why})
			return
		}
		r.post(replaced{child: n, ok: true})
		r.end(n - 1)
	})
}

// awaitReady returns "" once c serves, and else why it does not.
func (r *runner) awaitReady(c *child) string {
	<-c.started
	if c.process == nil {
		return "it could not be started"
	}
	limit := time.NewTimer(besideLimit)
	defer limit.Stop()
	r.mu.Lock()
	every := max(r.pace.process/20, 10*time.Millisecond)
	r.mu.Unlock()
	look := time.NewTicker(every)
	defer look.Stop()
	for {
		for _, ev := range r.job.look(r.work, c) {
			if is, ok := ev.(readiness); ok && is.ready > 0 {
				return ""
			}
		}
		select {
		case <-look.C:
		case <-c.process.ended:
			return fmt.Sprintf("it ended with exit code %d", c.process.code)
		case <-limit.C:
			return fmt.Sprintf("it had no connection after %s", besideLimit)
		case <-r.work.Done():
			return "the gateway is going down"
		}
	}
}

// lookAt checks child n, or what is watched.
func (r *runner) lookAt(ctx context.Context, n int) []evidence {
	r.mu.Lock()
	c := r.children[n]
	r.mu.Unlock()
	if c == nil && r.isManaged() {
		return nil
	}
	if c == nil {
		c = &child{}
	} else {
		select {
		case <-c.started:
		default:
			return nil
		}
		if c.process == nil {
			return nil
		}
	}
	found := r.job.look(ctx, c)
	r.noteMembers(c)
	return found
}
