package middleware

import "time"

// Settings are the keys of the http section that the stages obey.
type Settings struct {
	ClientIP    ClientIP              `yaml:"client_ip" doc:"Whose word about the client's address is believed."`
	BodyMax     int64                 `yaml:"body_max" unit:"bytes" doc:"Largest request body, chunked bodies too; a larger one is answered 413."`
	Timeouts    Timeouts              `yaml:"timeouts" doc:"Time limits by phase of a request."`
	RateLimit   RateLimit             `yaml:"rate_limit" doc:"How many requests one client may make."`
	CORS        CORS                  `yaml:"cors" doc:"Which other origins may use the app from a browser; with no origins the app's own CORS answers pass untouched."`
	Headers     string                `yaml:"headers" doc:"Preset of security headers: strict, relaxed or off."`
	HeaderRules map[string]HeaderRule `yaml:"header_rules" doc:"Single headers that differ from the preset, by header name."`
	CSP         CSP                   `yaml:"csp" doc:"Content security policy, its nonce and its reports."`
	Access      Access                `yaml:"access" doc:"Check of Cloudflare Access tokens."`
}

// ClientIP says from whom the address of the client is learned.
type ClientIP struct {
	Trust  []string `yaml:"trust" doc:"Networks whose peers may name the client; anybody else is the client."`
	Header string   `yaml:"header" doc:"Header in which a trusted peer names the client."`
}

// Timeouts are limits of one phase each; none of them ends a stream that makes progress.
type Timeouts struct {
	Header    time.Duration `yaml:"header" doc:"For all request headers to arrive."`
	Idle      time.Duration `yaml:"idle" doc:"For the next bytes of a body to arrive or to be taken."`
	Upstream  time.Duration `yaml:"upstream" doc:"For the app to begin its answer."`
	KeepAlive time.Duration `yaml:"keep_alive" doc:"For the next request on an idle connection; above cloudflared's 90s."`
	Drain     time.Duration `yaml:"drain" doc:"For running requests to end at shutdown."`
	// DrainStreams ends streams of events before Drain ends everything.
	DrainStreams time.Duration `yaml:"drain_streams" doc:"For event streams (text/event-stream) to go on at shutdown, at most as long as drain; then they are cut, and browsers connect anew by themselves."`
	BodyRate     int64         `yaml:"body_rate" unit:"bytes" doc:"Bytes per second that a request body must keep up on average once it has run for the idle time; 0 asks for none."`
}

// RateLimit is the budget of each client and where it is counted.
type RateLimit struct {
	Requests     int64         `yaml:"requests" doc:"Requests a client may make per period; 0 turns the limit off."`
	Per          time.Duration `yaml:"per" doc:"The period; the budget returns evenly over it (GCRA). No burst is larger than the budget, whenever it comes; who spends it at once and then takes each request as it returns has nearly twice the budget within one period, and the budget in each one after."`
	Store        string        `yaml:"store" doc:"Where budgets are counted: memory, or redis for replicas, which then share holds and learned statements there too."`
	OnStoreError string        `yaml:"on_store_error" doc:"What happens to requests while the store is ill, so that neither budgets nor the holds of other replicas are known: allow or deny."`
	Concurrent   int64         `yaml:"concurrent" doc:"Requests of one client that may run at once; 0 sets no cap."`
	ExemptAssets bool          `yaml:"exempt_assets" doc:"Static assets (GET of a path that ends in a known extension) cost nothing."`
	ExemptPaths  []string      `yaml:"exempt_paths" doc:"Paths whose GET costs nothing, matched exactly; made for health checks."`
	Policies     []Policy      `yaml:"policies" doc:"Budgets of their own for path prefixes and methods; the first that matches holds."`
	Redis        Redis         `yaml:"redis" doc:"The Redis server of store: redis."`
}

// Policy is a budget of its own for some requests.
type Policy struct {
	Name     string        `yaml:"name" doc:"Name in the RateLimit headers and logs."`
	Path     string        `yaml:"path" doc:"Path prefix, matched at a segment's end, without regard to case."`
	Methods  []string      `yaml:"methods" doc:"Methods it is for; none means all."`
	Requests int64         `yaml:"requests" doc:"Requests a client may make per period."`
	Per      time.Duration `yaml:"per" doc:"The period."`
}

// Redis is the server that replicas share their budgets in.
type Redis struct {
	Address      string        `yaml:"address" doc:"host:port of the server, or the path of its Unix socket."`
	User         string        `yaml:"user" doc:"User name; empty for the default user."`
	PasswordFile string        `yaml:"password_file" doc:"File that holds the password."`
	Prefix       string        `yaml:"prefix" doc:"Prefix of every key."`
	Timeout      time.Duration `yaml:"timeout" doc:"Longest wait for an answer."`
}

// CORS says which other origins may use the app; with origins the gateway owns CORS, without it passes the app's.
type CORS struct {
	Origins     []string      `yaml:"origins" doc:"Origins such as https://shop.example.com or https://*.example.com; * for any."`
	Credentials bool          `yaml:"credentials" doc:"Whether browsers may send cookies along; never with *."`
	Methods     []string      `yaml:"methods" doc:"Methods that a preflight allows."`
	Headers     []string      `yaml:"headers" doc:"Request headers that a preflight allows; * for any without credentials."`
	Expose      []string      `yaml:"expose" doc:"Answer headers that scripts may read."`
	MaxAge      time.Duration `yaml:"max_age" doc:"How long a browser may keep a preflight's answer."`
}

// HeaderRule says how one header of ours meets the same header of the app.
type HeaderRule struct {
	Value string `yaml:"value" doc:"The value; empty keeps the preset's value, or removes the header where mode is remove."`
	Mode  string `yaml:"mode" doc:"set (ours wins), keep-app (the app's wins), append (both hold) or remove."`
}

// CSP is the content security policy; $NONCE in a policy stands for a fresh nonce per request.
type CSP struct {
	Policy      string `yaml:"policy" doc:"Enforced policy; empty takes the preset's, which breaks no page."`
	ReportOnly  string `yaml:"report_only" doc:"Policy that is only reported; empty takes the preset's."`
	NonceHeader string `yaml:"nonce_header" doc:"Request header that tells the app the nonce of this request."`
	Reports     bool   `yaml:"reports" doc:"Whether browsers are asked to report violations to this gateway."`
	ReportsMax  int64  `yaml:"reports_max" doc:"Distinct violations remembered."`
}

// Access checks the token that Cloudflare Access puts on each request.
type Access struct {
	TeamDomain string   `yaml:"team_domain" doc:"Issuer, such as https://team.cloudflareaccess.com; empty turns the check off."`
	Audience   string   `yaml:"audience" doc:"Audience tag of the Access application; required."`
	KeysURL    string   `yaml:"keys_url" doc:"Where the signing keys are; empty takes /cdn-cgi/access/certs of the team domain."`
	KeysFile   string   `yaml:"keys_file" doc:"File with the signing keys (JWKS), for machines without a way out."`
	Paths      []string `yaml:"paths" doc:"Path prefixes that need a token; none means all."`
}

// Defaults returns the settings that hold where a file says nothing.
func Defaults() Settings {
	return Settings{
		ClientIP: ClientIP{Trust: []string{"127.0.0.0/8", "::1"}, Header: "CF-Connecting-IP"},
		BodyMax:  10_000_000,
		Timeouts: Timeouts{
			Header: 5 * time.Second, Idle: 30 * time.Second, Upstream: 30 * time.Second,
			KeepAlive: 2 * time.Minute, Drain: 25 * time.Second, DrainStreams: 5 * time.Second, BodyRate: 5,
		},
		RateLimit: RateLimit{
			Requests: 100, Per: 15 * time.Minute, Store: "memory", OnStoreError: "allow", Concurrent: 256,
			ExemptAssets: true, ExemptPaths: []string{"/health", "/healthz", "/livez", "/readyz"},
			Redis: Redis{Address: "127.0.0.1:6379", Prefix: "sallyport:", Timeout: 100 * time.Millisecond},
		},
		CORS: CORS{
			Methods: []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
			Headers: []string{"Accept", "Authorization", "Content-Type", "X-Requested-With"},
			MaxAge:  10 * time.Minute,
		},
		Headers: "strict",
		CSP:     CSP{NonceHeader: "X-CSP-Nonce", Reports: true, ReportsMax: 500},
	}
}
