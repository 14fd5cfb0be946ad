# Builder googlecompute: an image of Compute Engine. Copy this file, change it, and name it as server_image_target. No secret belongs
# here: credentials are the application default ones.

# Id of the project in which the server is built and the image appears.
project = "my-project"

# Zone in which the server is built.
zone = "europe-west3-a"

# Image to start from, by its name with a date: gcloud compute images list --project debian-cloud --show-deprecated
source_image = "debian-12-bookworm-v20251111"

# Size of the server while it is built.
machine_type = "e2-small"

# Subnetwork in which it is built; null for the project's default network.
subnetwork = null

# true: through Identity-Aware Proxy, without a public address.
tunnel = false
