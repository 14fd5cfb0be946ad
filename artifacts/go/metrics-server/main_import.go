//go:build tools

// Package metricsserver pins metrics-server and everything built into it.
package metricsserver

import _ "sigs.k8s.io/metrics-server/cmd/metrics-server"
