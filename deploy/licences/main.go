// Command licences makes a program's licences known: it puts them into the SBOM of a program that was built here, with the parts of the page
// that are no Go modules, and writes their texts into one file, which has to go along with the program. It fails where a licence is none of
// those that may stand beside ours. It is a module of its own, so that what it reads SBOMs with is none of Sallyport's.
package main

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: licences REPOSITORY PROGRAM SBOM TEXTS")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(repository, program, sbom, texts string) error {
	inside, err := modules(repository, program)
	if err != nil {
		return err
	}
	page, err := pageParts(filepath.Join(repository, "gateway/dashboard/assets"))
	if err != nil {
		return err
	}
	inside = append(inside, page...)
	var all bytes.Buffer
	for i := range inside {
		if err := inside[i].read(&all); err != nil {
			return err
		}
	}
	if err := os.WriteFile(texts, all.Bytes(), 0o644); err != nil {
		return err
	}
	return annotate(sbom, inside)
}

// part is one thing inside the program that others made.
type part struct {
	name, version string
	files         []string // of its licence; the first one tells which it is
	licence       string   // SPDX identifier, known once the files were read
	purl          string   // "" where the SBOM names the part already
}

// modules are the Go modules that program was built of, and Go itself.
func modules(repository, program string) ([]part, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, err
	}
	root, err := goSays(repository, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	version := strings.TrimPrefix(info.GoVersion, "go")
	all := []part{{name: "std", version: version, files: []string{filepath.Join(root, "LICENSE")}, purl: "pkg:golang/std@" + version}}
	for _, d := range info.Deps {
		p, err := ofModule(repository, d)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// goSays is the line that the go command answers in dir.
func goSays(dir string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	said, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(said)), nil
}

// licenceFile is a file at a module's top that says under which terms it may be used.
var licenceFile = regexp.MustCompile(`(?i)^(licen[sc]e|copying|notice)`)

func ofModule(repository string, m *debug.Module) (part, error) {
	dir, err := goSays(repository, "list", "-m", "-f", "{{.Dir}}", m.Path)
	if err != nil {
		return part{}, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return part{}, err
	}
	p := part{name: m.Path, version: m.Version}
	for _, e := range entries {
		if licenceFile.MatchString(e.Name()) && e.Type().IsRegular() {
			p.files = append(p.files, filepath.Join(dir, e.Name()))
		}
	}
	return p, nil
}

// uplotVersion stands in the first line of its file.
var uplotVersion = regexp.MustCompile(`uPlot \(v([0-9.]+)\)`)

// pageParts are what the embedded page has from others.
func pageParts(assets string) ([]part, error) {
	uplot, err := os.ReadFile(filepath.Join(assets, "uplot.js"))
	if err != nil {
		return nil, err
	}
	v := uplotVersion.FindSubmatch(uplot)
	if v == nil {
		return nil, fmt.Errorf("uplot.js does not tell its version")
	}
	version := string(v[1])
	return []part{
		{name: "uplot", version: version, files: []string{filepath.Join(assets, "uplot-license.txt")}, purl: "pkg:npm/uplot@" + version},
		{name: "inter", files: []string{filepath.Join(assets, "inter-license.txt")}, purl: "pkg:github/rsms/inter"},
	}, nil
}

// read appends the texts of p to all and finds out which licence the first one is.
func (p *part) read(all *bytes.Buffer) error {
	for i, file := range p.files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if i == 0 {
			p.licence = identify(string(text))
		}
		fmt.Fprintf(all, "==== %s %s: %s\n\n%s\n\n", p.name, p.version, filepath.Base(file), strings.TrimSpace(string(text)))
	}
	if p.licence == "" {
		return fmt.Errorf("%s has no licence that is known here and may stand beside Apache-2.0: %v", p.name, p.files)
	}
	return nil
}

// identify is the SPDX identifier of a licence's text, "" where it is none of the permissive ones that we know: each is told by the
// sentences that are its own.
func identify(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	has := func(s string) bool { return strings.Contains(text, s) }
	switch {
	case has("GNU GENERAL PUBLIC") || has("GNU LESSER") || has("All advertising materials"):
		return ""
	case has("Apache License Version 2.0, January 2004"):
		return "Apache-2.0"
	case has("SIL OPEN FONT LICENSE Version 1.1"):
		return "OFL-1.1"
	case has("Permission is hereby granted, free of charge, to any person obtaining a copy"):
		return "MIT"
	case has("Redistribution and use in source and binary forms, with or without modification") && has("endorse or promote products derived from"):
		return "BSD-3-Clause"
	case has("Redistribution and use in source and binary forms, with or without modification"):
		return "BSD-2-Clause"
	}
	return ""
}

// annotate writes the licences of inside into the SBOM in file, and adds the parts that it lacks.
func annotate(file string, inside []part) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(text), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		return err
	}
	if bom.Metadata == nil || bom.Metadata.Component == nil || bom.Components == nil {
		return fmt.Errorf("%s names no components", file)
	}
	bom.Metadata.Component.Licenses = licences("Apache-2.0")
	known := *bom.Components
	for _, p := range inside {
		at := slices.IndexFunc(known, func(c cdx.Component) bool { return c.Name == p.name && c.Version == p.version })
		switch {
		case at >= 0:
			known[at].Licenses = licences(p.licence)
		case p.purl != "":
			known = append(known, cdx.Component{BOMRef: p.purl, Type: cdx.ComponentTypeLibrary, Name: p.name, Version: p.version, PackageURL: p.purl, Licenses: licences(p.licence)})
		default:
			return fmt.Errorf("%s lacks %s %s, which the program has", file, p.name, p.version)
		}
	}
	for _, c := range known {
		if c.Licenses == nil {
			return fmt.Errorf("%s names %s %s, which the program does not have", file, c.Name, c.Version)
		}
	}
	bom.Components = &known
	var out bytes.Buffer
	if err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(&bom, bom.SpecVersion); err != nil {
		return err
	}
	return os.WriteFile(file, out.Bytes(), 0o644)
}

func licences(id string) *cdx.Licenses { return &cdx.Licenses{{License: &cdx.License{ID: id}}} }
