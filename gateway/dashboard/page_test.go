package dashboard

import (
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browser starts a headless Chromium of this machine; it ends with the test.
func browser(t *testing.T) context.Context {
	t.Helper()
	binary, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is not in PATH: the page is tested in it; `make deps` installs Debian's package chromium")
	}
	flag := func(name string) chromedp.ExecAllocatorOption { return chromedp.Flag(name, true) }
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(binary), chromedp.NoSandbox, chromedp.DisableGPU,
		flag("disable-background-networking"), flag("disable-component-update"), flag("disable-sync"), flag("disable-quic"))
	alloc, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	ctx, done := context.WithTimeout(ctx, 60*time.Second)
	t.Cleanup(done)
	return ctx
}

// serve serves the page over source; it ends with the test.
func serve(t *testing.T, source Source) string {
	t.Helper()
	page := New(source)
	server := httptest.NewServer(page.Handler())
	t.Cleanup(server.Close)
	t.Cleanup(page.Close)
	return server.URL + "/"
}

// shoot takes a picture of the whole page; where SALLYPORT_SHOTS names a folder it is kept there.
func shoot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("SALLYPORT_SHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// ask evaluates a JavaScript expression.
func ask[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("evaluate %s: %v", expression, err)
	}
	return v
}

func TestOverviewIsDrawn(t *testing.T) {
	for _, tc := range []struct {
		name, theme   string
		broken        bool
		width, height int64
	}{{"overview", "dark", false, 1440, 1000}, {"light", "light", false, 1440, 1000}, {"broken", "dark", true, 1440, 1000}, {"mobile", "dark", false, 390, 800}} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, url := browser(t), serve(t, sampleSource(tc.broken))
			err := chromedp.Do(ctx, chromedp.EmulateViewport(tc.width, tc.height), chromedp.Navigate(url), chromedp.WaitVisible(".panel.chart canvas"))
			if err != nil {
				t.Fatal(err)
			}
			if ask[string](t, ctx, `document.documentElement.dataset.theme`) != tc.theme {
				ask[chromedp.Void](t, ctx, `document.getElementById("theme").click()`)
			}
			shoot(t, ctx, tc.name)
			overflow := ask[bool](t, ctx, `document.documentElement.scrollWidth > innerWidth`)
			if overflow {
				t.Error("the page is wider than the window")
			}
		})
	}
}
