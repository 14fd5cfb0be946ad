# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pulumi: what `pulumi stack export` prints, and the checkpoint files of a self-managed backend (also as .gz).

The shapes are apitype.UntypedDeployment, CheckpointV3 and DeploymentV3 of github.com/pulumi/pulumi/sdk/go/common/apitype.
A resource's address is its URN. Secrets stay encrypted, unless they were exported with --show-secrets: nothing here holds a key.
"""

from __future__ import annotations

from typing import Any

from .. import documents
from ..documents import expect, flag, optional
from ..errors import StackError
from ..model import (
    Output,
    Resource,
    Skipped,
    Stack,
    Steps,
)

KIND = "a Pulumi export or checkpoint"
Fault = tuple[str, str]
# The key and the value by which Pulumi marks a secret among ordinary values (resource.SigKey, resource.SecretSig).
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
# Signatures of what is no value: an asset, an archive, a resource (resource.AssetSig and the like).
_NO_VALUES = {
    "c44067f5952c0a294b673a41bacd8c17": "an asset",
    "0def7320c3a5731c473e5ecbe6d01bc7": "an archive",
    "5cf8f73096256a8f31e491e813e4eb8e": "a reference to a resource",
}
_ENCRYPTED = (
    "is encrypted",
    "Export it with `pulumi stack export --show-secrets`, and keep that file as safe as the secrets in it",
)
# Features of version 4 that change nothing of what is read here (pkg/resource/stack/deployment.go).
_FEATURES = ("refreshBeforeUpdate", "views", "hooks", "taint", "replaceWith")


def _fault(signature: Any) -> Fault:
    if signature in (_SECRET, _OUTPUT):
        return _ENCRYPTED
    what = _NO_VALUES.get(str(signature))
    if what:
        return f"is {what}, no value", "Export the values that are needed, such as the address of a server"
    return "has a mark that is not known here", "Update keelson.cluster, or export a plain value"


def recognise(document: dict[str, Any]) -> bool:
    """An export has a deployment, a checkpoint file a checkpoint, the output of `stack output --json` neither."""
    return "deployment" in document or "checkpoint" in document


def parse(document: dict[str, Any], name: str, place: str) -> Stack:
    """Read an export or a checkpoint of version 3 or 4."""
    version = document.get("version")
    if version not in (3, 4) or isinstance(version, bool):
        raise StackError(
            place,
            f"is of version {version!r}, only 3 and 4 are read",
            "Export it again with a current `pulumi stack export`",
        )
    unknown = [str(item) for item in optional(document, "features", list, place, "features") if item not in _FEATURES]
    if unknown:
        raise StackError(
            place,
            f"has features that are not known here: {', '.join(unknown)}",
            "Update keelson.cluster, or give the outputs alone, as `pulumi stack output --json` prints them, to `static:`",
        )
    deployment = document.get("deployment")
    stack = Stack(name, "pulumi", place)
    if deployment is None and "checkpoint" in document:
        checkpoint = expect(document["checkpoint"], dict, place, "checkpoint")
        deployment = checkpoint.get("latest")
        stack.lineage = checkpoint.get("stack") if isinstance(checkpoint.get("stack"), str) else None
    if deployment is None:
        raise StackError(place, "holds no deployment: nothing is applied", "Run `pulumi up` first")
    expect(deployment, dict, place, "deployment")
    if optional(deployment, "metadata", dict, place, "metadata").get("integrity_error"):
        stack.warnings.append(f"{place}: Pulumi has marked it as damaged: run `pulumi state repair` before trusting it")
    pending = optional(deployment, "pending_operations", list, place, "pending_operations")
    for operation in pending:
        resource = operation.get("resource") if isinstance(operation, dict) else None
        urn = resource.get("urn") if isinstance(resource, dict) else "a resource"
        stack.warnings.append(
            f"{place}: {operation.get('type', 'an operation') if isinstance(operation, dict) else 'an operation'} of {urn} "
            "was cut off: run `pulumi refresh` before trusting it"
        )
    for number, resource in enumerate(optional(deployment, "resources", list, place, "resources")):
        _add(stack, expect(resource, dict, place, f"resources[{number}]"), number)
    return stack


def _add(stack: Stack, resource: dict[str, Any], number: int) -> None:
    place = stack.place
    urn = expect(resource.get("urn"), str, place, f"resources[{number}].urn")
    kind = expect(resource.get("type"), str, place, f"the type of {urn}")
    marks: list[Steps] = []
    hidden: dict[Steps, Fault] = {}
    outputs = _plain(optional(resource, "outputs", dict, place, f"the outputs of {urn}"), (), marks, hidden)
    if kind == "pulumi:pulumi:Stack":
        stack.workspace = urn.split("::")[0].split(":")[-1]
        for output, value in outputs.items():
            secret = any(steps[:1] == (output,) for steps in marks)
            fault = next((fault for steps, fault in hidden.items() if steps[:1] == (output,)), ())
            stack.outputs[output] = Output(value, secret, fault=fault)
        return
    whole = "custom" in resource
    if whole and flag(resource, "delete", place, urn):
        stack.skipped.append(Skipped(stack.name, urn, "pending deletion"))
        return
    if whole and flag(resource, "pendingReplacement", place, urn):
        stack.skipped.append(Skipped(stack.name, urn, "pending replacement"))
        return
    if whole and not flag(resource, "custom", place, urn) or kind.startswith("pulumi:providers:"):
        return
    attributes = {"id": resource.get("id"), **outputs}
    note = ""
    if flag(resource, "taint", place, urn):
        note = "tainted"
        stack.warnings.append(f"{place}: {urn} is tainted: the next update replaces it")
    if optional(resource, "initErrors", list, place, f"initErrors of {urn}"):
        stack.warnings.append(f"{place}: {urn} was not finished: run `pulumi up` again before trusting it")
    stack.resources.append(
        Resource(
            urn,
            urn,
            kind,
            None,
            attributes,
            tuple(marks),
            "data" if flag(resource, "external", place, urn) else "managed",
            note,
            () if whole else ("does not say whether it is custom", "The file is damaged; export it again"),
        )
    )


def _plain(value: Any, above: Steps, marks: list[Steps], hidden: dict[Steps, Fault]) -> Any:
    """VALUE without Pulumi's marks. The paths of secrets are added to MARKS, those of what is not there itself to HIDDEN, with the reason."""
    if isinstance(value, dict):
        if _SIGNATURE in value:
            signature = value[_SIGNATURE]
            if signature == _SECRET or signature == _OUTPUT and value.get("secret"):
                marks.append(above)
            if signature == _SECRET and isinstance(value.get("plaintext"), str):
                try:
                    return _plain(documents.loads(value["plaintext"]), above, marks, hidden)
                except (ValueError, RecursionError):
                    hidden[above] = ("holds a secret that is not JSON", "The file is damaged; export it again")
                    return None
            if signature == _OUTPUT and "value" in value:
                return _plain(value["value"], above, marks, hidden)
            hidden[above] = _fault(signature)
            return None
        return {key: _plain(item, (*above, key), marks, hidden) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, (*above, number), marks, hidden) for number, item in enumerate(value)]
    return value
