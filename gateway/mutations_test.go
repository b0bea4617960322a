package gateway

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mutation takes one decision of the HTTP door out of its source; the test of the check that rests on it must then fail.
type mutation struct {
	// check is the check's number, what the decision.
	check, what string
	swaps       []swap
	// room is the package with the test.
	room, test string
}

// swap replaces old, which stands once in the file, by its replacement.
type swap struct{ file, old, replacement string }

const (
	answers1 = "TestCheck1BrokenAnswerNeverLooksCompleteAndNoSecretIsLogged"
	headers2 = "TestCheck2EveryKindOfAnswerBearsEachHeaderOnce"
	merge3   = "TestCheck3AppsOwnHeadersMeetOursOnce"
	clients4 = "TestCheck4OneClientHasOneBudgetHoweverItCallsItself"
	window5  = "TestCheck5NoWindowHasAnEdgeAndRetryAfterIsTrue"
	million6 = "TestMillionClientsStayBoundedAndABusyOneStaysLimited"
	full6    = "TestFullStoreForgetsWhoSpentLeast"
	faults7  = "TestCheck7OneClientsFaultsHurtNobodyElse"
	stopped7 = "TestCheck7StoppedAppIs502Then503AndClosesAfterOneProbe"
	upload8  = "TestCheck8SteadyUploadPassesAndStalledOneIs408"
	quiet8   = "TestCheck8QuietStreamsOutliveTheIdleTime"
	stalled8 = "TestCheck8StalledHeadsAndBodiesDelayNobody"
	term9    = "TestCheck9TermLetsRequestsEndTellsWebSocketsAndCutsStreams"
	odd10    = "TestCheck10OddRequestsNeverReachTheApp"
	target10 = "TestCheck10TargetAndOurHeadersArriveWhateverConnectionNames"
)

// mutations are in order of the checks.
var mutations = []mutation{
	{"1", "an upstream abort is a client abort", []swap{{"gateway/upstream/body.go", "	x.c.Writer.Flush() // what came is the client's; what did not, it will miss\n	panic(http.ErrAbortHandler)\n", "	x.c.Writer.Flush()\n"}}, "gateway", answers1},
	{"1", "recovery passes ErrAbortHandler on", []swap{{"middleware/recover.go", "		x.end(c)\n		panic(v)\n", "		x.end(c)\n"}}, "gateway", answers1},
	{"1", "the access log holds no cookie", []swap{{"middleware/access_log.go", "plainAgent(r.UserAgent())", `r.Header.Get("Cookie")`}}, "gateway", answers1},

	{"2", "headers are put on when the status is sent", []swap{{"middleware/writer.go", "if w.x.dressed && ", "if false && "}}, "gateway", headers2},
	{"2", "informational answers pass", []swap{{"middleware/writer.go", "if status >= 100 && ", "if false && "}}, "gateway", headers2},
	{"2", "informational answers are bare", []swap{{"gateway/upstream/exchange.go", "	clear(h)\n	x.answer.copyTo(h)\n", "	h.Set(\"X-Frame-Options\", \"DENY\")\n	x.answer.copyTo(h)\n"}}, "gateway", headers2},
	{"2", "ours replaces the app's", []swap{{"middleware/headers.go", "	default:\n		h[r.name] = r.valueFor(nonce)", "	default:\n		h[r.name] = append(h[r.name], r.valueFor(nonce)...)"}}, "gateway", headers2},
	{"2", "an open circuit says when to come again", []swap{{"gateway/upstream/handler.go", `c.Writer.Header().Set("Retry-After", strconv.FormatInt(u.breaker.retryAfter(u.parts.Now()), 10))`, "_ = strconv.Itoa"}}, "gateway", headers2},

	{"3", "keep-app keeps the app's", []swap{{"middleware/headers.go", "if len(h[r.name]) == 0 {", "if true {"}}, "gateway", merge3},
	{"3", "append makes one header", []swap{{"middleware/headers.go", `h[r.name] = []string{strings.Join(app, ", ") + ", " + r.valueFor(nonce)[0]}`, "h[r.name] = append(app, r.valueFor(nonce)...)"}}, "gateway", merge3},
	{"3", "the gateway owns CORS", []swap{{"middleware/personal.go", `h["Access-Control-Allow-Origin"] = x.origin`, `h["Access-Control-Allow-Origin"] = append([]string{"*"}, x.origin...)`}}, "gateway", merge3},
	{"3", "the budget's headers are ours", []swap{{"middleware/personal.go", `h["X-Ratelimit-Limit"] = p.limit`, `h["X-Ratelimit-Limit"] = append(h["X-Ratelimit-Limit"], p.limit...)`}}, "gateway", merge3},
	{"3", "banners go", []swap{{"middleware/headers.go", `{"Server", "X-Powered-By", `, `{`}}, "gateway", merge3},

	{"4", "only trusted peers name clients", []swap{{"middleware/client_ip.go", "if p.Contains(peer) {", "if p.Contains(peer) || true {"}}, "gateway", clients4},
	{"4", "trusted peers name clients", []swap{{"middleware/client_ip.go", "if p.Contains(peer) {", "if p.Contains(peer) && false {"}}, "gateway", clients4},
	{"4", "mapped IPv4 is that IPv4", []swap{{"middleware/client_ip.go", "return addr.Unmap(), text, present", "return addr, text, present"}}, "gateway", clients4},
	{"4", "an IPv6 /64 is one client", []swap{{"middleware/client_ip.go", "addr.Prefix(64)", "addr.Prefix(128)"}}, "gateway", clients4},
	{"4", "forged names are removed", []swap{{"middleware/forwarded.go", "		if gone {\n", "		if gone = false; gone {\n"}}, "gateway", clients4},
	{"4", "and their _ and . variants", []swap{{"middleware/forwarded.go", "b = append(b, '-')", "b = append(b, ch)"}}, "gateway", clients4},

	{"5", "no fixed window", []swap{{"middleware/budgets.go", "	elapsed := int64(now.Sub(b.origin))\n", "	elapsed := int64(now.Sub(b.origin))\n	elapsed -= elapsed % int64(rate.Period)\n"}}, "gateway", window5},
	{"5", "Retry-After is true", []swap{{"middleware/rate_limit.go", "retryAfter(c, time.Duration(answer.Reset-x.start.Unix())*time.Second)", "retryAfter(c, time.Second)"}}, "gateway", window5},

	{"6", "the keys are bounded", []swap{{"middleware/budgets.go", "maxGroups   = 1 << 21 / shardCount / groupSize", "maxGroups   = 1 << 24 / shardCount / groupSize"}}, "middleware", million6},
	{"6", "a full store forgets who spent least", []swap{{"middleware/budgets.go", "if g.whole[i] < g.whole[least] {", "if g.whole[i] > g.whole[least] {"}}, "middleware", full6},

	{"7", "a client's faults never open the circuit", []swap{
		{"gateway/upstream/breaker.go", "failed := errors.Is(outcome, errAppFault)", "failed := outcome != nil"},
		{"gateway/upstream/breaker.go", "return errors.Is(err, errClientFault) },", "return false },"},
	}, "gateway", faults7},
	{"7", "an early answer hides no oversize upload", []swap{{"gateway/upstream/upload.go", "if !p.ended() && err == nil && p.chunked {", "if false {"}}, "gateway", faults7},
	{"7", "a stalled body is told from a malformed one", []swap{{"middleware/body.go", "case errors.As(err, &timeout) && timeout.Timeout():", "case errors.As(err, &timeout) && false:"}}, "gateway", faults7},
	{"7", "chunked bodies are capped", []swap{{"middleware/body.go", "if int64(n) > b.left {", "if false {"}}, "gateway", faults7},
	{"7", "polling figures moves no circuit", []swap{{"gateway/upstream/snapshot.go", "*u.breaker.state.Load()", "u.breaker.circuit.State().String()"}}, "gateway", stopped7},
	{"7", "a failing app opens the circuit", []swap{{"gateway/upstream/fault.go", "		x.u.breaker.tell(&x.ticket, errAppFault)\n", ""}}, "gateway", stopped7},

	{"8", "a body has an idle time", []swap{{"middleware/deadlines.go", "		p.move(now.Add(p.idle+p.idle/4), false)\n", ""}}, "gateway", upload8},
	{"8", "progress moves the deadline", []swap{{"middleware/deadlines.go", "if now.Sub(p.set) > p.idle/4 {", "if p.set.IsZero() {"}}, "gateway", upload8},
	{"8", "a stream's next bytes have their own time", []swap{{"middleware/deadlines.go", "if x.door.now().Sub(x.armed) > x.door.timeouts.Idle/4 {", "if false {"}}, "gateway", quiet8},
	{"8", "a WebSocket has no deadline", []swap{{"middleware/deadlines.go", "_ = conn.SetDeadline(time.Time{})", "_ = conn.SetDeadline(x.door.now().Add(x.door.timeouts.Idle))"}}, "gateway", quiet8},
	{"8", "a stalled client has a goroutine of its own", []swap{{"gateway/http1/http1.go", "	s.running.Go(func() {\n		defer s.forget(c)\n		c.serve()\n	})", "	func() {\n		defer s.forget(c)\n		c.serve()\n	}()"}}, "gateway", stalled8},

	{"9", "readiness says no at once", []swap{{"gateway/run.go", "	g.serving.Store(false)\n", ""}}, "gateway", term9},
	{"9", "WebSockets are told 1001", []swap{{"gateway/upstream/tunnel.go", "		_, _ = t.client.Write(goingAway)\n", ""}}, "gateway", term9},
	{"9", "event streams hold nobody up", []swap{{"gateway/run.go", "	defer time.AfterFunc(streams, g.endStreams).Stop()\n", ""}}, "gateway", term9},
	{"9", "a stream that we cut is no fault of the app", []swap{{"gateway/upstream/body.go", "if errors.Is(x.conn.why(err), errStreamEnds) {", "if false {"}}, "gateway", term9},
	{"9", "running requests end by themselves", []swap{{"gateway/run.go", "err := public.Shutdown(ctx)", "err := public.Close()"}}, "gateway", term9},

	{"10", "upgrades other than websocket are refused", []swap{
		{"gateway/ingress/field.go", `if p.marks.upgrade || !same(value, "websocket") {`, "if p.marks.upgrade {"},
		{"gateway/ingress/head.go", "case m.upgrade && !(", "case false && !("},
		{"gateway/upstream/request.go", "	if up == nil {\n", "	if true || up == nil {\n"},
	}, "gateway", odd10},
	{"10", "CONNECT and TRACE are refused", []swap{{"gateway/ingress/requestline.go", `case "CONNECT", "TRACE", "TRACK":`, `case "TRACK":`}}, "gateway", odd10},
	{"10", "both framings are refused", []swap{{"gateway/ingress/head.go", "case m.length && m.coding:", "case false:"}}, "gateway", odd10},
	{"10", "folded lines are refused", []swap{{"gateway/ingress/field.go", "return errFold", "return nil"}}, "gateway", odd10},
	{"10", "bare LF is refused", []swap{
		{"gateway/ingress/head.go", `if end == p.next || buf[end-1] != '\r' {`, "if false {"},
		{"gateway/ingress/head.go", "line := buf[p.next : end-1]", `line := bytes.TrimSuffix(buf[p.next:end], []byte("\r"))`},
	}, "gateway", odd10},
	{"10", "a second Content-Length is refused", []swap{{"gateway/ingress/field.go", "	if p.marks.length {\n", "	if false {\n"}}, "gateway", odd10},
	{"10", "control bytes are refused", []swap{{"gateway/ingress/field.go", "if hasControl(value) {", "if false {"}}, "gateway", odd10},
	{"10", "Connection names nothing of ours", []swap{{"gateway/upstream/request.go", "return slices.Contains(x.u.parts.Forwarded, key)", "return slices.Contains(x.u.parts.Forwarded, key) && !isNamed(named, key)"}}, "gateway", target10},
	{"10", "the target passes byte for byte", []swap{{"gateway/upstream/request.go", "originForm(r.RequestURI)", `r.URL.Path+"?"+r.URL.Query().Encode()`}}, "gateway", target10},

	{"trap", "a POST is never sent twice", []swap{{"gateway/upstream/retry.go", "case http.MethodGet, http.MethodHead,", "case http.MethodPost, http.MethodHead,"}}, "gateway", "TestTrapClientDecidesNoRetry"},
	{"trap", "a trusted peer's scheme holds", []swap{{"middleware/client_ip.go", `proto[0] == "https" {`, `proto[0] == "ftp" {`}}, "gateway", "TestTrapAppLearnsSchemeHostAndClientBehindCloudflared"},
	{"trap", "an announced oversize is refused before the app is asked", []swap{{"middleware/body.go", "if r.ContentLength > d.bodyMax {", "if false {"}}, "gateway", "TestTrapOversizeIsRefusedBeforeTheAppIsAsked"},
	{"trap", "origins match at a label's boundary", []swap{{"middleware/cors.go", `suffix: "." + rest}`, "suffix: rest}"}}, "gateway", "TestTrapForeignOriginsAndHostsDoNotRedirect"},
	{"trap", "Vary names Origin", []swap{{"middleware/personal.go", `	addVary(h, "Origin")
`, ""}}, "gateway", "TestTrapForeignOriginsAndHostsDoNotRedirect"},
}

// decisionMutations are of what the house decided for this door and its ten checks do not reach; check is the decision's number.
var decisionMutations = []mutation{
	{"decision 1", "health tells that clients share a budget", []swap{{"gateway/identity.go", "	case r.many(r.missing):\n", "	case r.many(r.missing) && false:\n"}}, "gateway", "TestHealthTellsThatClientsShareABudget"},
	{"decision 4", "assets cost nothing", []swap{{"middleware/rate_limit.go", "case b.assets && isAsset(p)", "case false && isAsset(p)"}}, "middleware", "TestPageWithFiftyAssetsSurvivesReloads"},
	{"decision 4", "policies hold in every spelling", []swap{{"middleware/route_path.go", "!strings.EqualFold(p[:len(prefix)], prefix)", "p[:len(prefix)] != prefix"}}, "middleware", "TestPolicyHoldsForEverySpellingOfItsPath"},
	{"decision 4", "an ill store denies where it is told to", []swap{{"middleware/rate_limit.go", `deny: s.OnStoreError == "deny"`, "deny: false"}}, "middleware", "TestIllStoreAllowsOrDeniesAsTold"},
	{"decision 5", "heads are capped", []swap{
		{"gateway/ingress/head.go", "		if int64(end) >= p.limits.HeaderMax {\n", "		if false {\n"},
		{"gateway/ingress/head.go", "	if int64(len(buf)) >= p.limits.HeaderMax {\n", "	if false {\n"},
	}, "gateway/http1", "TestRefusedRequestsReachNoHandler"},
	{"decision 5", "targets are capped", []swap{{"gateway/ingress/requestline.go", "if int64(len(h.Target)) > p.limits.URIMax {", "if false {"}}, "gateway/ingress", "TestAmbiguousHeadsAreRefused"},
	{"decision 6", "foreign origins never reach the app", []swap{{"middleware/cors.go", "		x.note(corsBad)\n		Reject(c, stageCORS, http.StatusForbidden, \"the origin is not allowed\")\n", "		x.note(corsBad)\n"}}, "middleware", "TestForeignOriginIsRefusedBeforeTheAppSeesIt"},
	{"decision 6", "nor does null", []swap{{"middleware/cors.go", `case len(given) > 1 || origin == "null":`, "case len(given) > 1:"}}, "middleware", "TestAnyOriginNeverComesWithCredentials"},
	{"decision 7", "the health check is the trial of an open circuit", []swap{{"gateway/upstream/health.go", "if !u.breaker.calm.Load() {", "if false {"}}, "gateway/upstream", "TestHealthCheckIsTheTrialOfAnOpenCircuit"},
	{"decision 7", "nothing is sent again once the app has answered", []swap{{"gateway/upstream/exchange.go", "} else if err != nil && c.heard {", "} else if false {"}}, "gateway/upstream", "TestNothingIsSentAgainOnceTheAppHasBegunToAnswer"},
	{"decision 8", "settings that lack a secret change nothing", []swap{{"gateway/reload.go", `return Reloaded{Generation: now.number}, fmt.Errorf("admin: %w", err)`, `g.log.Warn("admin", "error", err)`}}, "gateway", "TestBadReloadChangesNothing"},
	{"decision 8", "the door moves before it leaves", []swap{{"gateway/reload.go", "	g.door.move(moved)\n", ""}}, "gateway", "TestReloadMovesTheDoorAndServesOnWhatCameByTheOldOne"},
	{"decision 9", "the admin API is not found on the door", []swap{{"gateway/routes.go", "		if isReserved(r.URL) {\n", "		if r.URL.Path == reservedPath {\n"}}, "gateway", "TestReservedPathsAreNotFoundOnTheDoor"},
	{"decision 10", "tokens for another audience are refused", []swap{{"middleware/access.go", "ClientID: s.Audience, ", "SkipClientIDCheck: true, "}}, "middleware", "TestOnlyGoodAccessTokensPass"},
	{"decision 10", "and those of another issuer", []swap{{"middleware/access.go", "&oidc.Config{ClientID", "&oidc.Config{SkipIssuerCheck: true, ClientID"}}, "middleware", "TestOnlyGoodAccessTokensPass"},
	{"decision 10", "and those whose time is over", []swap{{"middleware/access.go", "&oidc.Config{ClientID", "&oidc.Config{SkipExpiryCheck: true, ClientID"}}, "middleware", "TestOnlyGoodAccessTokensPass"},
	{"decision 11", "the log holds no value of a query", []swap{{"middleware/access_log.go", "		b = append(b, '-')\n", "		b = append(b, part...)\n"}}, "middleware", "TestAccessLogTellsTheRequestAndNoSecret"},
	{"decision 11", "the id is returned", []swap{{"middleware/personal.go", "	h[\"X-Request-Id\"] = v[0:1:1]\n", ""}}, "middleware", "TestEveryAnswerCarriesTheRequestID"},
	{"decision 12", "an IPv4 literal is IPv4 only", []swap{{"gateway/listen.go", `network = "tcp4"`, `network = "tcp"`}}, "gateway", "TestIPv4LiteralListensOnIPv4Only"},
}

// TestMutationsFitTheSources keeps the table fresh: what it would take out must still be there, once.
func TestMutationsFitTheSources(t *testing.T) {
	checks := map[string]bool{}
	for _, m := range slices.Concat(mutations, decisionMutations) {
		checks[m.check] = true
		for _, s := range m.swaps {
			text, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(s.file)))
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(text), s.old); n != 1 {
				t.Errorf("check %s, %s: %q stands %d times in %s, want once", m.check, m.what, s.old, n, s.file)
			}
		}
	}
	if len(checks) != 11+10 {
		t.Errorf("mutations of %d checks and decisions, want of all ten checks, the traps and the ten decisions that those do not reach wholly", len(checks))
	}
}
