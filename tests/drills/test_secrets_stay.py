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
from lab.runs import kill
from lab.servers import Lab, Server
from lab.state import assert_whole

# Every file, what processes were started with, and what Ansible and the services said; on a host, with the secrets on its input.
SEARCH = r"""
import json, os, stat, subprocess, sys
secrets = {name: word.encode() for name, word in json.load(sys.stdin).items()}
found = []
def look(place, text, open_to_others):
    found.extend([name, place, open_to_others] for name, word in secrets.items() if word in text)
def read(path):
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except OSError:
        return b""
look("the journal", subprocess.run(["journalctl", "--no-pager", "--quiet"], capture_output=True).stdout, True)
for folder, below, files in os.walk("/"):
    below[:] = [name for name in below if os.path.join(folder, name) not in ("/proc", "/sys")]
    for name in files:
        path = os.path.join(folder, name)
        try:
            mode = os.lstat(path).st_mode
        except OSError:
            continue
        if stat.S_ISREG(mode):
            look(path, read(path), bool(mode & stat.S_IROTH))
for process in filter(str.isdigit, os.listdir("/proc")):
    look(f"/proc/{process}", read(f"/proc/{process}/cmdline") + read(f"/proc/{process}/environ"), True)
print(json.dumps(found))
"""

# Instead of Python on the host: a module whose arguments have secrets is noted, and takes some time, in which the controller is killed.
SLOW, NOTED = "/usr/local/bin/slow-python3", "/run/slow-python3"
SLOW_TEXT = r"""#!/bin/sh
payload=
[ $# -gt 0 ] || payload=$(cat)
case "$1$payload" in
  *AnsiballZ_secret_store*|*AnsiballZ_host_certificate*|*AnsiballZ_config_files*|*AnsiballZ_service_unit*|\
  *modules.secret_store*|*modules.host_certificate*|*modules.config_files*|*modules.service_unit*)
    date +%s.%N >> /run/slow-python3
    sleep 5 ;;
esac
[ -z "$payload" ] || { printf "%s\n" "$payload" | /usr/bin/python3; exit; }
exec /usr/bin/python3 "$@"
"""


class Killer(threading.Thread):
    """Kills the controller while a host runs the module number NUMBER of a task that has secrets."""

    def __init__(self, lab: Lab, task: str, number: int) -> None:
        super().__init__(daemon=True)
        self.lab, self.task, self.number = lab, task, number
        self.notes = lab.folder / "run.jsonl"
        self.notes.unlink(missing_ok=True)
        self.killed = False

    def run(self) -> None:
        """Wait for the task, then for the module."""
        while not (since := self._begun()):
            time.sleep(0.1)
        while all(self._modules(host, since) < self.number for host in self.lab.hosts):
            time.sleep(0.1)
        kill(self.notes)
        self.killed = True

    def _begun(self) -> float:
        lines = self.notes.read_text().splitlines(keepends=True) if self.notes.exists() else []
        events = [json.loads(line) for line in lines if line.endswith("\n")]
        return next((event["time"] for event in events if self.task in event.get("name", "")), 0.0)

    def _modules(self, host: Server, since: float) -> int:
        return sum(float(line) > since for line in self.lab.ssh(host, f"cat {NOTED}", check=False).split())


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


def word(text: str) -> str:
    """The longest line of a secret: a word that no quoting changes."""
    return max(text.splitlines(), key=len)


def secrets(lab: Lab) -> dict[str, str]:
    """Every secret by a name, each as a word without line ends, also on hosts that are half installed."""
    words = {}
    for host in lab.hosts:
        key = lab.driver.host_key(lab, host)
        words |= {f"key of {host.name}": word(key)} if key else {}
        kept = lab.ssh(host, f"cat /etc/keelson/{lab.name}/secrets/*.json 2>/dev/null", check=False)
        for line in kept.splitlines():
            words |= {name: word(text) for name, text in lab.driver.secrets(json.loads(line)["payload"]).items()}
    return words


def places(lab: Lab, name: str) -> tuple[str, ...]:
    """Where a secret may lie on a manager, and on a host node its own key; for the services' accounts alone."""
    kept: tuple[str, ...] = lab.driver.SECRET_PLACES
    return kept if name.startswith("key of") else (*kept, f"/etc/keelson/{lab.name}/")


def on_hosts(lab: Lab, words: dict[str, str]) -> list[str]:
    """Every place on a host where a secret is that ought not to be there, or that others may read."""
    found = []
    for host in lab.hosts:
        # The program moved instances in argv, the secrets do not.
        said = json.loads(lab.ssh(host, f"python3 -c '{SEARCH}'", given=json.dumps(words)))
        for name, place, open_to_others in said:
            own = name == f"key of {host.name}" or not (host.pool or name.startswith("key of"))
            if open_to_others or not (own and place.startswith(places(lab, name))):
                found.append(f"{host.name}: {name} in {place}")
    return found


def leaks(lab: Lab, folder: Path, *arguments: str) -> list[str]:
    """Install on bare servers as talkatively as can be, as Ansible is by default, and name every place where a secret shows."""
    lab.play("uninstall", "-e", f"uninstall_confirm={lab.name}")
    environment = {
        "ANSIBLE_LOG_PATH": str(folder / "ansible.log"),
        "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(folder / "facts"),
        "ANSIBLE_RETRY_FILES_ENABLED": "1",
        "ANSIBLE_RETRY_FILES_SAVE_PATH": str(folder / "retry"),
        "ANSIBLE_PIPELINING": "0",
    }
    lines = CommandLines()
    lines.start()
    run = lab.play("install", "-vvv", "--diff", *arguments, environment=environment).expect()
    lines.stop()
    assert_whole(lab)
    assert len(lines.seen) > 50 and any(b"ansible-playbook" in line for line in lines.seen)
    words = secrets(lab)
    assert len(words) > len(lab.hosts)
    texts = {"the output": run.output.encode(), "a command line": b"\n".join(lines.seen)}
    texts |= {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert str(folder / "ansible.log") in texts
    assert any("/facts/" in name for name in texts)
    found = [
        f"{name} in {place}" for place, text in texts.items() for name, word in words.items() if word.encode() in text
    ]
    return found + on_hosts(lab, words)


def left_by_killed(lab: Lab, cuts: list[tuple[str, int]], *arguments: str) -> list[str]:
    """Install with the controller killed at each of CUTS in turn; where secrets are on the hosts then, by the cut."""
    lab.play("uninstall", "-e", f"uninstall_confirm={lab.name}")
    found = []
    for host in lab.hosts:
        lab.ssh(host, f"cat > {SLOW}; chmod 755 {SLOW}", given=SLOW_TEXT)
    slow = ("-e", f"ansible_python_interpreter={SLOW}")
    for task, number in cuts:
        killer = Killer(lab, task, number)
        killer.start()
        run = lab.play("install", *slow, *arguments, environment={"ANSIBLE_PIPELINING": "0"})
        assert killer.killed, f"the run was not cut off at {task} but ended with {run.code}:\n{run.output[-2000:]}"
        time.sleep(7)  # what it had begun on a host goes on for a moment
        found += [f"{task}: {place}" for place in on_hosts(lab, secrets(lab))]
    for host in lab.hosts:
        lab.ssh(host, f"rm {SLOW} {NOTED}")
    return found


def test_no_secret_shows(lab: Lab, tmp_path: Path) -> None:
    assert leaks(lab, tmp_path) == []


def test_no_secret_stays_where_the_controller_is_killed(lab: Lab) -> None:
    assert left_by_killed(lab, lab.driver.SECRET_CUTS) == []
    lab.play("install").expect()
    assert_whole(lab)


def test_the_search_finds_what_a_killed_controller_leaves(lab: Lab) -> None:
    """Without what the roles force, the same search finds secrets in the login user's temporary folder."""
    unforced = ("-e", "ansible_ssh_pipelining=false", "-e", '{"preflight_ignore": ["pipelining"]}')
    found = left_by_killed(lab, [cut for cut in lab.driver.SECRET_CUTS if cut[0] == "what is secret"], *unforced)
    assert any("/.ansible/tmp/" in place for place in found), found
    for host in lab.hosts:
        lab.ssh(host, "rm -rf ~/.ansible/tmp")


def test_the_search_finds_what_is_shown(lab: Lab, tmp_path: Path) -> None:
    """With the one switch off, the same search finds the same secrets in the log."""
    found = leaks(lab, tmp_path, "-e", "cluster_no_log=false")
    for name in lab.driver.secrets(lab.secrets()):
        assert f"{name} in the output" in found


@pytest.mark.parametrize(
    ("place", "mode"), [("/etc/leak", "644"), ("/var/lib/leak", "644"), ("/root/leak", "600"), ("/dev/shm/leak", "600")]
)
def test_the_search_finds_a_file(cluster: Lab, place: str, mode: str) -> None:
    host, word = cluster.managers[0], uuid.uuid4().hex
    cluster.ssh(host, f"umask 077; cat > {place}; chmod {mode} {place}", given=f"x{word}x")
    try:
        assert on_hosts(cluster, {"word": word}) == [f"{host.name}: word in {place}"]
    finally:
        cluster.ssh(host, f"rm {place}")
