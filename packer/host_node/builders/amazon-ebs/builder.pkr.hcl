# An AMI in Amazon EC2, from a Debian AMI that is named by its id. Credentials come from where the AWS SDK finds them
# (AWS_PROFILE, the environment, an instance's role), never from a file here.
packer {
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = ">= 1.8.2"
    }
  }
}

variable "region" {
  type        = string
  description = "Region in which the server is built and the AMI appears."
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "The region is one of Amazon's names, such as eu-central-1."
  }
}

variable "source_image" {
  type        = string
  description = "Id of the Debian 12 AMI that the image starts from; an id never means another image."
  validation {
    condition     = can(regex("^ami-[0-9a-f]{8,17}$", var.source_image))
    error_message = "The source image is an AMI's id, such as ami-0123456789abcdef0."
  }
}

variable "ssh_username" {
  type        = string
  default     = "admin"
  description = "User that the source image's cloud-init makes; admin on Debian's own."
}

variable "instance_type" {
  type        = string
  default     = "t3.small"
  description = "Size of the server while it is built."
}

variable "subnet" {
  type        = string
  default     = null
  description = "Id of the subnet in which the server is built; of the default network unless given."
}

variable "ssh_interface" {
  type        = string
  default     = "public_ip"
  description = "By which address the server is reached: public_ip, private_ip, or session_manager."
  validation {
    condition     = contains(["public_ip", "private_ip", "session_manager"], var.ssh_interface)
    error_message = "The ssh_interface is public_ip, private_ip or session_manager."
  }
}

variable "instance_profile" {
  type        = string
  default     = null
  description = "IAM instance profile of the server, which session_manager needs."
}

variable "kms_key" {
  type        = string
  default     = null
  description = "Key that encrypts the AMI; the account's default key for EBS unless given."
}

variable "accounts" {
  type        = list(string)
  default     = []
  description = "Other accounts that may start servers from the AMI."
}

locals {
  source    = "source.amazon-ebs.image"
  inventory = ""
}

source "amazon-ebs" "image" {
  region               = var.region
  source_ami           = var.source_image
  instance_type        = var.instance_type
  subnet_id            = var.subnet
  iam_instance_profile = var.instance_profile
  ssh_username         = var.ssh_username
  ssh_interface        = var.ssh_interface
  communicator         = "ssh"

  ami_name        = var.image.name
  ami_description = "Host node of keelson.cluster"
  ami_users       = var.accounts
  encrypt_boot    = true
  kms_key_id      = var.kms_key
  imds_support    = "v2.0"
  ena_support     = true

  launch_block_device_mappings {
    device_name           = "/dev/xvda"
    volume_type           = "gp3"
    volume_size           = ceil(var.image.size / 1024)
    delete_on_termination = true
  }

  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
  }

  tags = merge({ Name = var.image.name }, { for name, version in var.artifacts : "artifact:${name}" => version })
}
