// Copyright (c) 2026 keelson.cluster contributors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Command sample is the application that keelson.cluster deploys to see whether a cluster works.
//
// It serves a data page (/), the same as JSON (/data) and its health (/healthz: 503 until it is ready and while it
// stops). Settings come from the environment: LISTEN (default :8080), READY_AFTER (a duration, default 0s), RELEASE,
// INSTANCE and HOST, the last three being free text to show.
//
// "sample get URL" asks another one, from where this one runs: it prints the answer and ends with 0, or prints what went
// wrong and ends with 3.
package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// version is set by the linker: -ldflags "-X main.version=1.0.0".
var version = "unknown"

//go:embed page.html
var files embed.FS

var page = template.Must(template.ParseFS(files, "page.html"))

// Data is what the data page shows, and the body of /data.
type Data struct {
	Instance string `json:"instance"`
	Host     string `json:"host"`
	Version  string `json:"version"`
	Release  string `json:"release"`
	Requests uint64 `json:"requests"`
	Uptime   string `json:"uptime"`
	User     int    `json:"user"`
	Runtime  string `json:"runtime"`
}

type server struct {
	started  time.Time
	ready    atomic.Bool
	requests atomic.Uint64
}

func (s *server) data() Data {
	return Data{
		Instance: os.Getenv("INSTANCE"),
		Host:     os.Getenv("HOST"),
		Version:  version,
		Release:  os.Getenv("RELEASE"),
		Requests: s.requests.Add(1),
		Uptime:   time.Since(s.started).Round(time.Second).String(),
		User:     os.Getuid(),
		Runtime:  runtime.Version() + " " + runtime.GOARCH,
	}
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		if !s.ready.Load() {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("/data", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.data())
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = page.Execute(w, s.data())
	})
	return mux
}

func env(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}

// unanswered is the exit code of get when there was no good answer; a runtime's own failures have others.
const unanswered = 3

// get prints the answer of a URL, and returns the exit code.
func get(url string, out io.Writer) int {
	client := &http.Client{Timeout: 2 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		fmt.Fprintln(out, err)
		return unanswered
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err != nil {
		fmt.Fprintln(out, err)
		return unanswered
	}
	if response.StatusCode != http.StatusOK {
		fmt.Fprintln(out, response.Status)
		return unanswered
	}
	_, _ = out.Write(body)
	return 0
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "get" {
		os.Exit(get(os.Args[2], os.Stdout))
	}
	delay, err := time.ParseDuration(env("READY_AFTER", "0s"))
	if err != nil {
		log.Fatalf("READY_AFTER: %v; give a duration such as 500ms", err)
	}
	s := &server{started: time.Now()}
	web := &http.Server{Addr: env("LISTEN", ":8080"), Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()

	failed := make(chan error, 1)
	go func() { failed <- web.ListenAndServe() }()
	time.AfterFunc(delay, func() { s.ready.Store(true) })
	log.Printf("version %s listens on %s", version, web.Addr)

	select {
	case err := <-failed:
		log.Fatal(err)
	case <-stop.Done():
	}
	s.ready.Store(false)
	// Requests under way are answered before the process ends.
	finish, done := context.WithTimeout(context.Background(), 5*time.Second)
	defer done()
	if err := web.Shutdown(finish); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		log.Print(err)
	}
	log.Print("stopped")
}
