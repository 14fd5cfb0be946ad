# A template in Proxmox VE, cloned from a template of a Debian cloud image. The token comes from the environment
# (PROXMOX_USERNAME, PROXMOX_TOKEN).
packer {
  required_plugins {
    proxmox = {
      source  = "github.com/hashicorp/proxmox"
      version = ">= 1.2.3"
    }
  }
}

variable "url" {
  type        = string
  description = "The API of the Proxmox server."
  validation {
    condition     = can(regex("^https://.+/api2/json$", var.url))
    error_message = "The url is https, and ends with /api2/json: https://proxmox.example:8006/api2/json."
  }
}

variable "node" {
  type        = string
  description = "Node on which the server is built and the template appears."
}

variable "source_id" {
  type        = number
  description = "Number of the template to start from: a Debian 12 cloud image with a cloud-init drive."
  validation {
    condition     = var.source_id >= 100
    error_message = "The source_id is a template's number, which is 100 at least."
  }
}

variable "bridge" {
  type        = string
  default     = "vmbr0"
  description = "Bridge of the server's network, which has DHCP."
}

variable "memory" {
  type        = number
  default     = 2048
  description = "Memory of the server while it is built, in MiB."
}

variable "cores" {
  type        = number
  default     = 2
  description = "Processors of the server while it is built."
}

locals {
  source    = "source.proxmox-clone.image"
  inventory = ""
}

source "proxmox-clone" "image" {
  proxmox_url = var.url
  node        = var.node
  clone_vm_id = var.source_id
  full_clone  = true
  memory      = var.memory
  cores       = var.cores

  network_adapters {
    model  = "virtio"
    bridge = var.bridge
  }

  ipconfig {
    ip = "dhcp"
  }

  template_name        = replace(var.image.name, ".", "-")
  template_description = jsonencode(var.artifacts)

  communicator = "ssh"
  ssh_username = "debian"
}
