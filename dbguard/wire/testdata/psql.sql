-- What people do at psql's prompt. TestPsqlSeesNoDifference runs it with and without a door before PostgreSQL and compares.
\set VERBOSITY verbose
\set SHOW_ALL_RESULTS on
\pset null (null)
create type mood as enum ('calm', 'cross');
create type place as (x int, y int);
create domain age as int check (value >= 0);
create sequence steps;
create table people (id serial primary key, name text not null, born date, of mood default 'calm', at place, years age, unique (name));
create table pets (id int generated always as identity primary key, owner int references people on delete cascade, name varchar(20), facts jsonb);
create index on pets using gin (facts);
create index tame on pets (lower(name)) where owner is not null;
create table days (day date, n int) partition by range (day);
create table days_2026 partition of days for values from ('2026-01-01') to ('2027-01-01');
create view grown as select name, years from people where years > 17;
create materialized view counted as select of, count(*) from people group by of;
create function add(a int, b int default 1) returns int language sql immutable as 'select a + b';
create function touch() returns trigger language plpgsql as $body$
begin
	new.name := trim(new.name);
	return new;
end $body$;
create procedure noted(what text) language plpgsql as $$ begin raise notice 'noted: %', what; end $$;
create trigger trims before insert or update on people for each row execute function touch();
create rule no_delete as on delete to grown do instead nothing;
create statistics likely on name, years from people;
create publication everything for table people;
create schema other;
create aggregate total (int) (sfunc = int4pl, stype = int);
create operator +@+ (leftarg = int, rightarg = int, function = add);
create collation german from "C";
create foreign data wrapper nothing;
create server nowhere foreign data wrapper nothing;
create extension if not exists plpgsql;
comment on table people is 'who''s who; all of them -- really';
comment on column pets.facts is E'a\tb';
alter default privileges in schema other grant select on tables to public;
alter table people enable row level security;
create policy own on people using (name = current_user);
grant select (name), update on people to public;
\d
\d+
\d people
\d+ people
\d+ pets
\d+ days
\d grown
\d+ counted
\d steps
\d place
\d other.*
\d p*
\d nothing
\da
\da total
\dA
\dAc btree
\dAf gin
\dAo brin
\dAp hash
\db
\dc *utf8*
\dC int
\dconfig work_mem
\dd
\dD
\ddp
\dE
\des+
\det
\deu
\dew+
\df
\df+ add
\dft
\dF
\dFd
\dFp
\dFt
\dg
\di+
\dl
\dL
\dm+
\dn+
\do +@+
\dO german
\dp
\dP+
\drds
\dRp+
\dRs
\ds+
\dt+
\dtv
\dT+
\dT mood
\du
\dv+
\dx+
\dX
\dy
\l template?
\sf add
\sf+ touch
\sv grown
\z people
insert into people (name, born, of, years) values (' ann ', '1990-02-01', 'cross', 36), ('bob', null, default, 17), (E'c\'\\d', now()::date - 10000, 'calm', 99) returning id, name;
copy pets (owner, name, facts) from stdin;
1	Rex	{"legs": 4, "tail": true}
2	\N	\N
3	semi;colon -- 'quote'	{}
\.
copy pets (owner, name) from stdin with (format csv, header);
owner,name
1,"a ""b"", c"
2,
\.
copy pets from stdin;
no number
\.
\copy people (name, years) from program 'printf "dora\\t5\\neve\\t6\\n"'
copy (select id, name, facts from pets order by id) to stdout;
copy people to stdout with (format csv, header, force_quote (name));
\copy (select generate_series(1, 3)) to stdout
\copy pets to '/dev/null'
select name, years from people order by id \gdesc
select id, name as who, null as nothing from people order by id limit 1 \gset one_
\echo :one_id :one_who
select :'one_who' as quoted, :one_id + 1 as more, :"one_who" from (select 1 as ann) t;
select format('select %s as n, %L as t', n, n || '''s') from generate_series(1, 3) n \gexec
select 1 \g (format=unaligned)
select * from people order by id \gx
select of, years > 17 as adult, count(*) from people group by 1, 2 order by 1, 2 \crosstabview
select 10 / (3 - nextval('steps')) as left \watch 0.01
select 1 as a; select 2 as b, 3 as c;
select 1 as a\; select 2 as b\; select 1/0\; select 4;
select nothing from people;
\errverbose
select * from people where name = 'x
y' or name like '%o%' order by id;
begin;
savepoint s;
select 1/0;
select 2;
rollback to s;
select 3;
commit;
\set ON_ERROR_ROLLBACK on
begin;
select 1/0;
select 4;
commit;
\set AUTOCOMMIT off
select 5;
select txid_current_if_assigned() is null;
rollback;
\set AUTOCOMMIT on
\set FETCH_COUNT 7
select generate_series(1, 30);
select 1 / (20 - n) from generate_series(1, 30) n;
\unset FETCH_COUNT
listen news;
notify news, 'extra; extra';
select pg_notify('news', 'more');
unlisten *;
set search_path = other, public;
show search_path;
create table here (a int);
\dt
set local work_mem = '1MB';
begin;
set local work_mem = '2MB';
show work_mem;
commit;
show work_mem;
reset search_path;
set role pg_monitor;
select current_user = session_user;
reset role;
prepare get (int) as select name from people where id = $1;
execute get (1);
execute get (2);
deallocate get;
execute get (1);
create temp table scratch (a int);
insert into scratch select generate_series(1, 5);
table scratch;
\d scratch
begin;
declare c cursor for select id from people order by id;
fetch 2 from c;
move 1 in c;
fetch all from c;
close c;
commit;
declare held cursor with hold for select generate_series(1, 5);
fetch 2 from held;
close held;
call noted('a procedure');
do $$ begin for i in 1..3 loop raise notice 'turn %', i; end loop; end $$;
do $outer$ begin execute $inner$ insert into scratch values (42) $inner$; end $outer$;
\lo_import testdata/schema.sql 'a schema'
select count(*) from pg_largeobject_metadata where oid = :LASTOID;
\lo_export :LASTOID /dev/null
select length(convert_from(lo_get(:LASTOID), 'utf8')) > 5000, obj_description(:LASTOID, 'pg_largeobject');
begin;
\lo_unlink :LASTOID
rollback;
\lo_unlink :LASTOID
\lo_unlink 1
\lo_export 1 /dev/null
explain (costs off) select * from people p join pets t on t.owner = p.id where p.id = 1;
with recursive up(n) as (select 1 union all select n + 1 from up where n < 5) select sum(n) from up;
merge into scratch s using (values (1), (77)) v(a) on s.a = v.a when matched then delete when not matched then insert values (v.a);
select count(*), sum(a) from scratch;
select add(1), add(1, 2), 1 +@+ 2, total(a) from scratch group by a order by a limit 1;
lock table people in access exclusive mode;
begin; lock table people; commit;
prepare transaction 'x';
vacuum analyze people;
reindex table pets;
cluster people using people_pkey;
checkpoint;
refresh materialized view counted;
refresh materialized view concurrently counted;
truncate days;
select pg_advisory_lock(7);
select pg_advisory_unlock(7), pg_advisory_unlock(7);
set standard_conforming_strings = off;
set escape_string_warning = off;
select 'it\'s; "odd" -- here', 'b\\c';
reset standard_conforming_strings;
select 'back\slash';
set client_encoding = latin1;
select convert_from(E'\\xc3a4', 'utf8') = U&'\00e4', length(U&'\00e4');
reset client_encoding;
\encoding
set datestyle = german;
select date '2026-03-04';
set timezone = 'Asia/Tokyo';
select timestamptz '2026-03-04 00:00+00';
discard all;
show datestyle;
\timing on
\timing off
\if true
select 'in if';
\else
select 'in else';
\endif
drop table people;
drop table people cascade;
drop publication everything;
drop schema other cascade;
