package gateway

// writtenEvasions are of the other places.
func writtenEvasions() []evasion {
	return []evasion{
		{
			name: "table", before: "select id from ", after: " where id = 1",
			honest: []string{"fruit", "shops", "fruit"},
			always: []string{
				"account--", "(select 1 as id)a", "account union select 1 from fruit", "account tablesample system(1)", "generate_series(1,9)id",
				"(values(1))a(id)", "lateral(select 1 id)a", "fruit join account using(id)", "fruit,lateral(select secret from account)x",
			},
			warm: []string{
				"fruit natural join account", "fruit cross join account",
			},
			open: []string{
				"account", "fruit,account", "account a", "(table account)a",
			},
		},
		{
			name: "quoted name", before: "select id from \"", after: "\" where id = 1",
			honest: []string{"fruit", "shops", "fruit"},
			always: []string{
				"account\"--", "fruit\",\"account", "account\" union select 1 from \"fruit", "fruit\" natural join \"account",
			},
		},
		{
			name: "estring", before: "select id, name from fruit where name = E'", after: "' and shop = 1",
			honest: []string{"hammer", "red hammer"},
			always: []string{
				"x'or id>0--", "x\\\\' or id>0--", "'||name||'",
			},
			open: []string{
				"x\\' or 1", "\\047 or 1",
			},
		},
		{
			name: "json path", before: "select id, name from fruit where data->>'", after: "' = 'x'",
			honest: []string{"color", "size"},
			always: []string{
				"a'is null or'a", "a'<>'b'or data->>'a", "a' is not null or 'x", "a'||'", "a'=data->>'a'--", "a'>'b'or'x",
			},
		},
		{
			name: "json literal", before: "select id from fruit where data @> '{\"a\":\"", after: "\"}'",
			honest: []string{"red", "blue"},
			always: []string{
				"\"}'or'a'<'b", "\"}' or id>0--", "\"}'or data@>'{\"a\":\"", "\"}' or true or data@>'{\"a\":\"b",
			},
			open: []string{
				"x\",\"b\":\"c",
			},
		},
		{
			name: "insert", before: "insert into review (id, name, note) values (1, '", after: "', 'x')",
			honest: []string{"nice", "very nice"},
			always: []string{
				"a',(select secret from account))--", "'||(select secret from account)||'", "a',version())--", "'||current_user||'", "a','b'),(2,'c",
				"a','b')on conflict do nothing--", "a','b')returning id--", "'||(table secretv)||'", "a','x');select 1--", "'||version()||'",
			},
		},
		{
			name: "insert number", before: "insert into review (name, note, id) values ('a', 'x', ", after: ")",
			honest: []string{"1", "2"},
			always: []string{
				"(select ascii(secret) from account)", "1),('b',(select secret from account),2", "1)returning *--", "length(version())", "1),('b','c',2",
			},
			warm: []string{
				"(select 7)", "nextval('s')", "1)--", "ascii(current_user)", "(table ids)",
			},
			open: []string{
				"default",
			},
		},
		{
			name: "update", before: "update review set name = '", after: "' where id = 1",
			honest: []string{"nice", "very nice"},
			always: []string{
				"a',note='b", "a',note=(select secret from account)--", "'||(select secret from account)||'", "a'--", "a' where true--", "a'where id>0--",
				"'||note||'", "a' from account where true--",
			},
		},
		{
			name: "update number", before: "update review set id = ", after: " where name = 'a'",
			honest: []string{"1", "2"},
			always: []string{
				"1,name=(select secret from account)", "1,name=version()", "1 where true--", "length(version())",
			},
			warm: []string{
				"id+1", "1,note='x'", "1,note=name", "1--", "(select 7)", "1 from account", "-id",
			},
			open: []string{
				"id", "default",
			},
		},
		{
			name: "delete", before: "delete from review where id = ", after: "",
			honest: []string{"1", "2"},
			always: []string{
				"id", "1 or true", "id--", "1 returning(select secret from account)", "any(array[id])",
			},
			warm: []string{
				"1 returning *", "(select 7)", "+id", "abs(id)", "id+0", "case when true then id end", "1 is not null",
			},
		},
		{
			name: "interval", before: "select id from fruit where made > now() - interval '", after: " days' and shop = 1",
			honest: []string{"7", "30"},
			always: []string{
				"1'or id>0 or'a'<'", "1 day'or now()>now()-interval'1", "1'--", "1'+'1",
			},
			open: []string{
				"9999",
			},
		},
		{
			name: "minus", before: "select id from fruit where id = 10 -", after: " and shop = 1",
			honest: []string{"1", "7"},
			always: []string{
				"-1 \n or id>0",
			},
			warm: []string{
				"-1", "-1\n+id",
			},
			open: []string{
				"id", "-",
			},
		},
		{
			name: "signed", before: "select id from fruit where id > -", after: "",
			honest: []string{"1", "7"},
			warm: []string{
				"1 order by 1",
			},
			open: []string{
				"-x\n1", "id",
			},
		},
		{
			name: "function", before: "select id from fruit where to_tsvector(name) @@ plainto_tsquery('english', '", after: "') order by id",
			honest: []string{"red", "red hammer"},
			always: []string{
				"a')or('a'<'b", "a')or id>0--", "a')or true or to_tsvector(name)@@to_tsquery('a", "'||name||'", "'||current_user||'",
			},
		},
		{
			name: "schema", before: "select id from ", after: ".fruit where id = 1",
			honest: []string{"public", "tenant_a", "public"},
			always: []string{
				"(select 1 as id)a,public",
			},
			open: []string{
				"account a,public", "account natural join public", "account cross join public", "pg_user,public", "fruit f,public",
			},
		},
		{
			name: "set", before: "set search_path to ", after: "",
			honest: []string{"public", "tenant_a", "public"},
			always: []string{
				"public;select 1", "public;set role postgres",
			},
			open: []string{
				"default", "pg_temp,public",
			},
		},
		{
			name: "operator", before: "select id from fruit where id ", after: " 5",
			honest: []string{">", "<", "="},
			always: []string{
				"> 0 or 1<", "<5 union select secret::int from account where id>", "=(select 7)or 5=",
			},
			warm: []string{
				"=id or id>",
			},
			open: []string{
				"is null or id>",
			},
		},
		{
			name: "two strings", before: "select id from fruit where name = '", after: "' and note = 'b'",
			honest: []string{"a", "b"},
			always: []string{
				"'or note>'",
			},
			open: []string{
				"\\",
			},
		},
		{
			name: "date", before: "select id from fruit where made between '", after: "' and '2026-12-31'",
			honest: []string{"2026-01-01", "2026-02-03"},
			always: []string{
				"2026-01-01'and now()or'a'<'b", "2026-01-01'and'2026-02-02'or name>'", "2026-01-01'and'2026-02-02'or id between 1 and 9--",
				"2026-01-01'::date and now()--", "2026-01-01'and now()--",
			},
		},
		{
			name: "having", before: "select shop, count(*) from fruit group by shop having count(*) > ", after: "",
			honest: []string{"1", "3"},
			always: []string{
				"0 or true", "(select length(secret)from account)", "0 union all select 1,2", "any(array[0])",
			},
			warm: []string{
				"all(select 1)", "(select 0)", "1 order by 1",
			},
			open: []string{
				"shop",
			},
		},
		{
			name: "group by", before: "select count(*) from fruit group by ", after: "",
			honest: []string{"shop", "name"},
			always: []string{
				"rollup(shop,name)", "shop,(select secret from account)", "case when 1<2 then shop end", "grouping sets((shop),(name))",
			},
			warm: []string{
				"shop having true", "cube(shop)", "length(name)", "shop order by 1", "shop limit 1", "id%2", "(select 1)", "()",
			},
			open: []string{
				"shop,id",
			},
		},
		{
			name: "values", before: "select * from (values (", after: ")) as t(a)",
			honest: []string{"1", "2"},
			always: []string{
				"1)union(select 2", "(select secret from account)",
			},
			warm: []string{
				"1),(2", "(select 7)", "version()", "(table secretv)",
			},
			open: []string{
				"current_user",
			},
		},
		{
			name: "dollar", before: "select $$", after: "$$, id from fruit",
			honest: []string{"a", "b c"},
			always: []string{
				"$$||name||$$", "a$$,version(),$$", "$$||(table secretv)||$$",
			},
		},
		{
			name: "comment", before: "select /* ", after: " */ id from fruit",
			honest: []string{"home", "shop list"},
			always: []string{
				"*/ secret from account--", "*/ name, /*", "*/ version(), /*", "*/current_user,/*",
			},
		},
		{
			name: "line comment", before: "-- ", after: "\nselect id from fruit",
			honest: []string{"home", "shop list"},
			open: []string{
				"\nselect secret from account;--", "\n table account;--",
			},
		},
	}
}
