# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which programs the code names: Python by its syntax tree, shell scripts and Makefiles by the words that start commands."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from pathlib import Path, PurePath

# Functions whose first argument is a program or a command line.
CALLS = {"run", "Popen", "call", "check_call", "check_output", "run_command", "which", "execvp", "asked", "succeeds"}
# What podman starts for an option.
BY_OPTION = {"--init": "catatonit", "runc": "runc"}
WORD = re.compile(r"[a-z][\w.+-]*")
BUILTINS = frozenset(
    """alias break case cd command continue declare done echo esac eval exec exit export false fi for function getopts in
    local mapfile printf pwd read return select set shift shopt source test time trap true type ulimit umask unset
    wait""".split()  # noqa: SIM905
)
# After these a command follows.
LEADING = {"if", "then", "elif", "else", "while", "until", "do", "!", "exec", "time", "command", "env", "nice", "xargs"}


def in_python(source: str, known: Collection[str] = ()) -> set[str]:
    """The programs that Python code calls; of lists of words that may be data, those that begin with a known program."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args and _name(node.func) in CALLS:
            found.add(_first(node.args[0]))
        elif isinstance(node, (ast.List, ast.Tuple)):
            words = [word.value for word in node.elts if isinstance(word, ast.Constant) and isinstance(word.value, str)]
            first = _first(node)
            if first in known or ("." not in first and any(re.match("--?[a-z]", word) for word in words[1:])):
                found.add(first)
            found.update(BY_OPTION[word] for word in words if first == "podman" and word in BY_OPTION)
    return {name for name in found if WORD.fullmatch(name)}


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _first(node: ast.expr) -> str:
    if isinstance(node, (ast.List, ast.Tuple)) and node.elts:
        return _first(node.elts[0])
    if isinstance(node, ast.Starred):
        return _first(node.value)
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip():
        return PurePath(node.value.split()[0]).name
    return ""


def in_shell(text: str) -> set[str]:
    """The programs that a shell script calls; what it hands to another machine by a here-document is not its own."""
    text = re.sub(r"<<-?'?(\w+)'?.*?\n(.*?)^\s*\1$", "", text.replace("\\\n", " "), flags=re.S | re.M)
    text = re.sub(r"(^|\s)#[^\n]*", r"\1", text)
    text = re.sub(r"""'[^']*'|"((?:[^"\\]|\\.)*)\"""", _quoted, text)
    text = re.sub(r"\$\{[^}]*\}|\$\(\([^)]*\)\)", "_", text)
    text = re.sub(r"^\s*(?:in\s+)?[\w*|\"./+-]+\)", "", text, flags=re.M)
    text = re.sub(r"\w+\+?=\([^)]*\)", "", text)
    functions = set(re.findall(r"^(\w+)\(\)", text, flags=re.M))
    named = {name for part in re.split(r"[\n;&|({}`]", text) for name in _command(part.partition(")")[0])}
    for line in re.findall(r"^.*\bpodman\b.*$", text, flags=re.M):
        named |= {BY_OPTION[word] for word in line.split() if word in BY_OPTION}
    return named - functions - BUILTINS - LEADING


def _quoted(text: re.Match[str]) -> str:
    return "_" + "".join(f" $({inner}) " for inner in re.findall(r"\$\(([^()]*)\)", text[1] or ""))


def _command(part: str) -> Iterator[str]:
    for word in part.split():
        if word.startswith("["):
            return
        if re.match(r"\w+\+?=|[<>\d-]", word):
            continue
        if WORD.fullmatch(PurePath(word).name) and not word.startswith(("tools/", "tests/", ".")):
            yield PurePath(word).name
        if word not in LEADING:
            return


def in_makefile(text: str) -> set[str]:
    """The programs that the recipes of a Makefile call."""
    recipes = re.findall(r"^\t[@-]*(.*)$", text.replace("\\\n", " "), flags=re.M)
    made = re.compile(r"(?<!\$)\$\([\w-]+(?: [^()]*(?:\([^()]*\)[^()]*)*)?\)")
    step = re.compile(r"\S*tools/step (?:--skip )?(?:\"[^\"]*\"|\S+)")
    lines = [step.sub("", made.sub("_", made.sub("_", line))).replace("$$", "$") for line in recipes]
    return set().union(*map(in_shell, lines))


def in_file(path: Path, known: Collection[str] = ()) -> set[str]:
    """The programs that a file of code calls; none where it is no code."""
    if path.name == "Makefile":
        return in_makefile(path.read_text(encoding="utf-8"))
    if path.suffix == ".py":
        return in_python(path.read_text(encoding="utf-8"), known)
    if path.suffix:
        return set()
    with path.open("rb") as file:
        start = file.readline(100)
    if start.startswith(b"#!") and b"python" in start:
        return in_python(path.read_text(encoding="utf-8"), known)
    return in_shell(path.read_text(encoding="utf-8")) if start.startswith(b"#!") and b"sh" in start else set()
