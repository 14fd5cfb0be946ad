# Builder azure-arm: a managed image. Copy this file, change it, and name it as server_image_target. No secret belongs here: who
# builds is who is logged in with `az login`.

# Id of the subscription in which the image is made.
subscription = "00000000-0000-0000-0000-000000000000"

# Resource group in which the server is built and the image appears; it must be there.
resource_group = "images"

# Version of the marketplace's Debian 12 to start from: az vm image list --all --publisher Debian --offer debian-12
source_version = "0.20251112.2294"

# Which of them: "12-gen2" starts by UEFI, "12" by BIOS.
source_sku = "12-gen2"

# Size of the server while it is built.
vm_size = "Standard_B2s"

# Network in which it is built, reached by its private address; null for one of its own with a public address. As
# { name = "build", subnet = "default", resource_group = "networks" }
network = null
