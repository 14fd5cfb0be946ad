#!/usr/bin/env python3
# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server image costs, how large it is, what differs between two builds, what a boot and a join of it cost.

As root, with the bundle filled and the base kept (`make image` once before). $KEELSON_BENCH_ENGINES names the engines.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml
from figures import FOLDER, ROOT, Bench, Figure, Table

sys.path.insert(0, str(ROOT / ".ansible" / "collections"))
sys.path.insert(0, str(ROOT / "tests"))

from ansible_collections.keelson.cluster.plugins.plugin_utils import sign
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle.store import default_root
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image import make
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.assembly import listing
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.checks import boot_test
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.publish import publish
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.request import Request
from lab.from_image import joined
from lab.servers import ENGINE, driver

ENGINES = os.environ.get("KEELSON_BENCH_ENGINES", ENGINE).split()
#: Two builds have the same name, so each gets a directory of its own; the moment is part of the name.
EPOCH = 1767225600
#: What kubernetes-sigs/image-builder does for the same, as it publishes it; read, not run: it needs KVM and downloads.
PUBLISHED = "https://github.com/kubernetes-sigs/image-builder/blob/061e9669f4eb5aa71ac8fdbacfb82551b3eaec0e/images/capi/packer/qemu/packer.json.tmpl"
STEPS = [
    [
        "start",
        "boot a machine by KVM from the distribution's installer medium",
        "unpack the kept base, known by its digest",
    ],
    ["operating system", "unattended installation, typed into the boot prompt", "none: packages are in the base"],
    ["first playbook", "`firstboot.yml` over ssh, then a reboot", "none"],
    [
        "roles",
        "`node.yml` over ssh: node, providers, containerd, kubernetes, sysprep",
        "`host_node`, in the tree, as live servers have it",
    ],
    ["artifacts", "downloaded by the machine while it is built", "from the bundle, by digest, without network"],
    ["checks", "Goss inside the machine that is built", "on the finished file, then in two servers booted from it"],
    ["after", "the machine is shut down; hooks", "manifest, SBOM, provenance and test results, signed"],
]


def artifacts(engine: str) -> list[str]:
    """What the image must have, as the playbook has it."""
    plays = yaml.safe_load((ROOT / "playbooks/server_image.yml").read_text())
    names: dict[str, list[str]] = plays[-1]["vars"]["__image_artifacts"]
    return names[engine]


def build(engine: str, output: Path) -> dict[str, Any]:
    """One build."""
    request = Request(
        engine=engine,
        output=output,
        bundle=default_root(),
        architecture="amd64",
        base="",
        base_digest="",
        base_days=7.0,
        apt_sources="",
        size=4096,
        kernel_options="console=ttyS0,115200n8 no_timer_check",
        epoch=EPOCH,
        key=sign.default_key(),
        artifacts=artifacts(engine),
    )
    return make.make(request, lambda what: print(f"image bench: {engine}: {what}", file=sys.stderr))


def slowest(engine: str, booted: dict[str, Any]) -> Table:
    """Where the servers spent their boots, as systemd tells it."""
    rows = [[server, what, seconds] for server, spent in booted["boots"].items() for what, seconds in spent.items()]
    return Table(f"{engine}: seconds of the boots", ["server", "what", "seconds"], rows)


def main() -> int:
    """Measure and publish."""
    bench = Bench("image", "Server images")
    folder = FOLDER / "images"
    shutil.rmtree(folder, ignore_errors=True)
    for engine in ENGINES:
        first, second = (build(engine, folder / f"{engine}-{number}") for number in (1, 2))
        images = [Path(made["path"]).parent for made in (first, second)]
        found = listing.difference(*(listing.read(image / publish.FILES) for image in images))
        differing = [path for paths in found.values() for path in paths]
        after = sum(second["phases"][phase] for phase in (make.CHECKING, make.PUBLISHING))
        bench.figures += [
            Figure(f"{engine}: from the kept base to a bootable qcow2", second["seconds"] - after, 60.0, "s"),
            Figure(f"{engine}: checks of the finished file", second["checks_seconds"], 5.0, "s"),
            Figure(f"{engine}: size of the file", second["size"] / (1 << 20), driver(engine).IMAGE_MIB, "MiB"),
        ]
        rows = [[what, seconds] for what, seconds in second["phases"].items()]
        bench.tables.append(Table(f"{engine}: where the second build spent its time", ["phase", "seconds"], rows))
        same = "the disks are the same, bit for bit" if first["digest"] == second["digest"] else "the disks differ"
        shown = ", ".join(f"`{path}`" for path in differing[:20]) or "none"
        bench.notes.append(f"{engine}: two builds of the same inputs: {same}; files that differ: {shown}.")
        booted = boot_test.test(images[1], sign.default_key(), 600, [], print)
        for server, spent in booted["boots"].items():
            asked = sum(check["host"] == server for check in booted["checks"])
            title = f"{engine}: {server} by emulation, boot and {asked} checks"
            bench.figures.append(Figure(title, spent[boot_test.BOOTED], 120.0, "s"))
        bench.notes.append(
            f"{engine}: the test of a booted image, with both servers and their comparison, took {booted['seconds']:.0f} s; they boot "
            "at once only where there are four processors."
        )
        bench.tables.append(slowest(engine, booted))
        costs = joined(engine, images[1])
        bench.figures += [
            Figure(f"{engine}: tasks that change a host from the image when it joins", len(costs.changed), 10),
            Figure(
                f"{engine}: a host from the image until it is ready in its pool, by itself ÷ a plain one by a run",
                costs.alone / costs.plain.seconds,
                0.25,
            ),
            Figure(
                f"{engine}: the same with a run for either",
                costs.ready.seconds / costs.plain.seconds,
                0.25,
            ),
        ]
        bench.notes.append(
            f"{engine}: `install --limit HOST` took {costs.plain.seconds:.1f} s for a plain server and {costs.ready.seconds:.1f} s "
            f"for one from the image, start of Ansible and preflight of the cluster in both; changed there: {', '.join(costs.changed)}. "
            f"With a join document and no controller it took {costs.alone:.1f} s."
        )
    bench.tables.append(
        Table(
            f"Steps beside those of [kubernetes-sigs/image-builder]({PUBLISHED}), target qemu",
            ["step", "image-builder", "here"],
            STEPS,
        )
    )
    bench.notes.append(
        "image-builder's steps are those of its template; it was not run beside, since it needs KVM and the internet."
    )
    return bench.publish()


if __name__ == "__main__":
    sys.exit(main())
