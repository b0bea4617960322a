// Package dashboard serves the embedded page and its event stream.
package dashboard
