# A container image with systemd in it, for local servers. It starts from the same base as a disk.
packer {
  required_plugins {
    docker = {
      source  = "github.com/hashicorp/docker"
      version = ">= 1.1.2"
    }
  }
}

locals {
  source    = "source.docker.image"
  inventory = ""
}

# Podman, with containers and images of this build alone (WORK/podman); the runtime's data lies on no overlay and is
# put into the image afterwards.
source "docker" "image" {
  docker_path = "${var.work}/podman"
  image       = "localhost/base:build"
  pull        = false
  privileged  = true
  run_command = [
    "--detach", "--interactive", "--network=none", "--ulimit=host", "--entrypoint=/bin/sh", "--", "{{ .Image }}",
  ]
  volumes = {
    "${var.work}/data/docker"     = "/var/lib/docker"
    "${var.work}/data/containerd" = "/var/lib/containerd"
    "${var.work}/left"            = "/left"
  }
  discard = true
}
