//go:build tools

// Package packerplugingooglecompute pins the Packer plugin googlecompute and everything built into it.
package packerplugingooglecompute

import _ "github.com/hashicorp/packer-plugin-googlecompute"
