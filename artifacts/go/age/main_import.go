//go:build tools

// Package age pins age and everything built into it.
package age

import _ "filippo.io/age/cmd/age"
