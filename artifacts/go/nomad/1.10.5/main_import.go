//go:build tools

// Package nomad pins the Nomad program and everything it is built from.
package nomad

import _ "github.com/hashicorp/nomad"
