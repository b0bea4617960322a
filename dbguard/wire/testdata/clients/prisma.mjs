// What an app does with Prisma through @prisma/adapter-pg: migrations by Prisma's own schema engine, then everything a client can
// ask. It prints what it saw, which must not depend on what stands between it and PostgreSQL.
import fs from "node:fs";
import { createRequire } from "node:module";
import { PrismaPg } from "@prisma/adapter-pg";
import { bindMigrationAwareSqlAdapterFactory } from "@prisma/driver-adapter-utils";
import { PrismaClient, Prisma } from "@prisma/client";

const url = process.env.DATABASE_URL;
const say = (name, value) => console.log(name, JSON.stringify(value, (_, v) => (typeof v === "bigint" ? v.toString() : v)));
const code = async (promise) => promise.then(() => "none", (err) => err.code ?? err.name);

// migrate creates the migration that leads from nothing to the schema and applies it, as "prisma migrate deploy" does.
async function migrate() {
  const dir = createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm/schema_engine_bg").replace("schema_engine_bg.js", "");
  const engine = await import(dir + "schema_engine_bg.js");
  const imports = { "./schema_engine_bg.js": engine };
  const { instance } = await WebAssembly.instantiate(fs.readFileSync(dir + "schema_engine_bg.wasm"), imports);
  engine.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  const schema = { files: [{ path: "schema.prisma", content: fs.readFileSync("schema.prisma", "utf8") }] };
  const factory = bindMigrationAwareSqlAdapterFactory(new PrismaPg({ connectionString: url, idleTimeoutMillis: 200 }));
  const migrator = await engine.SchemaEngine.new({ datamodels: [["schema.prisma", schema.files[0].content]] }, () => {}, factory);
  const filters = { externalTables: [], externalEnums: [] };
  const script = await migrator.diff({ from: { tag: "empty" }, to: { tag: "schemaDatamodel", ...schema }, script: true, exitCode: null, filters });
  const migrationsList = {
    baseDir: ".", shadowDbInitScript: "", lockfile: { path: "migration_lock.toml", content: 'provider = "postgresql"\n' },
    migrationDirectories: [{ path: "20260102030405_first", migrationFile: { path: "migration.sql", content: { tag: "ok", value: script.stdout } } }],
  };
  say("migrated", await migrator.applyMigrations({ migrationsList, filters }));
  say("again", await migrator.applyMigrations({ migrationsList, filters }));
  migrator.free();
}

await migrate();
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: 8 }), transactionOptions: { maxWait: 20_000, timeout: 20_000 } });

// Nested writes, and reading them back with everything that hangs on them.
const ada = await prisma.user.create({
  data: {
    email: "ada@example.org", name: "Ada", tags: ["a", "o'b"], facts: { deep: { list: [1, 2] } }, born: new Date("2026-01-02T03:04:05Z"),
    profile: { create: { bio: "counts" } },
    posts: {
      create: [
        { title: "One", views: 5n, price: new Prisma.Decimal("1.25"), labels: { connectOrCreate: [{ where: { name: "x" }, create: { name: "x" } }] }, comments: { create: [{ text: "first" }, { text: "second" }] } },
        { title: "Two -- not a comment; drop table x", labels: { create: [{ name: "y" }] } },
      ],
    },
  },
  include: { profile: true, posts: { include: { labels: true, comments: true }, orderBy: { id: "asc" } } },
});
say("nested", ada);
say("created", await prisma.user.createMany({ data: Array.from({ length: 30 }, (_, i) => ({ email: `u${i}@example.org`, name: i % 3 ? `U ${i}` : null })) }));
say("found", await prisma.user.findMany({ where: { OR: [{ name: { contains: "u 1", mode: "insensitive" } }, { posts: { some: { labels: { some: { name: "x" } } } } }], NOT: { email: { startsWith: "u2" } } }, orderBy: [{ email: "desc" }], skip: 1, take: 4, select: { email: true, _count: { select: { posts: true } } } }));
say("in", await prisma.user.count({ where: { id: { in: Array.from({ length: 500 }, (_, i) => i) } } }));
say("grouped", await prisma.user.groupBy({ by: ["name"], _count: { _all: true }, orderBy: { name: "asc" }, take: 3 }));
say("aggregate", await prisma.post.aggregate({ _sum: { views: true }, _avg: { price: true }, _max: { title: true } }));
say("upsert", (await prisma.user.upsert({ where: { email: "ada@example.org" }, update: { name: "Ada L." }, create: { email: "never" } })).name);
say("updated", await prisma.user.updateMany({ where: { name: null }, data: { name: "nobody" } }));
say("duplicate", await code(prisma.user.create({ data: { email: "ada@example.org" } })));
say("missing", await code(prisma.user.update({ where: { id: 0 }, data: { name: "x" } })));

// Transactions: a batch, interactive ones side by side, and some that fail.
say("batch", (await prisma.$transaction([prisma.user.count(), prisma.post.count(), prisma.label.create({ data: { name: "z" } })])).map((v) => v.name ?? v));
say("batch fails", await code(prisma.$transaction([prisma.label.create({ data: { name: "w" } }), prisma.label.create({ data: { name: "z" } })])));
const outcomes = await Promise.all(
  Array.from({ length: 12 }, (_, i) =>
    code(
      prisma.$transaction(
        async (tx) => {
          const before = await tx.post.findFirstOrThrow({ where: { title: "One" } });
          await tx.post.update({ where: { id: before.id }, data: { views: { increment: 1 } } });
          if (i % 4 === 0) throw new Error("on purpose");
        },
        { isolationLevel: Prisma.TransactionIsolationLevel.ReadCommitted },
      ),
    ),
  ),
);
say("interactive", outcomes.toSorted());
say("views", (await prisma.post.findFirstOrThrow({ where: { title: "One" } })).views);
say("labels", (await prisma.label.findMany({ orderBy: { name: "asc" } })).map((l) => l.name));

// Raw queries, and many at once.
say("raw", await prisma.$queryRaw`select id, ${"it's"}::text as word from "User" where email = ${"ada@example.org"}`);
say("executed", await prisma.$executeRaw`update "User" set name = ${"raw"} where email like ${"u1%"}`);
say("unsafe", await prisma.$queryRawUnsafe("select $1::int + $2::int as sum", 1, 2));
say("parallel", (await Promise.all(Array.from({ length: 60 }, (_, i) => prisma.user.findFirst({ where: { email: `u${i % 30}@example.org` } })))).filter(Boolean).length);
say("deleted", await prisma.user.deleteMany());
say("left", [await prisma.post.count(), await prisma.comment.count(), await prisma.profile.count()]);
await prisma.$disconnect();
say("end", true);
