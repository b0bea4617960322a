package screen

import "strings"

// foreignNames are functions and relations of other databases that attack lists try.
var foreignNames = set(
	"extractvalue", "updatexml", "group_concat", "ifnull", "rand", "elt", "make_set", "unhex", "gtid_subset", "gtid_subtract",
	"json_keys", "name_const", "row_count", "load_file", "sysobjects", "syscolumns", "sysdatabases", "sysusers", "all_tables",
	"all_users", "all_tab_columns", "user_tables", "sqlite_master", "sqlite_version", "is_srvrolemember", "db_name", "host_name",
	"object_id", "openrowset", "fn_virtualfilestats", "dbms_pipe", "dbms_lock", "dbms_utility", "dbms_ldap", "dbms_xmlgen", "utl_inaddr",
	"utl_http", "ctxsys", "ordsys", "rownum", "banner", "msysaccessobjects", "xmltype", "analyse", "rlike", "regexp", "system_user",
)

// foreignDialect finds words that only other databases know.
func foreignDialect() Rule {
	return rule("foreign-dialect", 4, func(s *Statement) (int, int, string, bool) {
		for n := range s.Comments {
			if s.classOf(n) == commentVersion {
				at := int(s.Comments[n].Before)
				return at, at + 1, "a comment that MySQL runs", true
			}
		}
		for i := range s.Tokens {
			if s.isForeign(i) {
				return i, i + 1, "a word of another database", true
			}
		}
		return 0, 0, "", false
	})
}

func (s *Statement) isForeign(i int) bool {
	switch t := &s.Tokens[i]; t.Kind {
	case Operator:
		b := string(s.Of(i))
		return strings.HasPrefix(b, "@@") && i+1 < len(s.Tokens) && s.Tokens[i+1].Kind == Word || strings.Contains(b, "`") || s.isVariable(i) ||
			strings.HasSuffix(b, "#") && i == len(s.Tokens)-1
	case Word:
		if t.word == wXor {
			return true
		}
		var buf [maxWord]byte
		b, ok := fold(&buf, s.Of(i))
		return ok && t.word == noWord && (foreignNames[string(b)] || strings.HasPrefix(string(b), "xp_")) && s.isForeignName(i)
	}
	return false
}

// isVariable reports the @ of a variable of SQL Server or MySQL at token i: before a name and behind no operand. PostgreSQL's own @ is the
// absolute value, which people write abs().
func (s *Statement) isVariable(i int) bool {
	if t := s.Tokens[i]; s.text[t.Start] != '@' || t.End-t.Start != 1 || i+1 >= len(s.Tokens) || s.Tokens[i+1].Kind != Word {
		return false
	}
	return i == 0 || s.mark(i-1) == '(' || s.mark(i-1) == ',' || s.Tokens[i-1].Kind == Operator || s.Tokens[i-1].Kind == Word && !isOperand(s.Of(i-1))
}

// isForeignName reports a name of another database that is called, read from, qualifies another or is compared by.
func (s *Statement) isForeignName(i int) bool {
	name := s.name(i)
	if strings.HasPrefix(name, "xp_") && s.mark(i-1) == '.' {
		return true
	}
	if !foreignNames[name] {
		return false
	}
	switch name {
	case "rlike", "regexp":
		return i+1 < len(s.Tokens) && s.Tokens[i+1].Kind != Operator && s.Tokens[i+1].Kind != Punct || s.mark(i+1) == '('
	case "rownum", "banner", "system_user":
		return s.mark(i-1) != '.' && s.mark(i-1) != ',' && s.is(i-1) != wAs
	case "analyse":
		return s.is(i-1) == wProcedure
	}
	return s.mark(i+1) == '(' || s.mark(i+1) == '.' || s.is(i-1) == wFrom || s.mark(i-1) == '.'
}
