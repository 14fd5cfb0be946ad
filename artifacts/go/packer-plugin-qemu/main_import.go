//go:build tools

// Package packerpluginqemu pins the Packer plugin qemu and everything built into it.
package packerpluginqemu

import _ "github.com/hashicorp/packer-plugin-qemu"
