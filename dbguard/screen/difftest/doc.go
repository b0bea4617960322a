// Package difftest compares our lexer with PostgreSQL's own scanner; it holds tests only.
package difftest
