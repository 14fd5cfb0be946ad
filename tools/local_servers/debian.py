# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container images of Debian, made by mmdebstrap; the name of each ends with a digest of its recipe."""

from __future__ import annotations

import fcntl
import hashlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass

from .programs import CACHE, run, succeeds

# What a container has no device or right for; a failed unit would make every server "degraded".
NO_DEVICE = (
    "systemd-udevd.service systemd-udev-trigger.service systemd-logind.service getty.target console-getty.service "
    "sys-kernel-debug.mount sys-kernel-tracing.mount e2scrub_reap.service systemd-udevd-control.socket "
    "systemd-udevd-kernel.socket fstrim.timer e2scrub_all.timer apt-daily.timer apt-daily-upgrade.timer"
)

# Turns the root file system "$1" into a server: its own host keys and machine-id at first boot, key-only root login.
SERVER = f"""set -eu
cd "$1"
rm -f etc/ssh/ssh_host_* var/lib/dbus/machine-id etc/resolv.conf etc/hostname
: > etc/machine-id
echo 'PermitRootLogin prohibit-password' > etc/ssh/sshd_config.d/root.conf
cat > etc/systemd/system/ssh-host-keys.service <<UNIT
[Unit]
Description=Make this server's own ssh host keys
Before=ssh.service
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key
[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -A
[Install]
WantedBy=multi-user.target
UNIT
chroot . systemctl -q enable ssh-host-keys.service
chroot . systemctl -q mask {NO_DEVICE}
"""

# How podman starts what boots as a server does, and ends it.
BOOTS = ("STOPSIGNAL SIGRTMIN+3", 'CMD ["/lib/systemd/systemd"]')


@dataclass(frozen=True)
class Recipe:
    """What an image is made of; `customize` is a shell script that finds the root file system in "$1"."""

    title: str
    suite: str
    packages: Sequence[str]
    variant: str = "minbase"
    customize: str = ""

    def digest(self, architecture: str) -> str:
        """A short digest of all that the image depends on."""
        return hashlib.sha256(repr((*astuple(self), architecture)).encode()).hexdigest()[:12]

    def command(self, tar: str) -> list[str]:
        """How mmdebstrap makes it."""
        options = ["Acquire::Check-Valid-Until 'false'", "APT::Install-Recommends 'false'"]
        hooks = [f"--customize-hook={self.customize}"] if self.customize else []
        return [
            "mmdebstrap",
            "--quiet",
            f"--variant={self.variant}",
            f"--include={','.join(self.packages)}",
            *(f"--aptopt={option}" for option in options),
            *hooks,
            self.suite,
            tar,
        ]


PLAIN_SERVER = Recipe(
    title="host",
    suite="bookworm",
    packages=(
        *("systemd", "systemd-sysv", "dbus", "udev", "kmod", "openssh-server", "python3", "python3-apt", "iproute2"),
        *("iputils-ping", "nftables", "iptables", "ca-certificates", "procps", "curl", "less", "sudo", "netbase"),
        *("tzdata", "e2fsprogs"),
    ),
    variant="apt",
    customize=SERVER,
)


def image(recipe: Recipe, changes: Sequence[str] = ()) -> str:
    """Make the image unless it is there, one process at a time; returns its name."""
    key = recipe.digest(run("dpkg", "--print-architecture"))
    name = f"localhost/keelson-{recipe.title}:{key}"
    with _lock():
        if not succeeds("podman", "image", "exists", name):
            tar = CACHE / f"{recipe.title}-{key}.tar"
            if not tar.exists():
                print(f"hosts: making the image {recipe.title} (Debian {recipe.suite}, about 30 s)", file=sys.stderr)
                for part in CACHE.glob(".part-*"):
                    part.unlink()
                part = CACHE / f".part-{key}.tar"
                run(*recipe.command(str(part)))
                part.rename(tar)
            run("podman", "import", "-q", *(f"--change={change}" for change in changes), tar, name)
    return name


@contextmanager
def _lock() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
