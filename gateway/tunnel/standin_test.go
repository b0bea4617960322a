//go:build linux

package tunnel

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain is also the stand-in for cloudflared, for an app and for a whole gateway: the test binary executed again. What
// it is to be is told by arguments alone, since a child's environment is an allow-list.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "tunnel":
			os.Exit(standIn(os.Args[2:]))
		case "stand-in-gateway":
			os.Exit(standInGateway(os.Args[2]))
		case "stand-in-app":
			os.Exit(standInApp(os.Args[2:]))
		}
	}
	goleak.VerifyTestMain(m)
}

// script is what the stand-in does; it lies beside the token and is read again at each question.
type script struct {
	Ready   int             `json:"ready"`
	Silent  bool            `json:"silent"` // /ready hangs
	Config  json.RawMessage `json:"config"`
	Lines   []string        `json:"lines"`   // written at the start
	OnlyFor string          `json:"onlyFor"` // protocol for which lines are written and ready stays 0
	Exit    *int            `json:"exit"`    // end with this code after the lines
	Deaf    bool            `json:"deaf"`    // ignores SIGTERM
}

func readScript(dir string) script {
	s := script{Ready: 4}
	text, err := os.ReadFile(filepath.Join(dir, "script.json"))
	if err == nil && json.Unmarshal(text, &s) != nil {
		panic("script.json is not a script")
	}
	return s
}

func (s script) blocked(protocol string) bool { return s.OnlyFor != "" && s.OnlyFor == protocol }

// standIn behaves like cloudflared as far as we rely on it, and returns its exit code.
func standIn(args []string) int {
	flags, ok := standInFlags(args)
	if !ok {
		fmt.Fprintln(os.Stderr, "Incorrect Usage: flag provided but not defined")
		return 0 // as the real one does
	}
	dir := filepath.Dir(flags["--token-file"])
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", os.Getpid())
	note := map[string]string{"connector": id, "tag": os.Getenv("TUNNEL_TAG"), "protocol": flags["--protocol"], "proxy": os.Getenv("HTTP_PROXY")}
	appendJSON(filepath.Join(dir, "starts.json"), note)
	s := readScript(dir)
	if !(s.OnlyFor != "" && !s.blocked(flags["--protocol"])) {
		for _, l := range s.Lines {
			fmt.Fprintln(os.Stderr, l)
		}
		if s.Exit != nil {
			return *s.Exit
		}
	}
	stop := make(chan os.Signal, 2)
	if s.Deaf {
		signal.Ignore(syscall.SIGTERM)
	} else {
		signal.Notify(stop, syscall.SIGTERM)
	}
	srv := &http.Server{Addr: flags["--metrics"], Handler: standInMetrics(dir, id, flags["--protocol"])}
	go func() {
		<-stop
		_ = srv.Shutdown(context.Background())
	}()
	fmt.Fprintf(os.Stderr, `{"level":"info","message":"Registered tunnel connection","connIndex":0,"protocol":%q}`+"\n", flags["--protocol"])
	if err := srv.ListenAndServe(); err != http.ErrServerClosed {
		fmt.Fprintf(os.Stderr, `{"level":"error","error":%q,"message":"Error opening metrics server listener"}`+"\n", err)
		return 1
	}
	return 0
}

// standInFlags wants the flags of `tunnel` before `run` and those of `run` after it.
func standInFlags(args []string) (map[string]string, bool) {
	flags := map[string]string{}
	ran := false
	for i := 0; i < len(args); i++ {
		switch a := args[i]; a {
		case "--no-autoupdate":
		case "run":
			ran = true
		case "--edge-ip-version", "--output", "--metrics", "--protocol", "--loglevel", "--grace-period", "--config":
			if ran || i+1 == len(args) {
				return nil, false
			}
			i++
			flags[a] = args[i]
		case "--token-file":
			if !ran || i+1 == len(args) {
				return nil, false
			}
			i++
			flags[a] = args[i]
		default:
			return nil, false
		}
	}
	return flags, ran && flags["--edge-ip-version"] == "4" && flags["--output"] == "json"
}

func standInMetrics(dir, id, protocol string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/ready", func(w http.ResponseWriter, r *http.Request) {
		s := readScript(dir)
		if s.Silent {
			<-r.Context().Done()
			return
		}
		n := s.Ready
		if s.blocked(protocol) {
			n = 0
		}
		status := http.StatusOK
		if n == 0 {
			status = http.StatusServiceUnavailable
		}
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"status":%d,"readyConnections":%d,"connectorId":%q}`, status, n, id)
	})
	mux.HandleFunc("/config", func(w http.ResponseWriter, _ *http.Request) {
		if s := readScript(dir); len(s.Config) > 0 {
			_, _ = w.Write(s.Config)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	})
	mux.HandleFunc("/diag/tunnel", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"tunnelID":"x","connectorID":%q,"connections":[{"isConnected":true,"protocol":1,"edgeAddress":"198.41.200.1"}]}`, id)
	})
	return mux
}

func appendJSON(name string, v any) {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	if err := json.NewEncoder(f).Encode(v); err != nil {
		panic(err)
	}
}

// standInGateway supervises a stand-in until it is killed; the folder holds token and script.
func standInGateway(dir string) int {
	s := Defaults()
	s.Run.Binary, s.Run.TokenFile, s.State = os.Args[0], filepath.Join(dir, "token"), filepath.Join(dir, "state")
	sup, err := New(s, Options{Door: "127.0.0.1:1", Lookup: alwaysThere})
	if err != nil {
		panic(err)
	}
	sup.pace = quick()
	fmt.Println("running")
	_ = sup.Run(context.Background())
	return 0
}

// standInApp is an app: "serve ADDR" answers, "fork" also leaves a child behind, "fail" ends at once.
func standInApp(args []string) int {
	fmt.Println("app says hello")
	if args[0] == "fail" {
		fmt.Fprintln(os.Stderr, "cannot read settings")
		return 3
	}
	l, err := net.Listen("tcp", args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	<-stop
	fmt.Println("app says goodbye")
	return 0
}

func alwaysThere(context.Context, string) ([]string, error) { return []string{"198.41.192.1"}, nil }

// quick is the pace with every interval scaled down; limits are the real ones.
func quick() pace {
	return pace{
		process: 200 * time.Millisecond, public: 200 * time.Millisecond, doubt: 50 * time.Millisecond, rising: 50 * time.Millisecond, network: 50 * time.Millisecond,
		first: 20 * time.Millisecond, longest: 200 * time.Millisecond, start: 20 * time.Second, stable: time.Hour,
		retry: time.Hour, window: time.Hour, limit: 5, pin: 24 * time.Hour, warn: 21 * 24 * time.Hour,
	}
}
