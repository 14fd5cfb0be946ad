# The variant in which the cloud runs the managers: a Kubernetes cluster of EKS and one group of host nodes.

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

data "terraform_remote_state" "network" {
  backend = "local"
  config  = { path = var.network_state }
}

locals {
  network = data.terraform_remote_state.network.outputs
  roles = {
    cluster = { service = "eks.amazonaws.com", policies = ["AmazonEKSClusterPolicy"] }
    node = {
      service  = "ec2.amazonaws.com"
      policies = ["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryReadOnly"]
    }
  }
  policies = merge([for role, body in local.roles : { for policy in body.policies : "${role}/${policy}" => { role = role, policy = policy } }]...)
}

resource "aws_iam_role" "part" {
  for_each = local.roles
  name     = "${local.network.name}-managed-${each.key}"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = each.value.service } }]
  })
}

resource "aws_iam_role_policy_attachment" "part" {
  for_each   = local.policies
  role       = aws_iam_role.part[each.value.role].name
  policy_arn = "arn:aws:iam::aws:policy/${each.value.policy}"
}

resource "aws_eks_cluster" "main" {
  name     = "${local.network.name}-managed"
  role_arn = aws_iam_role.part["cluster"].arn

  vpc_config {
    subnet_ids              = values(local.network.subnets)
    endpoint_private_access = true
    endpoint_public_access  = false
  }

  depends_on = [aws_iam_role_policy_attachment.part]
}

resource "aws_eks_node_group" "web" {
  cluster_name    = aws_eks_cluster.main.name
  node_group_name = "web"
  node_role_arn   = aws_iam_role.part["node"].arn
  subnet_ids      = [local.network.subnets.web]

  scaling_config {
    desired_size = 2
    max_size     = 4
    min_size     = 1
  }
}
