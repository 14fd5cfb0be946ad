# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Terraform's `pg` backend, read without the binary: one SELECT from its table. Needs the Python library psycopg.

The table is the backend's own: schema `terraform_remote_state`, table `states` with columns name and data.
"""

from __future__ import annotations

import os

from ...python_packages import pip_command
from ..documents import LIMIT
from ..errors import StackError
from ..source import Fetched, Source

try:
    import psycopg
    from psycopg import sql

    HAS_PSYCOPG = True
except ImportError:
    HAS_PSYCOPG = False


def fetch(source: Source, etag: str = "") -> Fetched:
    """Keys are the backend's own; the environment variable PG_CONN_STR and libpq's work as for Terraform."""
    fields = source.fields("conn_str", ("conn_str", "schema_name"))
    schema = fields.get("schema_name", "terraform_remote_state")
    workspace = source.workspace or "default"
    place = f"{source.place}: schema {schema}, workspace {workspace}"
    if not HAS_PSYCOPG:
        raise StackError(place, "needs the Python library psycopg", f"Run {pip_command('psycopg[binary]')}")
    timeout = fields["timeout"]
    given = fields.get("conn_str") or os.environ.get("PG_CONN_STR", "")
    table = sql.Identifier(schema, "states")
    try:
        with psycopg.connect(
            given,
            connect_timeout=max(2, int(timeout)),
            autocommit=True,
        ) as connection:
            connection.execute(sql.SQL("SET statement_timeout = {}").format(sql.Literal(int(timeout * 1000))))
            connection.read_only = True
            row = connection.execute(
                sql.SQL("SELECT md5(data), length(data) FROM {} WHERE name = %s").format(table), (workspace,)
            ).fetchone()
            if row is None:
                raise StackError(place, "holds no state", "Correct the workspace, or apply the stack first")
            if row[0] == etag:
                return Fetched(None, place)
            if row[1] > LIMIT:
                raise StackError(
                    place,
                    f"is {row[1] >> 20} MiB, the limit is {LIMIT >> 20} MiB",
                    "Name the state itself, or split the stack",
                )
            data = connection.execute(
                sql.SQL("SELECT data FROM {} WHERE name = %s").format(table), (workspace,)
            ).fetchone()
            return Fetched(data[0].encode() if data else b"", place, row[0])
    except psycopg.errors.UndefinedTable:
        raise StackError(
            place, "has no table of states", "Correct `schema_name`, or run `terraform init` of the stack first"
        ) from None
    except psycopg.errors.QueryCanceled:
        raise StackError(place, f"did not answer within {timeout:g} seconds", "Try again, or raise `timeout`") from None
    except psycopg.Error as error:
        text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        for word in given.split():  # libpq repeats what it cannot understand, and so perhaps the password
            text = text.replace(word, "…") if "password" in word or "@" in word else text
        raise StackError(place, f"cannot be read: {text}", "Correct `conn_str`, or start the server") from None
