# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is sensitive: the tool's own marks, and names that say so."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from . import paths
from .model import Resource, Steps

# Attributes and keys that hold secrets whatever their mark says: providers forget marks, and copies of a value lose them.
_DENIED = re.compile(
    r"(^|[^a-z])(pw|pwd|\w*(?<!by)(?<!com)(?<!tres)(?<!over)(?<!under)(?<!sur)pass|psk|dsn|sas|jwt|[ht]?otp|hmac|mnemonic|creds?|\w*tokens?"
    r"|kube_?config(_raw)?|htpasswd|key_?store|conn(ection)?_(str|strings?|ur[il]s?)"
    r"|(sas|signed|presigned|webhook|jdbc|amqp|broker|database|db|redis|mongo(db)?|postgres(ql)?|mysql|mariadb|upload)_ur[il]s?"
    r"|user_?data(_base64)?|custom_data|cloud_init|\w*startup_script|keytab|pfx|p(kcs_?)?12|masterkey|\w*bindpw|\w*cookie|recovery_codes?"
    r"|unseal_keys?|bearer|basic_auth|\w*_pat|\w*webhook|(ssh|tls|wg|wireguard|gpg|rsa)_private|private_?keys?(_\w+)?"
    r"|(secret|access|api|account|primary|secondary|encryption|shared)_?keys?|sshkey)($|[^a-z])"
    r"|pass(wd|word|phrase|code|key)|secret(?!ar)|credential"
)
# `…_key` is a secret, but for keys that are public by their nature or only name something.
_KEY = re.compile(
    r"(^|_)(?P<of>[a-z0-9]+)_key(_(pem|openssh|pkcs\d+|base64|b64|data|value|material|content|json|jwk))?$"
)
_OPEN = {
    "public",
    "pub",
    "host",
    "kms",
    "cmk",
    "index",
    "partition",
    "hash",
    "range",
    "sort",
    "foreign",
    "unique",
    "tag",
    "label",
}
# Values that are secrets under any name: private keys, addresses and connection strings with a password or a signature in them,
# tokens by their form, hashes of passwords.
_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]*:[^/\s@]+@|[?&](sig|signature|x-amz-signature|token)=[^&\s]"
    r"|(?<![\w-])(eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+|gh[pousr]_\w{30}|github_pat_\w{20}|glpat-[\w-]{15}|[rs]k_live_\w{15}|xox[abprs]-[\w-]{10}"
    r"|hvs\.[\w-]{15}|AGE-SECRET-KEY-1|PuTTY-User-Key-File-|(Account|SharedAccess)Key=\w|(pwd|password)=[^\s;&])"
    r"|hooks\.slack\.com/services/|^\$(1|5|6|y|2[abxy])\$[^\s$]",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@lru_cache(maxsize=65536)
def denied(name: object) -> bool:
    """Whether a key of this name is taken as secret; camelCase and kebab-case are read as snake_case."""
    if not isinstance(name, str):
        return False
    plain = _CAMEL.sub("_", name[:256]).lower().replace("-", "_")
    key = _KEY.search(plain)
    return _DENIED.search(plain) is not None or key is not None and key["of"] not in _OPEN


def shows(value: object) -> bool:
    """Whether a text is a secret by its looks, whatever it is called."""
    return isinstance(value, str) and len(value) > 12 and _SECRET.search(value) is not None


def is_sensitive(resource: Resource, steps: Steps) -> bool:
    """Whether reading STEPS of the resource would show something sensitive."""
    return any(paths.overlap(steps, mark) for mark in resource.sensitive) or any(denied(step) for step in steps)


def strip(value: Any, marks: Iterable[Steps] = (), left_out: list[str] | None = None, where: str = "") -> Any:
    """A copy of VALUE without sensitive parts; the paths of what was left out are added to LEFT_OUT."""
    if not isinstance(value, (dict, list)):
        return value
    marks = tuple(marks)
    if isinstance(value, dict):
        kept = {}
        for key, item in value.items():
            below = _below(marks, key)
            if denied(key) or () in below or shows(item):
                if left_out is not None:
                    left_out.append(f"{where}.{key}" if where else str(key))
                continue
            kept[key] = strip(item, below, left_out, f"{where}.{key}" if where else str(key))
        return kept
    items = []
    for number, item in enumerate(value):
        below = _below(marks, number)
        items.append(None if () in below or shows(item) else strip(item, below, left_out, f"{where}[{number}]"))
    return items


def _below(marks: tuple[Steps, ...], step: Any) -> tuple[Steps, ...]:
    """What of the marks lies below a step."""
    return tuple(mark[1:] for mark in marks if mark and str(mark[0]) == str(step)) if marks else marks
