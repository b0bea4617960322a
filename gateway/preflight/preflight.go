// Package preflight says whether a deployment may go live: doctor, smoke and drift are lists of its checks.
package preflight
