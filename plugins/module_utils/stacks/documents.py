# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From bytes to a checked JSON document: what every reader starts with."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import re
import zlib
from typing import Any

from ..python_packages import pip_command
from .errors import StackError

try:
    import yaml

    class _Twice(yaml.MarkedYAMLError):
        """A key stands twice in a mapping."""

    class _Loader(yaml.SafeLoader):
        """Plain YAML in which Ansible's own tags stand for their text, and no key stands twice."""

        def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
            node = super().compose_mapping_node(anchor)
            seen: set[tuple[str, str]] = set()
            for key, _value in node.value:
                if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in seen:
                    raise _Twice(problem=f"holds {key.value!r} twice", problem_mark=key.start_mark)
                seen.add((key.tag, str(key.value)))
            return node

    for _tag in ("!vault", "!unsafe"):
        _Loader.add_constructor(_tag, lambda loader, node: str(node.value))
    HAS_YAML = True
except ImportError:
    HAS_YAML = False

# The largest real states known are some 100 MiB; reading more than this into memory is a mistake, not a state.
LIMIT = 512 * 1024 * 1024
# As many values as no file has that was written for this: what aliases of YAML may stand for.
VALUES = 10_000_000


def read_file(path: str) -> bytes:
    """Read a whole file; StackError for everything that can be wrong with it."""
    try:
        with open(path, "rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            if size > LIMIT:
                raise StackError(
                    path,
                    f"is {size >> 20} MiB, the limit is {LIMIT >> 20} MiB",
                    "Name the state itself, or split the stack",
                )
            return handle.read(LIMIT + 1)
    except OSError as error:
        raise StackError(
            path, _os_fault(error), "Give a readable file; paths start at the folder of the stacks file"
        ) from None


def _os_fault(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "is a loop of symbolic links"
    if error.errno == errno.ENOENT:
        return "does not exist"
    return f"cannot be read: {(error.strerror or str(error)).lower()}"


class DuplicateKey(ValueError):
    """A key stands twice in an object, of which the last one would count without a word."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _value in pairs]
        raise DuplicateKey(next(key for key in keys if keys.count(key) > 1))
    return found


def loads(text: str | bytes) -> Any:
    """What the JSON says; ValueError where it is none, DuplicateKey where it says a thing twice."""
    return json.loads(text, object_pairs_hook=_unique)


def parsed(value: Any) -> Any:
    """VALUE, or what it says where it is the JSON text of an object or a list: some outputs know nothing but text."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _second(data: bytes, key: str) -> str:
    """Where KEY stands the second time in one object."""
    text = data.decode(json.detect_encoding(data), "replace")
    levels: list[set[Any]] = []
    for token in re.finditer(r'("(?:[^"\\]|\\.)*")\s*(:?)|[{}]', text):
        if token[0] == "{":
            levels.append(set())
        elif token[0] == "}":
            levels.pop()
        elif token[2] and levels:
            name = json.loads(token[1])
            if name == key and name in levels[-1]:
                line = text.count("\n", 0, token.start()) + 1
                return f", the second at line {line} column {token.start() - text.rfind(chr(10), 0, token.start())}"
            levels[-1].add(name)
    return ""


def load_json(data: bytes, place: str, page: bool = False) -> dict[str, Any]:
    """Parse DATA as one JSON object; StackError names PLACE, line and column. Gzip and a byte order mark are understood; a PAGE may be one of several."""
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
                data = packed.read(LIMIT + 1)
        except (OSError, EOFError, zlib.error):
            raise StackError(place, "is a broken gzip file", "Fetch it again") from None
        if len(data) > LIMIT:
            raise StackError(
                place, f"unpacks to more than {LIMIT >> 20} MiB", "Name the state itself, or split the stack"
            )
    if data[:4] == b"PK\x03\x04":
        raise StackError(place, "is a plan as the tool saves it", "Print it by `show -json`, and give that to `show:`")
    if not data.strip():
        raise StackError(place, "is empty", "Apply the stack first, or fetch the file again")
    try:
        document = loads(data)
    except DuplicateKey as error:
        fault = (
            f"holds {str(error)!r} twice in one object{_second(data, str(error))}, and which of them counts is unknown"
        )
        raise StackError(place, fault, "Fetch it again, or correct what writes it") from None
    except UnicodeDecodeError:
        raise StackError(place, "is not text in UTF-8", "Write it again as the tool prints it") from None
    except json.JSONDecodeError as error:
        if error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated"):
            fault = f"is cut off: the JSON ends in the middle, at line {error.lineno} column {error.colno}"
            raise StackError(place, fault, "Fetch it again; it was not written whole") from None
        fault = f"is not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        raise StackError(place, fault, "Give the file that the tool writes or prints as JSON") from None
    except ValueError:  # Python reads no integer of more than some thousand digits
        raise StackError(
            place,
            "has a number of more digits than can be read",
            "Give the file that the tool writes or prints as JSON",
        ) from None
    except RecursionError:
        raise StackError(
            place, "is nested too deeply to be read", "Give the file that the tool writes or prints as JSON"
        ) from None
    if not isinstance(document, dict):
        raise StackError(
            place,
            f"holds a JSON {_kind(document)} where an object is expected",
            "Give the file that the tool writes or prints as JSON, whole and without a filter such as `--query` or `jq`",
        )
    if not page:
        whole(document, place)
    return document


def load_yaml(data: bytes, place: str, nodes: bool = False) -> Any:
    """What the YAML says, or the NODES in which it is written; StackError names PLACE, line and column."""
    if not HAS_YAML:
        raise StackError(place, "needs the Python library PyYAML", f"Run {pip_command('PyYAML')}")
    try:
        if nodes:
            return yaml.compose(data, _Loader)
        document = yaml.load(data, _Loader)
        if _values(document, {}) >= VALUES:
            much = f"unpacks to more than {VALUES} values: aliases of aliases, or one within itself"
            raise StackError(place, much, "Write it without them")
        return document
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1} column {mark.column + 1}" if mark else ""
        fault = error.problem if isinstance(error, _Twice) else "is not YAML"
        raise StackError(place, f"{fault}{where}", "Correct it") from None


def _values(value: Any, known: dict[int, int]) -> int:
    """How many values there are once every alias is followed."""
    if not isinstance(value, (dict, list)):
        return 1
    if id(value) not in known:
        known[id(value)] = VALUES  # for one within itself
        items = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_values(item, known) for item in items)
    return known[id(value)]


def numbers(data: bytes, path: str) -> None:
    """StackError where a number below `clusters`, `vars` apart, has become another by the time it is read: 010 is 8, 12:30 is 750."""
    waiting, seen = [("", load_yaml(data, path, nodes=True))], set[int]()
    while waiting:
        place, node = waiting.pop()
        if id(node) in seen:  # an alias
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            named = [(str(key.value), item) for key, item in node.value]
            kept = [(name, item) for name, item in named if name != "vars" and (place or name == "clusters")]
            waiting += [(f"{place}.{name}" if place else name, item) for name, item in kept]
        elif isinstance(node, yaml.SequenceNode):
            waiting += [(f"{place}[{number}]", item) for number, item in enumerate(node.value)]
        elif node and node.tag.endswith(":int") and str(yaml.safe_load(node.value)) != node.value:
            fault = f"is {node.value}, which YAML reads as the number {yaml.safe_load(node.value)}"
            raise StackError(f"{path}: {place}", fault, f'Put it in quotes: "{node.value}"')


# How listings say that there is more of them, whatever the separators; and where among other things they say it.
_MORE = re.compile(
    r"(opc)?next(page)?(token|link|marker|url|uri|href|cursor|key)?|odatanextlink|(next)?continuation(token)?|continue|lastevaluatedkey"
    r"|has(more|next)(page|results|items)?|(is)?truncated|incomplete(results)?|remainingitemcount"
)
_PAGE = ("page", "currentpage", "pagenumber")
_PAGES = ("pages", "lastpage", "totalpages", "pagecount")
_ABOUT = re.compile(r"links?|meta(data)?|responsemetadata|paginat(ion|or)|paging|pages?|pageinfo|cursors?")


def whole(document: dict[str, Any], place: str, inside: bool = False, size: int | None = None) -> None:
    """StackError where the document is a page of a listing that goes on. INSIDE: of what tells about one of SIZE."""
    lists = [value for value in document.values() if isinstance(value, list)]
    size = len(lists[0]) if len(lists) == 1 else size
    plain = {re.sub("[^a-z]", "", key.lower()): (key, value) for key, value in document.items() if isinstance(key, str)}
    pages = [value for word, (_key, value) in plain.items() if word in _PAGES and isinstance(value, int)]
    for word, (key, value) in plain.items():
        if isinstance(value, dict) and _ABOUT.fullmatch(word):
            whole(value, place, True, size)
            continue
        more = value is True or value and isinstance(value, (str, int, dict) if inside else (str, int))
        more = more and _MORE.fullmatch(word) and (inside or word not in ("next", "continue") or "/" in str(value))
        if isinstance(value, int) and (word == "totalcount" or inside and word == "total"):
            more = size is not None and value > size
        if isinstance(value, int) and word in _PAGE:
            more = any(value < last for last in pages)
        if more:
            raise StackError(
                place,
                f"is a part of a listing that goes on ({key})",
                "Fetch all of it: without `--max-items`, `--no-paginate`, a limit or a page number",
            )


def _kind(value: Any) -> str:
    names = {list: "list", str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}
    return names.get(type(value), "value")


def expect(value: Any, kind: type, place: str, what: str) -> Any:
    """VALUE when it is of KIND (dict, list, str, int); otherwise a StackError that says what is there instead."""
    if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    expected = {dict: "an object", list: "a list", str: "a string", int: "a number"}[kind]
    raise StackError(
        place,
        f"{what} is {'an object' if isinstance(value, dict) else 'a ' + _kind(value)} where {expected} is expected",
        "The file is damaged or of another tool; fetch it again",
    )


def optional(holder: dict[str, Any], key: str, kind: type, place: str, what: str) -> Any:
    """The member KEY, which is of KIND where it is there at all; absent and null mean an empty one."""
    value = holder.get(key)
    return kind() if value is None else expect(value, kind, place, what)


def flag(holder: dict[str, Any], key: str, place: str, what: str) -> bool:
    """The boolean under KEY, absent and null meaning false; StackError when it is something else."""
    value = holder.get(key)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise StackError(place, f"{key} of {what} is no boolean", "The file is damaged or of another tool; fetch it again")
