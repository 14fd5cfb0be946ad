//go:build tools

// Package packerpluginamazon pins the Packer plugin amazon and everything built into it.
package packerpluginamazon

import _ "github.com/hashicorp/packer-plugin-amazon"
