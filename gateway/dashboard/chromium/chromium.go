// Package chromium opens the page in a headless Chromium, for tests and pictures, and writes down what it did that a page of ours
// must not do. No part of the product imports it.
package chromium

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Tab is one tab of a browser of its own; both end with the test.
type Tab struct {
	// Shots is the folder where Shoot leaves its pictures; "" keeps none.
	Shots string

	t   testing.TB
	ctx context.Context

	mu         sync.Mutex // guards what follows
	complaints []string   // console messages, exceptions and policy violations
	requests   []string   // URLs asked for
	received   float64    // bytes received, headers and compression as on the wire
}

// Open starts a browser with an empty tab of 1440 by 1000 pixels. What the tab does within two minutes is watched.
func Open(t testing.TB) *Tab {
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
	ctx, done := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(done)
	b := &Tab{t: t, ctx: ctx}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", binary, err)
	}
	if err := chromedp.Listen(ctx, b.watch); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	b.Size(1440, 1000)
	return b
}

// watch writes down what the page says and asks for.
func (b *Tab) watch(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		b.complaints = append(b.complaints, fmt.Sprintf("console.%s: %s", e.Type, argsOf(e)))
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, "exception: "+e.ExceptionDetails.Text+" "+described(e.ExceptionDetails.Exception))
	case *log.EventEntryAdded:
		b.complaints = append(b.complaints, fmt.Sprintf("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *network.EventLoadingFinished:
		b.received += e.EncodedDataLength
	}
}

func described(o *runtime.RemoteObject) string {
	if o == nil {
		return ""
	}
	return o.Description
}

func argsOf(e *runtime.EventConsoleAPICalled) string {
	var words []string
	for _, a := range e.Args {
		words = append(words, string(a.Value)+a.Description)
	}
	return strings.Join(words, " ")
}

// Complaints are the console messages, uncaught exceptions and policy violations so far, and each request off origin.
func (b *Tab) Complaints(origin string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := slices.Clone(b.complaints)
	for _, url := range b.requests {
		if !strings.HasPrefix(url, origin+"/") {
			all = append(all, "request off origin: "+url)
		}
	}
	return all
}

// Received is how many bytes came in with finished requests, and how many requests were made.
func (b *Tab) Received() (bytes float64, requests int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.received, len(b.requests)
}

// Do runs steps and ends the test where one fails.
func (b *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// Size sets the window's size in CSS pixels.
func (b *Tab) Size(width, height int64) {
	b.t.Helper()
	b.Do(chromedp.EmulateViewport(width, height))
}

// Go opens url.
func (b *Tab) Go(url string) {
	b.t.Helper()
	b.Do(chromedp.Navigate(url))
}

// Press sends keys as a person types them; the constants of package kb name those without a letter.
func (b *Tab) Press(keys string) {
	b.t.Helper()
	b.Do(chromedp.KeyEvent(keys))
}

// Ask evaluates a JavaScript expression; a promise is waited for.
func Ask[T any](b *Tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("evaluate %.200s: %v", expression, err)
	}
	return v
}

// Until waits until the JavaScript expression is true.
func (b *Tab) Until(what, expression string) {
	b.t.Helper()
	for end := time.Now().Add(30 * time.Second); !Ask[bool](b, "Boolean("+expression+")"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("not within 30 s: %s (%s); the page says: %.2000s", what, expression, Ask[string](b, `document.body.innerText`))
		}
	}
}

// Shoot takes a picture of the whole page and keeps it where Shots names a folder.
func (b *Tab) Shoot(name string) {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if b.Shots == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(b.Shots, name+".png"), png, 0o600); err != nil {
		b.t.Fatal(err)
	}
}
