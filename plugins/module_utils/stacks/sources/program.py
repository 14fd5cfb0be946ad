# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running a program for its output, with a deadline, a limit and errors that say what to do."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence

from ..documents import LIMIT
from ..errors import StackError

# OpenTofu colours its errors whatever NO_COLOR says.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def run(
    argv: Sequence[str], folder: str, timeout: float, place: str, environment: Mapping[str, str] | None = None
) -> bytes:
    """The standard output of ARGV, run in FOLDER without a shell; StackError when it fails, hangs or floods."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            done = subprocess.run(
                list(argv),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                timeout=timeout,
                check=False,
                env={**os.environ, **(environment or {})},
            )
        except subprocess.TimeoutExpired:
            raise StackError(
                place, f"{argv[0]} did not end within {timeout:g} seconds", "Try it by hand, or raise `timeout`"
            ) from None
        except OSError as error:
            raise StackError(
                place,
                f"{argv[0]} cannot be run: {(error.strerror or str(error)).lower()}",
                "Install it, or give its path",
            ) from None
        if done.returncode:
            err.seek(0)
            text = _COLOUR.sub("", err.read(4000).decode(errors="replace"))
            lines = [line.strip(" │╷╵\n") for line in text.splitlines()]
            text = " ".join(line for line in lines if line)[:300]
            raise StackError(
                place,
                f"{argv[0]} failed with code {done.returncode}: {text or 'it printed nothing'}",
                "Make it work by hand first",
            )
        if out.tell() > LIMIT or os.fstat(out.fileno()).st_size > LIMIT:
            raise StackError(place, f"{argv[0]} printed more than {LIMIT >> 20} MiB", "Let it print one stack only")
        out.seek(0)
        return out.read()
