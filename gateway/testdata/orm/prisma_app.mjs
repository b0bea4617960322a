// An app that does everything through Prisma and @prisma/adapter-pg: the ORM proof runs it behind both doors. Its migrations are applied
// by Prisma's own schema engine, whose adapter sends statement by statement, and once more as the native engine does: the whole script as
// one message.
import fs from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import pg from "pg";
import { PrismaPg } from "@prisma/adapter-pg";
import { bindMigrationAwareSqlAdapterFactory } from "@prisma/driver-adapter-utils";
import { PrismaClient, Prisma } from "@prisma/client";

const url = process.env.DATABASE_URL;

// byHand is what a team writes behind the migration that Prisma makes: data moved, functions, words that look like statements.
const byHand = `-- moves what is there; see the issue's text
ALTER TABLE "Label" ADD COLUMN "note" TEXT NOT NULL DEFAULT 'it''s; new';
UPDATE "Label" SET "note" = 'x' WHERE "name" = '' OR "name" IS NULL;
INSERT INTO "Label" ("name", "note") VALUES ('first', 'a; b'), ('second', '-- c') ON CONFLICT DO NOTHING;
CREATE INDEX "Label_note" ON "Label" ("note");
CREATE FUNCTION "shout"(t TEXT) RETURNS TEXT LANGUAGE sql AS $$ SELECT upper(t) || '!'; $$;
DROP INDEX "Label_note";
ALTER TABLE "Label" DROP COLUMN "note";
DROP FUNCTION "shout"(TEXT);
`;

async function migrate() {
  const dir = createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm/schema_engine_bg").replace("schema_engine_bg.js", "");
  const engine = await import(dir + "schema_engine_bg.js");
  const { instance } = await WebAssembly.instantiate(fs.readFileSync(dir + "schema_engine_bg.wasm"), { "./schema_engine_bg.js": engine });
  engine.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  const content = fs.readFileSync("schema.prisma", "utf8");
  const factory = bindMigrationAwareSqlAdapterFactory(new PrismaPg({ connectionString: url, idleTimeoutMillis: 200 }));
  const migrator = await engine.SchemaEngine.new({ datamodels: [["schema.prisma", content]] }, () => {}, factory);
  const filters = { externalTables: [], externalEnums: [] };
  const script = await migrator.diff({ from: { tag: "empty" }, to: { tag: "schemaDatamodel", files: [{ path: "schema.prisma", content }] }, script: true, exitCode: null, filters });
  const migrationsList = {
    baseDir: ".", shadowDbInitScript: "", lockfile: { path: "migration_lock.toml", content: 'provider = "postgresql"\n' },
    migrationDirectories: [{ path: "20260102030405_first", migrationFile: { path: "migration.sql", content: { tag: "ok", value: script.stdout } } }],
  };
  const { appliedMigrationNames } = await migrator.applyMigrations({ migrationsList, filters });
  if (appliedMigrationNames.length !== 1) throw new Error(`applied ${appliedMigrationNames}, want one`);
  await migrator.applyMigrations({ migrationsList, filters });
  migrator.free();
  const native = new pg.Client({ connectionString: url });
  await native.connect();
  await native.query(byHand);
  await native.query(`CREATE SCHEMA "native"; SET search_path TO "native";\n${script.stdout}\nDROP SCHEMA "native" CASCADE; SET search_path TO DEFAULT;`);
  await native.end();
}

await migrate();
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: 8 }), transactionOptions: { maxWait: 20_000, timeout: 20_000 } });
let n = 0;

const answers = {
  "/create": (v) =>
    prisma.user.create({
      data: {
        email: `${v} ${n++}@example.org`, name: v, tags: [v, "b"], facts: { v, n: [1, { x: v }] }, profile: { create: { bio: v } },
        posts: { create: [{ title: v, views: 5n, labels: { connectOrCreate: [{ where: { name: v }, create: { name: v } }] }, comments: { create: [{ text: v }, { text: v + "2" }] } }, { title: v + "2" }] },
      },
      include: { profile: true, posts: { include: { labels: true, comments: true }, orderBy: { id: "asc" } } },
    }),
  "/upsert": (v) => prisma.label.upsert({ where: { name: v }, update: { name: v }, create: { name: v } }),
  "/bulk": (v) => prisma.user.createMany({ data: Array.from({ length: 20 }, (_, i) => ({ email: `${v} b${n++} ${i}`, name: i % 3 ? v : null, tags: [v] })), skipDuplicates: true }),
  "/find": async (v) => {
    const some = { OR: [{ name: { contains: v, mode: "insensitive" } }, { posts: { some: { title: v, labels: { some: { name: { in: [v, "y"] } } } } } }], NOT: { email: { startsWith: v } } };
    await prisma.user.findMany({ where: some, orderBy: [{ email: "desc" }, { name: { sort: "asc", nulls: "last" } }], skip: 1, take: 4, select: { email: true, _count: { select: { posts: true } } } });
    await prisma.user.findMany({ where: { facts: { path: ["v"], equals: v }, tags: { has: v } }, include: { posts: { where: { title: { not: v } }, take: 2 } }, take: 3 });
  },
  "/first": (v) => prisma.post.findFirst({ where: { title: { in: [v, v + "x", "y"] }, NOT: { price: { gte: 100, lt: 200 } } }, include: { author: true } }),
  "/sort": (v) => prisma.post.findMany({ orderBy: { name: { title: "asc" }, "price desc": { price: "desc" }, id: { id: "asc" } }[v], take: 5 }),
  "/in": (v) => prisma.post.findMany({ where: { id: { in: v.split(",").map(Number) } } }),
  "/group": async (v) => {
    await prisma.user.groupBy({ by: ["name"], _count: { _all: true }, having: { name: { not: v } }, orderBy: { name: "asc" }, take: 3 });
    await prisma.post.aggregate({ where: { title: { gt: v } }, _sum: { views: true }, _avg: { price: true }, _max: { title: true } });
  },
  "/update": (v) =>
    prisma.$transaction(async (tx) => {
      await tx.post.updateMany({ where: { title: v }, data: { views: { increment: 1 }, title: v } });
      await tx.user.updateMany({ where: { name: v }, data: { facts: { v }, tags: { push: v } } });
    }),
  "/raw": async (v) => {
    await prisma.$queryRaw`with picked as (select * from "Post" where title = ${v}) select * from picked where title like ${v} or exists (select 1 from "Label" l where l.name = ${v})`;
    await prisma.$executeRaw`update "User" set name = ${v} where email like ${v + "%"} and ${Prisma.join([v, "x"])} is not null`.catch((err) => { if (!/42|22/.test(err.message)) throw err; });
    await prisma.$queryRawUnsafe('select $1::text as word, count(*) from "Comment" where text = $1 group by 1', v);
    await prisma.$transaction([prisma.user.count({ where: { name: v } }), prisma.comment.findMany({ where: { text: { endsWith: v } }, take: 2 })]);
  },
  "/delete": (v) => prisma.comment.deleteMany({ where: { text: v, post: { title: { startsWith: v } } } }),
};

// given is the visitor's word, and, where it came as JSON, a filter such as admin pages send.
function given(u, body) {
  if (body.startsWith("{")) return JSON.parse(body).V;
  return new URLSearchParams(body || u.search).get("v") ?? "";
}

const [host, port] = process.env.LISTEN.split(":");
http
  .createServer(async (req, res) => {
    const u = new URL(req.url, "http://app");
    const chunks = [];
    for await (const c of req) chunks.push(c);
    try {
      await answers[u.pathname]?.(given(u, Buffer.concat(chunks).toString()));
      res.end("ok\n");
    } catch (err) {
      res.statusCode = 500;
      res.end(err.code === "P2002" || err.code === "P2034" ? "23505" : `${err.code} ${err.message}`);
    }
  })
  .listen(Number(port), host);
