// Package config gathers every part's settings: load, validate, origin of each value, reference page.
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

// Config is the whole settings file. Its values are checked; Load and Defaults make it.
type Config struct {
	Version     int                `yaml:"version" doc:"Version of this format: 1."`
	PublicURL   string             `yaml:"public_url" doc:"Where visitors find the app, such as https://shop.example.com; empty means there is no public name yet."`
	Environment string             `yaml:"environment" doc:"production, or development: that relaxes HSTS and CSP, and says so on every page."`
	HTTP        HTTP               `yaml:"http" doc:"The HTTP door: cloudflared points here, the app stands behind."`
	Database    Database           `yaml:"database" doc:"The database door: the app's DATABASE_URL points here. Without upstream_file it is closed."`
	App         tunnel.AppSettings `yaml:"app" doc:"The app itself, where the gateway is to start it and keep it alive; it is reached at http.upstream."`
	Tunnel      tunnel.Settings    `yaml:"tunnel" doc:"The cloudflared that brings visitors: started or watched, probed, backed up."`
	Admin       Admin              `yaml:"admin" doc:"The page, /api/hardening and /metrics; refuses what came through the tunnel."`
	Alerts      alert.Settings     `yaml:"alerts" doc:"Who is told when something is wrong."`
	History     journal.Settings   `yaml:"history" doc:"What happened, kept over restarts."`
	Log         Log                `yaml:"log" doc:"The program's own log."`
	Drift       Drift              `yaml:"drift" doc:"Files of the app in which ports are written once more; they are compared."`
	Smoke       Smoke              `yaml:"smoke" doc:"Requests that must work before the app is shown."`

	// book knows where each value came from; nil where Config was not loaded.
	book *book
}

// HTTP is the section of the HTTP door.
type HTTP struct {
	Listen        string              `yaml:"listen" doc:"Address of the door, an IP literal with a port; cloudflared points here and nowhere else."`
	App           upstream.Settings   `yaml:",inline"`
	Head          ingress.Settings    `yaml:",inline"`
	Door          middleware.Settings `yaml:",inline"`
	RequireTunnel string              `yaml:"require_tunnel" doc:"Whether requests must come by our own connector: off, report or enforce."`
}

// Database is the section of the database door.
type Database struct {
	wire.Settings `yaml:",inline"`
	Guard         dbguard.Settings   `yaml:",inline"`
	Window        crossdoor.Settings `yaml:"window" doc:"What is kept of requests for cross_door, and how long one search may take."`
	Routes        []crossdoor.Route  `yaml:"routes" doc:"Parts of the app whose input may become SQL, such as a console: [{path: /admin/sql, taint: off}]."`
	AllowList     AllowList          `yaml:"allow_list" doc:"The statements this app is known to send, learned by: sallyport learn."`
}

// Enabled reports whether there is a database to guard.
func (d Database) Enabled() bool { return d.UpstreamFile != "" }

// Admin is the section of the admin listener.
type Admin struct {
	Listen    string `yaml:"listen" doc:"Address of the page and the API; off loopback it needs a token."`
	TokenFile string `yaml:"token_file" doc:"File with the bearer token of the API."`
	OnDoor    string `yaml:"on_door" doc:"off, or token: GET /api/hardening/* on the HTTP door too, for a bearer of the token."`
}

// HasToken reports whether a token is set.
func (a Admin) HasToken() bool { return a.TokenFile != "" }

// AllowList is the learned list of statements.
type AllowList struct {
	File string `yaml:"file" doc:"The list; sallyport learn writes it."`
	Mode string `yaml:"mode" doc:"off, observe (tell what is not on it) or enforce (refuse it)."`
	// Roles are the modes of single roles; others have Mode.
	Roles map[string]string `yaml:"roles" doc:"Modes of single database roles, such as {reports: off, app: enforce}; the others have mode."`
}

// On reports whether the list holds for any role.
func (a AllowList) On() bool {
	for _, mode := range a.Roles {
		if mode != "off" {
			return true
		}
	}
	return a.Mode != "off"
}

// Log is the section of the program's own log.
type Log struct {
	Level  string `yaml:"level" doc:"Least severity written: debug, info, warn or error."`
	Format string `yaml:"format" doc:"json, text, or auto: text on a terminal, json elsewhere."`
	File   string `yaml:"file" doc:"File to write to; empty means standard error."`
	Rotate Rotate `yaml:"rotate" doc:"When a log file is put aside for a new one."`
}

// Rotate says when a log file is put aside.
type Rotate struct {
	Size int64 `yaml:"size" unit:"bytes" doc:"Size at which a new file is begun."`
	Keep int   `yaml:"keep" doc:"Old files that are kept."`
}

// Drift names files of the app.
type Drift struct {
	Files []string `yaml:"files" doc:"Files such as /srv/shop/.env; the ports they name are compared with these settings."`
}

// Smoke holds the requests of sallyport smoke.
type Smoke struct {
	Requests []SmokeRequest `yaml:"requests" doc:"Requests in order; each must answer as it says."`
}

// SmokeRequest is one request that must work.
type SmokeRequest struct {
	Get        string `yaml:"get" doc:"Path that is asked, such as /api/products."`
	Status     int    `yaml:"status" doc:"Status that must be answered; 0 means 200."`
	Contains   string `yaml:"contains" doc:"Text that the answer must hold."`
	MinQueries int    `yaml:"min_queries" doc:"Statements that it must cause at the database door; fewer mean that the app goes past it."`
}
