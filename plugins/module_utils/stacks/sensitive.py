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
    r"(^|[^a-z])(\w*pw|\w*pwd|\w*(?<!by)(?<!com)(?<!tres)(?<!over)(?<!under)(?<!sur)pass|psk|pre_?shared|dsn|sas|shared_access_signature|jwt|[ht]?otp|hmac"
    r"|(radius|tacacs)_shared|pepper|mnemonic|creds?|\w*tokens?|kube_?(admin_)?config(_raw)?|admin_conf|docker(config(json)?|cfg)|(docker|registry|npm)_auth"
    r"|join_(command|cmd)|htpasswd|htdigest|key_?store|conn(ection)?_(str|strings?|ur[il]s?)|jdbc|snmp_community|community_string"
    r"|(sas|signed|presigned|(web)?hook|jdbc|amqps?|rabbit(mq)?|sentry|nats|slack|broker|database|db|redis|mongo(db)?|postgres(ql)?|mysql|mariadb"
    r"|sqlalchemy|celery(_broker)?|upload)_ur[il]s?"
    r"|dburi|user_?data(_base64)?|custom_data|cloud_?(init|config)|ignition(_config)?|(talos|machine)_?config|preseed|kickstart|sysprep|(auto)?unattend"
    r"|protected_settings|npmrc|pypirc|netrc|dotenv|env_file|\w*jaas_config|seed_phrase|\w*startup_script|keytab|pfx|p(kcs_?)?(1|8|12)|jks|\w*cookie"
    r"|(recovery|backup|unlock)_(codes?|keys?)|(\w+_)?unseal(_?keys?)?|shamir(_\w+)?|gossip_(encrypt(ion)?|keyring)|(consul|nomad)_encrypt|fernet"
    r"|(invit(e|ation)|magic|enroll(ment)?|activation|registration|one_time)_(codes?|links?|ur[il]s?)"
    r"|bearer|client_assertion|service_account_json|basic_auth|auths|auth_(string|header)|(\w*_)?pat|\w*webhooks?|\w*_hook|\w*privatekey\w*"
    r"|(ssh|tls|wg|wireguard|gpg|pgp|rsa|ec(dsa)?|(ed|x)25519|age|jwks|dkim|key|pem)_private|(rsa|ec(dsa)?)_pem"
    r"|private_?(keys?|jwks?|pem|der|pkcs\d+|p8|cert)(_\w+)?|key_material|(?<![a-z0-9]_)key_pem|id_(rsa|dsa|ecdsa|ed25519)"
    r"|(secret|access|api|account|primary|secondary|encryption|shared)_?keys?)($|[^a-z])"
    r"|pass(wd|word|phrase|code|key)|secret(?!ar)|credential"
)
# `…_key` and `…key` are secrets, but for keys that are public by their nature or only name something, and words that end so.
_KEY = re.compile(
    r"(^|_)(?P<of>[a-z0-9]+?)_?key(_(pem|openssh|pkcs\d+|base64|b64|data|value|material|content|json|jwk))?$"
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
    "object",
    "bucket",
    "s3",
    *("mon", "don", "tur", "whis", "hoc", "joc", "turn", "hot", "lac", "latch", "fun"),
}
# Values that are secrets under any name: private keys, addresses and connection strings with a password or a signature in them,
# tokens by their form, hashes of passwords.
_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]*:[^/\s@]+@|[?&](sig|signature|x-(amz|goog)-signature|(access_)?token|api_?key)=[^&\s]"
    r"|(?<![\w-])(eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+|gh[pousr]_\w{30}|npm_\w{30}|hf_\w{30}|dop_v1_\w{30}|dckr_pat_[\w-]{20}"
    r"|pypi-AgE\w|AIza[\w-]{30}|xapp-\d|github_pat_\w{20}|glpat-[\w-]{15}|[rs]k_live_\w{15}|xox[abprs]-[\w-]{10}"
    r"|hv[sb]\.[\w-]{12}|AGE-SECRET-KEY-1|PuTTY-User-Key-File-|(Account|SharedAccess)Key=\w|(\w{0,60}_)?(pwd|password|secret|token)=[^\s;&])"
    r'|client-key-data: |"auth": ?"[\w+/]{6}|--token \w|authorization: (basic|bearer) \w'
    r"|hooks\.slack\.com/services/|(discord\.com/api|office\.com)/webhook|^#cloud-config|(^|:)\$(1|5|6|y|2[abxy]|apr1|argon2\w+)\$[^\s$]"
    r"|LS0tLS1CRUdJTi[\w+/]{0,40}(UFJJVkFURSBL|BSSVZBVEUg|QUklWQVRFI)",
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
