# An image in Google Compute Engine, from a Debian image that is named with its date. Credentials are the application
# default ones (gcloud auth application-default login, GOOGLE_APPLICATION_CREDENTIALS, the machine's service account).
packer {
  required_plugins {
    googlecompute = {
      source  = "github.com/hashicorp/googlecompute"
      version = ">= 1.1.9"
    }
  }
}

variable "project" {
  type        = string
  description = "Project in which the server is built and the image appears."
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "The project is a project's id: 6 to 30 small letters, digits and hyphens."
  }
}

variable "zone" {
  type        = string
  description = "Zone in which the server is built."
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+-[a-z]$", var.zone))
    error_message = "The zone is one of Google's names, such as europe-west3-a."
  }
}

variable "source_image" {
  type        = string
  description = "Image of project debian-cloud to start from, by its name with a date; a family would mean another image tomorrow."
  validation {
    condition     = can(regex("-v[0-9]{8}$", var.source_image))
    error_message = "The source_image ends with its date, such as debian-12-bookworm-v20251111; a family is not taken."
  }
}

variable "machine_type" {
  type        = string
  default     = "e2-small"
  description = "Size of the server while it is built."
}

variable "subnetwork" {
  type        = string
  default     = null
  description = "Subnetwork in which the server is built; the project's default network unless given."
}

variable "tunnel" {
  type        = bool
  default     = false
  description = "Reach the server through Identity-Aware Proxy, without a public address."
}

locals {
  source    = "source.googlecompute.image"
  inventory = ""
}

source "googlecompute" "image" {
  project_id              = var.project
  zone                    = var.zone
  source_image            = var.source_image
  source_image_project_id = ["debian-cloud"]
  machine_type            = var.machine_type
  subnetwork              = var.subnetwork
  disk_size               = max(10, ceil(var.image.size / 1024))
  disk_type               = "pd-balanced"
  omit_external_ip        = var.tunnel
  use_internal_ip         = var.tunnel
  use_iap                 = var.tunnel

  # Names of this cloud have small letters, digits and hyphens.
  image_name        = lower(replace(var.image.name, ".", "-"))
  image_description = "Host node of keelson.cluster"
  image_labels      = { for name, version in var.artifacts : replace(name, "/", "-") => replace(version, ".", "-") }

  communicator = "ssh"
  ssh_username = "builder"
}
