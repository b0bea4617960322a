//go:build prove

package gateway

import (
	"bufio"
	"context"
	"math"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"sallyport/config"
	"sallyport/gateway/dashboard/chromium"
)

// The readers run in this process too, so that the figure is an upper bound.
func TestProveThreeOpenPagesCostLessThanOnePercent(t *testing.T) {
	h := staged(t)
	const span = 20 * time.Second
	idle := cpuOver(span)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, page := range []string{"overview", "database", "attacks"} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.at.Admin+"/api/page/stream?page="+page, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		go func() {
			for s := bufio.NewReaderSize(answer.Body, 1<<20); ; {
				if _, err := s.ReadSlice('\n'); err != nil {
					return
				}
			}
		}()
	}
	open := cpuOver(span)
	cost := float64(open-idle) / float64(span) * 100
	t.Logf("without pages %v CPU in %v, with three %v: the pages cost %.2f %% of a core", idle, span, open, cost)
	if cost > 1 {
		t.Errorf("three open pages cost %.2f %% of a core, want at most 1", cost)
	}
}

// cpuOver is the CPU time that this process takes during d.
func cpuOver(d time.Duration) time.Duration {
	before := cpuUsed()
	time.Sleep(d)
	return cpuUsed() - before
}

func cpuUsed() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail for oneself
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestProveMonthOfHistoryIsDrawnIn200ms(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.db")
	fillHistory(t, file, 30*24*time.Hour)
	h := open(t, hello, func(c *config.Config) { c.History.Path = file })
	eventually(t, "the history is open", func() bool { return h.history.Status().Open })
	tab := chromium.Open(t)
	tab.Go("http://" + h.at.Admin + "/")
	tab.Until("the page is drawn", `document.querySelector(".plot")`)
	var best float64 = math.Inf(1)
	for range 5 {
		chromium.Ask[bool](tab, `[...document.querySelectorAll(".spans button")].find((b) => b.textContent === "1 h").click(), true`)
		took := chromium.Ask[float64](tab, `new Promise((done) => {
			const begun = performance.now(), plot = document.querySelector(".plot"), old = plot.querySelector("canvas");
			const look = () => { const c = plot.querySelector("canvas"); if (c && c !== old) done(performance.now() - begun); else requestAnimationFrame(look); };
			[...document.querySelectorAll(".spans button")].find((b) => b.textContent === "30 d").click(); look();
		})`)
		points := chromium.Ask[int](tab, `fetch("/api/page/series?span=30d").then((a) => a.json()).then((s) => s.times.length)`)
		t.Logf("30 days: %d points drawn %.0f ms after the click", points, took)
		if points < 300 {
			t.Fatalf("got %d points, want a month of them", points)
		}
		best = min(best, took)
	}
	if best > 200 {
		t.Errorf("30 days of history took %.0f ms at best, want at most 200", best)
	}
}
