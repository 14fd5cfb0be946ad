# Builder openstack: an image of Glance. Copy this file, change it, and name it as server_image_target. No secret belongs here: the
# credentials are in clouds.yaml.

# The cloud's name in clouds.yaml.
cloud = "openstack"

# Id of the Debian 12 image to start from (openstack image list). This one is none.
source_image = "00000000-0000-0000-0000-000000000000"

# Size of the server while it is built.
flavor = "m1.small"

# Ids of its networks. This one is none.
networks = ["00000000-0000-0000-0000-000000000000"]

# Network that gives it a floating address; null when the builder reaches it by its own.
floating_ip_network = null

# User that the source image makes.
ssh_username = "debian"

# Security groups, which must let ssh in; [] for the project's default one.
security_groups = []
