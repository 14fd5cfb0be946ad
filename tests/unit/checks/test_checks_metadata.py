# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cloud's metadata address is closed to workloads, and verify sees from inside one when it is not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.keelson.cluster.plugins.filter.metadata_rules import TABLE, metadata_rules
from ansible_collections.keelson.cluster.plugins.module_utils.checks.sample_app import METADATA, SampleError, metadata
from ansible_collections.keelson.cluster.plugins.module_utils.nomad import sample
from ansible_collections.keelson.cluster.plugins.module_utils.nomad.api import Api
from ansible_collections.keelson.cluster.plugins.plugin_utils import components

ROOT = Path(__file__).parents[3]
REFUSED = "dial tcp 169.254.169.254:80: connect: no route to host"


def test_rules() -> None:
    text = metadata_rules(["169.254.169.254", "fd00:ec2::254"])
    assert text.splitlines()[:2] == [f"table {TABLE}", f"delete table {TABLE}"], (
        "loaded again, there is one of each rule"
    )
    assert '    iifname != "lo" ip daddr 169.254.169.254 jump closed' in text
    assert "    meta skuid != 0 ip6 daddr fd00:ec2::254 jump closed" in text
    assert "daddr" not in metadata_rules([])
    with pytest.raises(
        AnsibleFilterError, match="cluster_metadata_addresses: '10.0.0.0/8; flush ruleset' is no IP address"
    ):
        metadata_rules(["10.0.0.0/8; flush ruleset"])


def test_everybody_knows_the_same_addresses() -> None:
    defaults = yaml.safe_load((ROOT / "roles/host_node/defaults/main/main.yml").read_text())
    assert str(list(METADATA)) in defaults["host_node_metadata_addresses"]
    documented = (ROOT / "plugins/modules/cluster_sample.py").read_text()
    assert 'default: [169.254.169.254, "fd00:ec2::254"]' in documented
    for engine in ("kubernetes", "nomad"):
        node = components.engine(engine).parts["node"]
        assert TABLE in node.owned.tables and "keelson-metadata.service" in node.services


def judge(*answers: tuple[bool, str], addresses: tuple[str, ...] = METADATA) -> dict[str, Any]:
    """The check on two hosts, whose instances get these answers in turn."""
    left = list(answers)
    instances = [{"id": "a", "host": "w1"}, {"id": "b", "host": "w2"}, {"id": "c", "host": "w2"}]
    application: Any = SimpleNamespace(instances=lambda: instances)
    [check] = metadata(application, list(addresses), lambda _number, _url: left.pop(0))
    return dict(check)


def test_closed() -> None:
    no_network = (False, "dial tcp [fd00:ec2::254]:80: connect: network is unreachable")
    check = judge((False, REFUSED), no_network, (False, REFUSED), no_network)
    assert check["passed"] and check["evidence"] == "http://169.254.169.254/, http://[fd00:ec2::254]/ refused on w1, w2"
    application: Any = SimpleNamespace(instances=list)
    assert metadata(application, [], lambda _number, _url: (True, "")) == []
    assert not metadata(application, list(METADATA), lambda _number, _url: (False, REFUSED))[0]["passed"]


def test_closed_by_ipv6() -> None:
    """What the kernel makes of the answer `administratively prohibited` there."""
    answer = (False, "dial tcp [fd00:ec2::254]:80: connect: permission denied")
    assert judge(answer, answer, addresses=("fd00:ec2::254",))["passed"]


@pytest.mark.parametrize(
    ("good", "text"),
    [
        (True, "ami-id hostname"),
        (False, "401 Unauthorized"),
        (False, "context deadline exceeded"),
        (False, "connect: connection refused"),
    ],
    ids=["answered", "IMDSv2", "no rule, no service", "no rule, nothing on that port"],
)
def test_not_closed(good: bool, text: str) -> None:
    check = judge((False, REFUSED), (False, REFUSED), (good, text), addresses=("169.254.169.254",))
    assert check["passed"], "only one instance of each host is asked"
    check = judge((False, REFUSED), (good, text), addresses=("169.254.169.254",))
    assert not check["passed"]
    assert check["evidence"] == f"w2 does not refuse http://169.254.169.254/ to a workload: {text}"


def test_nomad_asks_from_inside_an_allocation() -> None:
    api = Api("fd00::11", 4646, "/ca", "/cert", "/key", "secret")
    calls: list[tuple[list[str], dict[str, str]]] = []

    def run(command: list[str], environment: dict[str, str]) -> tuple[int, str, str]:
        calls.append((command, environment))
        return codes.pop(0), "the\nanswer", "no such allocation"

    codes = [0, 3, 1]
    assert sample.ask(api, run, "a1", "http://x/") == (True, "the answer")
    assert sample.ask(api, run, "a1", "http://x/") == (False, "the answer")
    with pytest.raises(SampleError, match="nomad alloc exec a1: no such allocation"):
        sample.ask(api, run, "a1", "http://x/")
    command, environment = calls[0]
    assert command[-3:] == ["/sample", "get", "http://x/"] and "secret" not in command
    assert environment["NOMAD_ADDR"] == "https://[fd00::11]:4646" and environment["NOMAD_TOKEN"] == "secret"


def test_an_answer_that_nomad_loses_is_asked_for_again() -> None:
    answers = [(3, "", ""), (3, "", ""), (3, "no route to host", "")]
    api = Api("10.0.0.11", 4646, "/ca", "/cert", "/key", "secret")
    assert sample.ask(api, lambda _command, _environment: answers.pop(0), "a1", "http://x/") == (
        False,
        "no route to host",
    )
    lost = sample.ask(api, lambda _command, _environment: (3, "", ""), "a1", "http://x/")
    assert lost == (False, ""), "it is not asked for ever"
