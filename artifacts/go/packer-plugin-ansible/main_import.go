//go:build tools

// Package packerpluginansible pins the Packer plugin ansible and everything built into it.
package packerpluginansible

import _ "github.com/hashicorp/packer-plugin-ansible"
