# Builder qemu: a disk from a vendor's cloud image, which QEMU starts. Copy this file, change it, and name it as server_image_target.
# The cloud image itself is named by image_base and image_base_digest.

# "kvm"; "tcg" emulates, some ten times slower; "" is kvm where /dev/kvm can be opened.
accelerator = ""

# "bios" or "uefi". The cloud image decides by which ways the result can start.
firmware = "bios"

# MiB of memory and processors of the server while it is built; servers made from the image have their own.
memory = 2048
cpus   = 2

# How long the server may take to answer by ssh, and to shut down. By emulation on a busy machine: "30m".
patience = "15m"
