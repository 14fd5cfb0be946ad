# The fast builder: a tree in a directory, without virtualisation. Steps enter it by systemd-nspawn, and write it as a disk.
locals {
  source    = "source.null.tree"
  inventory = "${var.work}/inventory.yml"
}

source "null" "tree" {
  communicator = "none"
}
