# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in of AWX's API: objects, associations, surveys, workflow nodes, roles, as far as the modules of awx.awx 24.6.1 ask.

It is not AWX: it runs no jobs, and judges of all permissions only who may launch. It stores what is posted, hides secrets as AWX does, and
can be told to fail. A request with the token C(team NAME) is that of a member of the team; any other is an administrator's.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

TYPES = {
    "organizations": "organization",
    "teams": "team",
    "users": "user",
    "execution_environments": "execution_environment",
    "credential_types": "credential_type",
    "credentials": "credential",
    "notification_templates": "notification_template",
    "projects": "project",
    "inventories": "inventory",
    "inventory_sources": "inventory_source",
    "job_templates": "job_template",
    "workflow_job_templates": "workflow_job_template",
    "workflow_job_template_nodes": "workflow_job_template_node",
    "workflow_approval_templates": "workflow_approval",
    "schedules": "schedule",
}
ASSOCIATED = {"success_nodes": "workflow_job_template_nodes", "failure_nodes": "workflow_job_template_nodes"}
UNIFIED = ("job_templates", "workflow_job_templates", "projects", "inventory_sources")
#: Fields that hold another object's number; what AWX tells of it stands in summary_fields.
REFERENCES = {
    "organization": "organizations",
    "execution_environment": "execution_environments",
    "credential_type": "credential_types",
    "credential": "credentials",
    "project": "projects",
    "source_project": "projects",
    "inventory": "inventories",
    "workflow_job_template": "workflow_job_templates",
}
ROLES = ("admin", "execute", "read", "approval", "use", "update")


class FakeAwx:
    """C(objects) by endpoint and id; C(failures) by method and path; C(dies_after) requests the connection is cut.

    C(odd) are whole answers by method and path, as a proxy or a login page in between gives them: C((status, headers, body, hold)),
    where C(hold) is how many seconds the body is held back. Lists come in pages of C(page_size).
    """

    def __init__(self) -> None:
        self.objects: dict[str, dict[int, dict[str, Any]]] = {kind: {} for kind in TYPES}
        self.links: dict[tuple[str, int, str], list[int]] = {}
        self.surveys: dict[tuple[str, int], dict[str, Any]] = {}
        self.roles: dict[int, dict[str, list[int]]] = {}
        self.failures: dict[tuple[str, str], int] = {}
        self.odd: dict[tuple[str, str], tuple[int, dict[str, str], bytes, float]] = {}
        self.page_size = 200
        self.dies_after: int | None = None
        self.requests: list[tuple[str, str]] = []
        self._id = 0
        for name, secrets in {
            "Machine": ["password"],
            "Amazon Web Services": ["password"],
            "Vault": ["vault_password"],
        }.items():
            fields = [{"id": field, "secret": True} for field in secrets]
            self.add("credential_types", {"name": name, "managed": True, "inputs": {"fields": fields}})
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or b"{}") if length else {}
                fake.requests.append((self.command, self.path))
                if fake.dies_after is not None and len(fake.requests) > fake.dies_after:
                    self.close_connection = True
                    self.connection.close()
                    return
                odd = fake.odd.get((self.command, urlsplit(self.path).path))
                if odd:
                    self.strange(*odd)
                    return
                token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
                member = token.removeprefix("team ") if token.startswith("team ") else None
                status, content = fake.respond(self.command, self.path, body, member)
                if self.command == "GET" and isinstance(content.get("results"), list):
                    content = fake.one_page(content, self.path)
                text = b"" if status == 204 else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("X-API-Product-Name", "AWX")
                self.send_header("X-API-Product-Version", "24.6.1")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def strange(self, status: int, headers: dict[str, str], body: bytes, hold: float) -> None:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                time.sleep(hold)
                with contextlib.suppress(OSError):  # the client did not wait
                    self.wfile.write(body)
                self.close_connection = True

            do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 (names of the base class)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def one_page(self, content: dict[str, Any], target: str) -> dict[str, Any]:
        """One page of a list; the address of the next stands in it."""
        url = urlsplit(target)
        query = dict(parse_qsl(url.query))
        size = min(int(query.get("page_size", 25)), self.page_size)
        number = int(query.get("page", 1))
        shown = content["results"][(number - 1) * size : number * size]
        more = len(content["results"]) > number * size
        following = f"{url.path}?{urlencode({**query, 'page': number + 1})}" if more else None
        return {**content, "results": shown, "next": following}

    def add(self, kind: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Store an object."""
        self._id += 1
        url = f"/api/v2/{kind}/{self._id}/"
        roles = {}
        for role in ROLES:
            self._id += 1
            roles[f"{role}_role"] = {"id": self._id}
            self.roles[self._id] = {"teams": [], "users": []}
        number = int(url.split("/")[-2])
        names = ("survey_spec", "notification_templates_error", "success_nodes")
        related = {name: f"{url}{name}/" for name in names}
        item = {"description": "", **fields, "id": number, "url": url, "type": TYPES[kind], "related": related}
        item["summary_fields"] = {"object_roles": roles}
        self.objects[kind][number] = item
        return item

    def names(self, kind: str) -> list[str]:
        """Names of what is stored."""
        return sorted(item.get("name", "") for item in self.objects[kind].values())

    def holders(self, kind: str, name: str, role: str) -> set[str]:
        """Names of the teams that have a role on an object."""
        item = next(item for item in self.objects[kind].values() if item["name"] == name)
        numbers = self.roles[item["summary_fields"]["object_roles"][f"{role}_role"]["id"]]["teams"]
        return {self.objects["teams"][number]["name"] for number in numbers}

    def _launch(self, kind: str, item: dict[str, Any], body: dict[str, Any], member: str | None) -> tuple[int, Any]:
        """By AWX's rules: the role execute on what is launched, and use on an inventory given with it; one not asked for is ignored."""
        asked = body.get("inventory") if item.get("ask_inventory_on_launch") else None
        needed = [(kind, item["name"], "execute")]
        needed += [("inventories", self.objects["inventories"][asked]["name"], "use")] if asked else []
        if member is not None and not all(member in self.holders(*one) for one in needed):
            return 403, {"detail": "You do not have permission to perform this action."}
        return 201, {"inventory": asked or item.get("inventory")}

    def respond(self, method: str, target: str, body: dict[str, Any], member: str | None = None) -> tuple[int, Any]:
        """Status and content of one answer; to a member of a team, or to an administrator."""
        url = urlsplit(target)
        failure = self.failures.get((method, url.path)) or self.failures.get((method, "*"))
        if failure:
            return failure, {"detail": f"told to fail with {failure}"}
        parts = url.path.removeprefix("/api/v2/").strip("/").split("/")
        query = dict(parse_qsl(url.query))
        if parts == ["me"]:
            return 200, page([{"id": 1, "username": "admin"}])
        if parts[0] == "roles":
            return self._linked(method, self.roles[int(parts[1])].setdefault(parts[2], []), parts[2], body)
        if parts[0] == "unified_job_templates":
            found = [item for kind in UNIFIED for item in self.objects[kind].values()]
            return 200, page([self._shown(item) for item in found if matches(item, query)])
        if parts[0] not in self.objects:
            return 404, {"detail": "Not found."}
        if len(parts) == 1:
            if method == "POST":
                return 201, self._shown(self.add(parts[0], body))
            owner = query.pop("workflow_job_template__description__endswith", None)
            found = [item for item in self.objects[parts[0]].values() if matches(item, query)]
            if owner is not None:
                workflows = self.objects["workflow_job_templates"]
                found = [
                    item for item in found if workflows[item["workflow_job_template"]]["description"].endswith(owner)
                ]
            return 200, page([self._shown(item) for item in found])
        return self._one(method, parts, body, member)

    def _one(self, method: str, parts: list[str], body: dict[str, Any], member: str | None) -> tuple[int, Any]:
        kind, number = parts[0], int(parts[1])
        if number not in self.objects[kind]:
            return 404, {"detail": "Not found."}
        item = self.objects[kind][number]
        if len(parts) == 3 and parts[2] == "survey_spec":
            if method == "POST":
                self.surveys[kind, number] = body
            return 200, self.surveys.get((kind, number), {})
        if len(parts) == 3 and parts[2] == "launch":
            return self._launch(kind, item, body, member)
        if parts[0] == "teams" and len(parts) == 3 and parts[2] == "roles":
            return 200, page([{"id": role} for role, linked in self.roles.items() if number in linked["teams"]])
        if len(parts) == 3 and parts[2] == "create_approval_template":
            made = self.add("workflow_approval_templates", approval(body))
            item["unified_job_template"] = made["id"]
            item["related"]["unified_job_template"] = made["url"]
            return 201, made
        if len(parts) == 3 and kind == "workflow_approval_templates":
            return 404, {"detail": "Not found."}  # such a template has no steps that follow
        if len(parts) == 3:
            return self._linked(method, self.links.setdefault((kind, number, parts[2]), []), parts[2], body)
        if method == "PATCH":
            item.update(approval(body) if kind == "workflow_approval_templates" else body)
        if method == "DELETE":
            del self.objects[kind][number]
            nodes = self.objects["workflow_job_template_nodes"]
            for node in [
                node
                for node in nodes.values()
                if kind == "workflow_job_templates" and node["workflow_job_template"] == number
            ]:
                del nodes[node["id"]]
            return 204, {}
        return 200, self._shown(item)

    def _linked(self, method: str, linked: list[int], name: str, body: dict[str, Any]) -> tuple[int, Any]:
        if method == "POST":
            if body.get("disassociate"):
                linked.remove(body["id"])
            elif body["id"] not in linked:
                linked.append(body["id"])
            return 204, {}
        kind = ASSOCIATED.get(name, "notification_templates" if name.startswith("notification") else name)
        return 200, page([self._shown(self.objects[kind][number]) for number in linked])

    def _named(self, item: dict[str, Any]) -> dict[str, Any]:
        """What AWX tells of the objects that another one names."""
        found = {}
        for field, kind in REFERENCES.items():
            if item.get(field) in self.objects[kind]:
                found[field] = {"id": item[field], "name": self.objects[kind][item[field]]["name"]}
        template = item.get("unified_job_template")
        for kind in (*UNIFIED, "workflow_approval_templates"):
            if template in self.objects[kind]:
                shown = self.objects[kind][template]
                found["unified_job_template"] = {key: shown[key] for key in ("id", "name", "timeout") if key in shown}
        linked = self.links.get(("job_templates", item["id"], "credentials"), [])
        if item["type"] == "job_template":
            found["credentials"] = [{"id": n, "name": self.objects["credentials"][n]["name"]} for n in linked]
        return found

    def _shown(self, item: dict[str, Any]) -> dict[str, Any]:
        item = {**item, "summary_fields": {**item["summary_fields"], **self._named(item)}}
        if item["type"] != "credential":
            return item
        fields = self.objects["credential_types"][item["credential_type"]]["inputs"].get("fields", [])
        hidden = {field["id"] for field in fields if field.get("secret")}
        inputs = {
            key: "$encrypted$" if key in hidden and value else value for key, value in item.get("inputs", {}).items()
        }
        return {**item, "inputs": inputs}


def approval(body: dict[str, Any]) -> dict[str, Any]:
    """An approval template has only these fields."""
    return {key: body[key] for key in ("name", "description", "timeout") if key in body}


def page(items: list[dict[str, Any]]) -> dict[str, Any]:
    """A list as AWX answers it."""
    return {"count": len(items), "next": None, "previous": None, "results": items}


def matches(item: dict[str, Any], query: dict[str, str]) -> bool:
    """Whether an object passes the filters of a query."""
    for key, value in query.items():
        if key in ("page_size", "page", "order_by") or value == "None":
            continue
        if key.endswith("__endswith"):
            if not str(item.get(key.removesuffix("__endswith"), "")).endswith(value):
                return False
        elif not re.match("or__", key) and str(item.get(key, "")) != value:
            return False
    return True
