"""What a Python program does with psycopg2. It prints what it saw, which must not depend on what stands before PostgreSQL."""
import io
import os
import threading

import psycopg2
import psycopg2.errors
import psycopg2.extras

URL = os.environ["DATABASE_URL"]


def say(name, value):
    print(name, value)


def code(cursor, sql):
    try:
        cursor.execute(sql)
    except psycopg2.Error as err:
        return err.pgcode
    return "none"


conn = psycopg2.connect(URL)
cur = conn.cursor()
cur.execute("drop table if exists py_items; create table py_items(id serial primary key, name text, facts jsonb)")
conn.commit()
cur.execute("insert into py_items(name, facts) values (%s, %s) returning id", ("it's", psycopg2.extras.Json({"a": [1]})))
say("inserted", cur.fetchone())
psycopg2.extras.execute_values(cur, "insert into py_items(name) values %s", [(f"n{i}",) for i in range(300)])
# It joins as many statements to one text as a page holds, 100 by default.
psycopg2.extras.execute_batch(cur, "update py_items set name = name || %s where id = %s", [("!", i) for i in range(250)])
cur.execute("insert into py_items(name, facts) values (%s, %s)", ("one", None))
rows = [(f"b{i}", None if i % 3 else psycopg2.extras.Json({"n": [i]})) for i in range(2100)]
psycopg2.extras.execute_batch(cur, "insert into py_items(name, facts) values (%s, %s)", rows, page_size=1000)
cur.execute("prepare put as insert into py_items(name) values ($1)")
psycopg2.extras.execute_batch(cur, "execute put (%s)", [(f"p{i}",) for i in range(150)])
cur.execute("deallocate put")
psycopg2.extras.execute_batch(cur, "select set_config('py.last', %s, true)", [(str(i),) for i in range(120)])
conn.commit()
cur.execute("select count(*), count(*) filter (where name like '%!') from py_items")
say("counted", cur.fetchone())
with conn.cursor("server_side") as named:
    named.itersize = 50
    named.execute("select id from py_items order by id")
    say("cursor", sum(row[0] for row in named))
conn.commit()
say("errors", [code(cur, "select nothing"), code(cur, "select 1")])
conn.rollback()
cur.execute("savepoint s")
say("in savepoint", code(cur, "select 1/0"))
cur.execute("rollback to savepoint s")
cur.execute("select 2")
say("after", cur.fetchone())
conn.commit()
out = io.StringIO()
cur.copy_expert("copy (select id, name from py_items where id <= 3 order by id) to stdout", out)
say("copied out", repr(out.getvalue()))
cur.copy_from(io.StringIO("".join(f"c{i}\n" for i in range(5000))), "py_items", columns=("name",))
conn.commit()
cur.execute("select count(*) from py_items where name like 'c%'")
say("copied in", cur.fetchone())
conn.commit()
conn.set_session(isolation_level="SERIALIZABLE", readonly=True)
cur.execute("show transaction_isolation")
say("isolation", cur.fetchone())
say("read only", code(cur, "delete from py_items"))
conn.rollback()
conn.close()


def count(results, i):
    with psycopg2.connect(URL) as one, one.cursor() as c:
        for n in range(20):
            c.execute("select %s::int, %s::text", (i * 100 + n, f"t{i}"))
            results[i] += [c.fetchone() == (i * 100 + n, f"t{i}")]
            one.commit()


results = [[] for _ in range(10)]
threads = [threading.Thread(target=count, args=(results, i)) for i in range(10)]
for t in threads:
    t.start()
for t in threads:
    t.join()
say("threads", [all(r) and len(r) for r in results])
conn = psycopg2.connect(URL)
conn.autocommit = True
conn.cursor().execute("drop table py_items")
conn.close()
say("end", True)
