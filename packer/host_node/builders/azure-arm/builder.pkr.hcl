# A managed image in Azure, from a Debian of the marketplace in one version. Who builds is who is logged in with `az login`,
# or the service principal in the environment (ARM_CLIENT_ID, ARM_CLIENT_SECRET, ARM_TENANT_ID).
packer {
  required_plugins {
    azure = {
      source  = "github.com/hashicorp/azure"
      version = ">= 1.4.5"
    }
  }
}

variable "subscription" {
  type        = string
  description = "Id of the subscription in which the image is made."
  validation {
    condition     = can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.subscription))
    error_message = "The subscription is an id, such as 01234567-89ab-cdef-0123-456789abcdef."
  }
}

variable "resource_group" {
  type        = string
  description = "Resource group in which the server is built and the image appears."
  validation {
    condition     = length(var.resource_group) > 0
    error_message = "The resource_group needs a name."
  }
}

variable "source_version" {
  type        = string
  description = "Version of the marketplace's image debian-12, of which latest is none."
  validation {
    condition     = can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+$", var.source_version))
    error_message = "The source_version has three numbers, such as 0.20251112.2294; latest is none."
  }
}

variable "source_sku" {
  type        = string
  default     = "12-gen2"
  description = "Which of the publisher's images; 12-gen2 starts by UEFI."
}

variable "vm_size" {
  type        = string
  default     = "Standard_B2s"
  description = "Size of the server while it is built."
}

variable "network" {
  type        = object({ name = string, subnet = string, resource_group = string })
  default     = null
  description = "Network in which the server is built, reached by its private address; one of its own unless given."
}

locals {
  source    = "source.azure-arm.image"
  inventory = ""
}

source "azure-arm" "image" {
  use_azure_cli_auth = true
  subscription_id    = var.subscription

  os_type         = "Linux"
  image_publisher = "Debian"
  image_offer     = "debian-12"
  image_sku       = var.source_sku
  image_version   = var.source_version
  os_disk_size_gb = max(30, ceil(var.image.size / 1024))
  vm_size         = var.vm_size

  build_resource_group_name         = var.resource_group
  managed_image_resource_group_name = var.resource_group
  managed_image_name                = var.image.name

  virtual_network_name                = try(var.network.name, null)
  virtual_network_subnet_name         = try(var.network.subnet, null)
  virtual_network_resource_group_name = try(var.network.resource_group, null)

  communicator = "ssh"
  ssh_username = "builder"

  azure_tags = { for name, version in var.artifacts : "artifact-${replace(name, "/", "-")}" => version }
}
