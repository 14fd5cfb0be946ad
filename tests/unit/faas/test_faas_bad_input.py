# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input, on each engine, from a file as a site writes it: one line, with the place, before anything is changed."""

from __future__ import annotations

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
        "faas_tenants": [{"name": "shop", "pool": "web"}, {"name": "bank", "pool": "web"}],
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
    ("faas_functions[0].cron", ["61 * * * *"], "which must be a schedule: minute, hour, day, month and weekday"),
    ("faas_functions[0].contract", "http/v9", "'http/v9' is unknown; use http/v1 or cloudevents/v1"),
    ("faas_functions[0].digest", f"sha256:{'0' * 64}", "shop/greet: "),
    ("faas_functions[0].digest", "latest", "'latest' must be the artifact's digest"),
    ("faas_functions[0].artifact", "nowhere.py", "shop/greet: the artifact nowhere.py cannot be read from"),
    ("faas_functions[0].tenant", "nobody", "there is no tenant nobody in faas_tenants"),
    ("faas_functions[0].timeout", 61, "61 seconds are more than the 60 that tenant shop may take"),
    ("faas_functions[0].concurrency", 51, "51 are more than the 50 at once that tenant shop may have"),
    ("faas_functions[0].egress", ["169.254.169.254:80"], "which is closed to functions (169.254.0.0/16)"),
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
OF_ONE = [
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
    assert re.match(rf"{re.escape(str(tmp_path))}/product\.yml:\d+:\d+ \({re.escape(path)}\): ", found[0]), found
    assert text in found[0], found


@pytest.mark.parametrize("engine", ENGINES)
def test_without_a_fault_nothing_is_said(tmp_path: Path, engine: str) -> None:
    assert told(engine, loaded(tmp_path, good(tmp_path))) == []


class Empty:
    """An API without any secret."""

    def find(self, _path: str) -> None:
        """Nothing."""

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
