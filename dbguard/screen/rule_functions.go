package screen

import "strings"

// delay finds calls that only wait, other than a lone SELECT pg_sleep(…).
func delay() Rule {
	return rule("time", 5, func(s *Statement) (int, int, string, bool) {
		for i := range s.Tokens {
			if s.is(i) == wWaitfor && s.is(i+1) == wDelay {
				return i, i + 2, "WAITFOR DELAY", true
			}
			switch name := s.called(i); name {
			case "pg_sleep", "pg_sleep_for", "pg_sleep_until":
				if !s.isLoneCall(i) {
					return i, i + 1, "a call of pg_sleep inside a statement", true
				}
			case "sleep", "benchmark", "randomblob":
				return i, i + 1, "a call that waits in other databases", true
			}
		}
		return 0, 0, "", false
	})
}

// isLoneCall reports that the statement is SELECT and the call at i, nothing else.
func (s *Statement) isLoneCall(i int) bool {
	if s.mark(i-1) == '.' && s.name(i-2) == "pg_catalog" {
		i -= 2
	}
	if i != 1 || s.is(0) != wSelect || len(s.Comments) > 0 {
		return false
	}
	for i < len(s.Tokens) && s.mark(i) != '(' {
		i++
	}
	if i == len(s.Tokens) {
		return false
	}
	rest := len(s.Tokens) - 1 - s.closing(i)
	return rest == 0 || rest == 1 && s.mark(len(s.Tokens)-1) == ';'
}

// fileFunctions read or write files, run programs or open connections from the server.
var fileFunctions = set(
	"pg_read_file", "pg_read_binary_file", "pg_read_file_old", "pg_ls_dir", "pg_ls_logdir", "pg_ls_waldir", "pg_ls_tmpdir",
	"pg_ls_archive_statusdir", "pg_stat_file", "pg_file_write", "pg_file_read", "pg_file_rename", "pg_file_unlink", "pg_logdir_ls",
	"pg_execute_server_program", "lo_import", "lo_export", "query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema",
	"database_to_xml", "database_to_xmlschema", "schema_to_xml", "table_to_xml", "cursor_to_xml", "ts_stat", "load_file",
	"xp_cmdshell", "xp_dirtree", "xp_regread", "sp_oacreate", "sys_eval", "sys_exec", "load_extension", "openrowset", "opendatasource",
)

// fileAccess finds statements that reach files, programs or the network of the server.
func fileAccess() Rule {
	return rule("file", 5, func(s *Statement) (int, int, string, bool) {
		creates := false
		for i := range s.Tokens {
			if i == 0 || s.mark(i-1) == ';' {
				creates = s.is(i) == wCreate
			}
			if s.Tokens[i].Kind > Quoted {
				continue
			}
			if creates && s.is(i) == wLanguage && untrusted(s.languageName(i+1)) {
				return i, i + 2, "a function in an untrusted language", true
			}
			if name := s.called(i); name != "" && (fileFunctions[name] || strings.HasPrefix(name, "dblink") || strings.HasPrefix(name, "utl_")) {
				return i, i + 1, "a call that reaches files, programs or the network of the server", true
			}
			if end, reason := s.reachesOut(i); reason != "" {
				return i, end, reason, true
			}
		}
		return 0, 0, "", false
	})
}

// reachesOut looks for commands, rather than calls, that reach files and programs; reason is "" where token i begins none.
func (s *Statement) reachesOut(i int) (end int, reason string) {
	switch s.is(i) {
	case wCopy:
		if end := s.copyTarget(i); end > 0 {
			return end, "COPY with a file or program of the server"
		}
	case wInto:
		if n := s.name(i + 1); n == "outfile" || n == "dumpfile" {
			return i + 2, "INTO a file"
		}
	case wAlter:
		if s.is(i+1) == wSystem && s.is(i+2) != noWord {
			return i + 2, "ALTER SYSTEM"
		}
	case wExec, wExecute:
		if n := s.name(i + 1); strings.HasPrefix(n, "xp_") || n == "master" {
			return i + 2, "a procedure that reaches the system in other databases"
		}
	}
	return 0, ""
}

// copyTarget returns the token after FROM or TO where a file's name or PROGRAM stands behind it in the COPY at i, else 0.
func (s *Statement) copyTarget(i int) int {
	if i > 0 && s.mark(i-1) != ';' {
		return 0
	}
	for j := i + 1; j < len(s.Tokens) && s.mark(j) != ';'; j++ {
		if s.mark(j) == '(' {
			j = s.closing(j)
			continue
		}
		if w := s.is(j); w == wFrom || w == wTo {
			if s.is(j+1) == wProgram || s.isValue(j+1) || s.isSigned(j+1) {
				return j + 2
			}
			return 0
		}
	}
	return 0
}

func (s *Statement) languageName(i int) string {
	if i < len(s.Tokens) && s.Tokens[i].Kind == String {
		return strings.ToLower(strings.Trim(string(s.Of(i)), "'"))
	}
	return s.name(i)
}

func untrusted(language string) bool {
	return language == "c" || language == "internal" || strings.HasPrefix(language, "pl") && strings.HasSuffix(language, "u")
}
