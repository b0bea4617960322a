package tunnel

// Cause names a fault; incidents are keyed by it. "" means none.
type Cause string

// The causes of TestEveryCauseHasItsRow, in the order of the cause and action table.
const (
	Crash        Cause = "CRASH"
	Hung         Cause = "HUNG"
	Stopped      Cause = "STOPPED"
	RouteLost    Cause = "ROUTE_LOST"
	QUICBlocked  Cause = "QUIC_BLOCKED"
	NetworkDown  Cause = "NETWORK_DOWN"
	Disconnected Cause = "DISCONNECTED"
	Auth         Cause = "AUTH"
	Credentials  Cause = "CREDENTIALS"
	Usage        Cause = "USAGE"
	BadConfig    Cause = "CONFIG"
	Binary       Cause = "BINARY"
	StateInUse   Cause = "STATE_IN_USE"
	CrashLoop    Cause = "CRASH_LOOP"
	Bypass       Cause = "BYPASS"
	Drift        Cause = "DRIFT"
	Foreign      Cause = "FOREIGN_CONNECTOR"
	NotOurs      Cause = "ANSWERED_BY_OTHER"
	Direct       Cause = "WITHOUT_CLOUDFLARE"
	OriginDown   Cause = "ORIGIN_DOWN"
	PublicDNS    Cause = "DNS"
	TLS          Cause = "TLS"
	Unreachable  Cause = "UNREACHABLE"
	CertExpiring Cause = "CERTIFICATE_EXPIRING"
	BackupFailed Cause = "BACKUP_FAILED"
	OperatorHold Cause = "HELD_BY_OPERATOR"
)

// cure says what the supervisor may do about a cause.
type cure int

const (
	tell    cure = iota // alert, name it; never restart
	restart             // stop, back off, start: one of the budget
	wait                // free: nothing is spent
	hold                // stop trying, alert; one attempt per retry interval
)

// row is one line of the cause and action table.
type row struct {
	cause    Cause
	cure     cure
	severity Severity
	// confirm is how many sightings in a row open an incident; ended is how many good ones close it.
	confirm, ended int
}

// table is the cause and action table, most severe first: the first open one names a Degraded tunnel.
var table = []row{
	{CrashLoop, hold, Critical, 1, 2},
	{Auth, hold, Critical, 1, 2},
	{Credentials, hold, Critical, 1, 2},
	{Usage, hold, Critical, 1, 2},
	{BadConfig, hold, Critical, 1, 2},
	{Binary, hold, Critical, 1, 1},
	{StateInUse, hold, Critical, 1, 1},
	{Bypass, tell, Critical, 2, 2},
	{NotOurs, tell, Critical, 2, 2},
	{RouteLost, restart, Critical, 3, 2},
	{OriginDown, tell, Critical, 2, 2},
	{TLS, tell, Critical, 2, 2},
	{Drift, tell, Critical, 2, 2},
	{NetworkDown, wait, Critical, 2, 2},
	{Disconnected, restart, Critical, 2, 2},
	{Crash, restart, Warning, 1, 2},
	{Hung, restart, Warning, 3, 2},
	{Stopped, restart, Warning, 1, 2},
	{QUICBlocked, restart, Warning, 3, 2},
	{PublicDNS, tell, Critical, 2, 2},
	{Unreachable, tell, Critical, 2, 2},
	{Foreign, tell, Warning, 1, 1},
	{Direct, tell, Warning, 2, 2},
	{CertExpiring, tell, Warning, 1, 1},
	{BackupFailed, tell, Warning, 1, 1},
	{OperatorHold, hold, Warning, 1, 1},
}

// rowOf returns the line of c; every cause has one.
func rowOf(c Cause) row {
	for _, r := range table {
		if r.cause == c {
			return r
		}
	}
	return row{cause: c, severity: Warning, confirm: 2, ended: 2}
}

// processCauses end when the process serves again.
var processCauses = []Cause{Crash, Hung, Stopped, QUICBlocked, Disconnected, Auth, Credentials, Usage, BadConfig, CrashLoop, NetworkDown}

// publicCauses are what a public probe can find; one sighting of one is a good sign for the others.
var publicCauses = []Cause{RouteLost, NotOurs, Direct, OriginDown, PublicDNS, TLS, Unreachable}
