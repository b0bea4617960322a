package localpg

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// stopFor is how long a server may take for a fast shutdown before it is killed.
const stopFor = 5 * time.Second

// portTries is how often Start takes another port when somebody else was quicker.
const portTries = 5

// errPortTaken reports that the server left because its port was in use.
var errPortTaken = errors.New("port taken")

type instance struct {
	mu      sync.Mutex // guards the fields below
	cluster *cluster   // nil after Stop
	process *process   // nil while the server is down
}

func start(ctx context.Context, o Options) (*Server, error) {
	if o.Password == "" {
		o.Password = newPassword()
	}
	c, err := newCluster(ctx, o)
	if err != nil {
		return nil, err
	}
	s := &Server{Password: o.Password}
	s.cluster = c
	for range portTries {
		if s.Port, err = freePort(); err != nil {
			break
		}
		if err = s.launch(ctx); !errors.Is(err, errPortTaken) {
			break
		}
	}
	if err != nil {
		return nil, withCause(ctx, err, s.Stop())
	}
	return s, nil
}

// withCause joins what failed with the context's end, where that is the reason, and with what clearing up said.
func withCause(ctx context.Context, err, clearing error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return errors.Join(err, clearing)
}

// freePort asks the system for a port that nobody holds right now.
func freePort() (int, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("localpg: free port: %w", err)
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// launch starts the server process and waits until it answers. On an error no process is left.
func (s *Server) launch(ctx context.Context) error {
	p, err := s.cluster.spawn(s.Port)
	if err != nil {
		return fmt.Errorf("localpg: postgres: %w", err)
	}
	if err := s.awaitAnswer(ctx, p); err != nil {
		p.kill()
		return fmt.Errorf("localpg: postgres on port %d: %w", s.Port, err)
	}
	s.process = p
	return nil
}

// awaitAnswer returns nil when a login succeeded, and an error when the process left or ctx ended. It stops asking when
// the process is gone: whoever holds the port then may never answer.
func (s *Server) awaitAnswer(ctx context.Context, p *process) error {
	asking, stop := p.whileAlive(ctx)
	defer stop()
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		version, err := s.ask(asking)
		if err == nil {
			s.Version = version
			return nil
		}
		select {
		case <-asking.Done():
			if ctx.Err() == nil {
				return s.whyGone()
			}
			return fmt.Errorf("%w: last answer: %w", ctx.Err(), err)
		case <-retry.C:
		}
	}
}

func (s *Server) whyGone() error {
	said := s.cluster.said()
	if strings.Contains(said, "could not bind") || strings.Contains(said, "already in use") {
		return fmt.Errorf("%w: %s", errPortTaken, said)
	}
	return fmt.Errorf("it ended: %s", said)
}

// ask logs in once and returns the server's version.
func (s *Server) ask(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := pgconn.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return "", err
	}
	version, _, _ := strings.Cut(conn.ParameterStatus("server_version"), " ")
	return version, conn.Close(ctx)
}

// URL is a connection string for the superuser and the database.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d/%s?sslmode=disable", urlEscape(s.Password), s.Port, urlEscape(database))
}

// Stop ends the server and removes its folder. It may be called twice.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cluster == nil {
		return nil
	}
	s.down((*process).interrupt)
	c := s.cluster
	s.cluster = nil
	return c.remove()
}

// Shutdown ends the server as an administrator does (fast shutdown: sessions are told 57P01) and keeps its cluster for Restart.
func (s *Server) Shutdown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down((*process).interrupt)
}

// Kill ends the server as kill -9 does, without a word to its sessions, and keeps its cluster for Restart.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down((*process).kill)
}

func (s *Server) down(how func(*process)) {
	if s.process != nil {
		how(s.process)
		s.process = nil
	}
}

// Restart starts the same cluster on the same port again, after a shutdown where it still runs, and waits until it answers.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cluster == nil {
		return errors.New("localpg: restart: the server was stopped and its folder removed")
	}
	s.down((*process).interrupt)
	return s.relaunch(ctx)
}

// relaunch tries for as long as backends of a killed server still hold its memory or its port is still in use.
func (s *Server) relaunch(ctx context.Context) error {
	var before error
	for {
		err := s.launch(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return errors.Join(err, before)
		}
		if !errors.Is(err, errPortTaken) && !strings.Contains(err.Error(), "still in use") {
			return err
		}
		before = err
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}
