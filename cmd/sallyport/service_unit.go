package main

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"sallyport/config"
)

// unit is what a systemd unit of ours is made of. Every path is absolute.
type unit struct {
	program, settings string
	// credentials are the secrets that systemd reads as root and hands to the service, by the names of their files.
	credentials []credential
	// app is true where the gateway starts the app: it lives in the same sandbox.
	app bool
}

type credential struct{ name, path string }

// credentialsOf are the secret files that cfg names; two of the same name cannot both be handed over.
func credentialsOf(cfg config.Config) ([]credential, error) {
	var all []credential
	taken := map[string]string{}
	for _, s := range cfg.Secrets() {
		if strings.HasPrefix(s.Source, "env:") {
			return nil, fmt.Errorf("%s stands in a variable, which a service does not get; put it into a file", s.Key)
		}
		name := filepath.Base(s.Source)
		if other, twice := taken[name]; twice && other != s.Source {
			return nil, fmt.Errorf("%s and %s are both named %s; rename one, systemd hands secrets over by name", other, s.Source, name)
		} else if !twice {
			taken[name] = s.Source
			all = append(all, credential{name, s.Source})
		}
	}
	return all, nil
}

// text is the unit. What it takes from the service is what neither door nor cloudflared needs: systemd-analyze security rates it 1.1.
func (u unit) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, unitHead, u.program, u.settings)
	for _, c := range u.credentials {
		fmt.Fprintf(&b, "LoadCredential=%s:%s\n", c.name, c.path)
	}
	rest := unitRest
	if u.app {
		rest = strings.Replace(rest, "MemoryDenyWriteExecute=yes\n", "# The app is started in here, and Node.js, Java and .NET make code while they run.\nMemoryDenyWriteExecute=no\n", 1)
	}
	b.WriteString(rest)
	return b.String()
}

const unitHead = `# Written by: sallyport service install. Changes of yours belong into a drop-in: systemctl edit sallyport
[Unit]
Description=Sallyport, a guarded passage with two doors in front of a web app
Wants=network-online.target
After=network-online.target
# It is started again for ever: a machine without a network at boot has one later.
StartLimitIntervalSec=0

[Service]
# READY=1 comes once both doors accept; the watchdog is fed while every loop goes round.
Type=notify
ExecStart=%s run --config %s
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=1s
WatchdogSec=20s
TimeoutStartSec=30s
# Longer than http.timeouts.drain, so that requests end by themselves.
TimeoutStopSec=45s
LimitNOFILE=65536
OOMScoreAdjust=-500

# Secrets stay readable for root only; the service sees them in $CREDENTIALS_DIRECTORY under the names of their files.
`

const unitRest = `
DynamicUser=yes
StateDirectory=sallyport
StateDirectoryMode=0700
LogsDirectory=sallyport
LogsDirectoryMode=0700
UMask=0077

NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
PrivateMounts=yes
DevicePolicy=closed
RemoveIPC=yes
KeyringMode=private
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`

// hidden are folders that the unit's sandbox does not let the service see.
var hidden = []string{"/home", "/root", "/run/user", "/tmp", "/var/tmp"}

// inside returns the first of paths that lies in one of dirs, "" where none does.
func inside(dirs []string, paths ...string) string {
	for _, p := range paths {
		for _, dir := range dirs {
			if path.Clean(p) == dir || strings.HasPrefix(path.Clean(p), dir+"/") {
				return p
			}
		}
	}
	return ""
}
