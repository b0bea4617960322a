package screen

import (
	"reflect"
	"strings"
	"testing"
)

func TestMarkedShowsWhereBytesBecameStructureAndNoLiteral(t *testing.T) {
	for _, tc := range []struct {
		sql, bytes string
		want       []Piece
	}{
		{"SELECT * FROM p WHERE name LIKE '%x' OR '1'='1%'", "x' OR '1'='1", []Piece{{"select * from p where name like ", false}, {"? or ? = ?", true}}},
		{"SELECT * FROM p WHERE id = 1 OR 1=1 LIMIT 5", "1 OR 1=1", []Piece{{"select * from p where id = ", false}, {"? or ? = ?", true}, {" limit ?", false}}},
		{"SELECT * FROM u WHERE n = 'admin'--' AND p", "admin'--", []Piece{{"select * from u where n = ", false}, {"? --", true}}},
		{"SELECT 1", "SELECT", []Piece{{"select", true}, {" ?", false}}},
		{"", "", nil},
	} {
		s := Read(tc.sql, Options{})
		at := strings.Index(tc.sql, tc.bytes)
		if got := s.Marked(at, at+len(tc.bytes)); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: got %+v, want %+v", tc.sql, got, tc.want)
		}
		s.Release()
	}
}

func TestMarkedIsTheSkeletonAndBounded(t *testing.T) {
	sql := "SELECT a" + strings.Repeat(", b", 3000) + " FROM p WHERE x = 'y' /* z */"
	s := Read(sql, Options{})
	defer s.Release()
	var joined strings.Builder
	for _, p := range s.Marked(500, 1000) {
		joined.WriteString(p.Text)
	}
	if joined.String() != s.Skeleton() {
		t.Error("pieces joined differ from the skeleton")
	}
	if got := joined.Len(); got > maxSkeleton {
		t.Errorf("length: got %d, want at most %d", got, maxSkeleton)
	}
}
