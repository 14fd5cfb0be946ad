# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One file a format. Each has KIND (what it reads), recognise and parse."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .. import documents
from ..errors import StackError
from ..model import Stack

if TYPE_CHECKING:  # for whoever packs a module with all that it may import
    from . import (  # noqa: F401
        cloudformation,
        pulumi,
        static,
        terraform_output,
        terraform_show,
        terraform_state,
    )

# The module of each key, imported on use. Where no key is given the order matters: the first that recognises a document
# reads it, so the loosest shape comes last.
OPTIONS = {
    "show": "terraform_show",
    "pulumi": "pulumi",
    "cloudformation": "cloudformation",
    "state": "terraform_state",
    "outputs": "terraform_output",
    "static": "static",
}

# What else tools of stacks print, by a key of it, and what to give instead.
_DESCRIBE = "Give what `aws cloudformation describe-stacks` prints of one stack, or `list-stack-resources`"
_FOREIGN = {
    "Reservations": ("a list of EC2 instances", "Give it as `members:` beside the stack that made them"),
    "Resources": ("a template of CloudFormation", _DESCRIBE),
    "StackSummaries": ("a list of stacks", _DESCRIBE),
    "StackResourceDetail": ("one resource of a stack", _DESCRIBE),
    "StackResourceDrifts": ("a list of drifts", _DESCRIBE),
    "steps": ("a preview of Pulumi", "Give what `pulumi stack export` prints"),
    "data": ("an answer of the API of HCP Terraform", "Read the workspace by `tfe:`"),
    "_meta": ("an inventory of Ansible", "Give it to Ansible itself"),
}


def _reader(option: str) -> Any:
    return import_module(f"{__name__}.{OPTIONS[option]}")


def parse(data: bytes, name: str, place: str, option: str | None = None) -> Stack:
    """Read DATA by the reader that recognises it. OPTION: the key that the user wrote, which must agree."""
    if option == "static":
        document = _reader(option).load(data, place)
        _is_static(document, name, place)
        stack: Stack = _reader(option).parse(document, name, place)
        return stack
    document = documents.load_json(data, place)
    if not document and option not in (None, "outputs"):
        raise StackError(place, "is an empty object, so it holds no stack", "Apply the stack, and give the file again")
    for each in [
        option or "outputs",
        "outputs",
        *OPTIONS,
    ]:  # no other format has an object with a value in every member
        reader = _reader(each)
        if reader.recognise(document):
            if option and option != each:
                raise StackError(
                    place,
                    f"is {reader.KIND}, not {_reader(option).KIND}",
                    f"Write `{each}:` in place of `{option}:` under stacks.{name}",
                )
            stack = reader.parse(document, name, place)
            _once(stack)
            return stack
    for key, (what, remedy) in _FOREIGN.items():
        if key in document:
            raise StackError(place, f"is {what}, no stack", remedy)
    kinds = "; ".join(_reader(each).KIND for each in OPTIONS if each != "static")
    bare = (
        f"write `static:` in place of `{option}:` under stacks.{name}" if option else "put it into a file for `static:`"
    )
    raise StackError(
        place,
        "is JSON of a shape that no reader knows",
        f"Give one of: {kinds}; or {bare} where it holds bare values, as `pulumi stack output --json` prints them",
    )


def _is_static(document: dict[str, Any], name: str, place: str) -> None:
    """StackError where the document is what a stack tool writes, of which the members are no outputs."""
    wrapped = all(isinstance(item, dict) and "type" in item for item in document.values())
    for each in (
        OPTIONS if document and (wrapped or not document.keys().isdisjoint(("version", "format_version"))) else ()
    ):
        if _reader(each).recognise(document):
            remedy = f"Write `{each}:` in place of `static:` under stacks.{name}"
            raise StackError(place, f"is {_reader(each).KIND}, not {_reader('static').KIND}", remedy)


def _once(stack: Stack) -> None:
    """An address that two live resources have tells neither from the other."""
    seen: set[str] = set()
    twice = {item.address for item in stack.resources if item.address in seen or seen.add(item.address)}  # type: ignore[func-returns-value]
    if twice:
        fault = ("is listed twice", "The file is damaged; fetch it again")
        stack.resources = [item._replace(fault=fault) if item.address in twice else item for item in stack.resources]
