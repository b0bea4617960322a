package dbguard

import "time"

// Snapshot is the guard's state as GET /api/hardening/database shows it. Times are milliseconds where the name does not say
// otherwise; its keys are frozen: add, never rename or retype.
type Snapshot struct {
	Health           Health         `json:"health"`
	Metrics          Metrics        `json:"metrics"`
	SecurityFeatures Features       `json:"securityFeatures"`
	Limits           LimitsView     `json:"limits"`
	Learning         LearningView   `json:"learning"`
	CircuitBreaker   BreakerView    `json:"circuitBreaker"`
	TopQueries       []TopQuery     `json:"topQueries"`
	SlowQueries      []SlowQuery    `json:"slowQueries"`
	Blocked          []BlockedQuery `json:"blocked"`
}

// Health is the newest answer of the database to the health check.
type Health struct {
	Healthy bool `json:"healthy"`
	// Latency is the check's duration in milliseconds, 0 before the first.
	Latency float64 `json:"latency"`
	// LastCheck is nil before the first check.
	LastCheck *time.Time `json:"lastCheck"`
}

// Metrics are counted since Since. TotalQueries is each query once: those that succeeded, FailedQueries and BlockedQueries.
type Metrics struct {
	TotalQueries uint64 `json:"totalQueries"`
	// SlowQueries and SuspiciousQueries ran; the latter had findings that did not refuse them.
	SlowQueries uint64 `json:"slowQueries"`
	// FailedQueries ran and failed, or could not run because no server was to be had.
	FailedQueries     uint64 `json:"failedQueries"`
	SuspiciousQueries uint64 `json:"suspiciousQueries"`
	// BlockedQueries were refused by screening or for their complexity.
	BlockedQueries uint64 `json:"blockedQueries"`
	// AvgLatency and P95Latency are over queries that ran.
	AvgLatency float64 `json:"avgLatency"`
	P95Latency float64 `json:"p95Latency"`
	// SuccessRate is the part of the queries that were not refused which succeeded, "99.80%".
	SuccessRate string `json:"successRate"`
	// CircuitBreakerStatus is "closed", "open" or "half-open".
	CircuitBreakerStatus string      `json:"circuitBreakerStatus"`
	Since                time.Time   `json:"since"`
	Pool                 PoolFigures `json:"pool"`
}

// PoolFigures are the pool's connections to the server, and the clients waiting for one.
type PoolFigures struct {
	Max     int `json:"max"`
	Active  int `json:"active"`
	Idle    int `json:"idle"`
	Waiting int `json:"waiting"`
}

// Features tells which protections are on. QueryTimeout and the other limits stand in LimitsView.
type Features struct {
	SQLInjectionPrevention bool `json:"sqlInjectionPrevention"`
	QueryComplexityLimit   bool `json:"queryComplexityLimit"`
	QueryTimeout           bool `json:"queryTimeout"`
	SlowQueryDetection     bool `json:"slowQueryDetection"`
	ConnectionPooling      bool `json:"connectionPooling"`
	CircuitBreaker         bool `json:"circuitBreaker"`
	RetryWithBackoff       bool `json:"retryWithBackoff"`
	CrossDoorDetection     bool `json:"crossDoorDetection"`
	AllowList              bool `json:"allowList"`
}

// LimitsView are the settings that hold.
type LimitsView struct {
	Screen         Mode  `json:"screen"`
	CrossDoor      Mode  `json:"crossDoor"`
	Complexity     int   `json:"complexity"`
	SlowQueryMs    int64 `json:"slowQueryMs"`
	QueryTimeoutMs int64 `json:"queryTimeoutMs"`
	RetryAttempts  int   `json:"retryAttempts"`
}

// BreakerView is the circuit to the database.
type BreakerView struct {
	State string `json:"state"`
	// RetryInMs is the time until a probe, 0 unless open.
	RetryInMs int64 `json:"retryInMs"`
	// Opened is how often it opened since the process started.
	Opened      uint64 `json:"opened"`
	Failures    int    `json:"failures"`
	OpenForMs   int64  `json:"openForMs"`
	Dials       uint64 `json:"dials"`
	DialsFailed uint64 `json:"dialsFailed"`
	Retries     uint64 `json:"retries"`
}

// TopQuery is one statement structure with its figures, over queries that ran.
type TopQuery struct {
	Fingerprint string `json:"fingerprint"`
	// Query is the statement with every literal as "?".
	Query  string  `json:"query"`
	Count  uint64  `json:"count"`
	Failed uint64  `json:"failed"`
	Rows   uint64  `json:"rows"`
	MeanMs float64 `json:"meanMs"`
	P95Ms  float64 `json:"p95Ms"`
	P99Ms  float64 `json:"p99Ms"`
	// TotalMs is the execution time of all of them.
	TotalMs float64 `json:"totalMs"`
}
