# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One build from its beginning to the moment its file appears: a folder of its own, Packer in it, the result or nothing.

Everything happens in a hidden folder of the output directory, which a lock marks as in use. Packer and all it starts
live in a process namespace of their own: when the build ends, however it ends, the kernel ends them and their mounts.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.bundle import packages

from ...bundle import manifest as artifacts
from ...bundle.store import Store, is_held
from ..errors import ImageError
from . import tree
from .programs import run
from .spec import FAULT, TREE, BuildSpec
from .steps import CHECKS

ROOT = Path(__file__).resolve().parents[4]
TEMPLATE = ROOT / "packer" / "host_node"
#: Of this build alone: opens the server that is built, and the way to it that Packer's Ansible plugin offers.
KEY = "key"
#: What remains of a build that failed: the output of all programs.
LOG = "build.log"
#: The kernel ends what is started so when we end, and with it its whole namespace.
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")

Tell = Callable[[str], None]


@contextlib.contextmanager
def workspace(output: Path) -> Iterator[Path]:
    """A folder for one build, gone afterwards; those of builds that were killed are removed as well."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        for left in output.glob(".build-*"):
            if not is_held(left):
                shutil.rmtree(left)
        tree.forget_killed()
        work = Path(tempfile.mkdtemp(prefix=".build-", dir=output))
    except OSError as error:
        raise ImageError(f"{output}: cannot be written: {error.strerror}") from error
    handle = os.open(work, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
        os.close(handle)


def need_space(output: Path, mib: int) -> None:
    """Raise ImageError unless a build has room: its tree, its disk and its file lie there at once."""
    free = shutil.disk_usage(output).free >> 20
    if free < mib:
        raise ImageError(f"{output}: a build needs {mib} MiB there, {free} are free; nothing was built")


def artifact(store: Store, name: str, file: str) -> tuple[str, Path]:
    """Version of an artifact in the bundle, and where a file of it lies; raise ImageError when it is missing."""
    version = artifacts.default_version(*artifacts.load(name))
    entry = store.index()["artifacts"].get(name, {}).get(version, {}).get(packages.machine())
    blobs = [store.blob(item["digest"]) for item in entry["files"] if item["path"] == file] if entry else []
    if not blobs or not blobs[0].is_file():
        raise ImageError(f"{name} {version} is not in the bundle {store.root}: fill it with playbook bundle")
    return version, blobs[0]


def place_packer(store: Store, folder: Path, plugins: Sequence[str]) -> tuple[str, Path]:
    """Put Packer and plugins of it from the bundle where they can run; return its version and the program."""
    version, blob = artifact(store, "packer", "packer")
    program = folder / f"packer-{version}"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _copy_program(blob, program)
    for name in plugins:
        plugin = f"packer-plugin-{name}"
        plugin_version, blob = artifact(store, plugin, plugin)
        note = folder / f"{plugin}-{plugin_version}"
        if note.exists():
            continue
        _copy_program(blob, folder / plugin)
        argv = [str(program), "plugins", "install", "--path", str(folder / plugin), f"github.com/hashicorp/{name}"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=_environment(folder))
        if done.returncode:
            raise ImageError(f"Packer does not take {plugin} {plugin_version}: {done.stderr.strip()}")
        (folder / plugin).unlink()
        note.touch()
    return version, program


def _copy_program(blob: Path, target: Path) -> None:
    beside = target.with_suffix(".part")
    shutil.copyfile(blob, beside)
    beside.chmod(0o755)
    beside.replace(target)


def _environment(folder: Path) -> dict[str, str]:
    quiet = {"CHECKPOINT_DISABLE": "1", "PACKER_NO_COLOR": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
    quiet["ANSIBLE_DISPLAY_SKIPPED_HOSTS"] = "1"  # else a task is named when it ends
    quiet["ANSIBLE_FORCE_COLOR"] = "0"  # the output is read again, see fault
    return {
        **os.environ,
        **quiet,
        "PACKER_PLUGIN_PATH": str(folder / "plugins"),
        "HOME": os.environ.get("HOME", "/root"),
    }


def prepare(work: Path, spec: BuildSpec, versions: Mapping[str, str], variables: Mapping[str, Any]) -> None:
    """Write what the template reads: the spec, versions by artifact, the inventory with the tree, the role's variables.

    And a throwaway key, which is in known_hosts as that of everybody who answers.
    """
    spec.save(work)
    host = {
        "ansible_connection": "keelson.cluster.tree",
        "ansible_host": str(work / TREE),
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    (work / "inventory.yml").write_text(json.dumps({"all": {"hosts": {"image": host}}}))
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "builder", "-f", str(work / KEY)])
    (work / "known_hosts").write_text(f"* {(work / KEY).with_suffix('.pub').read_text()}")
    known = f"-o UserKnownHostsFile={shlex.quote(str(work / 'known_hosts'))} -o GlobalKnownHostsFile=/dev/null"
    ssh = {"ansible_ssh_private_key_file": str(work / KEY), "ansible_ssh_common_args": known}
    (work / "variables.json").write_text(json.dumps({**variables, **ssh}))
    tools = {
        "python": sys.executable,
        "ansible_playbook": str(Path(sys.executable).with_name("ansible-playbook")),
        "collections": str(_collections()),
    }
    image = {"name": spec.name, "size": spec.size, "base": spec.base, "base_digest": spec.base_digest}
    told = {"work": str(work), "tools": tools, "artifacts": dict(versions), "image": image}
    (work / "packer.json").write_text(json.dumps(told))


def _collections() -> Path:
    """The folder that holds C(ansible_collections/keelson/cluster), as this process imports it."""
    module = sys.modules[__name__].__spec__
    if module is None or not module.origin:
        raise ImageError("the collection is not read from files, so Packer cannot be told where it is")
    return Path(module.origin).parents[7]


def look(work: Path, file: Path, expected: Mapping[str, Any]) -> dict[str, Any]:
    """What a look into a finished file tells: `answers` of all checks and their `seconds`, `packages`, how many `files`.

    It happens in a process whose mounts end with it. The list of files is left in WORK/files.gz.
    """
    (work / "look.json").write_text(json.dumps({"file": str(file), "expected": dict(expected)}))
    argv = [*DIES_WITH_US, "unshare", "--mount", sys.executable, str(TEMPLATE / "steps.py"), "look", str(work)]
    environment = {**os.environ, "PYTHONPATH": str(_collections())}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise ImageError(done.stderr.strip().removeprefix(FAULT) or f"{file}: the checks ended with {done.returncode}")
    found: dict[str, Any] = json.loads((work / CHECKS).read_text())
    return found


def run_packer(program: Path, work: Path, template: Path, target: Path | None, log: Path, tell: Tell) -> None:
    """Run Packer to its end, with the variables of `target`; raise ImageError with the one message that says what failed."""
    argv = [*DIES_WITH_US, "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    argv += [str(program), "build", "-color=false", f"-var-file={work / 'packer.json'}"]
    argv += [*([f"-var-file={target}"] if target else []), str(template)]
    with log.open("w", buffering=1) as writing:  # by lines, for who follows it
        process = subprocess.Popen(
            argv,
            cwd=work,
            env={**_environment(program.parent), "PACKER_CONFIG_DIR": str(work / "packer")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        lines: list[str] = []
        try:
            for line in process.stdout or ():
                writing.write(line)
                lines.append(line.rstrip())
                note = progress(line)
                if note:
                    tell(note)
            code = process.wait()
        finally:
            process.kill()
            process.wait()
    if code != 0:
        raise ImageError(f"{fault(lines)} (the whole output: {log})")


def kept(work: Path) -> list[str]:
    """How the cloud calls the images that Packer made in it."""
    builds = json.loads((work / "made.json").read_text())["builds"]
    return [str(made["artifact_id"]) for made in builds]


def plain(line: str) -> str:
    """A line of Packer's output without the name of the build before it."""
    return re.sub(r"^(==>|\s)*host_node\.[a-z.-]+: ?", "", line.rstrip())


def progress(line: str) -> str:
    """What of a line is worth telling while the build runs: tasks, and what our steps say."""
    text = plain(line)
    task = re.match(r"TASK \[(?:[^\]:]* : )?(.*?)\] \**$", text)
    if task:
        return task[1]
    return text if text.startswith("making the base") else ""


def fault(lines: list[str]) -> str:
    """The message of a failed build: our step's, a task's, or Packer's own."""
    texts = [plain(line) for line in lines]
    for text in texts:
        if text.startswith(FAULT):
            return text[len(FAULT) :]
        failed = re.match(r"fatal: \[[^\]]*\]: (?:FAILED|UNREACHABLE)! => (.*)$", text)
        if failed:
            with contextlib.suppress(ValueError):
                return str(json.loads(failed[1]).get("msg", failed[1]))
            return failed[1]
    for number, text in enumerate(texts):
        if text.startswith("Error: "):
            return _paragraphs(texts[number:])
        errored = re.match(r"Build '[^']*' errored after [^:]*: (.*)$", text)
        if errored:
            message = " ".join([errored[1], *(line for line in texts[number + 1 : number + 4] if line)])
            return message.partition(" ==>")[0]
    return " | ".join(text for text in texts if text)[-400:] or "Packer failed without a word"


def _paragraphs(lines: list[str]) -> str:
    """Packer's own error: its title, and what it says below the place in the template."""
    end = next((number for number, line in enumerate(lines) if number and line.startswith("Error")), len(lines))
    shown = [line for line in lines[1:end] if line and not re.match(r"\s|This was checked by|Build '|==> ", line)]
    return " ".join([lines[0].rstrip(":"), *shown[:6]])
