# A pool: servers alike, in the vlan of the pool's name.

variable "name" {
  type = string
}

variable "size" {
  type = number
}

variable "first" {
  type    = number
  default = 1
}

variable "image" {
  type    = string
  default = ""
}

variable "network" {
  description = "Outputs of the network stack."
  type        = object({ name = string, vlans = map(string) })
}

resource "terraform_data" "server" {
  for_each = toset([for number in range(var.first, var.first + var.size) : tostring(number)])
  input = {
    name       = "${var.name}${each.key}"
    private_ip = cidrhost(var.network.vlans[var.name], each.key + 10)
    network    = var.network.name
    image      = var.image
  }
  triggers_replace = [each.key, var.network]

  lifecycle {
    ignore_changes = [input] # a server keeps the image that it was made from
  }

  provisioner "local-exec" {
    quiet   = true
    command = "${path.root}/../../../../tools/hosts server ${self.input.image == "" ? "" : "--image '${self.input.image}'"} --name '${self.input.network}' '${self.input.name}=${self.input.private_ip}'"
  }
  provisioner "local-exec" {
    quiet   = true
    when    = destroy
    command = "${path.root}/../../../../tools/hosts down --name '${self.input.network}' '${self.input.name}'"
  }
}

output "hosts" {
  value = values(terraform_data.server)[*].output
}
