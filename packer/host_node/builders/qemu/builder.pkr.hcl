# A vendor's cloud image, started by QEMU, prepared over ssh as a live server is, and sealed while it shuts down.
packer {
  required_plugins {
    qemu = {
      source  = "github.com/hashicorp/qemu"
      version = ">= 1.0.9"
    }
  }
}

variable "accelerator" {
  type        = string
  default     = ""
  description = "kvm, or tcg (emulation, some ten times slower); unless given, kvm where /dev/kvm can be opened."
  validation {
    condition     = contains(["", "kvm", "tcg"], var.accelerator)
    error_message = "The accelerator is kvm or tcg, or \"\" for what this machine has."
  }
}

variable "firmware" {
  type        = string
  default     = "bios"
  description = "How the server is started: bios or uefi. The cloud image decides by which ways the result can start."
  validation {
    condition     = contains(["bios", "uefi"], var.firmware)
    error_message = "The firmware is bios or uefi."
  }
}

variable "memory" {
  type        = number
  default     = 2048
  description = "Memory of the server while it is built, in MiB."
  validation {
    condition     = var.memory >= 512
    error_message = "The memory is at least 512 MiB, else the packages cannot be installed."
  }
}

variable "cpus" {
  type        = number
  default     = 2
  description = "Processors of the server while it is built."
  validation {
    condition     = var.cpus >= 1
    error_message = "The server has at least one processor."
  }
}

variable "patience" {
  type        = string
  default     = "15m"
  description = "How long the server may take to answer by ssh, and to shut down; as 90s or 15m."
  validation {
    condition     = can(regex("^[0-9]+[sm]$", var.patience))
    error_message = "The patience is a number with s or m, such as 90s or 15m."
  }
}

locals {
  source    = "source.qemu.image"
  inventory = ""
}

source "qemu" "image" {
  iso_url          = var.image.base
  iso_checksum     = var.image.base_digest
  disk_image       = true
  disk_size        = "${var.image.size}M"
  disk_cache       = "unsafe"
  disk_discard     = "unmap"
  skip_compaction  = true
  format           = "qcow2"
  output_directory = "${var.work}/qemu"
  vm_name          = "disk.qcow2"

  accelerator  = var.accelerator
  machine_type = "q35"
  cpu_model    = "max"
  cpus         = var.cpus
  memory       = var.memory
  efi_boot     = var.firmware == "uefi"
  headless     = true
  disable_vnc  = true

  # cloud-init reads its data from Packer; that, and the server's ssh, are on this machine's loopback alone.
  http_directory    = "${var.work}/seed"
  http_bind_address = "127.0.0.1"
  qemuargs = [
    ["-smbios", "type=1,serial=ds=nocloud-net;s=http://10.0.2.2:{{ .HTTPPort }}/"],
    ["-netdev", "user,id=user.0,hostfwd=tcp:127.0.0.1:{{ .SSHHostPort }}-:22"],
    ["-serial", "file:${var.work}/console.log"],
    ["-display", "none"],
    ["-vnc", "none"],
  ]

  ssh_username         = "builder"
  ssh_private_key_file = "${var.work}/key"
  ssh_timeout          = var.patience
  shutdown_command     = "sudo systemctl poweroff"
  shutdown_timeout     = var.patience
}
