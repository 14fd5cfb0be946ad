# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input, on each engine, from a file as a site writes it: one line, with the place, before anything is changed."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime.kubernetes import deploy
from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime.nomad import deploy as nomad_deploy
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime import artifacts, functions
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime.kubernetes import objects
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime.nomad import component as nomad_component
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime.nomad import jobs as nomad_jobs
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight import model

ENGINES = ("nomad", "kubernetes")
CLOSED = {"faas_runtime_closed": ["192.0.2.0/24"], "faas_runtime_network": "172.26.128.0/20"}


def good(folder: Path) -> dict[str, Any]:
    """What a site writes without a fault: two tenants, two functions."""
    code = folder / "greet.py"
    code.write_text("print(1)\n")
    own = {
        "tenant": "shop",
        "artifact": str(code),
        "digest": artifacts.digest(code.read_bytes()),
        "command": ["python3", "greet.py"],
        "isolation": "per_function",
        "memory": 100,
    }
    return {
        "faas_tenants": [
            {"name": "shop", "pool": "web", "tokens": ["a" * 64]},
            {"name": "bank", "pool": "web", "tokens": ["b" * 64]},
        ],
        "faas_functions": [{"name": "greet", "http": ["/greet"], **own}, {"name": "other", "http": ["/other"], **own}],
    }


def changed(given: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """With another value of one member, by its place."""
    variable, at, key = re.fullmatch(r"(\w+)\[(\d)\]\.(\w+)", path).groups()  # type: ignore[union-attr]
    given[variable][int(at)][key] = value
    return given


def loaded(folder: Path, given: dict[str, Any]) -> dict[str, Any]:
    """As Ansible reads it from a file, so that each value knows its place."""
    path = folder / "product.yml"
    path.write_text(yaml.safe_dump(given, sort_keys=False))
    return dict(DataLoader().load_from_file(str(path)))


def told(engine: str, variables: dict[str, Any]) -> list[str]:
    """What the component's rules say of a cluster of one manager and one host node."""
    common = {"cluster_components": ["faas_runtime"], "cluster_engine": engine, "cluster_name": "product"}
    hosts = (
        model.Host("m1", "product", "manager", "10.0.0.1", "", variables={**common, **CLOSED, **variables}),
        model.Host("w1", "product", "node", "10.0.0.2", "", variables={**common, "cluster_pool": "web"}),
    )
    cluster = model.Cluster("product", components.engine(engine), {}, hosts)
    return [fault.text for rule in components.load("faas_runtime", engine).rules for fault in rule(cluster)]


BAD = [
    ("faas_functions[1].http", ["/greet"], "the path /greet is shop/greet's already; a function has its own"),
    ("faas_functions[1].name", "greet", "the name shop/greet is shop/greet's already"),
    ("faas_functions[0].cron", ["61 * * * *"], "'61 * * * *' must be a schedule: minute, hour, day, month and weekday"),
    ("faas_functions[0].contract", "http/v9", "'http/v9' is unknown; use http/v1 or cloudevents/v1"),
    ("faas_functions[0].digest", f"sha256:{'0' * 64}", "shop/greet: "),
    ("faas_functions[0].digest", "latest", "'latest' must be the artifact's digest"),
    ("faas_functions[0].artifact", "nowhere.py", "shop/greet: the artifact nowhere.py cannot be read from"),
    ("faas_functions[0].tenant", "nobody", "there is no tenant nobody in faas_tenants"),
    ("faas_functions[0].timeout", 61, "61 seconds are more than the 60 that tenant shop may take"),
    ("faas_functions[0].concurrency", 51, "51 are more than the 50 at once that tenant shop may have"),
    ("faas_functions[0].egress", ["169.254.169.254:80"], "is closed to functions (169.254.0.0/16)"),
    (
        "faas_functions[0].egress",
        ["10.0.0.1:22"],
        "shop/greet may not reach 10.0.0.1:22: 10.0.0.1 is a host of the cluster",
    ),
    ("faas_functions[0].egress", ["192.0.2.7"], "192.0.2.0/24 is closed to functions (faas_runtime_closed)"),
    (
        "faas_functions[0].services",
        {"DB": "192.0.2.7:5432"},
        "192.0.2.0/24 is closed to functions (faas_runtime_closed)",
    ),
    ("faas_tenants[0].pool", "weeb", "shop has the pool weeb, which has no host"),
    (
        "faas_tenants[0].memory",
        150,
        "the functions of shop may take 200 at once (greet 100, other 100), which is over its quota",
    ),
    ("faas_tenants[0].memroy", 150, "is unknown; use body, concurrency, cpu, instances, memory, name"),
]
# More of the same kinds: what somebody writes who knows another tool, or tries to get around a rule.
BAD += [
    ("faas_functions[1].http", ["/greet/"], "the path /greet is shop/greet's already"),
    ("faas_functions[1].http", ["/other", "/other/"], "is there twice; take one out"),
    *(
        ("faas_functions[1].http", [path], "must be a path, such as /orders, which stands for all below it too")
        for path in ("/a//b", "/a/../greet", "/./greet", "//", "/gr*", "/%67reet", "/{id}", "/a?b=1", "/" + "a" * 200)
    ),
    *(
        ("faas_functions[0].cron", [cron], text)
        for cron, text in (
            ("@reboot", "must be a schedule"),
            ("@every 5m", "must be a schedule"),
            ("0 * * * * *", "must be a schedule"),
            ("TZ=UTC 0 0 * * *", "must be a schedule"),
            ("*/0 * * * *", "'*/0' is none of 0 to 59"),
            ("*/70 * * * *", "'*/70' is none of 0 to 59"),
            ("0 0 * * 7", "'7' is none of 0 to 6, Sunday is 0"),  # JetStream would refuse it on the cluster
            ("0 0 * * SUN", "'SUN' is none of 0 to 6, Sunday is 0"),
            ("0 0 30 2 *", "no month that it names has such a day"),
            ("0 0 31 4,6-6 *", "no month that it names has such a day"),
        )
    ),
    ("faas_functions[0].cron", ["@daily", "@daily"], "is there twice"),
    ("faas_functions[0].queue", ["orders.*"], "'orders.*' must be a subject, such as orders.new, without a wildcard"),
    ("faas_functions[0].queue", ["$JS.API.STREAM"], "must be a subject"),
    ("faas_functions[0].queue", ["orders", "orders"], "is there twice"),
    *(
        ("faas_functions[0].secrets", {"PASSWORD": item}, "must be the name of an item of the function's own secrets")
        for item in ("bank/password", "nomad/jobs/faas-other#db", {"name": "faas-other", "key": "db"}, "a literal one")
    ),
    *(
        ("faas_functions[0].env", {name: "x"}, f"{name} is set by the runtime itself; take another name")
        for name in ("PORT", "K_SERVICE")
    ),
    ("faas_functions[0].env", {"DEBUG": True}, "must be a text of one line; quote numbers and booleans"),
    *(
        ("faas_functions[0].egress", [entry], text)
        for entry, text in (
            ("[fd00:ec2::254]:80", "is closed to functions (fd00:ec2::254)"),
            ("fe80::1", "is closed to functions (fe80::/10)"),
            ("::1", "is closed to functions (::/127)"),
            ("100.100.100.200", "is closed to functions (100.100.100.200)"),
            ("168.63.129.16:80", "is closed to functions (168.63.129.16)"),
            ("64:ff9b::a9fe:a9fe", "is closed to functions (64:ff9b::a9fe:0/112)"),
            ("169.254.0.0/17", "is closed to functions (169.254.0.0/16)"),
            ("::ffff:169.254.169.254", "is an address of IPv4; write it as one"),
            ("::ffff:a9fe:a9fe", "is an address of IPv4; write it as one"),
            ("2852039166", "must be a network or a name"),
            ("0xA9FEA9FE", "must be a network or a name"),
            ("127.1", "must be a network or a name"),
            ("LOCALHOST", "must be a network or a name"),
            ("site.localhost", "must be a network or a name"),
            ("*", "must be a network or a name"),
            ("10.1.0.1/24", "is no network; use 10.1.0.0/24"),
            ("10.1.0.0-10.1.0.9", "must be a network or a name"),
            ("fd00::/8:443", "must be a network or a name, such as 10.0.0.0/24, [fd00:1::/64]:443"),
            ("10.0.0.2/32", "10.0.0.2 is a host of the cluster"),
        )
    ),
    ("faas_functions[0].services", {"DB": "postgres://db:5432"}, "must be HOST:PORT, such as db.example.com:5432"),
    ("faas_functions[0].services", {"DB": "[::1]:5432"}, "is closed to functions (::/127)"),
    ("faas_functions[0].memory", "64Mi", "'64Mi' must be a whole number from 10 to 1048576, in MiB, without the unit"),
    ("faas_functions[0].cpu", "100m", "in MHz or thousandths of a core, without the unit"),
    ("faas_functions[0].cpu", 0.5, "0.5 must be a whole number"),
    ("faas_functions[0].timeout", "30s", "in seconds, without the unit"),
    ("faas_functions[0].instances", {"max": "2"}, "'2' must be a whole number from 1 to 1000"),
    ("faas_tenants[0].memory", "512Mi", "'512Mi' must be a whole number from 10 to 1073741824, in MiB"),
    ("faas_tenants[0].storage", "1Gi", "in MiB, without the unit"),
    ("faas_tenants[0].quota", {"memory": 1}, "is unknown; use body, concurrency, cpu, instances, memory, name"),
    *(
        ("faas_functions[0].digest", digest, "must be the artifact's digest: sha256: and the 64 lower-case digits")
        for digest in (
            "0" * 64,
            f"SHA256:{'0' * 64}",
            f"sha256:{'A' * 64}",
            f"sha256:{'0' * 63}",
            f"sha512:{'0' * 128}",
        )
    ),
    ("faas_functions[0].digest", None, "an empty value must be the artifact's digest"),
    *(
        ("faas_functions[0].contract", contract, "is unknown; use http/v1 or cloudevents/v1")
        for contract in ("2.0", 2.0, "1.0", "cloudevents/1.0", None, ["http/v1"])
    ),
    *(
        ("faas_functions[0].name", name, "must be lower-case letters, digits and hyphens, 2 to 32 of them")
        for name in ("Greet", "other_canary", "-a", "a" * 33, 5, None, "greet\n")
    ),
    ("faas_functions[0].artifact", "http://site/greet.tar.gz", "must be a file, or the https:// address of one"),
    ("faas_functions[0].artifact", "https://", "must be a file, or the https:// address of one"),
    ("faas_functions[0].command", "python3 greet.py", "must be a list, such as [python3, greet.py]"),
    ("faas_functions[0].command", [""], "must begin with a program"),
    ("faas_functions[0].canary", {"weight": "10%"}, "'10%' must be a whole number from 0 to 100, in percent"),
    ("faas_functions[0].isolation", "per-request", "is unknown; use per_request or per_function"),
    ("faas_functions[0].triggers", {"http": ["/a"]}, "is unknown; use answer, artifact, canary, command"),
    ("faas_tenants[0].tokens", ["c" * 64, "c" * 64], "is there twice"),
    ("faas_tenants[1].tokens", ["a" * 64], "is a token of shop too; give each tenant its own"),
    ("faas_tenants[0].tokens", [hashlib.sha256(b"").hexdigest()], "is the SHA-256 sum of nothing"),
]
OF_ONE = [
    *(
        ("nomad", "faas_functions[0].env", {name: "x"}, f"shop/greet: {name} is read by what starts functions here")
        for name in ("LD_PRELOAD", "NOMAD_TASK_DIR", "HOME")
    ),
    ("kubernetes", "faas_functions[0].egress", ["metadata.google.internal"], "shop/greet: a name is not held here"),
    (
        "nomad",
        "faas_functions[0].egress",
        ["172.26.128.9:80"],
        "172.26.128.0/20 is closed to functions (faas_runtime_network)",
    ),
    ("kubernetes", "faas_functions[0].egress", ["10.244.1.1:80"], "is closed to functions (cluster_pod_subnet)"),
    ("nomad", "faas_functions[0].image", "a/b:1", "shop/greet: container images do not run on this engine"),
    ("kubernetes", "faas_functions[0].isolation", "per_request", "shop/greet: per_request is not held here"),
]


@pytest.mark.parametrize(
    ("engine", "path", "value", "text"), [*((engine, *bad) for engine in ENGINES for bad in BAD), *OF_ONE]
)
def test_one_line_with_the_place(tmp_path: Path, engine: str, path: str, value: Any, text: str) -> None:
    found = told(engine, loaded(tmp_path, changed(good(tmp_path), path, value)))
    assert len(found) == 1 and "\n" not in found[0], found
    assert re.match(rf"{re.escape(str(tmp_path))}/product\.yml:\d+:\d+ \({re.escape(path)}[^)]*\): ", found[0]), found
    assert text in found[0], found


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("faas_tenants[0].tokens", ["hunter2"]),
        ("faas_functions[0].secrets", {"PASSWORD": "hunter2!"}),
        ("faas_functions[0].env", {"PASSWORD": "hunter2\nand more"}),
    ],
)
def test_what_may_be_a_secret_is_not_told(tmp_path: Path, engine: str, path: str, value: Any) -> None:
    (found,) = told(engine, loaded(tmp_path, changed(good(tmp_path), path, value)))
    assert "hunter2" not in found, found


@pytest.mark.parametrize("engine", ENGINES)
def test_each_of_several_faults_has_its_own_line(tmp_path: Path, engine: str) -> None:
    given = changed(good(tmp_path), "faas_functions[0].egress", ["10.1.0.0/16", "127.0.0.1", "10.2.0.0/16", "*"])
    first, second = told(engine, loaded(tmp_path, given))
    lines = (tmp_path / "product.yml").read_text().splitlines()
    for line, entry in ((first, "  - 127.0.0.1"), (second, "  - '*'")):
        assert lines[int(line.split(":")[1]) - 1].strip() == entry.strip(), line


@pytest.mark.parametrize("engine", ENGINES)
def test_without_a_fault_nothing_is_said(tmp_path: Path, engine: str) -> None:
    assert told(engine, loaded(tmp_path, good(tmp_path))) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_a_namespace_of_a_tenant_is_nobody_elses(tmp_path: Path, engine: str) -> None:
    given = loaded(tmp_path, {**good(tmp_path), "cluster_namespaces": [{"name": "team"}, {"name": "faas-bank"}]})
    (found,) = told(engine, given)
    assert re.search(
        r"product\.yml:\d+:\d+ \(faas_tenants\[1\]\.name\): the namespace faas-bank of bank is in cluster_names", found
    )


SETTINGS = [
    (
        "faas_runtime_closed",
        ["10.9.0.0/16", "10.0.0.0/33"],
        "faas_runtime_closed[1]): '10.0.0.0/33' must be a network; such as",
    ),
    ("faas_runtime_closed", ["10.0.0.1/24"], "faas_runtime_closed[0]): '10.0.0.1/24' is no network; use 10.0.0.0/24"),
    ("faas_runtime_closed", ["api.example.com"], "'api.example.com' must be a network"),
    ("faas_runtime_closed", "10.0.0.0/8", "faas_runtime_closed): must be a list"),
    ("faas_runtime_network", "banana", "faas_runtime_network): 'banana' must be a network"),
    ("faas_runtime_root", ["opt/tools"], "faas_runtime_root[0]): 'opt/tools' must be a path that begins with /"),
    ("faas_runtime_storage", "1Gi", "faas_runtime_storage): '1Gi' must be a whole number"),
    ("faas_runtime_knative_config", {"autoscaler": {}}, "'autoscaler' is unknown; use config-autoscaler or"),
    (
        "faas_runtime_knative_config",
        {"config-gc": {"max": 3}},
        "faas_runtime_knative_config.config-gc.max): 3 must be a text",
    ),
]
OF_NOMAD = [
    (
        "faas_runtime_network",
        "10.0.0.0/24",
        "10.0.0.0/24, the network of instances, overlaps with 10.0.0.1/32, 10.0.0.2/32",
    ),
    ("faas_runtime_network", "172.26.128.0/31", "172.26.128.0/31 has no room for instances"),
    ("faas_runtime_network", "fd00::/64", "fd00::/64 is not of the family of cluster_address (10.0.0.1)"),
    ("cluster_networks", ["172.26.0.0/16"], "172.26.128.0/20, the network of instances, overlaps with 172.26.0.0/16"),
]


@pytest.mark.parametrize(
    ("engine", "name", "value", "text"),
    [*((engine, *one) for engine in ENGINES for one in SETTINGS), *(("nomad", *one) for one in OF_NOMAD)],
)
def test_a_setting_of_the_runtime(tmp_path: Path, engine: str, name: str, value: Any, text: str) -> None:
    (found,) = told(engine, loaded(tmp_path, {**good(tmp_path), name: value}))
    assert text in found, found
    assert name == "cluster_networks" or re.search(r"product\.yml:\d+:\d+ \(faas_runtime_", found), found


@pytest.mark.parametrize("given", [{"faas_runtime_replicas": "3"}, {"faas_runtime_network": "172.30.0.0/24"}])
def test_settings_without_a_fault(tmp_path: Path, given: dict[str, Any]) -> None:
    assert told("nomad", loaded(tmp_path, {**good(tmp_path), **given})) == []


def test_the_network_of_instances_is_the_roles_default() -> None:
    text = yaml.safe_load((Path(__file__).parents[3] / "roles/faas_runtime/defaults/main.yml").read_text())
    assert all(f"'{network}'" in text["faas_runtime_network"] for network in nomad_component.DEFAULT.values())


class Empty:
    """An API without any secret."""

    def find(self, _path: str) -> None:
        """Nothing."""

    def items(self, _path: str) -> list[dict[str, Any]]:
        """The namespace of the tenant."""
        return [{"metadata": {"name": "faas-shop"}}]

    def get(self, _path: str) -> Any:
        """A variable without items."""
        return {"Items": {}}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_secret_that_does_not_exist(tmp_path: Path, engine: str) -> None:
    given = loaded(tmp_path, changed(good(tmp_path), "faas_functions[0].secrets", {"PASSWORD": "db"}))
    declared = functions.read(given["faas_tenants"], given["faas_functions"])
    places = {"faas-shop/faas-greet": declared.place("shop/greet", "secrets")}
    line = rf"^{re.escape(str(tmp_path))}/product\.yml:\d+:\d+ \(faas_functions\[0\]\.secrets\): .*greet has no secret db for PASSWORD: "
    if engine == "nomad":
        jobs = [nomad_jobs.job(one, declared.tenants["shop"], b"", artifacts.programs()) for one in declared.functions]
        plan = nomad_deploy.plan(jobs, ["shop"], [], [])
        with pytest.raises(nomad_deploy.SecretMissing, match=f"{line}nomad var put .* db=...$"):
            nomad_deploy.secrets_present(Empty(), plan, {"faas-shop/faas-greet": {"PASSWORD": "db"}}, places)  # type: ignore[arg-type]
        return
    desired = objects.objects(declared, artifacts.read(declared), "a/b:1", [])
    with pytest.raises(deploy.NotReady, match=f"{line}kubectl -n faas-shop create secret .* --from-literal=db=...$"):
        deploy.secrets_present(Empty(), desired, places)  # type: ignore[arg-type]
