# The host nodes: pool web is a fixed number of servers, pool batch an autoscaling group, whose servers no state lists.

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
  description = "The machine image, Debian 12 or one built from it."
  type        = string
}

variable "web" {
  description = "How many servers pool web has."
  type        = number
  default     = 2
}

variable "batch" {
  description = "How many servers pool batch has at least, now, and at most."
  type        = object({ min = number, now = number, max = number })
  default     = { min = 1, now = 2, max = 8 }
}

data "terraform_remote_state" "network" {
  backend = "local"
  config  = { path = var.network_state }
}

locals {
  network = data.terraform_remote_state.network.outputs
}

resource "aws_instance" "web" {
  count                  = var.web
  ami                    = var.image
  instance_type          = "t3.large"
  subnet_id              = local.network.subnets.web
  vpc_security_group_ids = [local.network.security_group]
  tags                   = { Name = "${local.network.name}-web-${count.index}" }

  metadata_options {
    http_tokens = "required"
  }
}

resource "aws_launch_template" "batch" {
  name_prefix            = "${local.network.name}-batch-"
  image_id               = var.image
  instance_type          = "t3.large"
  vpc_security_group_ids = [local.network.security_group]

  metadata_options {
    http_tokens = "required"
  }
}

resource "aws_autoscaling_group" "batch" {
  name                = "${local.network.name}-batch"
  min_size            = var.batch.min
  desired_capacity    = var.batch.now
  max_size            = var.batch.max
  vpc_zone_identifier = [local.network.subnets.batch]

  launch_template {
    id      = aws_launch_template.batch.id
    version = "$Latest"
  }

  tag {
    key                 = "Name"
    value               = "${local.network.name}-batch"
    propagate_at_launch = true
  }
}
