"""An app that does everything through SQLAlchemy and psycopg2, which puts values into the text: the ORM proof runs it behind both doors."""
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import (Column, Float, ForeignKey, Integer, String, Table, and_, case, create_engine, delete, exists, func, or_, select, text, update)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.orm import Session, declarative_base, joinedload, relationship, selectinload

engine = create_engine(os.environ["DATABASE_URL"].replace("postgres://", "postgresql+psycopg2://", 1), pool_size=8, max_overflow=8)
Base = declarative_base()
labels = Table("sa_labels", Base.metadata, Column("book", ForeignKey("sa_book.id")), Column("tag", ForeignKey("sa_tag.id")))


class Tag(Base):
    __tablename__ = "sa_tag"
    id = Column(Integer, primary_key=True)
    name = Column(String, unique=True)


class Author(Base):
    __tablename__ = "sa_author"
    id = Column(Integer, primary_key=True)
    name = Column(String, index=True)
    books = relationship("Book", back_populates="author")


class Book(Base):
    __tablename__ = "sa_book"
    id = Column(Integer, primary_key=True)
    title = Column(String)
    price = Column(Float, default=1)
    facts = Column(JSONB)
    words = Column(ARRAY(String))
    author_id = Column(ForeignKey("sa_author.id"))
    author = relationship("Author", back_populates="books")
    tags = relationship("Tag", secondary=labels)


def migrate():
    for _ in range(2):
        Base.metadata.create_all(engine)
    with engine.begin() as c:
        c.exec_driver_sql("create table if not exists sa_audit (id serial primary key, what text); create index if not exists sa_audit_what on sa_audit (what);"
                          " insert into sa_audit (what) values ('migrated; really'); alter table sa_audit add column if not exists at timestamptz default now()")


def answer(path, v):
    with Session(engine) as s, s.begin():
        if path == "/create":
            s.add(Author(name=v, books=[Book(title=v, facts={"v": v, "n": [1, {"x": v}]}, words=[v, "b"]), Book(title=v + "2", price=2.5)]))
        elif path == "/upsert":
            q = insert(Tag).values(name=v)
            s.execute(q.on_conflict_do_update(index_elements=[Tag.name], set_={"name": q.excluded.name}))
        elif path == "/bulk":
            s.bulk_insert_mappings(Book, [{"title": v + str(i), "price": i} for i in range(20)])
            s.execute(insert(Book), [{"title": v, "price": i} for i in range(5)])
        elif path == "/find":
            s.scalars(select(Book).options(joinedload(Book.author), selectinload(Book.tags)).where(or_(Book.title == v, Book.title.ilike("%" + v + "%"))).order_by(Book.price.desc()).limit(10)).all()
        elif path == "/first":
            s.scalars(select(Book).where(and_(Book.title.in_([v, v + "x", "y"]), ~Book.price.between(100, 200)))).first()
        elif path == "/sort":
            s.scalars(select(Book).order_by({"name": Book.title, "price desc": Book.price.desc(), "id": Book.id}[v].nulls_last()).limit(5)).all()
        elif path == "/in":
            s.scalars(select(Book).where(Book.id.in_([int(n) for n in v.split(",")]))).all()
        elif path == "/group":
            s.execute(select(Author.name, func.count(), func.sum(case((Book.title == v, 1), else_=0))).join(Book).group_by(Author.name).having(func.count() > 0).limit(5)).all()
        elif path == "/update":
            s.execute(update(Book).where(Book.title == v).values(price=Book.price + 1, facts={"v": v}))
            with s.begin_nested():
                s.execute(update(Tag).where(Tag.name == v).values(name=Tag.name), execution_options={"synchronize_session": False})
        elif path == "/raw":
            s.execute(text("with picked as (select * from sa_book where title = :v) select * from picked where title like :v or exists (select 1 from sa_tag t where t.name = :v)"), {"v": v}).all()
            s.execute(select(Book.id).where(exists().where(Author.name == v), Book.facts["v"].astext == v, Book.words.any(v))).all()
        elif path == "/delete":
            s.execute(delete(Book).where(Book.title == v, ~Book.tags.any()), execution_options={"synchronize_session": False})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self):
        u = urlsplit(self.path)
        v = parse_qs(u.query, keep_blank_values=True).get("v", [""])[0]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if body.startswith("{"):
            v = json.loads(body)["V"]
        elif body:
            v = parse_qs(body, keep_blank_values=True)["v"][0]
        try:
            answer(u.path, v)
            code, said = 200, b"ok\n"
        except Exception as err:  # the proof shows it
            code, said = 500, str(err).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = reply

    def log_message(self, *_):
        pass


migrate()
host, port = os.environ["LISTEN"].rsplit(":", 1)
ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
