package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floorPlan is every room of the house and what it may import of ours. Imports go down only; nobody imports cmd.
var floorPlan = map[string][]string{
	"cmd/sallyport": {"gateway", "config", "gateway/preflight", "gateway/tunnel", "dbguard/localpg"},
	"cmd/bench":     {"dbguard", "dbguard/screen", "dbguard/localpg", "gateway/crossdoor"},
	"gateway": {
		"config", "dbguard", "dbguard/screen", "dbguard/wire", "middleware", "gateway/alert", "gateway/crossdoor", "gateway/dashboard",
		"gateway/http1", "gateway/ingress", "gateway/journal", "gateway/preflight", "gateway/replica", "gateway/tunnel", "gateway/upstream",
	},
	"gateway/preflight": {"config"},
	"config": {
		"dbguard", "dbguard/wire", "middleware", "gateway/alert", "gateway/crossdoor", "gateway/ingress", "gateway/journal", "gateway/tunnel", "gateway/upstream",
	},
	"dbguard/wire":      {"dbguard", "dbguard/screen"},
	"gateway/alert":     {"gateway/journal"},
	"gateway/dashboard": {"gateway/journal"},
	"gateway/crossdoor": {"dbguard/screen"},
	// chromium opens the page in a browser for the tests of gateway and dashboard; nothing imports it but tests.
	"gateway/dashboard/chromium": nil,
	"dbguard":                    {"dbguard/screen"},
	"dbguard/screen":             nil,
	"dbguard/localpg":            nil,
	"gateway/http1":              {"gateway/ingress"},
	"middleware":                 nil,
	"gateway/ingress":            nil,
	"gateway/journal":            nil,
	"gateway/replica":            {"middleware"},
	"gateway/tunnel":             nil,
	"gateway/upstream":           nil,
}

// forbidden are imports that only the named rooms may have; "" as a room means nobody. The benchmark has pgx to be a client, the command for the demo's
// shop, which is a client of the database door like any other.
var forbidden = map[string][]string{
	"github.com/gin-gonic/gin":     {"gateway", "middleware", "gateway/crossdoor", "gateway/dashboard", "gateway/upstream"},
	"github.com/jackc/pgx/v5":      {"dbguard", "dbguard/wire", "dbguard/localpg", "gateway/preflight", "cmd/sallyport", "cmd/bench"},
	"github.com/sony/gobreaker/v2": {"dbguard", "dbguard/wire", "gateway/upstream"},
	"modernc.org/sqlite":           {"gateway/journal"},
	"unsafe":                       {"gateway/preflight", "gateway/tunnel", "dbguard/wire"},
	"reflect":                      {"config"},
	"log":                          {},
}

var allowedTop = []string{
	"cmd", "gateway", "middleware", "dbguard", "config", "deploy", "go.mod", "go.sum", "Dockerfile", "README.md",
	"Makefile", "LICENSE", "CHANGELOG.md",
}

// room is one package of the house, read from its sources.
type room struct {
	dir   string
	files []source
}

// source is one file that is not a test.
type source struct {
	name  string
	lines int
	tree  *ast.File
	set   *token.FileSet
}

func TestTopLevelHoldsOnlyWhatTheDesignNames(t *testing.T) {
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || slices.Contains(allowedTop, e.Name()) || ignored(e.Name()) {
			continue
		}
		t.Errorf("top level holds %q, which the design does not name", e.Name())
	}
}

// ignored reports build results that .gitignore names.
func ignored(name string) bool {
	return slices.Contains([]string{"sallyport", "bench", "dist"}, name) || strings.HasSuffix(name, ".test") || strings.HasSuffix(name, ".out")
}

func TestImportsFollowTheFloorPlan(t *testing.T) {
	for _, r := range house(t) {
		plan, known := floorPlan[r.dir]
		if !known {
			t.Errorf("%s is a room that the floor plan does not know", r.dir)
			continue
		}
		for _, f := range r.files {
			for _, imp := range imports(f) {
				checkImport(t, r.dir, f.name, imp, plan)
			}
		}
	}
}

func checkImport(t *testing.T, dir, file, imp string, plan []string) {
	t.Helper()
	if ours, ok := strings.CutPrefix(imp, "sallyport/"); ok {
		if !slices.Contains(plan, ours) {
			t.Errorf("%s imports %s; the floor plan lets %s import %v", file, ours, dir, plan)
		}
		return
	}
	if dir == "dbguard/screen" && strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") {
		t.Errorf("%s imports %s; screen carries the standard library only", file, imp)
	}
	for prefix, rooms := range forbidden {
		// log/slog is not below log: it is what takes its place.
		if (imp == prefix || strings.HasPrefix(imp, prefix+"/") && imp != "log/slog") && !slices.Contains(rooms, dir) {
			t.Errorf("%s imports %s; only %v may", file, imp, rooms)
		}
	}
}

func TestEveryRoomHasOnePackageComment(t *testing.T) {
	for _, r := range house(t) {
		var in []string
		for _, f := range r.files {
			if f.tree.Doc != nil && strings.HasPrefix(f.tree.Doc.Text(), wantedPrefix(f.tree.Name.Name, r.dir)) {
				in = append(in, f.name)
			}
		}
		if len(in) != 1 {
			t.Errorf("%s: package comment stands in %v, want exactly one file", r.dir, in)
		}
	}
}

func wantedPrefix(pkg, dir string) string {
	if pkg == "main" {
		return "Command " + path.Base(dir)
	}
	return "Package " + pkg + " "
}

func TestExportedNamesHaveComments(t *testing.T) {
	for _, r := range house(t) {
		for _, f := range r.files {
			for _, d := range f.tree.Decls {
				for _, bare := range uncommented(d) {
					t.Errorf("%s: exported %s has no comment", f.set.Position(d.Pos()), bare)
				}
			}
		}
	}
}

// uncommented returns the exported names that d declares without a comment.
func uncommented(d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || ast.IsExported(receiver(d))) {
			return []string{d.Name.Name}
		}
	case *ast.GenDecl:
		var bare []string
		for _, s := range d.Specs {
			if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.IsExported() && d.Doc == nil && ts.Doc == nil {
				bare = append(bare, ts.Name.Name)
			}
			if vs, ok := s.(*ast.ValueSpec); ok && vs.Names[0].IsExported() && d.Doc == nil && vs.Doc == nil && vs.Comment == nil {
				bare = append(bare, vs.Names[0].Name)
			}
		}
		return bare
	}
	return nil
}

func receiver(d *ast.FuncDecl) string {
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if generic, ok := typ.(*ast.IndexExpr); ok {
		typ = generic.X
	}
	if id, ok := typ.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

func TestNoHiddenEntrances(t *testing.T) {
	for _, r := range house(t) {
		for _, f := range r.files {
			ast.Inspect(f.tree, func(n ast.Node) bool {
				checkEntrance(t, r.dir, f, n)
				return true
			})
		}
	}
}

// checkEntrance refuses init functions, and environment, flags and exits outside the rooms that own them.
func checkEntrance(t *testing.T, dir string, f source, n ast.Node) {
	t.Helper()
	if fn, ok := n.(*ast.FuncDecl); ok && fn.Name.Name == "init" && fn.Recv == nil {
		t.Errorf("%s: init() hides work; build it where it is used", f.set.Position(n.Pos()))
	}
	sel, ok := n.(*ast.SelectorExpr)
	if !ok {
		return
	}
	id, ok := sel.X.(*ast.Ident)
	if !ok {
		return
	}
	cmd := strings.HasPrefix(dir, "cmd/")
	switch id.Name + "." + sel.Sel.Name {
	case "os.Exit", "signal.Notify", "signal.NotifyContext", "log.Fatal", "log.Fatalf":
		if !cmd {
			t.Errorf("%s: %s.%s belongs in cmd", f.set.Position(n.Pos()), id.Name, sel.Sel.Name)
		}
	case "os.Getenv", "os.LookupEnv":
		if !cmd && dir != "config" {
			t.Errorf("%s: the environment is read in config and cmd only", f.set.Position(n.Pos()))
		}
	}
}

func TestFilesAndFunctionsKeepTheStyleLimits(t *testing.T) {
	var files, funcs []int
	for _, r := range house(t) {
		for _, f := range r.files {
			files = append(files, f.lines)
			if f.lines > 400 {
				t.Errorf("%s has %d lines, want at most 400", f.name, f.lines)
			}
			funcs = append(funcs, functionLengths(t, f)...)
		}
	}
	slices.Sort(files)
	slices.Sort(funcs)
	t.Logf("files: %d, median %d lines; functions: %d, median %d, p90 %d", len(files), files[len(files)/2], len(funcs), funcs[len(funcs)/2], funcs[len(funcs)*9/10])
	if got := files[len(files)/2]; got > 120 {
		t.Errorf("median file has %d lines, want at most 120", got)
	}
	if got := funcs[len(funcs)/2]; got > 10 {
		t.Errorf("median function has %d lines, want at most 10", got)
	}
	if got := funcs[len(funcs)*9/10]; got > 35 {
		t.Errorf("one function in ten has more than %d lines, want at most 35", got)
	}
}

// functionLengths returns the lines of each function body in f and complains about those above 70.
func functionLengths(t *testing.T, f source) []int {
	t.Helper()
	var lengths []int
	for _, d := range f.tree.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		n := f.set.Position(fn.Body.End()).Line - f.set.Position(fn.Pos()).Line + 1
		lengths = append(lengths, n)
		if n > 70 {
			t.Errorf("%s: %s has %d lines, want at most 70", f.set.Position(fn.Pos()), fn.Name.Name, n)
		}
	}
	return lengths
}

func imports(f source) []string {
	var paths []string
	for _, spec := range f.tree.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		paths = append(paths, p)
	}
	return paths
}

// house reads every package of the module from its sources, whatever its build constraints; nested modules are not ours.
func house(t *testing.T) []room {
	t.Helper()
	rooms := map[string]*room{}
	err := filepath.WalkDir("../..", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipFolder(p, d.Name())
		}
		if !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		dir, err := filepath.Rel("../..", filepath.Dir(p))
		if err != nil {
			return err
		}
		dir = filepath.ToSlash(dir)
		if rooms[dir] == nil {
			rooms[dir] = &room{dir: dir}
		}
		src, err := read(p)
		rooms[dir].files = append(rooms[dir].files, src)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []room
	for _, r := range rooms {
		all = append(all, *r)
	}
	slices.SortFunc(all, func(a, b room) int { return strings.Compare(a.dir, b.dir) })
	return all
}

func skipFolder(p, name string) error {
	if p != "../.." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
		return filepath.SkipDir
	}
	if _, err := os.Stat(filepath.Join(p, "go.mod")); err == nil && p != "../.." {
		return filepath.SkipDir
	}
	return nil
}

func read(p string) (source, error) {
	text, err := os.ReadFile(p)
	if err != nil {
		return source{}, err
	}
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, p, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return source{}, fmt.Errorf("read %s: %w", p, err)
	}
	return source{name: p, lines: strings.Count(string(text), "\n"), tree: tree, set: set}, nil
}
