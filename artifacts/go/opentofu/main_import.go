//go:build tools

// Package opentofu pins the OpenTofu program and everything it is built from.
package opentofu

import _ "github.com/opentofu/opentofu/cmd/tofu"
