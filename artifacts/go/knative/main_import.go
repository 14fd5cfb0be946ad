//go:build tools

// Package knative pins Knative Serving, its network layer Kourier, and everything built into them.
package knative

import (
	_ "knative.dev/caching/config"
	_ "knative.dev/net-kourier/cmd/kourier"
	_ "knative.dev/networking/config"
	_ "knative.dev/serving/cmd/activator"
	_ "knative.dev/serving/cmd/autoscaler"
	_ "knative.dev/serving/cmd/controller"
	_ "knative.dev/serving/cmd/queue"
	_ "knative.dev/serving/cmd/webhook"
)
