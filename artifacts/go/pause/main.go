// Copyright (c) 2026 keelson.cluster contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Program pause holds the namespaces of a pod: it sleeps until it is told to end,
// and as process 1 reaps the orphans of a shared process namespace. With -v it says
// which version it is and ends: kubeadm tries with it whether a pod can be run.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

var version string // set by the linker

func main() {
	if len(os.Args) > 1 && os.Args[1] == "-v" {
		os.Stdout.WriteString("pause " + version + "\n")
		return
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
}
