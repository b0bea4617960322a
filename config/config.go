// Package config gathers every part's settings: load, validate, origin of each value, reference page.
package config
