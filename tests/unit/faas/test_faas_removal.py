# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The function runtime taken out of a cluster that goes on: in an order that cannot hang, and nothing of others."""

from __future__ import annotations

import functools
import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.keelson.cluster.plugins.module_utils.cluster import remote
from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime.kubernetes import removal
from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime.nomad import removal as nomad_removal
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes.api import ApiError
from ansible_collections.keelson.cluster.plugins.plugin_utils import components
from ansible_collections.keelson.cluster.plugins.plugin_utils.faas_runtime.kubernetes import serving

ROOT = Path(__file__).parents[3]
KNATIVE = {"app.kubernetes.io/name": "knative-serving"}
SERVICES = "/apis/serving.knative.dev/v1"
OURS = [{"manager": "keelson", "operation": "Apply"}]
HOOK = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/validation.webhook.serving.knative.dev"
TYPES = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
RIGHTS = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
GREET = f"{SERVICES}/namespaces/faas-shop/services/faas-greet"
ROUTE = f"{SERVICES}/namespaces/faas-shop/routes/faas-greet"


def crd(plural: str) -> dict[str, Any]:
    """A type of Knative's serving group."""
    versions = [{"name": "v1beta1" if plural == "domainmappings" else "v1", "storage": True}]
    return {"spec": {"group": "serving.knative.dev", "names": {"plural": plural}, "versions": versions}}


class Cluster:
    """An API with objects by their paths. One with finalizers goes when its controllers run, or when somebody takes them away."""

    def __init__(self, controllers: bool = True) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.deleted: list[str] = []
        self.controllers = controllers
        for plural in ("services", "routes", "configurations", "domainmappings"):
            self.add(f"{TYPES}/{plural}.serving.knative.dev", KNATIVE, **crd(plural))
        self.add(HOOK, KNATIVE)
        for name in ("knative-serving", "kourier-system"):
            self.add(f"/api/v1/namespaces/{name}", KNATIVE)
        self.add("/apis/apps/v1/namespaces/knative-serving/deployments/controller", KNATIVE)
        self.add(f"{RIGHTS}/knative-serving-core", KNATIVE)
        for space in ("knative-serving", "faas-shop"):
            self.add(f"/api/v1/namespaces/{space}/pods/one", {}, by=[], owner="replicas")
        self.add("/api/v1/namespaces/faas-shop", {"keelson.cluster/functions": "shop"})
        self.add(GREET, {"keelson.cluster/functions": "shop"})
        self.add(ROUTE, {}, by=[], owner="faas-greet", finalizers=["routes.serving.knative.dev"])
        # Of others, with a label or a name like ours.
        self.add(f"{RIGHTS}/knative-serving-site", KNATIVE, by=[{"manager": "kubectl"}])
        self.add("/api/v1/namespaces/faas-notes", {})
        self.add("/apis/apps/v1/namespaces/faas-notes/deployments/notes", {}, by=[])
        self.add("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/site", {}, by=[])

    def add(self, path: str, labels: dict[str, str], by: Any = None, owner: str = "", **fields: Any) -> None:
        """Keep an object, ours unless `by` says who applied it."""
        meta: dict[str, Any] = {"name": path.rpartition("/")[2], "labels": dict(labels)}
        meta["managedFields"] = OURS if by is None else by
        if match := re.search(r"/namespaces/([^/]+)/", path):
            meta["namespace"] = match[1]
        if owner:
            meta["ownerReferences"] = [{"name": owner}]
        if "finalizers" in fields:
            meta["finalizers"] = fields.pop("finalizers")
        self.kept[path] = {"metadata": meta, **fields}

    def items(self, path: str) -> list[dict[str, Any]]:
        """A list over all namespaces; of a type that is gone there is none."""
        place, _mark, query = path.partition("?labelSelector=")
        key, _equals, value = query.replace("%3D", "=").replace("%2F", "/").partition("=")
        room, _slash, plural = place.rpartition("/")
        if "serving.knative.dev" in room and f"{TYPES}/{plural}.serving.knative.dev" not in self.kept:
            raise ApiError(404, "no such type")
        pattern = re.compile(f"{re.escape(room)}(/namespaces/[^/]+)?/{plural}/[^/]+")
        found = [one for where, one in self.kept.items() if pattern.fullmatch(where)]
        labels = [one["metadata"]["labels"] for one in found]
        return [one for one, has in zip(found, labels) if not key or (has.get(key) == value if value else key in has)]

    def find(self, path: str) -> Any:
        """An object or nothing."""
        return self.kept.get(path)

    def delete(self, path: str, seconds: int | None = None) -> None:
        """Forget an object with what it owns, or what lies in it; refused while a webhook nobody answers is asked.

        A namespace with pods stays for longer than anybody waits; a pod goes in so many seconds.
        """
        if any(one.startswith(f"{path}/pods/") for one in self.kept):
            return
        assert "/pods/" not in path or seconds == 1
        assert HOOK not in self.kept or path == HOOK, f"{HOOK} would be asked about {path}"
        self.deleted.append(path)
        found = self.kept.get(path)
        if not found:
            return
        if found["metadata"].get("finalizers") and not self.controllers:
            found["metadata"]["deletionTimestamp"] = "now"
            return
        del self.kept[path]
        inside = f"{path}/" if path.startswith("/api/v1/namespaces/") else ""
        space = path.rpartition("/")[2]
        for where, one in list(self.kept.items()):
            owned = {"name": space} in one["metadata"].get("ownerReferences", []) and where != path
            if owned or (inside and one["metadata"].get("namespace") == space):
                self.delete(where)

    def merge(self, path: str, body: Any) -> None:
        """Take finalizers away."""
        assert body == {"metadata": {"finalizers": None}}
        found = self.kept[path]["metadata"]
        del found["finalizers"]
        if "deletionTimestamp" in found:
            del self.kept[path]


@pytest.fixture(autouse=True)
def no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock is a second later."""
    clock = itertools.count()
    at_once = functools.partial(remote.wait_for, clock=lambda: next(clock), sleep=lambda _seconds: None)
    for module in (removal, nomad_removal):
        monkeypatch.setattr(module, "wait_for", at_once)


def removed(api: Any, predict: bool = False) -> list[str]:
    """What the removal says."""
    return removal.remove(api, 5, predict)


def test_nobody_is_asked_then_functions_then_types_and_nothing_of_others_goes() -> None:
    api = Cluster()
    said = removed(api)
    first = [one for one in api.deleted if one in (HOOK, GREET) or one.startswith((TYPES, "/api/v1/namespaces/k"))]
    assert (
        first[:2] == [HOOK, GREET] and first[2].startswith(TYPES) and first[-1] == "/api/v1/namespaces/kourier-system"
    )
    assert {f"delete {one}" for one in (HOOK, GREET, f"{RIGHTS}/knative-serving-core")} <= set(said)
    assert sorted(api.kept) == [
        "/api/v1/namespaces/faas-notes",
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/site",
        "/apis/apps/v1/namespaces/faas-notes/deployments/notes",
        f"{RIGHTS}/knative-serving-site",
    ]
    assert removed(api) == []


def test_in_check_mode_nothing_is_changed() -> None:
    api = Cluster()
    assert removed(api, predict=True) == removed(Cluster()) and not api.deleted


def test_without_controllers_what_holds_functions_back_is_released() -> None:
    api = Cluster(controllers=False)
    removed(api)
    assert ROUTE not in api.kept and f"{TYPES}/routes.serving.knative.dev" not in api.kept


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (f"{SERVICES}/namespaces/team-a/services/hello", "services team-a/hello would go with Knative"),
        ("/apis/apps/v1/namespaces/faas-shop/deployments/own", "deployments faas-shop/own would go with Knative"),
        ("/api/v1/namespaces/knative-serving/pods/look", "pods knative-serving/look would go"),
    ],
)
def test_what_others_have_there_stops_it_before_anything_is_changed(path: str, line: str) -> None:
    api = Cluster()
    api.add(path, {}, by=[])
    with pytest.raises(removal.InUse, match=f"^{line}.*Nothing was changed$"):
        removed(api)
    assert not api.deleted


def test_what_does_not_go_is_named_with_what_it_waits_for() -> None:
    api = Cluster(controllers=False)
    path = "/api/v1/namespaces/kourier-system"
    waits = [{"type": "NamespaceDeletionDiscoveryFailure", "status": "True", "message": "metrics.k8s.io is stale"}]
    api.add(path, KNATIVE, finalizers=["kubernetes"], status={"conditions": waits})
    with pytest.raises(removal.Stuck, match=f"^{path} does not go: metrics.k8s.io is stale; then run again$"):
        removed(api)


def test_what_is_rendered_has_the_label_by_which_it_goes() -> None:
    manifests = [
        yaml.safe_load((ROOT / f"artifacts/{name}.yml").read_text()) for name in ("knative", "knative-gateway")
    ]
    found = serving.runtime([image["name"] for one in manifests for image in one["images"]], 2, {})
    assert [one["metadata"]["name"] for one in found if not KNATIVE.items() <= one["metadata"]["labels"].items()] == []


# --- Nomad ----------------------------------------------------------------------------------------------------------


class Nomad:
    """An API with jobs, variables, policies and tokens, which keeps a namespace that has any of them."""

    def __init__(self) -> None:
        mark = {"keelson_faas": "x"}
        self.jobs = [
            {"Namespace": "faas-shop", "ID": "faas-greet", "Meta": mark},
            {"Namespace": "faas-shop", "ID": "faas-greet/dispatch-1", "ParentID": "faas-greet", "Meta": mark},
            {"Namespace": "default", "ID": "faas-site", "Meta": None},
        ]
        self.spaces = {
            "faas-shop": "functions of a tenant",
            "faas-bank": "functions of a tenant",
            "faas-notes": "of others",
        }
        self.variables = {"faas-shop": ["nomad/jobs/faas-greet"]}
        self.policies = ["keelson-faas-gateway", "keelson-faas-tenant-shop", "site"]
        self.tokens = {"a1": ["keelson-faas-gateway"], "a2": ["keelson-faas-tenant-shop"], "a3": ["site"]}
        self.running = 2
        self.deleted: list[str] = []

    def get(self, path: str) -> Any:
        """What there is."""
        place, _mark, query = path.partition("?")
        if place == "/v1/allocations":
            self.running -= 1
            return [{"ClientStatus": "running"}] if self.running > 0 else []
        return {
            "/v1/jobs": self.jobs,
            "/v1/namespaces": [{"Name": name, "Description": text} for name, text in self.spaces.items()],
            "/v1/vars": [{"Path": one} for one in self.variables.get(query.partition("=")[2], [])],
            "/v1/acl/policies": [{"Name": name} for name in self.policies],
            "/v1/acl/tokens": [{"AccessorID": name, "Policies": rights} for name, rights in self.tokens.items()],
        }[place]

    def delete(self, path: str) -> None:
        """Forget it."""
        self.deleted.append(path)
        place, _mark, query = path.partition("?")
        name = place.rpartition("/")[2].replace("%2F", "/")
        space = query.partition("namespace=")[2]
        self.jobs = [
            one
            for one in self.jobs
            if not (place.startswith("/v1/job/") and (one["Namespace"], one["ID"]) == (space, name))
        ]
        if place.startswith("/v1/var/"):
            self.variables[space].remove(place.removeprefix("/v1/var/"))
        self.policies = [one for one in self.policies if place != f"/v1/acl/policy/{one}"]
        self.tokens.pop(name, None)
        if place.startswith("/v1/namespace/"):
            assert not self.variables.get(name) and name not in {one["Namespace"] for one in self.jobs}
            del self.spaces[name]


def test_nomad_keeps_nothing_of_functions_and_all_of_others() -> None:
    api = Nomad()
    assert nomad_removal.remove(api, True) and not api.deleted  # type: ignore[arg-type]
    said = nomad_removal.remove(api, False)  # type: ignore[arg-type]
    assert said[0] == "function shop/greet is removed" and said[-1] == "namespace faas-shop is removed"
    assert api.running <= 0
    assert [one["ID"] for one in api.jobs] == ["faas-site"] and list(api.spaces) == ["faas-notes"]
    assert api.policies == ["site"] and sorted(api.tokens) == ["a2", "a3"]
    assert nomad_removal.remove(api, False) == []  # type: ignore[arg-type]


def test_jobs_and_variables_of_others_stop_it() -> None:
    api = Nomad()
    api.jobs.append({"Namespace": "faas-shop", "ID": "own", "Meta": None})
    api.variables["faas-bank"] = ["notes"]
    line = "^job faas-shop/own, variable faas-bank/notes would go with its namespace.*Nothing was changed$"
    with pytest.raises(nomad_removal.InUse, match=line):
        nomad_removal.remove(api, False)  # type: ignore[arg-type]
    assert not api.deleted


# --- the playbook ---------------------------------------------------------------------------------------------------


def steps(role: str, step: str, engine: str, name: str = "faas_runtime") -> list[str]:
    """The files of tasks for one component, on a cluster that does not name it any more."""
    found = components.alone(name, {"cluster_engine": engine}, "uninstall_component")
    return [path.partition("/roles/")[2] for path in components.tasks(found, role, step, name)]


def test_one_component_goes_whether_the_inventory_still_has_it_or_not() -> None:
    assert steps("cluster_manager", "withdraw", "nomad") == ["cluster_manager/tasks/faas_runtime/withdraw.yml"]
    assert steps("host_node", "uninstall", "nomad") == ["host_node/tasks/faas_runtime/nomad/uninstall.yml"]
    assert steps("host_node", "uninstall", "kubernetes") == ["host_node/tasks/faas_runtime/uninstall.yml"]
    assert steps("host_node", "withdraw", "nomad", "backup") == []
    with pytest.raises(components.ComponentError, match="uninstall_component is 'nomad', an engine"):
        steps("host_node", "uninstall", "nomad", "nomad")
    with pytest.raises(components.ComponentError, match="uninstall_component has 'faas': this collection has no such"):
        steps("host_node", "uninstall", "nomad", "faas")
