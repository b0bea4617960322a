package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// topQuery is one statement structure of GET /api/hardening/database.
type topQuery struct {
	Fingerprint string  `json:"fingerprint"`
	Query       string  `json:"query"`
	Count       uint64  `json:"count"`
	Failed      uint64  `json:"failed"`
	MeanMs      float64 `json:"meanMs"`
	P95Ms       float64 `json:"p95Ms"`
	TotalMs     float64 `json:"totalMs"`
}

func (p *program) topCommand() *cobra.Command {
	var every time.Duration
	cmd := &cobra.Command{
		Use: "top", Short: "List the statements that take the most time; --every 2s repeats", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for {
				if err := p.sayTop(cmd); err != nil || every <= 0 {
					return err
				}
				select {
				case <-cmd.Context().Done():
					return nil
				case <-time.After(every):
					p.say("")
				}
			}
		},
	}
	cmd.Flags().DurationVar(&every, "every", 0, "repeat at this interval")
	p.addAdminFlag(cmd)
	return cmd
}

func (p *program) sayTop(cmd *cobra.Command) error {
	var database struct {
		TopQueries []topQuery `json:"topQueries"`
	}
	if err := p.get(cmd, "/api/hardening/database", &database); err != nil {
		return err
	}
	if p.json {
		return p.answer("top", struct {
			Queries []topQuery `json:"queries"`
		}{append([]topQuery{}, database.TopQueries...)})
	}
	rows := [][]string{{"TOTAL ms", "COUNT", "MEAN ms", "P95 ms", "FAILED", "STATEMENT"}}
	for _, q := range database.TopQueries {
		rows = append(rows, []string{
			fmt.Sprintf("%.0f", q.TotalMs), fmt.Sprint(q.Count), fmt.Sprintf("%.2f", q.MeanMs), fmt.Sprintf("%.2f", q.P95Ms), fmt.Sprint(q.Failed), oneLine(q.Query, 100),
		})
	}
	p.table(rows)
	return nil
}
