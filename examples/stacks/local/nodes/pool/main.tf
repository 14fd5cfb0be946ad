# A pool: servers alike, in the vlan of the pool's name.

variable "name" {
  type = string
}

variable "size" {
  type = number
}

variable "network" {
  description = "Outputs of the network stack."
  type        = object({ name = string, vlans = map(string) })
}

resource "terraform_data" "server" {
  count = var.size
  input = {
    name       = "${var.name}${count.index + 1}"
    private_ip = cidrhost(var.network.vlans[var.name], count.index + 11)
    network    = var.network.name
  }
  triggers_replace = [count.index, var.network]

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

output "hosts" {
  value = terraform_data.server[*].output
}
