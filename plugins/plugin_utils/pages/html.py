# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTML pages from the templates beside this file: one file each, nothing from elsewhere, every text escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup


def _template(name: str) -> Any:
    files = FileSystemLoader(Path(__file__).parent)
    return Environment(
        loader=files, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).get_template(name)


def render(name: str, **values: Any) -> str:
    """Return the page of a template, such as `report`."""
    return str(_template(f"{name}.html.j2").render(values))


def fragment(name: str, **values: Any) -> Markup:
    """Return a part of a page, such as a drawing, of the template of that full name."""
    return Markup(_template(name).render(values))  # noqa: S704 # the template escapes
