# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Placement: the rules, the file's faults, the calendar, the report, and what engines get of it."""

from __future__ import annotations

import copy
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.plugin_utils.placement import calendar, model, page, render, rules
from ansible_collections.keelson.cluster.plugins.plugin_utils.shape import Moment, moment
from ansible_collections.keelson.cluster.plugins.plugin_utils.user_error import UserError

ROOT = Path(__file__).parents[3]
EXAMPLE: dict[str, Any] = yaml.safe_load((ROOT / "examples/placement/placement.yml").read_text())
NOW = moment("2026-11-30T10:00Z", "test")


def matrix(now: Moment = NOW, **changes: Any) -> rules.Matrix:
    """The example with changes at paths such as C(applications__checkout__data)."""
    raw = copy.deepcopy(EXAMPLE)
    for place, value in changes.items():
        *parents, last = place.split("__")
        entry = raw
        for name in parents:
            entry = entry[name.replace("_of_", "-")]
        entry[int(last) if last.isdigit() else last] = value
    return rules.Matrix(model.parse(raw, "placement.yml"), now)


def told(found: rules.Matrix) -> list[str]:
    return [f"{violation.place} {violation.text}" for violation in rules.violations(found)]


def test_the_example_has_no_violation() -> None:
    found = matrix()
    assert told(found) == []
    assert found.states()["checkout"] == {"shared": "forbidden", "product": "used", "batch": "forbidden"}
    assert found.states()["storefront"]["shared"] == "used"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {
                "applications__storefront__environments": ["prod", "dev", "test"],
                "clusters__shared__environments": ["test"],
            },
            "no cluster may run it in dev",
        ),
        ({"applications__checkout__regimes": []}, "is only for pci"),
        ({"clusters__product__pools__payments__regimes": []}, "has no pci"),
        ({"applications__storefront__data": "confidential"}, "takes only data of a lower class"),
        ({"clusters__product__pools__payments__teams": ["payments", "shop"]}, "is not for payments alone"),
        ({"clusters__batch__teams": ["data", "shop"]}, "is in a cluster that is not for data alone"),
        ({"clusters__product__region": "us-east"}, "lies in us-east, not eu-west"),
        (
            {"clusters__product__pools__payments__teams": ["shop"], "applications__checkout__isolation": "namespace"},
            "is for shop, not for payments",
        ),
        ({"applications__storefront__engines": ["nomad"]}, "runs kubernetes, not nomad"),
        (
            {"clusters__product__engine": "nomad"},
            "cluster product the pools web and payments offer different regimes and teams, but nomad keeps nobody off a pool",
        ),
        (
            {"clusters__product__engine": "nomad"},
            "is in a cluster whose engine, nomad, keeps nobody off a pool, and which is not for payments alone",
        ),
    ],
)
def test_every_rule_is_seen_failing(changes: dict[str, Any], words: str) -> None:
    assert any(words in text for text in told(matrix(**changes))), told(matrix(**changes))


def test_the_fast_answer_is_the_plain_one() -> None:
    found = matrix()
    for name, requirements in found.placement.requirements.items():
        for cluster, pools in found.placement.pools.items():
            lifted = found.lifted.get(name, {}).get(cluster, frozenset())
            plain = any(not rules.why_not(requirement, pool, lifted) for requirement in requirements for pool in pools)
            assert (found.state(name, cluster) != rules.FORBIDDEN) == plain
            assert bool(found.cell(name, cluster).pools) == plain


def test_an_application_with_no_possible_cluster() -> None:
    (text,) = told(matrix(applications__storefront__regions=["mars"], applications__storefront__runs=[]))[:1]
    assert text.startswith(
        "application storefront no cluster may run it in test; nearest is shared, pool web, which lies in eu-west"
    )


def test_a_cluster_of_its_own_is_the_border_that_every_engine_holds() -> None:
    pools = {"payments": {"data": "confidential", "regimes": ["pci"]}}
    alone = {"engine": "nomad", "region": "eu-west", "environments": ["prod"], "teams": ["payments"], "pools": pools}
    runs = [{"environment": "prod", "cluster": "product", "pool": "payments"}]
    found = matrix(clusters__product=alone, applications__checkout__runs=runs, applications__storefront__runs=[])
    assert not [text for text in told(found) if "checkout" in text or "cluster product" in text]


def test_an_expired_exception() -> None:
    late = told(matrix(moment("2027-07-01", "test")))
    assert late[0] == "exceptions[0] the exception of recommendations on batch ended on 2027-06-30"
    assert "lies in eu-north, not eu-west" in late[1] and len(late) == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"clusters__product__pools__payments__regimes": ["pci", "personal-data"]},
            "placement.yml: clusters.product.pools.payments: the regimes pci and personal-data exclude each other: one pool cannot",
        ),
        (
            {"applications__checkout__regimes": ["pci", "personal-data"]},
            "applications.checkout: the regimes pci and personal-data exclude each other: no pool",
        ),
        ({"applications__checkout__team": "paymnets"}, "team paymnets is not defined; did you mean payments?"),
        (
            {"applications__checkout__isolation": "none"},
            "applications.checkout: isolation is 'none'; there are namespace",
        ),
        ({"clusters__shared__pools": ["web"]}, "clusters.shared: pools is a list, a mapping is needed"),
        ({"clusters__shared__engine": None}, "clusters.shared: engine is missing"),
        (
            {"clusters__shared__enviroments": ["dev"]},
            "clusters.shared: unknown key enviroments; did you mean environments?",
        ),
        ({"windows": [{"from": "25:00", "hours": 2}]}, "windows[0]: from is '25:00', a time such as 22:00 is needed"),
        ({"windows": [{"from": "22:00", "hours": 2, "timezone": "Mars/Base"}]}, "there is no time zone 'Mars/Base'"),
        ({"windows": [{"from": "22:00", "hours": 2, "days": ["may"]}]}, "there is no day 'may'"),
        (
            {"freezes": [{"name": "x", "from": "soon", "until": "later", "reason": "y"}]},
            "freezes[0]: from is 'soon', a date",
        ),
        ({"exceptions": [{"application": "checkout"}]}, "exceptions[0]: cluster is missing"),
        ({"exceptions__0": {**EXAMPLE["exceptions"][0], "reason": ""}}, "exceptions[0]: reason is empty"),
        ({"exceptions__0": {**EXAMPLE["exceptions"][0], "until": None}}, "exceptions[0]: until is missing"),
        (
            {"exceptions__0": {**EXAMPLE["exceptions"][0], "until": "never"}},
            "exceptions[0]: until is 'never', a date such as",
        ),
        (
            {"exceptions__0": {**EXAMPLE["exceptions"][0], "until": 20270630}},
            "exceptions[0]: until is a whole number, a date such as",
        ),
        ({"exceptions__0": {**EXAMPLE["exceptions"][0], "approved_by": ""}}, "exceptions[0]: approved_by is empty"),
        ({"exceptions__0": {**EXAMPLE["exceptions"][0], "rules": ["all"]}}, "exceptions[0]: rule all is not defined"),
        (
            {"applications__checkout__regimes": ["PCI"]},
            "applications.checkout: regime PCI is not defined; did you mean pci?",
        ),
        ({"applications__checkout__environments": ["Prod"]}, "environment Prod is not defined; did you mean prod?"),
        (
            {"applications__checkout__data": "Confidential"},
            "data class Confidential is not defined; did you mean confidential?",
        ),
        ({"clusters__shared__engine": "Kubernetes"}, "engine Kubernetes is not defined; did you mean kubernetes?"),
        ({"applications__checkout__isolation": "Pool"}, "isolation is 'Pool'; did you mean pool?"),
        ({"regimes__PCI": {}}, "placement.yml: regimes: 'PCI' is no name; use up to 63 lower-case"),
        ({"regimes__pci__excludes": ["pci"]}, "regimes.pci: excludes itself, so nothing could ever have it"),
        ({"windows": [{"from": "22:00", "hours": 2, "days": ["Sat"]}]}, "there is no day 'Sat'; days are mon"),
        ({"windows": [{"from": "22:60", "hours": 2}]}, "a time such as 22:00 is needed"),
        ({"windows": [{"from": "22", "hours": 2}]}, "a time such as 22:00 is needed"),
        (
            {"freezes": [{"name": "x", "from": "2026-12-18", "until": "2026-12-18", "reason": "y"}]},
            "freezes[0]: until is not after from",
        ),
        ({"freezes": [{"name": "x", "from": "2026-12-18", "reason": "y"}]}, "freezes[0]: until is missing"),
        (
            {
                "freezes": [
                    {"name": "x", "from": "2026-12-18", "until": "2027-01-05", "reason": "y", "environments": ["live"]}
                ]
            },
            "freezes[0]: environment live is not defined",
        ),
        ({"clusters": {}}, "placement.yml: clusters is empty"),
        ({"clusters__shared__pools": {}}, "clusters.shared: pools is empty"),
        ({"applications__checkout__environments": []}, "applications.checkout: environments is empty"),
        ({"windows": [{"from": "22:00", "hours": 0}]}, "windows[0]: hours is 0, a number from 1 to 168"),
        ({"windows": [{"from": "22:00", "hours": 10**10}]}, "a number from 1 to 168 is needed"),
        ({"windows": [{"from": "22:00", "hours": 1, "days": []}]}, "windows[0]: days names no day"),
        ({"windows": [{"from": 8, "hours": 2}]}, "windows[0]: from is 8, a time such as 22:00 is needed"),
        ({"windows": [{"from": True, "hours": 2}]}, "a time such as 22:00 is needed"),
        ({"windows": [{"from": "22:00", "hours": 2, "timezone": "Europe"}]}, "there is no time zone 'Europe'"),
        (
            {"freezes": [{"name": "x", "from": "2027-01-05", "until": "2026-12-18", "reason": "y"}]},
            "freezes[0]: until is not after from, so it would freeze nothing",
        ),
    ],
)
def test_a_wrong_file_is_one_message(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)):
        matrix(**changes)


@pytest.mark.parametrize(
    ("environment", "now", "words"),
    [
        ("prod", "2026-12-01T08:30Z", ""),  # Tuesday, 09:30 in Berlin
        ("prod", "2026-12-01T06:59Z", "the next begins 2026-12-01 07:00 UTC"),
        ("prod", "2026-12-01T15:00Z", "the next begins 2026-12-02 07:00 UTC"),
        ("prod", "2027-06-01T06:30Z", ""),  # summer time
        ("prod", "2026-12-22T09:00Z", "frozen until 2027-01-05 00:00 UTC by year-end (closing of the year)"),
        ("dev", "2026-12-22T09:00Z", ""),
    ],
)
def test_freezes_and_windows(environment: str, now: str, words: str) -> None:
    raw = model.parse(EXAMPLE, "placement.yml").raw
    why = calendar.refused(raw, environment, moment(now, "test"))
    assert (words in why) if words else not why


def test_a_window_over_midnight() -> None:
    raw = {
        "freezes": [],
        "windows": [{"environments": [], "days": ["fri"], "from": 22 * 60, "hours": 6, "timezone": "UTC"}],
    }
    assert calendar.refused(raw, "prod", moment("2026-11-28T03:59Z", "test")) == ""
    assert calendar.refused(raw, "prod", moment("2026-11-28T04:00Z", "test")) != ""


@pytest.mark.parametrize(
    ("start", "now", "is_open"),
    [
        ("02:00", "2026-03-29T01:30Z", True),  # put forward: 02:00 to 03:00 is not there
        ("02:00", "2026-03-29T02:00Z", False),
        ("02:30", "2026-10-25T01:29Z", True),  # put back: 02:30 is there twice
        ("02:30", "2026-10-25T01:30Z", False),
    ],
)
def test_a_window_lasts_its_hours_when_clocks_change(start: str, now: str, is_open: bool) -> None:
    window = {"environments": [], "days": ["sun"], "from": start, "hours": 1, "timezone": "Europe/Berlin"}
    assert (calendar.refused({"freezes": [], "windows": [window]}, "prod", moment(now, "test")) == "") is is_open


def test_what_an_engine_gets() -> None:
    placement = model.parse(EXAMPLE, "placement.yml")
    product = render.cluster(placement, "product")
    assert [entry["name"] for entry in product["namespaces"]] == ["payments-prod-payments", "shop-prod-web"]
    assert product["namespaces"][0]["pod_security"] == "restricted"
    assert product["namespaces"][0]["labels"]["keelson.cluster/pool"] == "payments"
    assert product["namespaces"][1]["quota"]["pods"] == 40
    assert product["taints"] == {
        "payments": [{"key": "keelson.cluster/pool", "value": "payments", "effect": "NoSchedule"}]
    }
    assert product["namespaces"][0]["deploy"] == "payments-prod"
    batch = render.cluster(placement, "batch")
    assert "an application of any namespace may name any pool" in batch["limits"]
    assert set(batch["namespaces"][0]) == {"name", "labels", "deploy"}
    with pytest.raises(UserError, match="clusters: prodcut is not defined"):
        render.cluster(placement, "prodcut")


def test_the_page_escapes_and_a_large_one_stays_small() -> None:
    raw = copy.deepcopy(EXAMPLE)
    raw["applications"] = {f"a{i}": {"team": "shop", "environments": ["prod"]} for i in range(2000)}
    raw["exceptions"] = []
    found = rules.Matrix(model.parse(raw, "<b>.yml"), NOW)
    text = page.render(found, list(rules.violations(found)), {})
    assert "<b>" not in text.replace("<b>failed</b>", "") and len(text) < 600_000
    small = page.render(matrix(), [], {"batch": ["no <quota>"]})
    assert small.count("<rect") == 9 and "no &lt;quota&gt;" in small and "is not for payments alone" in small


def play(tmp_path: Path, playbook: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = {"cluster_part": "manager", "cluster_name": "product", "cluster_environment": "prod"}
    children = {
        "product": {"hosts": {"m1": {**variables, "ansible_connection": "local"}}},
        "clusters": {"children": {"product": {}}},
    }
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump({"all": {"children": children}}))
    command = [
        "ansible-playbook",
        "-i",
        str(tmp_path / "inventory.yml"),
        str(ROOT / "playbooks" / playbook),
        *arguments,
    ]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_the_playbook_fails_for_a_violation_and_writes_the_report(tmp_path: Path) -> None:
    raw = copy.deepcopy(EXAMPLE)
    raw["applications"]["checkout"]["regimes"] = []
    (tmp_path / "placement.yml").write_text(yaml.safe_dump(raw))
    done = play(
        tmp_path,
        "placement.yml",
        "-e",
        f"placement={tmp_path}/placement.yml",
        "-e",
        f"placement_report={tmp_path}/report",
    )
    assert done.returncode == 2 and "application checkout" in done.stdout
    assert (tmp_path / "report/placement.html").exists() and (tmp_path / "report/placement.json").exists()


def test_a_freeze_stops_every_playbook_that_holds_the_lease(tmp_path: Path) -> None:
    raw = {**copy.deepcopy(EXAMPLE), "windows": []}
    raw["freezes"] = [{"name": "now", "from": "2020-01-01", "until": "2099-01-01", "reason": "a test"}]
    (tmp_path / "placement.yml").write_text(yaml.safe_dump(raw))
    given = ("-e", f"cluster_placement={tmp_path}/placement.yml", "-e", "cluster_become=false")
    done = play(tmp_path, "cluster_lease.yml", *given)
    words = " ".join(done.stdout.split())
    assert (
        done.returncode == 2
        and "the environment prod is frozen until 2099-01-01 00:00 UTC by now (a test); wait" in words
    )
    assert "Hold the cluster's lease on its managers" not in done.stdout
    checked = play(tmp_path, "cluster_lease.yml", *given, "--check", "-e", "override_freeze=")
    assert checked.returncode == 0 and "a run without --check is refused" in " ".join(checked.stderr.split()), (
        checked.stdout
    )
    overridden = play(tmp_path, "cluster_lease.yml", *given, "--check", "-e", "override_freeze='a leak is closed'")
    assert "overridden: a leak is closed" in " ".join(overridden.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "frozen"),
    [
        ((), "test"),  # the cluster offers it besides its own environment, prod
        (("-e", "deploy_environment=prod"), ""),
        (("-e", "deploy_environment=test"), "test"),
    ],
)
def test_a_freeze_is_about_every_environment_that_is_changed(
    tmp_path: Path, arguments: tuple[str, ...], frozen: str
) -> None:
    raw = {**copy.deepcopy(EXAMPLE), "windows": []}
    raw["clusters"]["product"]["environments"] = ["prod", "test"]
    freeze = {"name": "now", "environments": ["test"], "from": "2020-01-01", "until": "2099-01-01", "reason": "a test"}
    raw["freezes"] = [freeze]
    (tmp_path / "placement.yml").write_text(yaml.safe_dump(raw))
    given = ("-e", f"cluster_placement={tmp_path}/placement.yml", "-e", "cluster_become=false", "--check")
    done = play(tmp_path, "cluster_lease.yml", *given, *arguments)
    told = f"the environment {frozen} is frozen until 2099-01-01" if frozen else "is frozen"
    assert done.returncode == 0 and (told in " ".join(done.stderr.split())) is bool(frozen), done.stderr


def test_the_reason_is_recorded_in_the_lease() -> None:
    from ansible_collections.keelson.cluster.plugins.plugin_utils import lease

    assert lease.holder(["install.yml"], {"override_freeze": "a leak\nis closed"}).endswith(
        "(install.yml, in a freeze: a leak is closed)"
    )
    assert lease.holder(["install.yml"], {"awx_job_id": 7}).endswith("(install.yml, job 7)")


def test_playbooks_that_change_a_cluster_hold_its_lease() -> None:
    reads = {"backup", "bundle", "cluster_select", "inventory_report", "offline", "placement", "preflight", "verify"}
    reads |= {"mesh_linkerd"}  # writes a file on the controller
    reads |= {"pipeline", "pipeline_render", "release"}  # change nothing themselves, but by those
    for path in (ROOT / "playbooks").glob("*.yml"):
        if path.stem in reads or path.stem == "cluster_lease" or path.stem.startswith("server_image"):
            continue
        assert "import_playbook: cluster_lease.yml" in path.read_text(), (
            f"{path.name} honours neither lease nor freezes"
        )
