package config

import (
	"sallyport/dbguard"
	"sallyport/dbguard/wire"
	"sallyport/gateway/alert"
	"sallyport/gateway/crossdoor"
	"sallyport/gateway/ingress"
	"sallyport/gateway/journal"
	"sallyport/gateway/tunnel"
	"sallyport/gateway/upstream"
	"sallyport/middleware"
)

// Defaults returns the settings that hold where nothing is said. Their origin is "default".
func Defaults() Config {
	return Config{
		Version:     1,
		Environment: "production",
		HTTP: HTTP{
			Listen: "127.0.0.1:8080", App: upstream.Defaults(), Head: ingress.Defaults(), Door: middleware.Defaults(), RequireTunnel: "report",
		},
		Database: Database{
			Settings: wire.Defaults(), Guard: dbguard.Defaults(), Window: crossdoor.Defaults(),
			AllowList: AllowList{File: "allowlist.yaml", Mode: "off"},
		},
		App:     tunnel.AppDefaults(),
		Tunnel:  tunnel.Defaults(),
		Admin:   Admin{Listen: "127.0.0.1:9901", OnDoor: "off"},
		Alerts:  alert.Defaults(),
		History: journal.Defaults(),
		Log:     Log{Level: "info", Format: "auto", Rotate: Rotate{Size: 20_000_000, Keep: 7}},
	}
}
