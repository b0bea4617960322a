package tunnel

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLinesAreClassified(t *testing.T) {
	for _, c := range []struct {
		line string
		want lineClass
	}{
		{`{"level":"info","connIndex":0,"location":"ams01","ip":"198.41.200.1","protocol":"quic","message":"Registered tunnel connection"}`, lineRegistered},
		{`{"level":"info","connIndex":0,"message":"Unregistered tunnel connection"}`, lineOther},
		{`{"level":"error","error":"timeout: no recent network activity","connIndex":0,"message":"Failed to dial a quic connection"}`, lineQUICDial},
		{`{"level":"error","error":"Unauthorized: Invalid tunnel secret","message":"Register tunnel error from server side"}`, lineAuth},
		{`{"level":"info","message":"unauthorized visitors are welcome"}`, lineOther},
		{`{"level":"error","error":"lookup _v2-origintunneld._tcp.argotunnel.com: no such host","message":"edge discovery: error looking up Cloudflare edge IPs: the DNS query failed"}`, lineNetwork},
		{`{"level":"error","error":"Unable to reach the origin service. The service may be down: malformed HTTP response \"unauthorized\"","message":""}`, lineOrigin},
		{`{"level":"info","version":8,"message":"Updated to new configuration"}`, lineRules},
		{`{"level":"info","message":"Version 2026.8.2 (Checksum abc)"}`, lineVersion},
		{`{"level":"error","error":"listen tcp 127.0.0.1:1: bind: address already in use","message":"Error opening metrics server listener"}`, linePort},
		{"Provided Tunnel token is not valid.", lineAuth},
		{"Tunnel credentials file 'x' doesn't exist or is not a file", lineCredentials},
		{"error parsing YAML in config file at x: yaml: line 1: did not find expected node content", lineConfig},
		{"The last ingress rule must match all URLs (i.e. it should not have a hostname or path filter)", lineConfig},
		{"Incorrect Usage: flag provided but not defined: -edge-ip-version", lineUsage},
		{`{"level":"error","message":"something new"}`, lineFailure},
		{"panic: runtime error", lineFailure},
		{"", lineOther}, {"{", lineOther}, {"null", lineOther}, {`{"level":3}`, lineOther},
	} {
		if got := parseLine([]byte(c.line)).class(); got != c.want {
			t.Errorf("%s is %q, want %q", c.line, got, c.want)
		}
	}
}

func TestLongLinesAreCutNotLost(t *testing.T) {
	var got []int
	text := strings.Repeat("a", 3*maxLine) + "\n" + strings.Repeat("b", maxLine-1) + "\r\nshort\n\nlast"
	eachLine(strings.NewReader(text), func(l []byte) { got = append(got, len(l)) })
	if len(got) != 4 || got[0] != maxLine || got[1] != maxLine-1 || got[2] != 5 || got[3] != 4 {
		t.Errorf("lines have %v bytes, want %v", got, []int{maxLine, maxLine - 1, 5, 4})
	}
}

func FuzzParseLine(f *testing.F) {
	f.Add([]byte(`{"level":"error","error":"Unauthorized","message":"Register tunnel error"}`))
	f.Add([]byte("Incorrect Usage: \x00\xff"))
	f.Add([]byte(`{"message":"` + strings.Repeat("é", 400) + `"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		l := parseLine(raw)
		l.class()
		text := l.text()
		if len(text) > 310 || !utf8.ValidString(text) || strings.ContainsAny(text, "\n\r\x1b") {
			t.Errorf("text is %q, want one clean line of at most 300 bytes", text)
		}
		if !bytes.Equal(before, raw) {
			t.Error("the line was changed")
		}
	})
}

func BenchmarkClassify(b *testing.B) {
	line := []byte(`{"level":"info","connIndex":0,"location":"ams01","ip":"198.41.200.1","protocol":"quic","message":"Retrying connection in up to 4s"}`)
	b.ReportAllocs()
	for b.Loop() {
		parseLine(line).class()
	}
}
