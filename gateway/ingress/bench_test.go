package ingress

import (
	"strings"
	"testing"
)

// cloudflaredHead is a request as cloudflared sends it: 22 fields.
var cloudflaredHead = []byte("GET /api/products?page=2&sort=price HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\nAccept-Encoding: gzip, br\r\nAccept-Language: en-GB,en;q=0.9\r\nCache-Control: max-age=0\r\n" +
	"Cdn-Loop: cloudflare; loops=1\r\nCf-Connecting-Ip: 203.0.113.7\r\nCf-Ipcountry: DE\r\nCf-Ray: 8f0a1b2c3d4e5f60-FRA\r\nCf-Visitor: {\"scheme\":\"https\"}\r\nCf-Warp-Tag-Id: 7f8b9c0d-1e2f-4a3b-8c4d-5e6f7a8b9c0d\r\n" +
	"Connection: keep-alive\r\nCookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\nPriority: u=0, i\r\nReferer: https://shop.example.com/\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\n" +
	"X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nUpgrade-Insecure-Requests: 1\r\n\r\n")

func BenchmarkHead(b *testing.B) {
	p := NewParser(Defaults())
	b.ReportAllocs()
	b.SetBytes(int64(len(cloudflaredHead)))
	for b.Loop() {
		if n, r := p.Feed(cloudflaredHead); n != len(cloudflaredHead) || r != nil {
			b.Fatal(n, r)
		}
	}
}

func BenchmarkChunks(b *testing.B) {
	body := []byte(strings.Repeat("1000\r\n"+strings.Repeat("a", 4096)+"\r\n", 8) + "0\r\n\r\n")
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	var c Chunks
	for b.Loop() {
		if _, done, r := c.Feed(body); !done || r != nil {
			b.Fatal(done, r)
		}
	}
}

func TestSoundRequestsCostNoAllocation(t *testing.T) {
	p := NewParser(Defaults())
	read := func() {
		if n, r := p.Feed(cloudflaredHead); n != len(cloudflaredHead) || r != nil {
			t.Fatal(n, r)
		}
	}
	read() // the fields' array is made once a connection
	if n := testing.AllocsPerRun(100, read); n != 0 {
		t.Errorf("a sound head costs %v allocations, want 0", n)
	}
}
