package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"
)

// program is how a peer, or we, are started.
type program struct {
	name string
	// settings are its settings file; version asks for its version, arguments start it.
	settings, version string
	arguments         []string
	// fill holds what stands in settings and arguments under a name, in pairs; LISTEN, ADMIN, DIR and FILE come with it.
	fill []string
}

// process is a running program.
type process struct {
	name, version, addr string
	cmd                 *exec.Cmd
	ended               chan error
}

// start runs the program from binary in dir and waits until it listens.
func (k program) start(ctx context.Context, binary, dir string) (*process, error) {
	listen, err := freeAddr()
	if err != nil {
		return nil, err
	}
	admin, err := freeAddr()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	file := dir + "/settings.yaml"
	port := listen[strings.LastIndexByte(listen, ':')+1:]
	fill := strings.NewReplacer(append(k.fill, "LISTEN", listen, "PORT", port, "ADMIN", admin, "DIR", dir, "FILE", file)...)
	if err := os.WriteFile(file, []byte(fill.Replace(k.settings)), 0o644); err != nil {
		return nil, err
	}
	var args []string
	for _, a := range k.arguments {
		args = append(args, fill.Replace(a))
	}
	version, err := exec.CommandContext(ctx, binary, k.version).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("version: %w", err)
	}
	said, err := os.Create(dir + "/output")
	if err != nil {
		return nil, err
	}
	defer said.Close()
	d := &process{name: k.name, version: strings.TrimSpace(strings.SplitN(string(version), "\n", 2)[0]), addr: listen, ended: make(chan error, 1)}
	d.cmd = exec.CommandContext(ctx, binary, args...)
	d.cmd.Stdout, d.cmd.Stderr, d.cmd.Dir = said, said, dir
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { d.ended <- d.cmd.Wait() }()
	if err := d.ready(); err != nil {
		d.stop()
		text, _ := os.ReadFile(dir + "/output")
		return nil, fmt.Errorf("%w: %.2000s", err, text)
	}
	return d, nil
}

func (d *process) ready() error {
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-d.ended:
			d.ended <- err
			return fmt.Errorf("it ended: %w", err)
		default:
		}
		if c, err := net.Dial("tcp4", d.addr); err == nil {
			return c.Close()
		}
	}
	return errors.New("it does not listen after 15s")
}

// stop ends the program and waits for it.
func (d *process) stop() {
	_ = d.cmd.Process.Signal(os.Interrupt) // it may have ended
	select {
	case err := <-d.ended:
		d.ended <- err
	case <-time.After(5 * time.Second):
		_ = d.cmd.Process.Kill()
		<-d.ended
	}
}

func freeAddr() (string, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}
