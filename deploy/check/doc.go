// Package check holds the files of deploy against the programs that will read them: it is a module of its own, so that their libraries are
// none of Sallyport's.
package check
