# SPDX-License-Identifier: GPL-3.0-or-later
# The vlans that the two other stacks lie in.
output "vlans" {
  value = { managers = "10.61.1.0/24", web = "10.61.2.0/24", batch = "10.61.3.0/24" }
}

output "api_endpoint" {
  value = "https://10.61.1.11:4646"
}

output "join_token" {
  value     = "known-secret-1"
  sensitive = true
}
