# SPDX-License-Identifier: GPL-3.0-or-later
# Three managers by for_each; the addresses come from the network stack, so this state remembers what it saw there.
variable "network_state" {
  type = string
}

data "terraform_remote_state" "network" {
  backend = "local"
  config  = { path = var.network_state }
}

locals {
  prefix = replace(data.terraform_remote_state.network.outputs.vlans.managers, "0/24", "")
}

resource "terraform_data" "server" {
  for_each = { m1 = 11, m2 = 12, "m.3" = 13 }
  input = {
    name       = replace(each.key, ".", "")
    private_ip = "${local.prefix}${each.value}"
    tags       = { Name = "{{ 7 * 7 }}", role = "manager" }
    password   = "known-secret-2"
  }
}
