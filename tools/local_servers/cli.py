# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of tools/hosts."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from . import debian, published
from .programs import Fault
from .servers import Servers

ABOUT = "Local servers: systemd containers with ssh, each with a fixed address. Files for a set of servers (ssh_config,"
ABOUT += " key, known hosts, hosts.yml: an inventory) lie in .demo/NAME/."
PUBLISHED = "make servers from the server image published in this folder: a disk, or a container image"


def parser() -> argparse.ArgumentParser:
    """The verbs and their options."""
    top = argparse.ArgumentParser(prog="tools/hosts", description=ABOUT)
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text, description=text)
        if name != "image":
            made.add_argument("--name", required=True, help="name of the set of servers")
        if name in ("up", "network"):
            made.add_argument(
                "--subnet", required=True, metavar="CIDR[,CIDR]", help="addresses of the network, of one family or both"
            )
        if name in ("up", "server"):
            made.add_argument("--image", type=Path, metavar="FOLDER", help=PUBLISHED)
        return made

    verb("up", "a network and its servers; what runs is kept").add_argument(
        "hosts", nargs="+", metavar="HOST[=ADDRESS[,ADDRESS]]"
    )
    verb("down", "remove these servers; without HOST all and the network").add_argument(
        "hosts", nargs="*", metavar="HOST"
    )
    verb("network", "the network and the ssh key alone")
    verb("server", "one server, made anew").add_argument("host", metavar="HOST=ADDRESS[,ADDRESS]", type=_with_address)
    ssh = verb("ssh", "log in")
    ssh.add_argument("host", metavar="HOST")
    ssh.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    image = verb("image", "the servers' image alone; prints its name")
    image.add_argument("folder", nargs="?", type=Path, help=PUBLISHED)
    return top


def _with_address(text: str) -> tuple[str, str]:
    host, _, address = text.partition("=")
    if not host or not address:
        raise argparse.ArgumentTypeError(f"{text}: write HOST=ADDRESS")
    return host, address


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments ask for."""
    try:
        _do(parser().parse_args(arguments))
    except Fault as fault:
        print(f"hosts: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _do(given: argparse.Namespace) -> None:
    if given.verb == "image":
        plain = debian.PLAIN_SERVER
        print(published.image(given.folder) if given.folder else debian.image(plain, debian.BOOTS))
        return
    servers = Servers(given.name)
    if given.verb == "up":
        servers.up(given.hosts, given.subnet, given.image)
    elif given.verb == "down":
        servers.down(given.hosts)
    elif given.verb == "network":
        servers.network(given.subnet)
    elif given.verb == "server":
        host, address = given.host
        servers.server(host, address, given.image)
    else:
        if not servers.address(given.host):
            raise Fault(f"there is no server {given.name}-{given.host}")
        os.execvp("ssh", [*servers.ssh(given.host), *given.command])
