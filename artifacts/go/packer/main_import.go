//go:build tools

// Package packer pins Packer and everything built into it.
package packer

import _ "github.com/hashicorp/packer"
