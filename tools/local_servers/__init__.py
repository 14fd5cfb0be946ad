# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local servers: systemd containers with ssh, each with a fixed address, as a plain Debian server would be.

`cli` reads the command line, `servers` makes and removes servers and their network, `debian` makes the image of plain
servers, `published` the one of a published server image, `programs` runs programs.
"""
