// Package crossdoor tells whether bytes of a request in flight became SQL structure.
package crossdoor
