//go:build tools

// Package crictl pins crictl and everything built into it.
package crictl

import _ "sigs.k8s.io/cri-tools/cmd/crictl"
