# SPDX-License-Identifier: GPL-3.0-or-later

resource "terraform_data" "web" {
  count = 2
  input = { name = "web${count.index}", private_ip = "10.61.2.1${count.index}" }
}
