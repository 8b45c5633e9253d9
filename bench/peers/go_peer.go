// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The URLs of examples/probe that the benchmarks use, as a user of Go's net/http/fcgi writes them.

package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const patternSize = 64 * 1024

var pattern = []byte(strings.Repeat("0123456789abcde\n", patternSize/16))

// Answers whose client left before they ended.
var clientsGone atomic.Uint64

func number(r *http.Request, name string, otherwise int) int {
	if n, err := strconv.Atoi(r.URL.Query().Get(name)); err == nil {
		return n
	}
	return otherwise
}

func hello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", "13")
	w.Write([]byte("Hello, world!"))
}

func stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	chunk := number(r, "chunk", patternSize)
	for left := number(r, "bytes", 0); left > 0; left -= chunk {
		if chunk > left {
			chunk = left
		}
		if _, err := w.Write(pattern[:chunk]); err != nil {
			clientsGone.Add(1)
			return
		}
	}
}

func idle(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	w.Write([]byte("idle\n"))
	w.(http.Flusher).Flush()
	select {
	case <-r.Context().Done():
		clientsGone.Add(1)
	case <-time.After(3 * time.Second):
	}
}

func stats(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, "{\"client_gone\":%d}", clientsGone.Load())
}

func main() {
	path := flag.String("socket", "", "where to listen (without: fd 0)")
	flag.Parse()
	var listener net.Listener
	if *path != "" {
		var err error
		if listener, err = net.Listen("unix", *path); err != nil {
			fmt.Fprintln(os.Stderr, "go_peer:", err)
			os.Exit(1)
		}
	}
	http.HandleFunc("/hello", hello)
	http.HandleFunc("/stream", stream)
	http.HandleFunc("/idle", idle)
	http.HandleFunc("/stats", stats)
	fmt.Fprintln(os.Stderr, "go_peer:", fcgi.Serve(listener, nil))
}
