# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that issue join tokens share; each engine has a module of its own, for its own enrollment service."""

from __future__ import annotations

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..cluster.remote import ApiError
from ..enrollment import tokens
from ..enrollment.manager import EnrollmentService

ALL = "all"  # in place of a number: the tokens of before, such as when somebody may have read a join document


def main(enrollment_service_type: type[EnrollmentService]) -> None:
    """Run the module of an engine."""
    module = AnsibleModule(
        argument_spec={
            "cluster": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent", "listed"], "default": "present"},
            "pool": {"type": "str"},
            "hosts": {"type": "int", "default": 1},
            "hours": {"type": "float", "default": 24.0},
            "number": {"type": "str"},
        },
        required_if=[("state", "present", ["pool"]), ("state", "absent", ["number"])],
        supports_check_mode=True,
    )
    params = module.params
    try:
        enrollment_service = enrollment_service_type.open(params["cluster"])
        result = act(enrollment_service, params, module.check_mode, time.time())
        with open(enrollment_service.ca_file, encoding="ascii") as file:
            result["ca"] = file.read()
    except ValueError as error:
        module.fail_json(msg=str(error))
    except (ApiError, OSError) as error:
        module.fail_json(msg=f"The join tokens of {params['cluster']} cannot be reached: {error}")
    module.exit_json(**result)


def act(enrollment_service: EnrollmentService, params: dict[str, Any], check: bool, now: float) -> dict[str, Any]:
    """Do what the options say; returns C(changed), C(token) for a new one, and all C(tokens). Raises ApiError, ValueError."""
    result: dict[str, Any] = {"changed": params["state"] == "present"}
    if params["state"] == "present":
        tokens.check_bounds(params["hosts"], params["hours"])
        token, result["token"] = tokens.make(params["pool"], params["hosts"], params["hours"] * 3600, now)
        if check:
            result["token"] = ""
        else:
            enrollment_service.sweep(now)
            enrollment_service.write(token)
    elif params["state"] == "absent":
        chosen = enrollment_service.numbers() if params["number"] == ALL else [params["number"]]
        known = [number for number in chosen if enrollment_service.read(number)[0] is not None]
        gone = known if check else list(filter(enrollment_service.revoke, known))
        result["changed"] = bool(gone)
    result["tokens"] = [
        {
            "number": token.number,
            "pool": token.pool,
            "hosts": token.hosts,
            "expires": token.expires,
            "joined": [name for name, _key in token.joined],
        }
        for token in enrollment_service.tokens()
    ]
    return result
