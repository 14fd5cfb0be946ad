# An address block with three vlans. Locally the block is one podman network and a vlan a range of addresses in it.

variable "name" {
  description = "Name of the network; containers and files bear it too."
  type        = string
  default     = "ks-demo"
}

variable "block" {
  description = "The address block, a /21 or larger; each vlan takes a 1/8 of it."
  type        = string
  default     = "10.89.48.0/21"
}

resource "terraform_data" "network" {
  input            = { name = var.name, cidr = var.block }
  triggers_replace = [var.name, var.block]

  provisioner "local-exec" {
    quiet   = true
    command = "${path.root}/../../../../tools/hosts network --name '${self.input.name}' --subnet '${self.input.cidr}'"
  }
  provisioner "local-exec" {
    quiet   = true
    when    = destroy
    command = "${path.root}/../../../../tools/hosts down --name '${self.input.name}'"
  }
}

output "name" {
  value = terraform_data.network.output.name
}

output "vlans" {
  description = "Names of the vlans and their address ranges."
  value = {
    for number, vlan in ["managers", "web", "batch"] :
    vlan => cidrsubnet(terraform_data.network.output.cidr, 3, number)
  }
}
