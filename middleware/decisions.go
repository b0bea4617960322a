package middleware

// The decisions that stages note. Each note is a pointer into this table, so that explaining requests costs them next to
// nothing.
var (
	clientNamed   = &Decision{stageClient, "client_ip.header", "the client is whom the trusted peer named"}
	clientUnnamed = &Decision{stageClient, "client_ip.header", "the trusted peer named nobody, so it is the client itself"}
	clientIsPeer  = &Decision{stageClient, "client_ip.trust", "the peer is not trusted, so it is the client"}
	clientForged  = &Decision{stageClient, "client_ip.trust", "forged headers were removed"}

	corsOwned  = &Decision{stageCORS, "cors.origins", "the gateway owns CORS"}
	corsPassed = &Decision{stageCORS, "cors.origins", "no origins are given: the app owns CORS"}
	corsNull   = &Decision{stageCORS, "cors.origins", "refused: the origin is null or given twice"}
	corsBad    = &Decision{stageCORS, "cors.origins", "refused: the origin is not allowed"}

	holdRuns = &Decision{stageHold, "", "refused: the client is under sentence"}

	tooManyRunning = &Decision{stageConcurrency, "rate_limit.concurrent", "refused: too many requests of this client are under way"}

	limitOff      = &Decision{stageRateLimit, "rate_limit.requests", "costs nothing: the limit is off"}
	limitPath     = &Decision{stageRateLimit, "rate_limit.exempt_paths", "costs nothing"}
	limitAsset    = &Decision{stageRateLimit, "rate_limit.exempt_assets", "costs nothing"}
	limitWithin   = &Decision{stageRateLimit, "", "within the budget"}
	limitSpent    = &Decision{stageRateLimit, "", "refused: the budget is spent"}
	limitStoreIll = &Decision{stageRateLimit, "rate_limit.on_store_error", "the store does not answer: as the setting says"}

	accessGood      = &Decision{stageAccess, "access.audience", "the token is good"}
	accessMissing   = &Decision{stageAccess, "access.paths", "refused: no token"}
	accessBad       = &Decision{stageAccess, "access.audience", "refused: the token is not good"}
	accessElsewhere = &Decision{stageAccess, "access.paths", "the path needs no token"}

	headerOverrides = &Decision{stageHeaders, "header_rules", "single headers differ from the preset"}

	bodyAnnounced = &Decision{stageBodySize, "body_max", "refused: Content-Length is above it"}
	bodyCounted   = &Decision{stageBodySize, "body_max", "the body is counted as it comes"}
	bodyPaced     = &Decision{stageDeadline, "timeouts.idle", "the body has its pace"}
	bodyTooLarge  = &Decision{stageBodySize, "body_max", "refused: the body came larger than it"}
	bodyTooSlow   = &Decision{stageDeadline, "timeouts.idle", "refused: the body stalled, or came slower than timeouts.body_rate"}
	bodyBroken    = &Decision{stageIngress, "", "refused: the body is malformed"}
	bodyGone      = &Decision{stageIngress, "", "the client left before its body ended"}

	handlerPanicked = &Decision{stagePanic, "", "a handler panicked; the log has its stack"}
)
