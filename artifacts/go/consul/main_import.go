//go:build tools

// Package consul pins the Consul program and everything it is built from.
package consul

import _ "github.com/hashicorp/consul"
