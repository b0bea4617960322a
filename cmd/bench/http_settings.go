package main

// host is what every request asks for, as a browser's does through the tunnel: never the door's own address.
const host = "shop.example.com"

// cloudflaredFields are the header fields of a request as cloudflared brings it; with Host they are 22.
var cloudflaredFields = []string{
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
	"Accept-Encoding: gzip, br", "Accept-Language: en-GB,en;q=0.9", "Cache-Control: max-age=0", "Cdn-Loop: cloudflare; loops=1",
	"Cf-Connecting-Ip: 203.0.113.7", "Cf-Ipcountry: DE", "Cf-Ray: 8f0a1b2c3d4e5f60-FRA", "Cf-Visitor: {\"scheme\":\"https\"}",
	"Cf-Warp-Tag-Id: 7f8b9c0d-1e2f-4a3b-8c4d-5e6f7a8b9c0d", "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark",
	"Priority: u=0, i", "Referer: https://shop.example.com/", "Sec-Fetch-Dest: document", "Sec-Fetch-Mode: navigate",
	"Sec-Fetch-Site: same-origin", "Sec-Fetch-User: ?1", "Upgrade-Insecure-Requests: 1", "X-Forwarded-For: 203.0.113.7",
	"X-Forwarded-Proto: https",
}

const nginxSettings = `USER
worker_processes auto;
daemon off;
pid DIR/pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;
  set_real_ip_from 127.0.0.0/8;
  real_ip_header CF-Connecting-IP;
  limit_req_zone $binary_remote_addr zone=clients:32m rate=1000000r/s;
  client_max_body_size 10m;
  client_header_timeout 5s; client_body_timeout 30s; keepalive_timeout 120s; keepalive_requests 1000000000;
  large_client_header_buffers 4 16k;
  server_tokens off;
  upstream app { server APP; keepalive 256; keepalive_requests 1000000000; }
  server {
    listen LISTEN;
    limit_req zone=clients burst=1000000 nodelay;
    limit_req_status 429;
    add_header Strict-Transport-Security "max-age=63072000; includeSubDomains" always;
    add_header Content-Security-Policy "default-src 'self'; frame-ancestors 'self'; object-src 'none'; base-uri 'self'" always;
    add_header X-Content-Type-Options nosniff always;
    add_header X-Frame-Options SAMEORIGIN always;
    add_header Referrer-Policy strict-origin-when-cross-origin always;
    add_header Permissions-Policy "camera=(), geolocation=(), microphone=()" always;
    add_header Cross-Origin-Opener-Policy same-origin always;
    add_header Cross-Origin-Resource-Policy same-origin always;
    add_header Origin-Agent-Cluster ?1 always;
    add_header X-XSS-Protection 0 always;
    add_header X-Request-Id $request_id always;
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $http_x_forwarded_proto;
      proxy_set_header X-Request-Id $request_id;
    }
  }
}
`

const haproxySettings = `global
  maxconn 4096
defaults
  mode http
  timeout client 120s
  timeout server 30s
  timeout connect 3s
  timeout http-request 5s
  timeout http-keep-alive 120s
  http-reuse always
backend clients
  stick-table type ip size 100k expire 15m store http_req_rate(15m)
frontend door
  bind LISTEN
  http-request track-sc0 hdr_ip(CF-Connecting-IP) table clients
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 1000000000 }
  http-request deny deny_status 413 if { req.hdr_val(content-length) gt 10000000 }
  http-request del-header X-Forwarded-For
  http-request set-header X-Forwarded-For %[req.hdr(CF-Connecting-IP)]
  http-request set-header X-Real-IP %[req.hdr(CF-Connecting-IP)]
  http-response set-header Strict-Transport-Security "max-age=63072000; includeSubDomains"
  http-response set-header Content-Security-Policy "default-src 'self'; frame-ancestors 'self'; object-src 'none'; base-uri 'self'"
  http-response set-header X-Content-Type-Options nosniff
  http-response set-header X-Frame-Options SAMEORIGIN
  http-response set-header Referrer-Policy strict-origin-when-cross-origin
  http-response set-header Permissions-Policy "camera=(), geolocation=(), microphone=()"
  http-response set-header Cross-Origin-Opener-Policy same-origin
  http-response set-header Cross-Origin-Resource-Policy same-origin
  http-response set-header Origin-Agent-Cluster ?1
  http-response set-header X-XSS-Protection 0
  default_backend app
backend app
  server app APP
`

const caddySettings = `{
  admin off
  auto_https off
}
http://:PORT {
  bind 127.0.0.1
  request_body {
    max_size 10MB
  }
  header {
    Strict-Transport-Security "max-age=63072000; includeSubDomains"
    Content-Security-Policy "default-src 'self'; frame-ancestors 'self'; object-src 'none'; base-uri 'self'"
    X-Content-Type-Options nosniff
    X-Frame-Options SAMEORIGIN
    Referrer-Policy strict-origin-when-cross-origin
    Permissions-Policy "camera=(), geolocation=(), microphone=()"
    Cross-Origin-Opener-Policy same-origin
    Cross-Origin-Resource-Policy same-origin
    Origin-Agent-Cluster ?1
    X-XSS-Protection 0
  }
  reverse_proxy APP
}
`

const ourSettings = `version: 1
public_url: https://shop.example.com
http:
  listen: LISTEN
  upstream: http://APP
  rate_limit: {requests: 1000000000, per: 15m, concurrent: 0}
admin: {listen: "ADMIN"}
history: {path: DIR/history.db}
log: {level: warn, format: text}
`
