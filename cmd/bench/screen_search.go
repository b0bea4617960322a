package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// searchStatements are n statements of a page that builds its query from what the user chose: any of a dozen filters, lists of any
// length, columns, sort orders and groups. Values are escaped; names come from the page's own lists, as the request bears them.
func searchStatements(n int) []row {
	r := rand.New(rand.NewPCG(3, 4))
	rows := make([]row, n)
	for i := range rows {
		p := searchPage{rand: r}
		rows[i] = row{Src: "search", SQL: p.build()}
		rows[i].Inputs = p.inputs
		rows[i].Ctx = fmt.Sprintf("%d filters", p.filters)
	}
	return rows
}

// searchPage is one request of the page.
type searchPage struct {
	rand    *rand.Rand
	inputs  []string
	where   []string
	filters int
}

var (
	searchColumns = []string{"id", "name", "price", "rating", "created_at", "stock", "brand_id", "p.weight", "category"}
	searchTerms   = []string{"hammer", "O'Brien", "rock & roll", "salt and pepper", "1 or 2", "50% off; now", "select the best", "C++ -- the book", "null", "5' 10\" ruler", "union station", "drop-in table", "a/b", "price desc"}
)

func (p *searchPage) build() string {
	fields := p.names(1+p.rand.IntN(4), ", ")
	for _, filter := range []func(){p.term, p.term, p.ids, p.between, p.brand, p.flag, p.either, p.missing, p.since, p.exists} {
		if p.rand.IntN(3) == 0 {
			p.filters++
			filter()
		}
	}
	sql := "SELECT " + fields + " FROM products p"
	if p.rand.IntN(4) == 0 {
		sql += " LEFT JOIN brands b ON b.id = p.brand_id"
	}
	if len(p.where) > 0 {
		sql += " WHERE " + strings.Join(p.where, " AND ")
	}
	if p.rand.IntN(6) == 0 {
		sql += " GROUP BY " + p.names(1, ", ")
	}
	if p.rand.IntN(2) == 0 {
		sql += " ORDER BY " + p.order()
	}
	return sql + fmt.Sprintf(" LIMIT %d OFFSET %d", 10+p.rand.IntN(4)*10, p.rand.IntN(50)*10)
}

// input notes a value of the request and returns it.
func (p *searchPage) input(v string) string {
	p.inputs = append(p.inputs, v)
	return v
}

func (p *searchPage) pick(from []string) string { return from[p.rand.IntN(len(from))] }

func (p *searchPage) add(format string, args ...any) {
	p.where = append(p.where, fmt.Sprintf(format, args...))
}

func (p *searchPage) names(n int, between string) string {
	list := make([]string, n)
	for i := range list {
		list[i] = p.pick(searchColumns)
	}
	return p.input(strings.Join(list, between))
}

func (p *searchPage) order() string {
	by := p.pick(searchColumns) + p.pick([]string{"", " asc", " desc", " DESC"})
	if p.rand.IntN(3) == 0 {
		by += ", " + p.pick(searchColumns) + p.pick([]string{"", " desc"})
	}
	return p.input(by)
}

func (p *searchPage) term() {
	t := strings.ReplaceAll(p.input(p.pick(searchTerms)), "'", "''")
	p.add("(p.name ILIKE '%%%s%%' OR p.description ILIKE '%%%s%%')", t, t)
}

func (p *searchPage) ids() {
	list := make([]string, 1+p.rand.IntN(8))
	for i := range list {
		list[i] = fmt.Sprint(p.rand.IntN(1000))
	}
	p.add("p.id IN (%s)", p.input(strings.Join(list, ",")))
}

func (p *searchPage) between() {
	low := p.rand.IntN(100)
	p.input(fmt.Sprintf("%d-%d", low, low+50))
	p.add("p.price BETWEEN %d AND %d", low, low+50)
}

func (p *searchPage) brand() { p.add("p.brand_id = %s", p.input(fmt.Sprint(p.rand.IntN(500)))) }

func (p *searchPage) flag() {
	p.add("p.%s = %s", p.pick([]string{"active", "sold", "used"}), p.input(p.pick([]string{"true", "false"})))
}

func (p *searchPage) either() {
	p.add("(p.stock > %d OR p.backorder IS NOT NULL OR 1=0)", p.rand.IntN(10))
}

func (p *searchPage) missing() {
	p.add("p.%s IS NULL", p.input(p.pick([]string{"ean", "isbn", "image"})))
}

func (p *searchPage) since() {
	p.add("p.created_at >= '%s'::date", p.input(fmt.Sprintf("2026-%02d-%02d", 1+p.rand.IntN(12), 1+p.rand.IntN(28))))
}

func (p *searchPage) exists() {
	p.add("EXISTS (SELECT 1 FROM tags t WHERE t.product_id = p.id AND t.name = '%s')", strings.ReplaceAll(p.input(p.pick(searchTerms)), "'", "''"))
}
