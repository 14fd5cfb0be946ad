//go:build tools

// Package calico pins Calico's controllers and everything built into them.
package calico

import (
	_ "github.com/projectcalico/calico/kube-controllers/cmd/check-status"
	_ "github.com/projectcalico/calico/kube-controllers/cmd/kube-controllers"
)
