# The image of a host node: what all builders share. Each folder in builders/ is a template of its own, of this file (by a link)
# and of builder.pkr.hcl, which says where the image comes from; so nobody needs the plugins of another builder.
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
  description = "Folder of this build: spec.json says what is built, variables.json and inventory.yml are Ansible's."
}

variable "tools" {
  type        = object({ python = string, ansible_playbook = string, collections = string })
  description = "The programs that started Packer, which it starts again."
}

variable "artifacts" {
  type        = map(string)
  description = "Versions by artifact, from the manifests in artifacts/."
}

variable "image" {
  type        = object({ name = string, size = number, base = string, base_digest = string })
  description = "Its name, its disk's size in MiB, and the file it starts from with its digest (no file in a cloud)."
}

locals {
  steps = "${path.root}/../../steps.py"
  environment = [
    "ANSIBLE_COLLECTIONS_PATH=${var.tools.collections}",
    "PYTHONPATH=${var.tools.collections}",
    "ANSIBLE_NOCOLOR=1",
    "ANSIBLE_HOST_KEY_CHECKING=True",
    "ANSIBLE_INVENTORY_ENABLED=ansible.builtin.yaml,ansible.builtin.ini",
    "ANSIBLE_PIPELINING=1",
    # Of Ansible's ways to copy a file the one that needs no program of its own over there.
    "ANSIBLE_SSH_TRANSFER_METHOD=piped",
  ]
}

build {
  name    = "host_node"
  sources = [local.source]

  provisioner "shell-local" {
    only             = ["null.tree"]
    environment_vars = local.environment
    inline           = ["'${var.tools.python}' '${local.steps}' root '${var.work}'"]
  }

  # Ansible speaks ssh with the plugin, on this machine, and Packer brings it to the server; a builder whose inventory names
  # another connection does not use that.
  provisioner "ansible" {
    command                 = var.tools.ansible_playbook
    playbook_file           = "${path.root}/../../role.yml"
    host_alias              = "image"
    user                    = "builder" # Ansible becomes root only as somebody else
    inventory_file          = local.inventory
    ssh_host_key_file       = "${var.work}/key"
    ssh_authorized_key_file = "${var.work}/key.pub"
    use_sftp                = true
    extra_arguments         = ["-e", "@${var.work}/variables.json"]
    ansible_env_vars        = local.environment
  }

  provisioner "shell-local" {
    only             = ["null.tree"]
    environment_vars = local.environment
    inline           = ["'${var.tools.python}' '${local.steps}' disk '${var.work}'"]
  }

  # What the container leaves, seen from within and without what is mounted there.
  provisioner "shell-local" {
    only = ["docker.image"]
    inline = [join(" ", [
      "'${var.work}/podman' exec '${build.ID}' sh -ec 'mount --bind / /mnt;",
      "tar --create --numeric-owner --xattrs --xattrs-include=* --exclude=./left --exclude=./packer-files",
      "--directory=/mnt --file=/left/container.tar .; umount /mnt'",
    ])]
  }

  # A server that runs is sealed by the last program of its shutdown, when nothing writes any more.
  provisioner "file" {
    except      = ["null.tree", "docker.image"]
    source      = "${var.work}/seal.pyz"
    destination = "/tmp/seal.pyz"
    generated   = true
  }

  provisioner "shell" {
    except = ["null.tree", "docker.image"]
    inline = ["sudo install -m 0755 /tmp/seal.pyz /usr/lib/systemd/system-shutdown/keelson-seal"]
  }

  post-processor "manifest" {
    output = "${var.work}/made.json"
  }
}
