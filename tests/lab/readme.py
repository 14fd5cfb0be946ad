# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README's files, and the state of the stack that it speaks of."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from .runs import ROOT

README = (ROOT / "README.md").read_text()


def block(first_line: str) -> str:
    """The code block of the README that begins with this line."""
    found = re.findall(rf"^```\w*\n({re.escape(first_line)}.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"{len(found)} blocks begin with {first_line}"
    return str(found[0])


def state(addresses: Sequence[str]) -> str:
    """A state of Terraform: an EC2 server `manager` at the first address, and the servers `web`, counted, at the others."""
    managers, web = addresses[:1], addresses[1:]
    resources = [
        _resource("manager", [_server("manager", managers[0])]),
        _resource("web", [{"index_key": n, **_server(f"web-{n + 1}", address)} for n, address in enumerate(web)]),
    ]
    top = {"version": 4, "terraform_version": "1.11.4", "serial": 7, "lineage": "0d1f8a6e-0c5e-7b55-1a2b-3c4d5e6f7a8b"}
    return json.dumps({**top, "outputs": {}, "resources": resources, "check_results": None})


def _server(name: str, address: str) -> dict[str, object]:
    """An instance as Terraform's AWS provider writes it into the state."""
    attributes = {
        "id": f"i-0abc{address.rpartition('.')[2]}",
        "ami": "ami-0123",
        "instance_state": "running",
        "instance_type": "t3.medium",
        "private_dns": f"ip-{address.replace('.', '-')}.eu-central-1.compute.internal",
        "private_ip": address,
        "public_dns": "",
        "public_ip": "",
        "subnet_id": "subnet-01",
        "tags": {"Name": name},
        "tags_all": {"Name": name},
    }
    return {"schema_version": 1, "attributes": attributes, "sensitive_attributes": []}


def _resource(name: str, instances: list[dict[str, object]]) -> dict[str, object]:
    provider = 'provider["registry.terraform.io/hashicorp/aws"]'
    return {"mode": "managed", "type": "aws_instance", "name": name, "provider": provider, "instances": instances}
