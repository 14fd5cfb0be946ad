# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests from inside a cluster: its engine runs a program on every host node that asks the sample application until the end.

What is asked is an address, or a file that the engine keeps up to date with the instances it knows. A drain leaves such a
program on its host, so it has counted what its host saw all the time.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

from .requests import Requests
from .servers import Lab, Server
from .waiting import wait

#: The program: where it keeps its counts, and the address or the file. An instance counts once it has answered, as a load
#: balancer sends requests to those alone that are well.
ASK = """
import http.client, json, os, sys, time, urllib.request
counts, given = sys.argv[1:]
asked, failed, well = 0, [], set()
while True:
    known = [given]
    if given.startswith("/"):
        with open(given) as file:
            known = file.read().split()
    well &= set(known)
    for url in known:
        fault = ""
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                answer.read()
            well.add(url)
        except (OSError, http.client.HTTPException) as error:
            fault = f"{time.strftime('%X')} {url}: {error}"
        asked += url in well
        failed += [fault] if fault and url in well else []
    with open(counts + ".part", "w") as file:
        json.dump({"asked": asked, "failed": failed}, file)
    os.replace(counts + ".part", counts)
    time.sleep(0.05)
"""


def read(lab: Lab, host: Server, counts: str) -> Requests:
    """What the programs of a host node have counted; C(counts) names their files as its shell does."""
    found = Requests()
    for line in lab.ssh(
        host, f"for file in {counts}; do cat $file && echo; done 2>/dev/null", check=False
    ).splitlines():
        one = json.loads(line)
        found.asked += one["asked"]
        found.failed += [f"{host.name} {fault}" for fault in one["failed"]]
    return found


@contextlib.contextmanager
def counted(lab: Lab, counts: str) -> Iterator[Requests]:
    """Requests of programs that run: known at the end, when each host node has asked."""
    wait("requests from inside", lambda: all(read(lab, host, counts).asked for host in lab.nodes), 120)
    sum_of_all = Requests()
    yield sum_of_all
    for host in lab.nodes:
        found = read(lab, host, counts)
        assert found.asked, f"{host.name} has asked nothing"
        sum_of_all.asked += found.asked
        sum_of_all.failed += found.failed
