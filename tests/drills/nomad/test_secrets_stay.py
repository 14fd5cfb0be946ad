# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret of the cluster shows in a log, a diff, a fact cache, a command line or a file that others may read."""

from __future__ import annotations

import json
import threading
import time
import uuid
from pathlib import Path

import pytest
from lab.servers import Lab
from lab.state import assert_whole

# Every file that others may read, and what Ansible and the services said; on a host, with the secrets on its input.
SEARCH = r"""
import json, os, stat, subprocess, sys
secrets = {name: word.encode() for name, word in json.load(sys.stdin).items()}
journal = subprocess.run(["journalctl", "--no-pager", "--quiet"], capture_output=True).stdout
found = [f"{name} in the journal" for name, word in secrets.items() if word in journal]
for folder, below, files in os.walk("/"):
    below[:] = [name for name in below if os.path.join(folder, name) not in ("/proc", "/sys", "/dev", "/usr")]
    for name in files:
        path = os.path.join(folder, name)
        mode = os.lstat(path).st_mode
        if stat.S_ISREG(mode) and mode & stat.S_IROTH:
            with open(path, "rb") as handle:
                text = handle.read()
            found += [f"{secret} in {path}" for secret, word in secrets.items() if word in text]
print(json.dumps(found))
"""


class CommandLines(threading.Thread):
    """Collects every command line on this machine; the local servers' processes are among them."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[bytes] = set()
        self._over = threading.Event()

    def run(self) -> None:
        """Look until stop() is called."""
        while not self._over.is_set():
            for process in Path("/proc").iterdir():
                if process.name.isdigit():
                    try:
                        self.seen.add((process / "cmdline").read_bytes())
                    except OSError:
                        continue
            time.sleep(0.03)

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()


def secrets(lab: Lab) -> dict[str, str]:
    """Every secret by a name, each as a word without line ends; of a key its longest line."""
    kept = lab.secrets()
    keys = {f"key of {host.name}": lab.ssh(host, "cat /etc/nomad.d/tls/key.pem") for host in lab.hosts}
    keys["ca_key"] = kept["ca_key"]
    words = {name: max(text.splitlines(), key=len) for name, text in keys.items()}
    return {**words, "gossip_key": kept["gossip_key"], "bootstrap_token": kept["bootstrap_token"]}


def leaks(lab: Lab, folder: Path, *arguments: str) -> list[str]:
    """Install on bare servers as talkatively as can be and name every place where a secret shows."""
    lab.play("uninstall", "-e", f"uninstall_confirm={lab.name}")
    environment = {
        "ANSIBLE_LOG_PATH": str(folder / "ansible.log"),
        "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder / "facts"),
        "ANSIBLE_RETRY_FILES_ENABLED": "1",
        "ANSIBLE_RETRY_FILES_SAVE_PATH": str(folder / "retry"),
    }
    lines = CommandLines()
    lines.start()
    run = lab.play("install", "-vvv", "--diff", *arguments, environment=environment).expect()
    lines.stop()
    assert_whole(lab)
    assert len(lines.seen) > 50 and any(b"ansible-playbook" in line for line in lines.seen)
    words = secrets(lab)
    texts = {"the output": run.output.encode(), "a command line": b"\n".join(lines.seen)}
    texts |= {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert str(folder / "ansible.log") in texts
    assert any("/facts/" in name for name in texts)
    found = [
        f"{name} in {place}" for place, text in texts.items() for name, word in words.items() if word.encode() in text
    ]
    for host in lab.hosts:
        # The program moved instances in argv, the secrets do not.
        said = lab.ssh(host, f"python3 -c '{SEARCH}'", given=json.dumps(words))
        found += [f"{host.name}: {place}" for place in json.loads(said)]
    return found


def test_no_secret_shows(lab: Lab, tmp_path: Path) -> None:
    assert leaks(lab, tmp_path) == []


def test_the_search_finds_what_is_shown(lab: Lab, tmp_path: Path) -> None:
    """With the one switch off, the same search finds the same secrets in the log."""
    found = leaks(lab, tmp_path, "-e", "cluster_no_log=false")
    for name in ("ca_key", "gossip_key", "bootstrap_token"):
        assert f"{name} in the output" in found


@pytest.mark.parametrize("place", ["/etc/leak", "/var/lib/leak"])
def test_the_search_finds_a_file_that_others_may_read(cluster: Lab, place: str) -> None:
    host = cluster.managers[0]
    words = {"word": uuid.uuid4().hex}
    cluster.ssh(host, f"umask 0; cat > {place}", given=f"x{words['word']}x")
    try:
        said = cluster.ssh(host, f"python3 -c '{SEARCH}'", given=json.dumps(words))
        assert json.loads(said) == [f"word in {place}"]
    finally:
        cluster.ssh(host, f"rm {place}")
