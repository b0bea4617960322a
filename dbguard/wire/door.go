// Package wire is the database door: a PostgreSQL wire proxy with a transaction pool around a dbguard.Guard.
package wire
