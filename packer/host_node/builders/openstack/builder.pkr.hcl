# An image in an OpenStack's Glance, from a Debian image that is named by its id. Which cloud, and the credentials, come
# from clouds.yaml.
packer {
  required_plugins {
    openstack = {
      source  = "github.com/hashicorp/openstack"
      version = ">= 1.1.2"
    }
  }
}

variable "cloud" {
  type        = string
  description = "The cloud's name in clouds.yaml."
  validation {
    condition     = length(var.cloud) > 0
    error_message = "The cloud has a name in clouds.yaml; give that."
  }
}

variable "source_image" {
  type        = string
  description = "Id of the Debian 12 image to start from."
  validation {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.source_image))
    error_message = "The source_image is an id, such as 01234567-89ab-cdef-0123-456789abcdef; a name could mean another tomorrow."
  }
}

variable "flavor" {
  type        = string
  description = "Size of the server while it is built."
}

variable "networks" {
  type        = list(string)
  description = "Ids of the networks of the server while it is built."
  validation {
    condition     = length(var.networks) > 0
    error_message = "The server needs a network: give the id of one at least."
  }
}

variable "floating_ip_network" {
  type        = string
  default     = null
  description = "Network that gives the server a floating address; reached by its own unless given."
}

variable "ssh_username" {
  type        = string
  default     = "debian"
  description = "User that the source image's cloud-init makes."
}

variable "security_groups" {
  type        = list(string)
  default     = []
  description = "Security groups of the server, which must let ssh in; the project's default one when empty."
}

locals {
  source    = "source.openstack.image"
  inventory = ""
}

source "openstack" "image" {
  cloud               = var.cloud
  source_image        = var.source_image
  flavor              = var.flavor
  networks            = var.networks
  floating_ip_network = var.floating_ip_network
  security_groups     = var.security_groups

  image_name              = var.image.name
  image_min_disk          = ceil(var.image.size / 1024)
  image_visibility        = "private"
  image_disk_format       = "qcow2"
  use_blockstorage_volume = true
  volume_size             = ceil(var.image.size / 1024)
  metadata                = { for name, version in var.artifacts : "artifact_${replace(name, "/", "_")}" => version }

  communicator = "ssh"
  ssh_username = var.ssh_username
}
