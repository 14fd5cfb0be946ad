//go:build tools

// Package coredns pins CoreDNS and everything built into it.
package coredns

import _ "github.com/coredns/coredns"
