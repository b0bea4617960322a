package dbguard

// Permit is the right to run one query; its holder must End it.
type Permit struct{}
