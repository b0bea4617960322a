package http1

import "strings"

// known is a usual header name in its canonical spelling; bit is one of its own.
type known struct {
	name string
	bit  uint64
}

// names maps usual names of requests, as clients write them.
var names = func() map[string]known {
	m := map[string]known{}
	for i, name := range []string{
		"Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control", "Cdn-Loop", "Cf-Access-Jwt-Assertion",
		"Cf-Connecting-Ip", "Cf-Ipcountry", "Cf-Ray", "Cf-Visitor", "Cf-Warp-Tag-Id", "Connection", "Content-Length", "Content-Type",
		"Cookie", "Expect", "Host", "If-Modified-Since", "If-None-Match", "Origin", "Pragma", "Priority", "Range", "Referer",
		"Sec-Ch-Ua", "Sec-Ch-Ua-Mobile", "Sec-Ch-Ua-Platform", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User",
		"Sec-Websocket-Key", "Sec-Websocket-Version", "Te", "Traceparent", "Tracestate", "Trailer", "Transfer-Encoding", "Upgrade",
		"Upgrade-Insecure-Requests", "User-Agent", "X-Forwarded-For", "X-Forwarded-Proto", "X-Requested-With",
	} {
		k := known{name, 1 << i}
		m[name], m[strings.ToLower(name)] = k, k
	}
	for _, name := range []string{"CF-Connecting-IP", "CF-RAY", "CF-IPCountry", "CF-Visitor", "CDN-Loop", "DNT", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "TE"} {
		if k, ok := m[strings.ToLower(name)]; ok {
			m[name] = k
		}
	}
	return m
}()
