# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A component of another collection is handled by all shared code; shared code knows no component by name."""

from __future__ import annotations

import importlib
import os
import re
import runpy
import shutil
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleLookupError
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible_collections.keelson.cluster.plugins.action import bundle, host_facts
from ansible_collections.keelson.cluster.plugins.action import report as report_action
from ansible_collections.keelson.cluster.plugins.action.cluster_checks import ActionModule as ClusterChecks
from ansible_collections.keelson.cluster.plugins.action.cluster_outage import ActionModule as ClusterOutage
from ansible_collections.keelson.cluster.plugins.action.endpoint_security_checks import ActionModule as SecurityChecks
from ansible_collections.keelson.cluster.plugins.action.host_checks import ActionModule as HostChecks
from ansible_collections.keelson.cluster.plugins.lookup import component_tasks
from ansible_collections.keelson.cluster.plugins.lookup import engine as lookup
from ansible_collections.keelson.cluster.plugins.module_utils.preflight import gather
from ansible_collections.keelson.cluster.plugins.plugin_utils import components, contract
from ansible_collections.keelson.cluster.plugins.plugin_utils.bundle import fill
from ansible_collections.keelson.cluster.plugins.plugin_utils.checks.action import ChecksAction
from ansible_collections.keelson.cluster.plugins.plugin_utils.preflight import faults, model
from ansible_collections.keelson.cluster.plugins.plugin_utils.report import model as report
from ansible_collections.keelson.cluster.plugins.plugin_utils.report import page
from ansible_collections.keelson.cluster.plugins.plugin_utils.server_image.request import Request

ROOT = Path(__file__).parents[3]
TOYS = Path(__file__).parent / "collections"
BEACON = "keelson_tests.toy.beacon"
STEP = ["host_node/prepare"]
VARIABLES: dict[str, Any] = {
    "cluster_name": "product",
    "cluster_engine": "nomad",
    "cluster_components": [BEACON],
    "cluster_address": "10.0.0.21",
}


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The collection of the tests can be imported."""
    monkeypatch.syspath_prepend(str(TOYS))


# --- the registry -------------------------------------------------------------------------------------------------


def test_the_engine_comes_first() -> None:
    assert [component.name for component in components.of(VARIABLES)] == ["nomad", BEACON]
    assert components.of({"cluster_engine": "kubernetes"}) == (components.engine("kubernetes"),)
    assert components.known().keys() >= {"nomad", "kubernetes"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vault", "cluster_components has 'vault': this collection has no such component; use "),
        ("a.b.c", "cluster_components has 'a.b.c': no collection a.b with it is installed; use "),
        ("a.b", "cluster_components has 'a.b': a name is lower-case letters"),
    ],
)
def test_a_component_that_is_not_there(name: str, message: str) -> None:
    with pytest.raises(components.ComponentError, match=re.escape(message)):
        components.of({**VARIABLES, "cluster_components": [name]})


def test_roles_look_up_what_an_engine_declares() -> None:
    (nomad, kubernetes) = lookup.LookupModule().run(["nomad", "kubernetes"])
    assert nomad["member_ports"] == {"manager": [4647, 4646], "node": [4646]}
    assert kubernetes["member_ports"] == {"manager": [6443, 2380, 10250], "node": [10250]}
    with pytest.raises(AnsibleLookupError, match="no such engine; use kubernetes or nomad"):
        lookup.LookupModule().run([BEACON.rpartition(".")[2]])


def test_the_example_of_the_documentation_is_a_component(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/architecture.md").read_text(), re.DOTALL)
    package = f"from {components.__package__}.contract"
    (tmp_path / "component.py").write_text(textwrap.dedent(code).replace("from ..contract", package))
    found = runpy.run_path(str(tmp_path / "component.py"))["COMPONENT"]
    assert found.bundled == ("beacon",) and found.parts["node"].services == ("beacon.service",)


@pytest.mark.parametrize(
    ("name", "kubernetes", "nomad"),
    [
        ("application", "kubernetes_application", "nomad_application"),
        ("host_drain", "kubernetes_drain", "nomad_drain"),
        ("join_token", "kubernetes_join_token", "nomad_join_token"),
        ("member_removal", "kubernetes_remove", "nomad_remove"),
    ],
)
def test_an_action_runs_the_module_of_the_engine(
    monkeypatch: pytest.MonkeyPatch, name: str, kubernetes: str, nomad: str
) -> None:
    kind = importlib.import_module(f"{bundle.__package__}.{name}").ActionModule
    monkeypatch.setattr(ActionBase, "run", lambda *_given: {})
    ran = []
    for engine in ("kubernetes", "nomad"):
        action = kind.__new__(kind)
        action._task = SimpleNamespace(args={"cluster": "c"})
        action._execute_module = lambda module, arguments, task_vars: (
            ran.append((module, arguments)) or {"changed": True}
        )
        assert action.run(None, {"cluster_engine": engine}) == {"changed": True}
    assert ran == [(f"keelson.cluster.{module}", {"cluster": "c"}) for module in (kubernetes, nomad)]
    assert all((ROOT / f"plugins/modules/{module}.py").is_file() for module in (name, kubernetes, nomad))


def test_a_component_is_no_engine() -> None:
    with pytest.raises(components.ComponentError, match="which is no engine; use kubernetes or nomad"):
        components.engine(BEACON)


# --- what shared code does with the component -----------------------------------------------------------------------


def node(**facts: Any) -> model.Cluster:
    """A cluster of one host node with the component."""
    found = {
        "memory_mib": 4096,
        "file_systems": {
            path: {"free_mib": free, "device": number, "read_only": False, "noexec": False}
            for number, (path, free) in enumerate({"/srv": 5, "/opt": 9000, "/var/lib": 9000}.items())
        },
        "features": dict.fromkeys(("systemd", "cgroup", "overlay", "bridge", "veth", "nf_tables"), ""),
        "listeners": [],
        "clusters": [],
        "root": True,
        **facts,
    }
    host = model.Host("w1", "product", "node", "10.0.0.21", "", variables=VARIABLES, facts=found)
    return model.Cluster("product", components.engine("nomad"), {}, (host,))


def test_preflight_judges_by_all_components() -> None:
    taken = {"port": 7777, "protocol": "tcp", "address": "0.0.0.0", "process": "x", "pid": 1, "executable": "/bin/x"}
    cluster = node(listeners=[taken])
    assert ["needed for the beacon" in fault.text for fault in faults.ports(cluster)] == [True]
    assert [fault.kind for fault in faults.room(cluster)] == ["memory", "disk"]  # 900 and 4000 MiB; 10 MiB of /srv
    assert [fault.text for fault in faults.features(cluster)] == ["vxlan does not work here: not tried"]
    without = replace(cluster, hosts=(replace(cluster.hosts[0], variables={"cluster_engine": "nomad"}),))
    assert not [*faults.ports(without), *faults.room(without), *faults.features(without)]


def test_a_host_is_searched_for_the_component(tmp_path: Path) -> None:
    traces = host_facts.traces(components.of(VARIABLES))
    assert host_facts.disks(components.of(VARIABLES), "node") == ["/opt", "/srv", "/var/lib"]
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/beacon.json").write_text('{"cluster": "other"}')
    found = gather.clusters(str(tmp_path), {}, traces)
    assert found == [{"component": BEACON, "name": "other", "evidence": "/etc/beacon.json"}]
    assert [
        "the keelson_tests.toy.beacon cluster other" in f.text for f in faults.foreign_cluster(node(clusters=found))
    ] == [True]
    ours = [{**found[0], "name": "product"}]
    assert not list(faults.foreign_cluster(node(clusters=ours)))


def test_a_bundle_has_its_artifact() -> None:
    found = components.of(VARIABLES)
    names = bundle.bundled(found)
    assert names[0] == "nomad" and names[-1] == "beacon"
    request = fill.FillRequest(artifacts=names, manifests=components.manifests(found))
    assert "beacon 1.0.0" in " ".join(artifact.title for artifact in request.resolve())


def test_a_bundle_is_for_the_clusters_of_the_inventory() -> None:
    found = bundle.requested("", [], [{}, VARIABLES, {"cluster_engine": "kubernetes"}])
    assert [component.name for component in found] == ["nomad", BEACON, "kubernetes"]
    assert bundle.requested("kubernetes", [], [VARIABLES]) == (components.engine("kubernetes"),)
    with pytest.raises(components.ComponentError, match="give -i, -e cluster_engine=kubernetes or nomad"):
        bundle.requested("", [], [{}])


def checking(kind: type[ChecksAction], host: str) -> Any:
    """An action of verify on a host of a cluster of m1 and w1."""
    hostvars = {
        "m1": {**VARIABLES, "cluster_part": "manager", "cluster_address": "10.0.0.11"},
        "w1": {**VARIABLES, "cluster_part": "node"},
    }
    found = kind.__new__(kind)
    found.host = host
    found.vars = {"hostvars": hostvars, "ansible_play_hosts_all": ["m1", "w1"], **hostvars[host]}
    return found


def test_verify_looks_at_its_service_its_listener_and_runs_its_checks() -> None:
    given = checking(HostChecks, "w1").parameters()
    assert given["services"] == [*components.engine("nomad").parts["node"].services, "beacon.service"]
    assert 7777 in [listener["port"] for listener in given["listeners"]]
    targets = checking(SecurityChecks, "m1").parameters()["targets"]
    assert ("w1", 7777, "https_members") in [(t["host"], t["port"], t["probe"]["kind"]) for t in targets]
    assert checking(ClusterChecks, "m1").modules() == [
        "keelson.cluster.nomad_checks",
        "keelson_tests.toy.beacon_checks",
    ]


def test_a_drill_kills_it_with_the_engine() -> None:
    scope = checking(ClusterOutage, "w1").parameters()["scope"]
    assert scope["units"] == scope["groups"] == ["nomad.service", "beacon.service"] and scope["containers"]
    assert checking(ClusterOutage, "m1").parameters()["scope"]["units"] == ["nomad.service"]


def test_the_report_has_its_group() -> None:
    groups = report.groups(components.of(VARIABLES))
    assert groups["Beacons"] == ("beacon",)
    assert "Beacons" not in report.groups(components.of({"cluster_engine": "nomad"}))


def test_the_report_has_its_drawing() -> None:
    known = {"w1": {**VARIABLES, "cluster_name": "c", "verify_host": {"checks": []}}}
    found = report_action.read_report(known, ["w1"], ["verify_host"])
    assert found.diagrams == {"Beacons in sight": "<svg>1 hosts, 0 checks</svg>"}
    assert '<h2>Beacons in sight</h2><div class="card"><div class="drawing"><svg>1 hosts' in page.render(found)


def test_the_server_image_has_its_artifact_and_its_unit(tmp_path: Path) -> None:
    request = Request(
        engine="nomad",
        components=[BEACON],
        output=tmp_path,
        bundle=tmp_path,
        architecture="amd64",
        base="",
        base_digest="",
        base_days=7,
        apt_sources="",
        size=4096,
        kernel_options="",
        epoch=0,
        key=tmp_path / "key",
    )
    assert request.desired[-1] == "beacon"
    spec = request.spec(tmp_path)
    assert "beacon.service" in spec.services and "var/lib/beacon/*" in spec.unshared
    assert request.role_variables()["cluster_components"] == [BEACON]


def test_uninstall_is_told_what_it_owns() -> None:
    (_nomad, beacon) = components.parts(components.of(VARIABLES), contract.NODE)
    assert beacon.owned.claims("product")["path"] == ["/var/lib/beacon"]


def test_what_the_inventory_has_dropped_is_removed_by_its_receipts() -> None:
    """Of what has receipts on a host the engine is there already, and what is not installed here any more is named."""
    found = components.of({"cluster_engine": "nomad", "cluster_components": []})
    more, unknown = components.placed(["backup", "nomad", "kubernetes", "gone.collection.thing"], found)
    assert [component.name for component in more] == ["backup"]
    assert unknown == ["gone.collection.thing"]
    assert components.placed(["backup"], [*found, *more]) == ((), [])


def dispatch(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A play that includes the tasks of a step, in check mode on this machine."""
    task = yaml.safe_load((ROOT / "roles/host_node/tasks/prepare.yml").read_text())[0]
    own = [BEACON] if not arguments else list(arguments)
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"cluster_engine": "nomad", "cluster_components": own},
        # The engine's own tasks need a bundle.
        "tasks": [{**task, "when": "'/nomad/' not in __component_tasks"}],
    }
    path = folder / "play.yml"
    path.write_text(yaml.safe_dump([play]))
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "--check", "-i", "localhost,", str(path)]
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": f"{ROOT / '.ansible/collections'}:{TOYS}",
    }
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.skipif(shutil.which("systemctl") is None, reason="systemctl is not installed")
def test_install_runs_its_tasks(tmp_path: Path) -> None:
    done = dispatch(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "Prepare | Run the beacon" in done.stdout and "changed=1" in done.stdout, done.stdout


def test_tasks_of_a_host_are_its_components(monkeypatch: pytest.MonkeyPatch) -> None:
    found = components.tasks(components.of(VARIABLES), "host_node", "prepare")
    assert [path.partition("/roles/")[2] for path in found] == [
        "host_node/tasks/nomad/prepare.yml",
        "beacon/tasks/host_node/prepare.yml",
    ]
    (only,) = components.tasks(components.of(VARIABLES), "host_node", "join")
    assert only.endswith("/roles/host_node/tasks/nomad/join.yml")


def test_an_engine_has_no_tasks_in_a_role_without_its_folder() -> None:
    found = components.of({"cluster_engine": "nomad", "cluster_components": ["mesh_envoy"]})
    paths = [path.partition("/roles/")[2] for path in components.tasks(found, "mesh_sidecar", "main")]
    assert paths == ["mesh_sidecar/tasks/mesh_envoy/main.yml"]


@pytest.mark.parametrize("folder", sorted((ROOT / "roles/mesh_sidecar/tasks").glob("*/")), ids=lambda path: path.name)
def test_a_provider_of_the_mesh_has_the_steps_of_every_provider(folder: Path) -> None:
    """Each is an entry point whose arguments are checked."""
    shared = {path.stem for path in folder.parent.glob("*.yml")}
    specs = yaml.safe_load((folder.parents[1] / "meta/argument_specs.yml").read_text())["argument_specs"]
    own = {path.stem for path in folder.glob("*.yml")} & shared
    assert {"prepare", "manager", "main", "uninstall"} <= own <= shared
    assert {f"{folder.name}/{step}" for step in own} == {name for name in specs if name.startswith(f"{folder.name}/")}


def test_one_component_s_tasks_are_looked_up_alone() -> None:
    tasks = component_tasks.LookupModule(templar=Templar(loader=None), loader=None)

    def found(**given: str) -> list[str]:
        (paths,) = tasks.run(STEP, {**VARIABLES, "cluster_components": []}, **given)
        return [path.partition("/roles/")[2] for path in paths]

    assert found() == found(only="") == ["host_node/tasks/nomad/prepare.yml"]
    assert found(only=BEACON) == ["beacon/tasks/host_node/prepare.yml"]
    with pytest.raises(AnsibleLookupError, match="uninstall_component is 'nomad', an engine"):
        found(only="nomad")


# --- shared code knows no component ---------------------------------------------------------------------------------

PROGRAMS = (
    "kubelet",
    "kubeadm",
    "kubectl",
    "containerd",
    "calico",
    "coredns",
    r"\betcd\b",
    r"k8s\b",
    "system:node",
    "envoy",
)
WORDS = (*(set(components.known()) - {"backup"}), *PROGRAMS)  # backup is a word of its own
NAMES = re.compile("|".join(WORDS), re.IGNORECASE)
# What knows a container runtime or a format by its name, and examples in documentation of modules.
RUNTIMES = (
    "filter/registry_files.py",
    "module_utils/bundle/images.py",
    "module_utils/bundle/runtimes.py",
    "module_utils/server_image/guest.py",
    "plugin_utils/registries.py",
)
BUILDERS = ("plugin_utils/server_image/checks/runtimes.py",)
FOREIGN = (
    # What other programs write into stacks: types of resources, names of interfaces and secrets, domains.
    "module_utils/stacks/elsewhere.py",
    "module_utils/stacks/host_types.py",
    "module_utils/stacks/names.py",
    "module_utils/stacks/sensitive.py",
)
# What the providers of the mesh share: the proxy of each is Envoy.
PROXY = ("module_utils/mesh/", "plugin_utils/mesh/bootstrap.py")
# The role, the modules and the filters that belong to one component without having its name; what only renders a mesh.
OWN = ("mesh_sidecar", "mesh_sidecars", "mesh_checks", "mesh_status", "mesh_issued", "mesh_linkerd")


def shared() -> list[Path]:
    """The files of shared code: plugins, playbooks, tasks and variables outside the folders and files of a component."""
    own = re.compile(rf"/({'|'.join((*components.known(), *OWN))})[/_.]")
    files = [*ROOT.glob("plugins/**/*.py"), *ROOT.glob("playbooks/**/*.yml")]
    files += [*ROOT.glob("roles/*/tasks/**/*.yml"), *ROOT.glob("roles/*/vars/**/*.yml")]
    return [
        path
        for path in files
        if not own.search(f"/{path.relative_to(ROOT)}")
        and not str(path).endswith((*RUNTIMES, *BUILDERS, *FOREIGN))
        and not any(place in str(path) for place in PROXY)
    ]


def shared_by_drills() -> list[Path]:
    """The files of tools, drills and benches that serve every engine; of other projects' names they may speak."""
    files = [path for path in (ROOT / "tools").rglob("*") if path.is_file() and path.suffix in ("", ".py")]
    files += [path for folder in ("lab", "drills", "bench") for path in (ROOT / "tests" / folder).rglob("*.py")]
    own = re.compile(rf"/({'|'.join(components.known())})[/_.]")
    return [path for path in files if not own.search(str(path.relative_to(ROOT)))]


def decisions(path: Path) -> list[str]:
    """Where code decides by a component's name; the default of a variable of the environment is none."""
    text = re.sub(r"environ\.get\([^()]*\)", "", code(path))
    names = "|".join(components.known())
    return re.findall(rf"""["'](?:{names})["']|\b(?:{names})\)|import_module\(f"[^)]*""", text)


def code(path: Path) -> str:
    """A file without comments and documentation, where components may be examples."""
    text = path.read_text()
    if path.suffix == ".py":
        text = re.sub(r'(DOCUMENTATION|EXAMPLES|RETURN) = r"""(.|\n)*?\n"""', "", text)
        text = re.sub(r'"""(.|\n)*?"""', "", text)
    return re.sub(r"(?m)^\s*#.*$|\s#\s.*$", "", text)


def test_shared_code_names_no_component() -> None:
    assert len(shared()) > 150
    found = {str(path.relative_to(ROOT)): sorted(set(NAMES.findall(code(path)))) for path in shared()}
    assert {path: names for path, names in found.items() if names} == {}


def test_tools_drills_and_benches_decide_by_no_name() -> None:
    """What an engine is to them stands in the module of its name in tests/lab."""
    allowed = {
        "tests/lab/servers.py": ['import_module(f".{engine}", __package__'],
        "tests/bench/placement_bench.py": ['"kubernetes"'],  # what it measures is the same for all
        "tests/lab/published.py": ['"nomad"', '"nomad"'],  # the label of an image that is never booted
        "tools/local_servers/servers.py": ['"nomad"'],  # a folder that is a volume, whatever runs there
    }
    found = {str(path.relative_to(ROOT)): decisions(path) for path in shared_by_drills()}
    assert len(found) > 40 and {path: names for path, names in found.items() if names} == allowed


@pytest.mark.parametrize(
    "line", ['{"nomad": 1}[engine]', "if engine == 'kubernetes':", 'import_module(f"..{engine}.x")']
)
def test_a_decision_by_name_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.py").write_text(f"x = {line}\n")
    assert decisions(tmp_path / "a.py")


def test_shared_code_loads_no_module_by_an_engine_s_name() -> None:
    """Engines call shared code of hosts with what is theirs; controllers find components by the registry."""
    found = [path for path in shared() if path.suffix == ".py" and 'import_module(f"..' in path.read_text()]
    assert found == []


def test_a_name_in_shared_code_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('"""For Nomad."""\n# Nomad\nname = "x"\n')
    (tmp_path / "b.py").write_text('name = "kubelet"\n')
    assert [NAMES.findall(code(tmp_path / name)) for name in ("a.py", "b.py")] == [[], ["kubelet"]]


@pytest.mark.parametrize("role", ["cluster_manager", "host_node"])
def test_roles_take_an_engine_of_any_name(role: str) -> None:
    specs = yaml.safe_load((ROOT / f"roles/{role}/meta/argument_specs.yml").read_text())["argument_specs"]
    found = {name: spec["options"].get("cluster_engine", {}) for name, spec in specs.items()}
    assert [name for name, option in found.items() if "choices" in option] == []


# --- roles install what components declare ------------------------------------------------------------------------------

MANIFESTS = {path.stem for path in (ROOT / "artifacts").glob("*.yml")}
INSTALLS = re.compile(r"(\w+[._])?(artifacts|images|container_images)$")
ROLES = {"faas_runtime": "faas_runtime"}  # of one component alone


def named(value: Any, inside: bool = False) -> set[str]:
    """The artifacts in variables of a role, and in tasks that install some."""
    if isinstance(value, dict):
        return set().union(*(named(item, inside or bool(INSTALLS.search(key))) for key, item in value.items()))
    if isinstance(value, list):
        return set().union(*(named(item, inside) for item in value))
    return set(re.findall(r"(?<![\w./-])[a-z][a-z0-9-]*(?![\w.-])", str(value))) & MANIFESTS if inside else set()


def declared(name: str, engine: str) -> set[str]:
    """The artifacts of the parts of a component on an engine."""
    try:
        found = components.load(name, engine)
    except components.ComponentError:
        return set()
    return {text.partition("/")[0] for part in found.parts.values() for text in part.artifacts}


@pytest.mark.parametrize("name", sorted(components.known()))
def test_roles_install_what_the_component_declares(name: str) -> None:
    """What they install besides would be in no bundle; what they do not install is fetched for nothing."""
    role = ROLES.get(name, "(cluster_manager|host_node|mesh_sidecar)")
    place = re.compile(rf"/roles/{role}/(defaults|vars|tasks)/" + ("" if name in ROLES else rf"(main/)?{name}[._/]"))
    files = [path for path in (ROOT / "roles").rglob("*.yml") if place.search(str(path))]
    installed = set().union(*(named(yaml.safe_load(path.read_text())) for path in files))
    assert installed and installed == set().union(*(declared(name, engine) for engine in ("", *components.engines())))
