// A module of its own, so that the product needs no cgo: PostgreSQL's own scanner, for tests only.
module sallyport/dbguard/screen/difftest

go 1.26.0

require (
	github.com/pganalyze/pg_query_go/v6 v6.2.5
	sallyport v0.0.0
)

require google.golang.org/protobuf v1.36.12 // indirect

replace sallyport => ../../..
