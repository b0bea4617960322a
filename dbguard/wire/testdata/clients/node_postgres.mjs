// What a Node program does with node-postgres. It prints what it saw, which must not depend on what stands between it and PostgreSQL.
import pg from "pg";

const url = process.env.DATABASE_URL;
const say = (name, value) => console.log(name, JSON.stringify(value));
const code = async (promise) => promise.then(() => "none", (err) => err.code ?? err.message);

const pool = new pg.Pool({ connectionString: url, max: 8 });
await pool.query("drop table if exists node_items");
await pool.query("create table node_items(id serial primary key, name text not null, facts jsonb, at timestamptz default now())");

// Parameters, types, and a statement that is prepared by name.
const named = { name: "find", text: "select $1::int + 1 as next, $2::text as word, $3::jsonb as facts" };
const rounds = await Promise.all(Array.from({ length: 40 }, (_, i) => pool.query({ ...named, values: [i, "w" + i, { n: i }] })));
say("named", rounds.map((r) => [r.rows[0].next, r.rows[0].word, r.rows[0].facts.n]));
say("types", (await pool.query("select 1::int8 a, 2.5::numeric b, true c, null d, array[1,2] e, '\\xff00'::bytea f, date '2026-01-02'::text g")).rows);
say("unnamed", (await Promise.all(Array.from({ length: 40 }, (_, i) => pool.query("select $1::int as n", [i])))).map((r) => r.rows[0].n));
say("many statements", (await pool.query("select 1 as a; select 2 as b")).map((r) => r.rows));

// Transactions side by side; half of them roll back.
await Promise.all(
  Array.from({ length: 20 }, async (_, i) => {
    const client = await pool.connect();
    try {
      await client.query("begin");
      await client.query("insert into node_items(name, facts) values ($1, $2)", ["item " + i, { even: i % 2 === 0 }]);
      await client.query(i % 2 === 0 ? "commit" : "rollback");
    } finally {
      client.release();
    }
  }),
);
say("committed", (await pool.query("select name from node_items order by name")).rows.map((r) => r.name));

// Errors keep their code, and the connection lives on.
const client = await pool.connect();
say("errors", [await code(client.query("select nothing")), await code(client.query("select 1/0")), await code(client.query("selec"))]);
say("unique", await code(client.query("insert into node_items(id, name) select id, name from node_items limit 1")));
await client.query("begin");
say("in a transaction", [await code(client.query("select nothing")), await code(client.query("select 1"))]);
await client.query("rollback");
say("after", (await client.query("select 1 as one")).rows);

// A cursor's worth of rows, and a notification.
say("rows", (await client.query("select sum(n)::int from (select generate_series(1, 50000) n) x")).rows);
say("all rows", (await client.query("select generate_series(1, 20000) n")).rows.length);
client.release();
const listener = new pg.Client({ connectionString: url });
await listener.connect();
const heard = new Promise((resolve) => listener.once("notification", (m) => resolve(m.payload)));
await listener.query("listen node_news");
// A listener keeps its server connection, so that with one in all nobody else gets any.
await (process.env.SERVERS === "1" ? listener : pool).query("select pg_notify('node_news', 'hello')");
say("heard", await heard);
await listener.end();
await pool.query("drop table node_items");
await pool.end();
say("end", true);
