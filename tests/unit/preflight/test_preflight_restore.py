# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before a backup is restored, preflight looks for hosts of other clusters, and for nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.action.preflight import ActionModule
from preflight_world import facts

ROOT = Path(__file__).parents[3]
OTHER = {"component": "nomad", "name": "shop", "evidence": "/etc/known"}


def refused(seen: dict[str, list[dict[str, str]]], ignore: tuple[str, ...] = ()) -> bool:
    """Whether the task of playbook restore fails where hosts are C(seen) as members of these clusters; the others do not answer."""
    plays = yaml.safe_load((ROOT / "playbooks/restore.yml").read_text())
    (play,) = (play for play in plays if play["name"] == "See that no host is another cluster's")
    read, judge = play["tasks"][:2]
    assert "keelson.cluster.host_facts" in read
    hostvars: dict[str, dict[str, Any]] = {}
    for number, (name, part) in enumerate({"m1": "manager", "m2": "manager", "w1": "node"}.items()):
        variables = {"cluster_name": "product", "cluster_engine": "nomad", "cluster_part": part}
        known = {"keelson": facts(11 + number, clusters=seen.get(name))}
        told = {"ansible_facts": known} if name in seen else {"unreachable": True, "msg": "no route"}
        hostvars[name] = {**variables, "ansible_facts": known, read["register"]: told}
    options = {"tried": "", **judge["keelson.cluster.preflight"], "ignore": list(ignore)}
    given = {"hostvars": hostvars, "ansible_play_hosts_all": list(hostvars), "groups": {}}
    return bool(ActionModule.act(object.__new__(ActionModule), options, given).get("failed"))


@pytest.mark.parametrize("host", ["m2", "w1"])
def test_no_backup_is_restored_onto_hosts_of_another_cluster(capsys: pytest.CaptureFixture[str], host: str) -> None:
    """That would be two clusters with one end. A restore is for clusters that are not well: it looks for nothing else."""
    seen = {"m1": [{**OTHER, "name": "product"}], host: [OTHER]}
    assert refused(seen)
    told = " ".join(capsys.readouterr().out.split())
    assert f"{host} is already a member of the nomad cluster shop" in told and "(/etc/known)" in told
    assert "remove it there first" in told
    assert "no route" not in told
    assert not refused(seen, ("foreign cluster",)) and not refused({"m1": seen["m1"]})


def test_a_host_of_a_cluster_without_a_name_may_be_this_very_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Its files may be damaged: the message names the way on."""
    seen = {"m1": [{**OTHER, "name": ""}]}
    assert refused(seen) and not refused(seen, ("foreign cluster",))
    told = " ".join(capsys.readouterr().out.split())
    assert "a member of a nomad cluster" in told and "(/etc/known)" in told and "preflight_ignore" in told
