// Command gorm is an app that does everything through GORM: the ORM proof runs it behind both doors. Its statements go as text (simple
// protocol) with PREPARE=no, so that values stand in them.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Maker makes products.
type Maker struct {
	gorm.Model
	Name     string `gorm:"index"`
	Products []Product
}

// Product is what the app keeps.
type Product struct {
	gorm.Model
	Name, Note string
	Price      float64
	MakerID    *uint
	Tags       []Tag `gorm:"many2many:product_tags"`
}

// Tag is a label of products.
type Tag struct {
	ID   uint
	Name string `gorm:"uniqueIndex"`
}

func main() {
	db, err := gorm.Open(postgres.New(postgres.Config{DSN: os.Getenv("DATABASE_URL"), PreferSimpleProtocol: os.Getenv("PREPARE") == "no"}), &gorm.Config{})
	must(err)
	for range 2 { // the second finds everything there
		must(db.AutoMigrate(&Maker{}, &Product{}, &Tag{}))
	}
	if os.Getenv("PREPARE") == "no" {
		must(db.Exec("create table if not exists gorm_audit (id serial primary key, what text); create index if not exists gorm_audit_what on gorm_audit (what); insert into gorm_audit (what) values ('migrated'); update gorm_audit set what = what || '!'").Error)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if err := answer(db.WithContext(r.Context()), r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	must(http.ListenAndServe(os.Getenv("LISTEN"), nil))
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// answer does what the path asks with the request's value v.
func answer(db *gorm.DB, r *http.Request) error {
	v := r.FormValue("v")
	if r.Header.Get("Content-Type") == "application/json" {
		var in struct{ V string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		v = in.V
	}
	var found []Product
	switch r.URL.Path {
	case "/create":
		return db.Create(&Maker{Name: v, Products: []Product{{Name: v, Note: v + v, Price: 1.5, Tags: []Tag{{Name: fmt.Sprint(v, time.Now().UnixNano())}}}}}).Error
	case "/upsert":
		return db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "name"}}, DoUpdates: clause.AssignmentColumns([]string{"name"})}).Create(&Tag{Name: v}).Error
	case "/bulk":
		var all []Product
		for i := range 20 {
			all = append(all, Product{Name: fmt.Sprint(v, i), Note: v, Price: float64(i)})
		}
		return db.CreateInBatches(all, 7).Error
	case "/find":
		return db.Preload("Tags").Where("name = ? or note ilike ?", v, "%"+v+"%").Order("price desc, name").Limit(10).Find(&found).Error
	case "/first":
		return db.Where(&Product{Name: v}).Or("name in ?", []string{v, v + "x", "y"}).Not("price between ? and ?", 100, 200).Limit(1).Find(&found).Error
	case "/sort":
		orders := map[string]string{"name": "name", "price desc": "price desc", "id": "id"}
		return db.Order(orders[v] + " nulls last").Limit(5).Find(&found).Error
	case "/in":
		return db.Where("id in (?)", strings.Split(v, ",")).Find(&found).Error
	case "/group":
		var rows []struct{ N int }
		return db.Model(&Product{}).Select("count(*) as n").Joins("left join makers m on m.id = products.maker_id").Where("m.name = ?", v).Group("m.name").Having("count(*) > ?", 0).Scan(&rows).Error
	case "/update":
		return db.Transaction(func(tx *gorm.DB) error {
			if err := tx.Model(&Product{}).Where("name = ?", v).Updates(map[string]any{"note": v, "price": gorm.Expr("price + ?", 1)}).Error; err != nil {
				return err
			}
			return tx.Transaction(func(tx *gorm.DB) error { return tx.Exec("update tags set name = name where name = ?", v).Error })
		})
	case "/raw":
		return db.Raw("with picked as (select * from products where name = @v) select * from picked where note like @v or exists (select 1 from tags where tags.name = @v)", map[string]any{"v": v}).Scan(&found).Error
	case "/delete":
		return db.Where("name = ?", v).Delete(&Product{}).Error
	}
	return nil
}
