// Package preflight answers one question: may this deployment go live? Doctor, smoke and drift are lists of its checks.
package preflight
