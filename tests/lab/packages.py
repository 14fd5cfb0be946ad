# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages of Debian's format for a local repository on a server: apt installs them as it does those of the distribution."""

from __future__ import annotations

from .servers import Lab, Server

# Of a package, a control file, a script that asks for a reboot, and one that refuses it where a file says so;
# of the repository, what apt reads. $1 is the folder, $2 the label, the others are NAME=VERSION.
_SCRIPT = r"""
set -e
folder=$1 label=$2; shift 2
mkdir -p "$folder"; cd "$folder"; : > Packages
for package; do
  name=${package%%=*} version=${package#*=}
  rm -rf build; mkdir -p build/DEBIAN
  printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: test\nDescription: test\n' $name $version > build/DEBIAN/control
  printf '#!/bin/sh\n[ "$1" != configure ] || touch /run/reboot-required\n' > build/DEBIAN/postinst
  printf '#!/bin/sh\n[ ! -e /run/refuse-packages ]\n' > build/DEBIAN/preinst
  chmod 755 build/DEBIAN/p*inst
  dpkg-deb -b build $name-$version.deb > /dev/null
  { cat build/DEBIAN/control; echo "Filename: ./$name-$version.deb"; echo "Size: $(stat -c %s $name-$version.deb)"
    echo "SHA256: $(sha256sum $name-$version.deb | cut -d' ' -f1)"; echo; } >> Packages
done
rm -rf build
{ printf 'Origin: test\nLabel: %s\nSuite: stable\nVersion: 12\nSHA256:\n' "$label"
  echo " $(sha256sum Packages | cut -d' ' -f1) $(stat -c %s Packages) Packages"; } > Release
"""


def serve(lab: Lab, host: Server, folder: str, label: str, packages: dict[str, str]) -> None:
    """Make a repository of these packages, version by name, on a server, and have apt know no others of that label."""
    wanted = " ".join(f"{name}={version}" for name, version in packages.items())
    lab.ssh(host, f"sh -s {folder} {label} {wanted}", given=_SCRIPT)
    lab.ssh(host, f"echo 'deb [trusted=yes] file:{folder} ./' > /etc/apt/sources.list.d/{label}.list")


def only_local(lab: Lab, host: Server) -> None:
    """Have apt know no repository of the distribution."""
    lab.ssh(host, ": > /etc/apt/sources.list")


def installed(lab: Lab, host: Server, name: str) -> str:
    """The version of a package on a server."""
    return lab.ssh(host, f"dpkg-query -W -f '${{Version}}' {name}", check=False)
