package gateway

// evasion is a place of a statement that input gets into, and what a skilled attacker puts there.
type evasion struct {
	name, before, after string
	honest              []string
	// always are refused from the first statement on, warm where the app's statements are known. open pass: they are beyond what is
	// claimed, names in the place of names above all, or change nothing but the answer of who sends them.
	always, warm, open []string
}

// evasions are tried one by one through both doors. Each is SQL that the server takes.
func evasions() []evasion {
	return append(readEvasions(), writtenEvasions()...)
}

// readEvasions are of the places that most searches have.
func readEvasions() []evasion {
	return []evasion{
		{
			name: "string", before: "select id, name from fruit where name = '", after: "' and shop = 1",
			honest: []string{"hammer", "red hammer"},
			always: []string{
				"'||name||'", "'||id||'", "x'or'a", "x'or name>'", "x'||(name)||'", "x'/**/or/**/id/**/>0--", "x'--", "'--", "x' or id>0 limit 1 offset 0--",
				"x' group by id,name having max(id)>0--", "x'union select id,name from fruit--", "x' or exists(table fruit)--", "x'or(id)in(1,2)--",
				"x' or not false--", "x' or true--", "x' is null or name='hammer", "x' is not null or name is distinct from '",
				"hammer'and(select length(name)from fruit limit 1)>3 and'a'<'b", "'||$$x$$||'", "x'||E'\\x41'||'", "x'||U&'\\0041'||'", "x' or U&\"n\\0061me\">'",
				"x'||pg_sleep(0)||'", "x'||lo_import('/etc/passwd')||'", "x'||query_to_xml('select 1',true,false,'')||'", "x'||set_config('a.b','c',false)||'",
				"x'||current_setting('data_directory')||'", "x'||version()||'", "x'||current_user||'", "x'||(table secretv)||'",
				"x'||(select secret from account)||'", "x';select 1--", "x';set role postgres--", "x';commit--", "x';reset all--", "x'; begin;--", "x';vacuum--",
				"x';listen a--", "x';discard all--", "x'; copy account to program 'id'--", "x';do $$begin end$$--", "x';table account--", "x';values(1,2)--",
				"x'\nor\tid>0--", "'and name<'z'or'x'<'", "x' for update--", "x' limit 0--", "x' order by 1--", "x' order by 2--", "ham'||'mer", "'is null--",
				"x'::text||'", "x'::name||'", "5'::int::text||'", "x'::int::text||'",
			},
			warm: []string{
				"'||'",
			},
			open: []string{
				"ham'\n'mer", "''",
			},
		},
		{
			name: "string at end", before: "select id, name from fruit where name = '", after: "'",
			honest: []string{"hammer", "red hammer"},
			always: []string{
				"'||name||'", "x'or'a'<'b", "x'or name>'", "x' or id>0--", "x'--", "'or''='", "x'or id>0 or'", "' or name ~ '",
				"x' union select id,name from fruit where name>'", "hammer'and id=7 and'a'<'b", "hammer'and id>0 and name<'z", "'is not null--",
			},
			warm: []string{
				"'||'",
			},
		},
		{
			name: "like", before: "select id, name from fruit where name ilike '%", after: "%' order by name limit 20",
			honest: []string{"hammer", "red"},
			always: []string{
				"%'or name like'", "%' or id>0 or name like '", "zz%' union select id,name from fruit--", "zz'or'a'like'", "'or name~'", "x%'--",
				"'||(select name from fruit limit 1)||'", "'and length(name)>3 and name like'", "%' escape 'x", "'is null or name like'",
			},
			warm: []string{
				"'||'",
			},
		},
		{
			name: "number", before: "select id, name from fruit where id = ", after: " and shop = 1",
			honest: []string{"1", "42", "7"},
			always: []string{
				"id", "fruit.id", "1 or id>0", "any(array[id])", "(select max(id) from fruit)", "case when id>0 then id else 0 end", "coalesce(null,id)",
				"greatest(id,0)", "least(id,9)", "nullif(id,0)", "1<<0", "|/4", "@id", "length(version())", "(select ascii(secret) from account)",
				"ascii((table secretv))", "(select count(*)from account)", "pg_sleep(1)::text::int", "lo_import('/etc/passwd')", "setval('s',1)",
				"current_setting('port')::int", "(xpath('/a','<a/>'))[1]::text::int", "1 union all select id,name from fruit--", "1 except select 1,'a'",
				"id and id=id", "7 and name like 'h%'", "(1)or(id)>(0)", "id/**/", "/**/id", "id\n", "\"id\"", "1 or id notnull", "1 or name isnull",
				"pg_read_file('/etc/passwd')::int", "pg_ls_dir('/')::int", "xmlserialize(content'1'as text)::int", "json_extract_path_text('{\"a\":1}','a')::int",
				"('{\"a\":1}'::json->>'a')::int", "extract(epoch from now())", "array_length(array[id],1)", "overlay('1'placing'2'from 1)::int",
				"generate_series(1,9)", "unnest(array[1,2])", "null or id>0",
			},
			warm: []string{
				"(id)", "+id", "-id", "1-id", "id-0", "id+0", "id*1", "id|0", "id::int", "abs(id)", "id/1", "all(select 7)", "any(table ids)", "(select 7)",
				"(table ids)", "1--", "1 --", "id--", "1 is not null", "1&1", "1#1", "1%2", "2^1", "1+pg_backend_pid()", "length(current_user)",
				"ascii(current_user)", "lo_creat(1)", "lo_creat(-1)", "txid_current()", "nextval('s')", "pg_reload_conf()::int", "pg_rotate_logfile()::int",
				"inet_server_port()", "random()*id", "shop*id", "(fruit).id", "id isnull", "id notnull", "1 notnull", "currval('s')",
			},
			open: []string{
				"shop", "$$1$$", "'1'", "1e0", "u&\"i\\0064\"", "null",
			},
		},
		{
			name: "number at end", before: "select id, name from fruit where shop = 1 and id = ", after: "",
			honest: []string{"1", "42", "7"},
			always: []string{
				"id", "1 or 2>1", "1--", "1;select 1", "1 group by 1,2", "7 and name like 'h%'", "1 window w as()",
			},
			warm: []string{
				"1 order by 2", "1 limit 1", "1 for update", "1 offset 0", "1;", "1 fetch first row only", "(select 7)", "1 for share nowait",
			},
		},
		{
			name: "limit", before: "select id, name from fruit where shop = 1 order by id limit ", after: "",
			honest: []string{"1", "42", "7"},
			always: []string{
				"(select count(*) from account)", "length(version())", "1;select 1", "1--", "(select length(secret) from account)",
				"cast((select secret from account) as int)", "case when 1<2 then 1 end", "(case when current_user='postgres' then 1 else 2 end)",
				"case when(select secret from account)like'm%'then 1 else 0 end",
			},
			warm: []string{
				"(select 7)", "1 offset 3", "1+1", "ascii('a')", "(table ids)", "1 for update", "pg_backend_pid()", "1::int", "nextval('s')",
				"char_length(current_user)",
			},
			open: []string{
				"all", "null", "'1'",
			},
		},
		{
			name: "offset", before: "select id, name from fruit where shop = 1 order by id limit 20 offset ", after: "",
			honest: []string{"10", "20", "0"},
			always: []string{
				"(select length(secret) from account)", "0;select 1", "0--", "ascii((table secretv))", "setval('s',7)",
			},
			warm: []string{
				"(select 7)", "length(current_user)", "0 for update", "1-1", "nextval('s')", "0 rows",
			},
		},
		{
			name: "order by", before: "select id, name from fruit where shop = 1 order by ", after: " limit 20",
			honest: []string{"id", "name", "name desc", "id desc, name"},
			always: []string{
				"id=1", "id>3", "(id>3)", "(id=1)desc", "case when id>3 then id end", "case when(select true)then id else shop end",
				"(select secret from account)", "name like 'h%'", "name~'^h'", "id,(select 1)", "id limit 1--", "id;select 1", "id fetch first 1 row only--",
				"substr(name,1,1)", "id using >", "(select secret from account where secret like'm%')", "id,case when exists(table account) then 1 end",
				"nullif(id,1)", "coalesce(name,'x')", "id,setval('s',1)", "id*(select length(secret)from account)", "1/(select 0)",
				"id,1/(case when 1<2 then 0 else 1 end)", "(data->>'a')::int", "(select(1))",
			},
			warm: []string{
				"(1)", "length(name)", "lower(name)", "id-1", "id*-1", "id%2", "(select 1)", "(table secretv)", "random()", "id--", "ascii(name)", "name||''",
				"name collate \"C\"", "id::text", "(name,id)", "exists(select 1)", "exists(table account)", "nextval('s')", "length(current_user)", "1/0", "(1/0)",
				"id/0", "data->'a'",
			},
			open: []string{
				"1", "2", "id nulls first",
			},
		},
		{
			name: "order by dir", before: "select id, name from fruit where shop = 1 order by id ", after: "",
			honest: []string{"asc", "desc", "desc"},
			always: []string{
				"desc, case when 1<2 then 1 end", "desc;select 1", "desc--", "*(select length(secret)from account)", "+1/(select 0)",
			},
			warm: []string{
				", (select 1)", ",1/0", ",length(name)", "desc limit 1", "*-1", "%2", "=3", ">3", "||name", "is null", "-(select 1)", "using >",
				"::text", "in(1)", "for update", "asc offset 1", "/0",
			},
			open: []string{
				",name", "desc,id", "nulls first",
			},
		},
		{
			name: "in list", before: "select id, name from fruit where id in (", after: ") and shop = 1",
			honest: []string{"1,2", "1,2,3", "4", "5, 6"},
			always: []string{
				"id", "1)or(1)in(1", "1)or id in(2", "1) or id>(0", "1,(select 7)", "1,abs(id)", "1,length(name)",
				"0) union select id,name from fruit where id in (1", "1,2) or true or id in (3", "1,2)or(true", "1,2) is not null or (true", "1,nullif(id,0)",
				"1,2,id*1", "1,current_setting('port')::int", "1,length(version())", "1,(table ids)", "1,case when 1<2 then id end", "1)is false or(id>0",
				"with a as(select 7)select*from a", "1,ascii(current_user)", "1)=false or(true",
			},
			warm: []string{
				"1,id", "select 7", "select id from fruit", "table ids", "values(7)", "1)--", "1,-id", "1,id+0", "1,2,shop", "select(7)",
			},
		},
		{
			name: "string in list", before: "select id, name from fruit where name in ('", after: "') and shop = 1",
			honest: []string{"a", "b c"},
			always: []string{
				"a',name,'", "a')or('a'<'b", "a')or name>('", "a',(select name from fruit limit 1),'", "a',current_user,'", "a','b", "a',lower(name),'",
				"'||name||'", "a') is not null or ('",
			},
		},
		{
			name: "column", before: "select id, ", after: " from fruit where shop = 1",
			honest: []string{"name", "shop", "name"},
			always: []string{
				"(select secret from account)", "secret from account--", "secret from account union select id,name", "pg_sleep(0)", "pg_read_file('x')",
				"name,(select secret from account)", "name from fruit,account--", "a.secret from account a,fruit f--", "query_to_xml('select 1',true,false,'')",
			},
			warm: []string{
				"name,*", "name as x", "name,pg_backend_pid()",
			},
			open: []string{
				"*", "(table secretv)", "version()", "current_user", "current_setting('port')", "upper(name)", "ctid", "xmin", "fruit",
				"row_to_json(fruit)", "fruit.*", "to_json(fruit)",
			},
		},
	}
}
