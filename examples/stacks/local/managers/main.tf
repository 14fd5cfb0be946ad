# The servers of the management services.

variable "managers" {
  description = "Names of the managers and their number in the managers' vlan."
  type        = map(number)
  default     = { m1 = 11, m2 = 12, m3 = 13 }
}

data "terraform_remote_state" "network" {
  backend = "local"
  config  = { path = "${path.root}/../network/terraform.tfstate" }
}

locals {
  network = data.terraform_remote_state.network.outputs
}

resource "terraform_data" "manager" {
  for_each = var.managers
  input = {
    name       = each.key
    private_ip = cidrhost(local.network.vlans.managers, each.value)
    network    = local.network.name
  }
  triggers_replace = [each.key, each.value, local.network]

  provisioner "local-exec" {
    quiet   = true
    command = "${path.root}/../../../../tools/hosts server --name '${self.input.network}' '${self.input.name}=${self.input.private_ip}'"
  }
  provisioner "local-exec" {
    quiet   = true
    when    = destroy
    command = "${path.root}/../../../../tools/hosts down --name '${self.input.network}' '${self.input.name}'"
  }
}
