//go:build tools

// Package packerpluginazure pins the Packer plugin azure and everything built into it.
package packerpluginazure

import _ "github.com/hashicorp/packer-plugin-azure"
