package main

// Both poolers are logged in to by SCRAM with the same user and password, and log in to the database the same way.
const (
	dbUser     = "bench"
	dbPassword = "measure twice"
	dbPool     = 10
	dbIdle     = 1000
)

const pgbouncerSettings = `[databases]
postgres = host=127.0.0.1 port=SERVER dbname=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = PORT
unix_socket_dir =
auth_type = scram-sha-256
auth_file = DIR/users
pool_mode = MODE
default_pool_size = SIZE
max_client_conn = 2000
ignore_startup_parameters = extra_float_digits
server_reset_query =
log_connections = 0
log_disconnections = 0
stats_period = 600
USER
PREPARED
`

const ourDBSettings = `version: 1
public_url: https://shop.example.com
http:
  listen: ADMIN
  upstream: http://127.0.0.1:9
database:
  listen: LISTEN
  upstream_file: DIR/upstream
  users: [{name: bench, password_file: DIR/password}]
  screen: enforce
  cross_door: enforce
  pool: {mode: transaction, max: 10}
  clients: {max: 2000}
admin: {listen: "SECOND"}
history: {path: DIR/history.db}
log: {level: warn, format: text}
`
