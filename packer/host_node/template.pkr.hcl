# The image of a host node. Provisioners are the same for every lane; a lane brings a root file system and takes a file.
packer {
  required_version = ">= 1.11.0"
  required_plugins {
    ansible = {
      source  = "github.com/hashicorp/ansible"
      version = ">= 1.0.3"
    }
  }
}

variable "work" {
  type        = string
  description = "Folder of this build: order.json says what is built, variables.json and inventory.yml are Ansible's."
}

variable "tools" {
  type        = object({ python = string, ansible_playbook = string, collections = string })
  description = "The programs that started Packer, which it starts again."
}

variable "artifacts" {
  type        = map(string)
  description = "Versions by artifact, from the manifests in artifacts/."
}

# The fast lane: a tree in a directory, without virtualisation. Steps enter it by systemd-nspawn.
source "null" "tree" {
  communicator = "none"
}

locals {
  environment = [
    "ANSIBLE_COLLECTIONS_PATH=${var.tools.collections}",
    "PYTHONPATH=${var.tools.collections}",
    "ANSIBLE_NOCOLOR=1",
  ]
}

build {
  name    = "host_node"
  sources = ["source.null.tree"]

  provisioner "shell-local" {
    only             = ["null.tree"]
    environment_vars = local.environment
    inline           = ["'${var.tools.python}' '${path.root}/steps.py' root '${var.work}'"]
  }

  # Its inventory names the connection; the ssh proxy the plugin offers is not used.
  provisioner "ansible" {
    command          = var.tools.ansible_playbook
    playbook_file    = "${path.root}/role.yml"
    inventory_file   = "${var.work}/inventory.yml"
    extra_arguments  = ["-e", "@${var.work}/variables.json"]
    ansible_env_vars = local.environment
  }

  provisioner "shell-local" {
    only             = ["null.tree"]
    environment_vars = local.environment
    inline           = ["'${var.tools.python}' '${path.root}/steps.py' disk '${var.work}'"]
  }
}
