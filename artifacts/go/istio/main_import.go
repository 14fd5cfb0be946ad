//go:build tools

// Package istio pins Istio's control plane, its agent and everything built into them.
package istio

import (
	_ "istio.io/istio/pilot/cmd/pilot-agent"
	_ "istio.io/istio/pilot/cmd/pilot-discovery"
)
