# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules that record in a pipeline share."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of modules that read a pipeline's file and sign what they record."""

    DOCUMENTATION = r"""
author: keelson.cluster contributors (@keelson-cluster)
options:
  file:
    description: The pipeline's file.
    type: path
    required: true
  key:
    description: Private key that signs what is recorded, C($XDG_DATA_HOME/keelson/image.pem) when not given.
    type: path
  public_key:
    description: Public key that is trusted for what was recorded before, that of O(key) when not given.
    type: path
attributes:
  check_mode:
    support: full
    description: Records nothing and runs nothing.
  diff_mode:
    support: none
    description: What is recorded is short enough to read.
"""
