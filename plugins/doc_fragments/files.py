# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option C(files) of the modules that write files."""

from __future__ import annotations


class ModuleDocFragment:
    """What the modules share."""

    DOCUMENTATION = r"""
options:
  files:
    description: Files, directories and links to write, in this order.
    type: list
    elements: dict
    suboptions:
      path:
        description: Absolute path on the host.
        type: path
        required: true
      state:
        description:
          - What shall be there. V(absent) removes a directory with all that is in it. With V(private) the path is a pattern, in
            which C(**) goes down folders; what others than root and O(files[].owner) may do with its files is taken away.
        type: str
        choices: [file, directory, link, absent, private]
        default: file
      content:
        description: Text of the file.
        type: str
      data:
        description: Data to be written as JSON with sorted keys, instead of O(files[].content).
        type: dict
      merge:
        description:
          - Lay O(files[].data) over the JSON of the file that was there before the component came, which stays otherwise.
        type: bool
        default: false
      target:
        description: Where the link points.
        type: path
      mode:
        description: Permissions in octal digits, for files and directories.
        type: str
      owner:
        description: Name of the owner.
        type: str
        default: root
      group:
        description: Name of the group.
        type: str
        default: root
      secret:
        description: Keep the content out of the diff.
        type: bool
        default: false
"""
