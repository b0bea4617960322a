"""What a Python program does with asyncpg. It prints what it saw, which must not depend on what stands before PostgreSQL."""
import asyncio
import os

import asyncpg

URL = os.environ["DATABASE_URL"]


def say(name, value):
    print(name, value)


async def code(awaitable):
    try:
        await awaitable
    except asyncpg.PostgresError as err:
        return err.sqlstate
    return "none"


async def transfer(pool, i):
    async with pool.acquire() as conn:
        try:
            async with conn.transaction():
                await conn.execute("insert into async_items(id, name) values ($1, $2)", i, f"n{i}")
                if i % 3 == 0:
                    raise ValueError
        except ValueError:
            pass


async def main():
    pool = await asyncpg.create_pool(URL, min_size=2, max_size=8, server_settings={"search_path": "public", "application_name": "asyncpg"})
    await pool.execute("drop table if exists async_items")
    await pool.execute("create table async_items(id int primary key, name text)")
    await asyncio.gather(*(transfer(pool, i) for i in range(30)))
    say("committed", await pool.fetchval("select count(*) from async_items"))
    values = await asyncio.gather(*(pool.fetchval("select $1::int * 2", i) for i in range(100)))
    say("doubled", values == [2 * i for i in range(100)])
    say("types", dict(await pool.fetchrow("select 1.5::numeric a, array['x','y'] b, interval '1 day' c, 'a=>b' d, null e, int4range(1, 5) f")))
    await pool.executemany("insert into async_items(id, name) values ($1, $2)", [(1000 + i, "many") for i in range(500)])
    say("many", await pool.fetchval("select count(*) from async_items where name = 'many'"))
    async with pool.acquire() as conn:
        async with conn.transaction():
            total = 0
            async for row in conn.cursor("select id from async_items where name = 'many' order by id", prefetch=50):
                total += row["id"]
            say("cursor", total)
        say("copied in", await conn.copy_records_to_table("async_items", records=[(5000 + i, "copied") for i in range(2000)], columns=["id", "name"]))
        statement = await conn.prepare("select name from async_items where id = $1")
        say("prepared", [await statement.fetchval(5000), await statement.fetchval(1000)])
        say("errors", [await code(conn.fetch("select nothing")), await code(conn.fetch("select 1/0")), await code(conn.execute("selec"))])
        async with conn.transaction():
            say("savepoint", await savepoint(conn))
        say("cancelled", await cancelled(conn))
        say("script", await conn.execute("select 1; select 2"))
    await pool.execute("drop table async_items")
    await pool.close()
    say("end", True)


async def savepoint(conn):
    inner = await code(failing(conn))
    return [inner, await conn.fetchval("select 7")]


async def failing(conn):
    async with conn.transaction():
        await conn.execute("select 1/0")


async def cancelled(conn):
    try:
        await conn.fetch("select pg_sleep(30)", timeout=0.2)
    except asyncio.TimeoutError:
        return await conn.fetchval("select 'alive'")


asyncio.run(main())
