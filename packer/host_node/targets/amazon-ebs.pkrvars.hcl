# Builder amazon-ebs: an AMI. Copy this file, change it, and name it as server_image_target. No secret belongs here: credentials
# come from AWS_PROFILE, the environment, or the role of the machine that builds.

# Region in which the server is built and the AMI appears.
region = "eu-central-1"

# Id of the Debian 12 AMI to start from, in that region (wiki.debian.org/Cloud/AmazonEC2Image lists them). This one is none.
source_image = "ami-00000000000000000"

# User that the source image makes: "admin" on Debian's own.
ssh_username = "admin"

# Size of the server while it is built.
instance_type = "t3.small"

# Id of the subnet in which it is built; null for the default network.
subnet = null

# "public_ip", "private_ip" from inside the network, or "session_manager" without any open port.
ssh_interface = "public_ip"

# IAM instance profile of that server, which session_manager needs; else null.
instance_profile = null

# Id of the key that encrypts the AMI; null for the account's default key for EBS.
kms_key = null

# Ids of other accounts that may start servers from the AMI.
accounts = []
