//go:build tools

// Package packerpluginopenstack pins the Packer plugin openstack and everything built into it.
package packerpluginopenstack

import _ "github.com/hashicorp/packer-plugin-openstack"
