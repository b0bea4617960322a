package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// shelf is where the demo's shop keeps its things.
type shelf interface {
	// search returns the products whose name holds text.
	search(ctx context.Context, text string) ([]product, error)
	// order returns the number of a new order.
	order(ctx context.Context, product int) (int, error)
	// review keeps a visitor's words.
	review(ctx context.Context, text string) error
}

// product is one thing that the shop sells.
type product struct {
	Name  string `json:"name"`
	Price string `json:"price"`
}

// wares are what the demo's shop sells.
var wares = []product{
	{"Anvil", "89.00"}, {"Blue kettle", "24.50"}, {"Brass lamp", "41.00"}, {"Carpenter's pencil", "1.20"}, {"Green kettle", "26.00"},
	{"Hand saw", "18.90"}, {"Oak stool", "55.00"}, {"Rope, 10 m", "12.00"}, {"Tea towel", "6.40"}, {"Wool blanket", "72.00"},
}

// tables make the shop's schema; %s is its name.
const tables = `
create schema %[1]s;
create table %[1]s.products(id serial primary key, name text not null, price numeric(8,2) not null);
create table %[1]s.orders(id serial primary key, product int not null references %[1]s.products, at timestamptz not null default now());
create table %[1]s.reviews(id serial primary key, words text not null);
create table %[1]s.users(id serial primary key, name text not null, secret text not null);`

// stock makes the shop's schema in the database behind conn, fills it, and returns the users' secrets.
func stock(ctx context.Context, conn *pgx.Conn, schema string) ([]string, error) {
	if _, err := conn.Exec(ctx, fmt.Sprintf(tables, schema)); err != nil {
		return nil, err
	}
	batch := &pgx.Batch{}
	for _, w := range wares {
		batch.Queue("insert into "+schema+".products(name, price) values ($1, $2::text::numeric)", w.Name, w.Price)
	}
	var secrets []string
	for _, name := range []string{"alice", "bob", "carol"} {
		secrets = append(secrets, "card-"+rand.Text())
		batch.Queue("insert into "+schema+".users(name, secret) values ($1, $2)", name, secrets[len(secrets)-1])
	}
	return secrets, conn.SendBatch(ctx, batch).Close()
}

// sqlShelf keeps the shop's things in PostgreSQL.
type sqlShelf struct{ db *pgxpool.Pool }

// search is the hole of the demo: it puts a visitor's words into the text of the statement.
func (s sqlShelf) search(ctx context.Context, text string) ([]product, error) {
	rows, err := s.db.Query(ctx, "select name, price::text from products where name ilike '%"+text+"%' order by name", pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[product])
}

func (s sqlShelf) order(ctx context.Context, product int) (int, error) {
	var id int
	err := s.db.QueryRow(ctx, "insert into orders(product) values ($1) returning id", product).Scan(&id)
	return id, err
}

func (s sqlShelf) review(ctx context.Context, text string) error {
	_, err := s.db.Exec(ctx, "insert into reviews(words) values ($1)", text)
	return err
}

// memoryShelf is the shop's where there is no database: nothing is kept.
type memoryShelf struct{}

func (memoryShelf) search(_ context.Context, text string) ([]product, error) {
	found := []product{}
	for _, w := range wares {
		if strings.Contains(strings.ToLower(w.Name), strings.ToLower(text)) {
			found = append(found, w)
		}
	}
	return found, nil
}

func (memoryShelf) order(_ context.Context, product int) (int, error) { return product, nil }

func (memoryShelf) review(context.Context, string) error { return nil }
