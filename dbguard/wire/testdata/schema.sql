-- A schema with something of everything for pg_dump, and rows that are hard to quote.
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
insert into people (name, born, of, at, years) values
	('ann', '1990-02-01', 'cross', '(1,2)', 36), (E'back\\slash', null, default, null, 17), (E'tab\t, new\nline', '0044-03-15 BC', 'calm', '(,)', null),
	('quote''s; -- "x"', 'infinity', 'calm', null, 0), (U&'\00e4\2028', null, null, null, 1), ('\N', null, null, null, 2), ('\.', null, null, null, 3);
insert into pets (owner, name, facts) select 1 + n % 7, 'pet ' || n, jsonb_build_object('n', n, 'or', '1'' or ''1''=''1') from generate_series(1, 500) n;
insert into days select date '2026-01-01' + n, n from generate_series(0, 99) n;
refresh materialized view counted;
select lo_from_bytea(0, '\x00ff27') is not null;
select lo_from_bytea(0, convert_to(repeat('large ', 20000), 'utf8')) is not null;
