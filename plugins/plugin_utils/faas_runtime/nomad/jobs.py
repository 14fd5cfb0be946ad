# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From functions to what Nomad runs. Pure."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.keelson.cluster.plugins.module_utils.faas_runtime.nomad.deploy import POLICY, TENANT_POLICY

from ..egress import CLOSED, parse
from ..functions import Declared, Function, Tenant
from ..gateway import namespace

MARK = "keelson_faas"  # in a job's meta: the digest of its specification
PYTHON = "/usr/lib/python3.11"  # host volume faas-python of the host nodes
WAY_OUT = {"Name": "egress", "Type": "host", "Source": "faas-egress", "ReadOnly": True}  # with the socket of the proxy
SANDBOX, EXEC, NONE = "sandbox", "exec", "none"  # the guards of a function's process; the tests take them away


# What would change the launcher itself, before its sandbox is there, or be overwritten by it.
_RESERVED = re.compile(r"NOMAD_\w*|LD_\w+|HOME|TMPDIR|CODE|PYTHONDONTWRITEBYTECODE")


def refused(function: Function) -> Iterable[tuple[str, str]]:
    """What of a function does not run here: the field, and why."""
    if function.image:
        yield "image", "container images do not run on this engine; give artifact, digest and command"
    for key in ("env", "secrets", "services"):
        if taken := [name for name in getattr(function, key) if _RESERVED.fullmatch(name)]:
            yield (
                key,
                f"{', '.join(sorted(taken))} is read by what starts functions here; take another name, or set it in the command",
            )


def account(function: Function) -> str:
    """The system account of a function's processes."""
    return f"fn-{hashlib.sha256(function.label.encode()).hexdigest()[:12]}"


def accounts(declared: Declared) -> list[dict[str, str]]:
    """The accounts that host nodes need, for the module host_settings: of the egress proxy, and of each function."""
    names = ["faas-egress", *sorted({account(one) for one in declared.functions})]
    return [{"name": name, "home": "/nonexistent"} for name in names]


def started(function: Function, guards: str = SANDBOX) -> dict[str, Any]:
    """What the launcher is told."""
    return {
        "name": function.label,
        "digest": function.digest,
        "command": list(function.command),
        "archive": function.artifact.endswith((".tar.gz", ".tgz")),
        "isolation": function.isolation,
        "environment": sorted({*function.env, *function.secrets}),
        "sandbox": guards == SANDBOX,
        "egress": bool(function.destinations),
        "services": dict(function.services),
        "limits": {name: getattr(function, name) for name in ("disk", "pids", "files", "timeout", "answer")},
    }


def _file(name: str, content: bytes) -> dict[str, Any]:
    text = base64.b64encode(content).decode()
    return {
        "EmbeddedTmpl": f'{{{{ base64Decode "{text}" }}}}',
        "DestPath": f"local/{name}",
        "ChangeMode": "noop",
        "Perms": "0444",
    }


def _secrets(function: Function) -> dict[str, Any]:
    path = f"nomad/jobs/{function.job}"
    lines = [f"{name}={{{{ .{item} | toJSON }}}}\n" for name, item in sorted(function.secrets.items())]
    text = f'{{{{ with nomadVar "{path}" }}}}{"".join(lines)}{{{{ end }}}}'
    return {"EmbeddedTmpl": text, "DestPath": "secrets/env", "Envvars": True, "ChangeMode": "restart", "Perms": "0400"}


def task(function: Function, code: bytes, programs: Mapping[str, bytes], guards: str) -> dict[str, Any]:
    """The one task: the launcher, which starts the function."""
    name = "code.tar.gz" if started(function)["archive"] else f"code/{function.artifact.rpartition('/')[2]}"
    found: dict[str, Any] = {
        "Name": "function",
        "Driver": "raw_exec" if guards == NONE else "exec",
        "Config": {"command": "/usr/bin/python3", "args": ["-I", "${NOMAD_TASK_DIR}/launcher.py"]},
        "Env": dict(function.env),
        "Templates": [
            _file("launcher.py", programs["launcher.py"]),
            _file("function.json", json.dumps(started(function, guards), sort_keys=True).encode()),
        ],
        "Resources": {"CPU": function.cpu, "MemoryMB": function.memory},
        "LogConfig": {"MaxFiles": 1, "MaxFileSizeMB": 1},
        "KillTimeout": 5 * 10**9,
    }
    if guards != NONE:
        found["User"] = account(function)
        found["VolumeMounts"] = [{"Volume": "python", "Destination": PYTHON, "ReadOnly": True}]
    if function.destinations:
        found["Templates"].append(_file("relay.py", programs["relay.py"]))
        found.setdefault("VolumeMounts", []).append({"Volume": "egress", "Destination": "/egress", "ReadOnly": True})
    if function.artifact.startswith("https://"):
        options = {"checksum": function.digest, "archive": "false"}
        found["Artifacts"] = [
            {
                "GetterSource": function.artifact,
                "GetterMode": "file",
                "GetterOptions": options,
                "RelativeDest": f"local/{name}",
            }
        ]
    else:
        found["Templates"].append(_file(name, code))
    if function.secrets:
        found["Templates"].append(_secrets(function))
    return found


def job(
    function: Function, tenant: Tenant, code: bytes, programs: Mapping[str, bytes], guards: str = SANDBOX
) -> dict[str, Any]:
    """The function as a job in the form of Nomad's API, its digest in its meta."""
    group: dict[str, Any] = {
        "Name": "function",
        "EphemeralDisk": {"SizeMB": 10},
        "Tasks": [task(function, code, programs, guards)],
    }
    if guards != NONE:
        group["Volumes"] = {"python": {"Name": "python", "Type": "host", "Source": "faas-python", "ReadOnly": True}}
    if function.destinations:
        group.setdefault("Volumes", {})["egress"] = WAY_OUT
    found: dict[str, Any] = {
        "ID": function.job,
        "Name": function.job,
        "Namespace": namespace(tenant.name),
        "Datacenters": ["*"],
        "NodePool": tenant.pool,
        "TaskGroups": [group],
    }
    if function.isolation == "per_request":
        found |= {"Type": "batch", "ParameterizedJob": {"Payload": "required"}}
        group["Tasks"][0]["DispatchPayload"] = {"File": "event.json"}
        group |= {
            "Count": 1,
            "RestartPolicy": {"Attempts": 0, "Mode": "fail"},
            "ReschedulePolicy": {"Attempts": 0, "Unlimited": False},
        }
    else:
        found["Type"] = "service"
        group |= {
            "Count": function.instances.min,
            # Of an instance that is to stop the gateways know nothing any more, and it ends the calls that it has.
            "ShutdownDelay": function.timeout * 10**9,
            "Scaling": {"Min": function.instances.min, "Max": function.instances.max, "Enabled": True, "Policy": {}},
            "Networks": [{"Mode": "cni/faas", "DynamicPorts": [{"Label": "http", "To": 8080}]}],
            "Services": [{"Name": function.service, "PortLabel": "http", "Provider": "nomad"}],
            "RestartPolicy": {"Attempts": 3, "Interval": 60 * 10**9, "Delay": 10**9, "Mode": "delay"},
            "Update": {"MaxParallel": 1, "HealthCheck": "task_states", "MinHealthyTime": 10**9, "AutoRevert": True},
        }
    text = json.dumps(found, sort_keys=True)
    found["Meta"] = {MARK: hashlib.sha256(text.encode()).hexdigest()}
    return found


def egress(declared: Declared, closed: Iterable[str]) -> dict[str, Any]:
    """What the proxy of a host node is told: by account where a function may connect to, and what is closed to all."""
    functions = {
        account(one): {
            "function": one.label,
            "egress": [parse(entry) for entry in one.destinations],
        }
        for one in declared.functions
        if one.destinations
    }
    return {"closed": [*CLOSED, *closed], "functions": functions, "listen": "/var/lib/faas-egress/socket"}


def policies(declared: Declared) -> dict[str, str]:
    """The ACL policies: the gateway's, to dispatch, read answers and scale in the tenants' namespaces, and a tenant's, to look."""

    def rules(tenant: str, rights: list[str]) -> str:
        return f'namespace "{namespace(tenant)}" {{\n  capabilities = {json.dumps(rights)}\n}}\n'

    calls = ["dispatch-job", "list-jobs", "read-job", "read-fs", "scale-job", "submit-job"]
    found = {f"{TENANT_POLICY}{name}": rules(name, ["list-jobs", "read-job", "read-logs"]) for name in declared.tenants}
    return found | {POLICY: "".join(rules(name, calls) for name in sorted(declared.tenants))}
