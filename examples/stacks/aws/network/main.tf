# The network that the other stacks lie in: an address block, a vlan for each part of the cluster, and who may reach whom.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 5.0" }
  }
}

variable "name" {
  description = "Name of the cluster; everything bears it."
  type        = string
  default     = "product"
}

variable "block" {
  description = "The address block, a /16; each vlan takes a /24 of it."
  type        = string
  default     = "10.70.0.0/16"
}

variable "vlans" {
  description = "Names of the vlans and the number of the /24 that each takes."
  type        = map(number)
  default     = { managers = 1, web = 2, batch = 3 }
}

variable "operators" {
  description = "Address ranges that may connect by ssh."
  type        = list(string)
  default     = []
}

data "aws_availability_zones" "usable" {
  state = "available"
}

resource "aws_vpc" "main" {
  cidr_block = var.block
  tags       = { Name = var.name }
}

resource "aws_subnet" "vlan" {
  for_each          = var.vlans
  vpc_id            = aws_vpc.main.id
  cidr_block        = cidrsubnet(var.block, 8, each.value)
  availability_zone = data.aws_availability_zones.usable.names[each.value % length(data.aws_availability_zones.usable.names)]
  tags              = { Name = "${var.name}-${each.key}" }
}

resource "aws_security_group" "cluster" {
  name        = "${var.name}-cluster"
  description = "The cluster's hosts reach one another; operators reach them by ssh"
  vpc_id      = aws_vpc.main.id

  ingress {
    description = "within the cluster"
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    self        = true
  }

  dynamic "ingress" {
    for_each = length(var.operators) == 0 ? [] : [var.operators]
    content {
      description = "ssh"
      from_port   = 22
      to_port     = 22
      protocol    = "tcp"
      cidr_blocks = ingress.value
    }
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

output "name" {
  value = var.name
}

output "vlans" {
  description = "Names of the vlans and their address ranges."
  value       = { for name, number in var.vlans : name => cidrsubnet(var.block, 8, number) }
}

output "subnets" {
  value = { for name, subnet in aws_subnet.vlan : name => subnet.id }
}

output "security_group" {
  value = aws_security_group.cluster.id
}
