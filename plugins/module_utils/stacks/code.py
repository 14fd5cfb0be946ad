# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stack's code, as far as it can be known before anything is applied. Needs the Python library python-hcl2."""

from __future__ import annotations

import glob
import ipaddress
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..python_packages import pip_command
from . import paths
from .errors import StackError

try:
    import hcl2

    HAS_HCL2 = True
except ImportError:
    HAS_HCL2 = False

_WHOLE = re.compile(r"\$\{(.*)\}", re.DOTALL)
_NAMED = re.compile(r"(var|local)\.([A-Za-z_][\w-]*)(.*)", re.DOTALL)
_CALL = re.compile(r"(cidrsubnet|length|toset|tolist|tomap)\((.*)\)", re.DOTALL)


class Unknown:
    """A value that is known only after the stack is applied. kind: string, number, list or map where the code tells."""

    def __init__(self, kind: str = "") -> None:
        self.kind = kind


@dataclass
class Code:
    """One module of code. place: its folder. given: the arguments that a calling module passes, already evaluated."""

    place: str
    variables: dict[str, Any] = field(default_factory=dict)
    locals: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    resources: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    modules: dict[str, dict[str, Any]] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)


class Declared(NamedTuple):
    """A declared resource: its type, how many instances it makes (None: not known), its body, and the module it stands in."""

    type: str
    number: int | None
    body: dict[str, Any]
    code: Code


def read(folder: str) -> Code:
    """Parse the .tf and .tofu files of FOLDER."""
    if not HAS_HCL2:
        raise StackError(folder, "needs the Python library python-hcl2", f"Run {pip_command('python-hcl2')}")
    files = sorted(
        glob.glob(os.path.join(glob.escape(folder), "*.tf")) + glob.glob(os.path.join(glob.escape(folder), "*.tofu"))
    )
    if not files:
        raise StackError(folder, "holds no code", "Give the folder of the stack's .tf files")
    code = Code(folder)
    for path in files:
        try:
            with open(path, encoding="utf-8") as handle:
                document = hcl2.load(handle)
        except OSError as error:
            raise StackError(path, f"cannot be read: {error.strerror}", "Give readable files") from None
        except Exception as error:  # the parser raises lark's own errors
            line = getattr(error, "line", "?")
            raise StackError(
                path, f"is no HCL: line {line} cannot be understood", "Correct it; `terraform validate` says more"
            ) from None
        for name, body in _blocks(document.get("variable")):
            code.variables[name] = body
        for block in document.get("locals", []):
            code.locals.update({key: value for key, value in block.items() if key != "__is_block__"})
        for name, body in _blocks(document.get("output")):
            code.outputs[name] = body
        for name, body in _blocks(document.get("module")):
            code.modules[name] = body
        for mode, prefix in (("resource", ""), ("data", "data.")):
            for kind, named in _blocks(document.get(mode)):
                for name, body in named.items():
                    if name != "__is_block__":
                        code.resources[f"{prefix}{kind}.{_unquote(name)}"] = (kind, body)
    return code


def _blocks(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for block in value or []:
        for name, body in block.items():
            if name != "__is_block__":
                yield _unquote(name), body


def _unquote(text: Any) -> str:
    return str(text)[1:-1] if str(text).startswith('"') and str(text).endswith('"') else str(text)


def addresses(code: Code, prefix: str = "", times: int | None = 1) -> dict[str, Declared | None]:
    """Every declared resource by its address without indexes. A module from elsewhere stands as `module.NAME.**` with None."""
    found: dict[str, Declared | None] = {}
    for address, (kind, body) in code.resources.items():
        count = _instances(code, body)
        found[prefix + address] = Declared(kind, None if count is None or times is None else count * times, body, code)
    for name, body in code.modules.items():
        source = _unquote(body.get("source", ""))
        if not source.startswith((".", "/")):
            found[f"{prefix}module.{name}.**"] = None
            continue
        inner = read(os.path.normpath(os.path.join(code.place, source)))
        inner.given = {key: evaluate(code, value) for key, value in body.items()}
        count = _instances(code, body)
        found.update(
            addresses(inner, f"{prefix}module.{name}.", None if count is None or times is None else count * times)
        )
    return found


def _instances(code: Code, body: dict[str, Any]) -> int | None:
    """How many instances `count` and `for_each` make; None when that is not known yet."""
    if "count" in body:
        count = evaluate(code, body["count"])
        return count if isinstance(count, int) and not isinstance(count, bool) else None
    if "for_each" in body:
        each = evaluate(code, body["for_each"])
        return len(each) if isinstance(each, (dict, list)) else None
    return 1


def kind_of(value: Any) -> str:
    """string, number, list or map; empty when it is not known."""
    if isinstance(value, Unknown):
        return value.kind
    return {str: "string", int: "number", float: "number", list: "list", dict: "map", bool: "bool"}.get(type(value), "")


def evaluate(code: Code, value: Any, depth: int = 0) -> Any:
    """The value of an expression made of literals, variables with a default, locals, `cidrsubnet` and `length`; else Unknown."""
    if depth > 30:
        return Unknown()
    if isinstance(value, dict):
        return {_unquote(key): evaluate(code, item, depth + 1) for key, item in value.items() if key != "__is_block__"}
    if isinstance(value, list):
        return [evaluate(code, item, depth + 1) for item in value]
    if not isinstance(value, str):
        return value
    whole = _WHOLE.fullmatch(value)
    if not whole or whole.group(1).count("${") and value.startswith('"'):
        return _text(code, value, depth)
    return _expression(code, whole.group(1).strip(), depth)


def _text(code: Code, value: str, depth: int) -> Any:
    """A quoted text with what is interpolated in it."""
    parts = re.split(r"\$\{([^{}]*)\}", _unquote(value))
    for number in range(1, len(parts), 2):
        inner = _expression(code, parts[number].strip(), depth)
        if isinstance(inner, (Unknown, dict, list)):
            return Unknown("string")
        parts[number] = str(inner)
    return "".join(parts)


def _expression(code: Code, text: str, depth: int) -> Any:
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if re.fullmatch(r'"[^"]*"', text):
        return _text(code, text, depth)
    named = _NAMED.fullmatch(text)
    if named:
        return _named(code, named.group(1), named.group(2), named.group(3), depth)
    call = _CALL.fullmatch(text)
    if call and call.group(2).count("(") == call.group(2).count(")"):
        return _call(code, call.group(1), call.group(2), depth)
    if text.startswith(("[", "{")):
        kind = "list" if text.startswith("[") else "map"
        if re.match(r"[\[{]\s*for\b", text):
            return Unknown(kind)
        try:
            return evaluate(code, hcl2.loads(f"x = {text}\n")["x"], depth + 1)
        except Exception:  # not literal after all
            return Unknown(kind)
    return Unknown()


def _named(code: Code, space: str, name: str, path: str, depth: int) -> Any:
    if space == "local":
        value = evaluate(code, code.locals[name], depth + 1) if name in code.locals else Unknown()
    elif name in code.given:
        value = code.given[name]
    else:
        body = code.variables.get(name, {})
        declared = str(body.get("type", "")).strip('"${}')
        kind = (
            "list"
            if declared.startswith(("list", "set", "tuple"))
            else "map"
            if declared.startswith(("map", "object"))
            else declared
        )
        value = evaluate(code, body["default"], depth + 1) if body.get("default") is not None else Unknown(kind)
    if not path:
        return value
    try:
        found = paths.resolve(
            value, paths.parse(path.lstrip(".")) if path.startswith(".") else paths.parse(f"x{path}")[1:]
        )
    except ValueError:
        return Unknown()
    return Unknown() if found is paths.MISSING else found


def _call(code: Code, function: str, text: str, depth: int) -> Any:
    try:
        arguments = evaluate(code, hcl2.loads(f"x = [{text}]\n")["x"], depth + 1)
    except Exception:  # an expression that the library cannot take out of its context
        return Unknown()
    if function in ("toset", "tolist", "tomap"):
        return arguments[0]
    if function == "length":
        return len(arguments[0]) if isinstance(arguments[0], (list, dict, str)) else Unknown("number")
    try:
        block, bits, number = arguments
        network = ipaddress.ip_network(block)
        return str(
            ipaddress.ip_network(
                (
                    int(network.network_address) + (number << (network.max_prefixlen - network.prefixlen - bits)),
                    network.prefixlen + bits,
                )
            )
        )
    except (ValueError, TypeError):
        return Unknown("string")
