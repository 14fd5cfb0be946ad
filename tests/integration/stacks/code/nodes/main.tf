# SPDX-License-Identifier: GPL-3.0-or-later
# Pool web by count inside a module, pool batch as an output of objects.
module "web" {
  source = "./pool"
}

locals {
  batch = [{ name = "batch0", private_ip = "10.61.3.10", zone = "b" }]
}

output "batch_hosts" {
  value = local.batch
}

output "clusters" {
  value = {
    described = {
      engine      = "nomad"
      environment = "test"
      networks    = { batch = "10.61.3.0/24" }
      managers    = { hosts = [{ name = "d1", address = "10.61.3.21" }] }
      pools       = { batch = { hosts = { b1 = "10.61.3.31" }, labels = { tier = "batch" } } }
      vars        = { motd = "{{ lookup('pipe', 'id') }}" }
    }
  }
}
