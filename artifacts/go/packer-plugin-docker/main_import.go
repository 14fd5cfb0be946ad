//go:build tools

// Package packerplugindocker pins the Packer plugin docker and everything built into it.
package packerplugindocker

import _ "github.com/hashicorp/packer-plugin-docker"
