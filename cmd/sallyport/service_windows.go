package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/eventlog"
	"golang.org/x/sys/windows/svc/mgr"

	"sallyport/config"
)

// actionWithin is how long a service may take to start, or to drain and stop.
const actionWithin = time.Minute

func machineServices() services { return scm{} }

// scm is the Windows service control manager.
type scm struct{}

// recovery is what the manager does when the service ends by itself: it starts it again, later each time. A day without an end
// forgets the count.
var recovery = []mgr.RecoveryAction{
	{Type: mgr.ServiceRestart, Delay: time.Second},
	{Type: mgr.ServiceRestart, Delay: 10 * time.Second},
	{Type: mgr.ServiceRestart, Delay: time.Minute},
}

// install makes a service of the virtual account NT SERVICE\sallyport, which has no rights but those that its files are given. It starts
// with the machine and not after the delay of two minutes that Windows offers: both doors listen on loopback, which needs no network. Where
// a step fails, no service is left.
func (scm) install(_ context.Context, program string, cfg config.Config) (string, error) {
	settings, err := filepath.Abs(cfg.File())
	if err != nil {
		return "", ends(codeUsage, "the path of the settings: %w", err)
	}
	where := ""
	err = manage(func(m *mgr.Mgr) error {
		s, err := m.CreateService(serviceName, program, mgr.Config{
			DisplayName: "Sallyport", Description: "A guarded passage with two doors in front of a web app.",
			StartType: mgr.StartAutomatic, ErrorControl: mgr.ErrorNormal,
			ServiceStartName: `NT SERVICE\` + serviceName, SidType: windows.SERVICE_SID_TYPE_UNRESTRICTED,
		}, "run", "--config", settings)
		if err != nil {
			return err
		}
		defer s.Close() //nolint:errcheck // a handle, nothing is written by closing it
		where = fmt.Sprintf("%q run --config %q, as NT SERVICE\\%s (with icacls let it read %s and the secrets, and write the folders of history, state and log)",
			program, settings, serviceName, settings)
		_ = eventlog.Remove(serviceName) // what an earlier install left would be an error
		err = errors.Join(
			s.SetRecoveryActions(recovery, uint32((24*time.Hour).Seconds())),
			s.SetRecoveryActionsOnNonCrashFailures(true),
			eventlog.InstallAsEventCreate(serviceName, eventlog.Error|eventlog.Warning|eventlog.Info))
		if err != nil {
			return errors.Join(err, s.Delete())
		}
		return nil
	})
	return where, err
}

func (w scm) uninstall(ctx context.Context) error {
	if err := w.stop(ctx); err != nil {
		return err
	}
	return open(func(s *mgr.Service) error { return errors.Join(s.Delete(), eventlog.Remove(serviceName)) })
}

func (scm) start(ctx context.Context) error {
	return open(func(s *mgr.Service) error {
		if err := s.Start(); err != nil {
			return err
		}
		return reach(ctx, s, svc.Running)
	})
}

func (scm) stop(ctx context.Context) error {
	return open(func(s *mgr.Service) error {
		if _, err := s.Control(svc.Stop); err != nil && !errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) {
			return err
		}
		return reach(ctx, s, svc.Stopped)
	})
}

// reach waits until s has come to want.
func reach(ctx context.Context, s *mgr.Service, want svc.State) error {
	ctx, cancel := context.WithTimeout(ctx, actionWithin)
	defer cancel()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for {
		now, err := s.Query()
		switch {
		case err != nil:
			return err
		case now.State == want:
			return nil
		case want == svc.Running && now.State == svc.Stopped:
			return errors.New("it ended at once; see the event log, source " + serviceName)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
		}
	}
}

// manage calls do with the service manager and gives its error an exit code.
func manage(do func(*mgr.Mgr) error) error {
	m, err := mgr.Connect()
	if err != nil {
		return ends(codeFailed, "the service manager (run this as administrator): %w", err)
	}
	defer m.Disconnect() //nolint:errcheck // a handle, nothing is written by closing it
	if err := do(m); err != nil {
		return ends(codeFailed, "service %s: %w", serviceName, err)
	}
	return nil
}

// open calls do with our service.
func open(do func(*mgr.Service) error) error {
	return manage(func(m *mgr.Mgr) error {
		s, err := m.OpenService(serviceName)
		if err != nil {
			return err
		}
		defer s.Close() //nolint:errcheck // a handle, nothing is written by closing it
		return do(s)
	})
}

// asService runs serve, under the service manager where that started this process. Children end with it: the tunnel puts each
// into a job object that closes with our last handle.
func asService(ctx context.Context, p *program, serve func(ctx context.Context, up func()) error) error {
	service, err := svc.IsWindowsService()
	if err != nil || !service {
		return serve(ctx, func() {})
	}
	log, err := eventlog.Open(serviceName)
	if err != nil {
		return ends(codeFailed, "event log: %w", err)
	}
	p.errOut = eventWriter{log} // open until the process ends: why it does is said last, by its caller
	var failure error
	err = svc.Run(serviceName, handler(func(requests <-chan svc.ChangeRequest, status chan<- svc.Status) (bool, uint32) {
		failure = obey(ctx, serve, requests, status)
		return failure != nil, exitOf(failure)
	}))
	if err != nil {
		return ends(codeFailed, "service: %w", err)
	}
	return failure
}

// handler is the service manager's view of us.
type handler func(requests <-chan svc.ChangeRequest, status chan<- svc.Status) (specific bool, exit uint32)

// Execute is called by svc.Run.
func (h handler) Execute(_ []string, requests <-chan svc.ChangeRequest, status chan<- svc.Status) (bool, uint32) {
	return h(requests, status)
}

// exitOf is the service-specific exit code: anything but 0 makes the recovery actions start the service again.
func exitOf(err error) uint32 {
	if err == nil {
		return 0
	}
	return codeFailed
}

// obey serves until the manager asks to stop or serve ends, and returns what serve returned.
func obey(ctx context.Context, serve func(ctx context.Context, up func()) error, requests <-chan svc.ChangeRequest, status chan<- svc.Status) error {
	status <- svc.Status{State: svc.StartPending, WaitHint: uint32(actionWithin.Milliseconds())}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- serve(ctx, func() { close(ready) }) }()
	for {
		select {
		case <-ready:
			ready = nil
			// A shutdown alone would leave us some five seconds; before it begins we have minutes to drain.
			status <- svc.Status{State: svc.Running, Accepts: svc.AcceptStop | svc.AcceptPreShutdown}
		case c := <-requests:
			switch c.Cmd {
			case svc.Interrogate:
				status <- c.CurrentStatus
			case svc.Stop, svc.PreShutdown:
				status <- svc.Status{State: svc.StopPending, WaitHint: uint32(actionWithin.Milliseconds())}
				stop(errTerminated)
			}
		case err := <-ended:
			return err
		}
	}
}

// eventWriter writes log lines to the event log, each under its level.
type eventWriter struct{ log *eventlog.Log }

// eventID is the one number of ours; eventcreate's message file shows the text of 1 to 1000 as it is.
const eventID = 1

func (w eventWriter) Write(line []byte) (int, error) {
	level, told := eventLevel(line)
	if !told {
		return len(line), nil
	}
	write := w.log.Info
	switch {
	case level >= slog.LevelError:
		write = w.log.Error
	case level >= slog.LevelWarn:
		write = w.log.Warning
	}
	return len(line), write(eventID, string(bytes.TrimSpace(line)))
}
