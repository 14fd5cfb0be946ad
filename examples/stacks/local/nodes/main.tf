# The servers of the applications: two pools, each in a vlan of its own.

variable "web" {
  description = "How many host nodes pool web has."
  type        = number
  default     = 2
}

variable "batch" {
  description = "How many host nodes pool batch has."
  type        = number
  default     = 1
}

variable "web_first" {
  description = "The number of the first host node of pool web. Servers of a new image get new numbers, beside the old ones."
  type        = number
  default     = 1
}

variable "image" {
  description = "Folder of the published server image that new servers of pool web are made from; empty for plain ones."
  type        = string
  default     = ""
}

data "terraform_remote_state" "network" {
  backend = "local"
  config  = { path = "${path.root}/../network/terraform.tfstate" }
}

module "web" {
  source  = "./pool"
  name    = "web"
  size    = var.web
  first   = var.web_first
  image   = var.image
  network = data.terraform_remote_state.network.outputs
}

module "batch" {
  source  = "./pool"
  name    = "batch"
  size    = var.batch
  network = data.terraform_remote_state.network.outputs
}

output "batch_hosts" {
  description = "The servers of pool batch, each with name and private_ip."
  value       = module.batch.hosts
}
