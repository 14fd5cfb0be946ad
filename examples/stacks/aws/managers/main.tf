# The cluster managers: three servers by for_each, in the vlan of that name.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 5.0" }
  }
}

variable "network_state" {
  description = "The state of the network stack."
  type        = string
  default     = "../network/terraform.tfstate"
}

variable "image" {
  description = "The machine image, Debian 12."
  type        = string
}

variable "managers" {
  description = "Names of the managers, an odd number."
  type        = set(string)
  default     = ["m1", "m2", "m3"]
}

data "terraform_remote_state" "network" {
  backend = "local"
  config  = { path = var.network_state }
}

locals {
  network = data.terraform_remote_state.network.outputs
}

resource "aws_instance" "manager" {
  for_each               = var.managers
  ami                    = var.image
  instance_type          = "t3.medium"
  subnet_id              = local.network.subnets.managers
  vpc_security_group_ids = [local.network.security_group]
  tags                   = { Name = "${local.network.name}-${each.key}" }

  metadata_options {
    http_tokens = "required"
  }
}
