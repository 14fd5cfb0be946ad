# Builder proxmox: a template of Proxmox VE. Copy this file, change it, and name it as server_image_target. No secret belongs here:
# PROXMOX_USERNAME and PROXMOX_TOKEN come from the environment.

# The API; its certificate is verified, so the builder must know who signed it.
url = "https://proxmox.example:8006/api2/json"

# Node on which the server is built and the template appears.
node = "pve1"

# Number of the template to start from: a Debian 12 cloud image with a cloud-init drive.
source_id = 9000

# Bridge of its network, which has DHCP.
bridge = "vmbr0"

# MiB of memory and processors while it is built.
memory = 2048
cores  = 2
