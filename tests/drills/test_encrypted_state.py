# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make test` reads an OpenTofu-encrypted state only where tofu is at hand; here it is built, so the test cannot be skipped."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]


def test_encrypted_state_is_read() -> None:
    programs = pathlib.Path(sys.executable).parent
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    fill = ["keelson.cluster.bundle", "-i", "localhost,", "-e", '{"bundle_artifacts": ["opentofu"]}']
    subprocess.run([programs / "ansible-playbook", *fill], cwd=ROOT, env=environment, check=True)
    test = ROOT / "tests" / "integration" / "stacks" / "test_opentofu.py"
    done = subprocess.run(
        [programs / "pytest", "-q", test], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr
