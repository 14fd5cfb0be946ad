# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where Consul listens and what a host knows of its sidecars. Standard library only.

https://developer.hashicorp.com/consul/docs/reference/architecture/ports
"""

from __future__ import annotations

from ..mesh.places import CONFIG

RPC, SERF, HTTPS, GRPC = 8300, 8301, 8501, 8502
ACCOUNT = "consul"
DATA = "/var/lib/consul"
FOLDER = "/etc/consul.d"
SERVICES = f"{FOLDER}/services.json"
TOKENS = f"{FOLDER}/tokens.json"
UNIT = "consul.service"
#: The agent gives the key of a leaf that it has to whoever asks, so nobody but root and its account may ask.
SOCKET = "/run/consul/http.sock"
HOST = f"{CONFIG}/consul.json"
