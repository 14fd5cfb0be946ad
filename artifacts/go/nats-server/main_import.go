//go:build tools

// Package natsserver pins the NATS server and everything it is built from.
package natsserver

import _ "github.com/nats-io/nats-server/v2"
