package tunnel

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// spec is one process to be started.
type spec struct {
	path string   // of the executable
	exe  *os.File // where not nil, this very file is executed, whatever path names by then; Linux only
	args []string // without the program's own name
	env  []string
	dir  string
	// line hears each line that the process writes, at most maxLine bytes of it, without the line end. It must not keep it.
	line func([]byte)
}

// process is a child of ours. Nobody but its owner signals it, and only until it was reaped.
type process struct {
	pid   int
	ident identity
	ended chan struct{} // closed once the process was reaped and its output read
	code  int           // valid after ended: the exit code, 128+n for signal n

	mu     sync.Mutex // guards reaped: a pid may belong to somebody else after that
	reaped bool
	group  group
}

// spawner starts processes from one operating system thread that lives as long as it does: on Linux a child is killed
// when the thread that started it ends, and Go ends threads at will.
type spawner struct {
	jobs chan func() // unbuffered
	done chan struct{}
}

// startSpawner returns a spawner whose thread ends with close.
func startSpawner() *spawner {
	s := &spawner{jobs: make(chan func()), done: make(chan struct{})}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		defer close(s.done)
		for job := range s.jobs {
			job()
		}
	}()
	return s
}

// close ends the thread; children that still run are killed by the system (Linux).
func (s *spawner) close() {
	close(s.jobs)
	<-s.done
}

// start runs sp. The caller must wait for ended.
func (s *spawner) start(sp spec) (*process, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", sp.path, err)
	}
	cmd := sp.command(write)
	started := make(chan error, 1)
	s.jobs <- func() { started <- cmd.Start() }
	err = <-started
	write.Close() // the child has its own
	if err != nil {
		read.Close()
		return nil, fmt.Errorf("start %s: %w", sp.path, err)
	}
	p := &process{pid: cmd.Process.Pid, ended: make(chan struct{}), group: newGroup(cmd.Process.Pid)}
	p.ident, _ = identify(p.pid) // it may have ended already; then there is nothing to record
	output := make(chan struct{})
	go func() {
		defer close(output)
		eachLine(read, sp.line)
	}()
	go p.reap(cmd, read, output)
	return p, nil
}

func (sp spec) command(output *os.File) *exec.Cmd {
	cmd := exec.Command(sp.path, sp.args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = sp.env, sp.dir, output, output
	if sp.exe != nil {
		cmd.ExtraFiles = []*os.File{sp.exe} // number 3 in the child, from where it is executed
		cmd.Path = executedByNumber
	}
	cmd.SysProcAttr = attributes()
	return cmd
}

// lingering is how long output may be read after the end of a process: a grandchild can hold the pipe open for ever.
const lingering = time.Second

// reap waits for the end of the process, kills what is left of its group, and closes its output.
func (p *process) reap(cmd *exec.Cmd, read *os.File, output chan struct{}) {
	awaitEnd(p.pid)
	p.group.kill() // the leader is not reaped yet, so its number still is ours
	p.mu.Lock()
	err := cmd.Wait()
	p.reaped = true
	p.mu.Unlock()
	p.group.close()
	p.code = exitCode(cmd.ProcessState, err)
	_ = read.SetReadDeadline(time.Now().Add(lingering)) // fails only where the pipe cannot have one: then it is read to its end
	<-output
	read.Close()
	close(p.ended)
}

// stop asks the process to end, gives it grace, and then kills its group. It reports whether it had to.
func (p *process) stop(ctx context.Context, grace time.Duration) (forced bool) {
	p.signal(p.group.terminate)
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-p.ended:
		return false
	case <-t.C:
	case <-ctx.Done():
	}
	p.kill()
	<-p.ended
	return true
}

func (p *process) kill() { p.signal(p.group.kill) }

// signal calls send unless the process was reaped.
func (p *process) signal(send func()) {
	if !p.mu.TryLock() {
		return // reap holds it: the process has ended
	}
	defer p.mu.Unlock()
	if !p.reaped {
		send()
	}
}

// eachLine calls line for each line of r, cut to maxLine bytes, until r ends.
func eachLine(r io.Reader, line func([]byte)) {
	br := bufio.NewReaderSize(r, maxLine)
	for {
		text, err := br.ReadSlice('\n')
		if text = bytes.TrimRight(text, "\r\n"); len(text) > 0 {
			line(text)
		}
		for errors.Is(err, bufio.ErrBufferFull) { // the rest of a line that is too long
			_, err = br.ReadSlice('\n')
		}
		if err != nil {
			return
		}
	}
}
