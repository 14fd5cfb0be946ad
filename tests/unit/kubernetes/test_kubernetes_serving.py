# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of services inside the cluster, made by the real openssl."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
from ansible_collections.keelson.cluster.plugins.module_utils.kubernetes import serving
from ansible_collections.keelson.cluster.plugins.plugin_utils import pki
from cryptography import x509
from fake_kubernetes import FakeKubernetes

METRICS = serving.Serving("kube-system", "metrics-server", "metrics-server-tls")


def run(command: list[str]) -> tuple[int, str, str]:
    """Run a command."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def authority(tmp_path: Path) -> str:
    """A folder with a CA."""
    ca = pki.make_ca("cluster")
    (tmp_path / "ca.crt").write_text(ca.certificate)
    (tmp_path / "ca.key").write_text(ca.key)
    return str(tmp_path)


def test_a_certificate_is_made_kept_and_found_good(kubernetes: FakeKubernetes, authority: str) -> None:
    data = serving.issue(METRICS, 90, run, authority)
    serving.keep(kubernetes.api(), METRICS, data)
    kept = kubernetes.objects["/api/v1/namespaces/kube-system/secrets/metrics-server-tls"]
    assert kept["type"] == "kubernetes.io/tls"
    assert serving.reason_to_renew(kept, METRICS, 60, run, authority) == ""
    shown = x509.load_pem_x509_certificate(base64.b64decode(data["tls.crt"]))
    [usage] = shown.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert usage.dotted_string == "1.3.6.1.5.5.7.3.1"
    assert b"PRIVATE KEY" in base64.b64decode(data["tls.key"])


def test_why_it_is_made_anew(authority: str, tmp_path: Path) -> None:
    kept = {"data": serving.issue(METRICS, 90, run, authority)}
    other = serving.Serving("kube-system", "other", "other-tls")
    assert serving.reason_to_renew(None, METRICS, 60, run, authority) == "there is none"
    assert serving.reason_to_renew({}, METRICS, 60, run, authority).startswith(
        "it is not by the CA that the cluster uses"
    )
    assert serving.reason_to_renew(kept, METRICS, 91, run, authority) == "it ends in less than 91 days"
    assert serving.reason_to_renew(kept, other, 60, run, authority) == "it is not for other.kube-system.svc"
    (tmp_path / "ca.crt").write_text(pki.make_ca("cluster").certificate)
    assert serving.reason_to_renew(kept, METRICS, 60, run, authority).startswith(
        "it is not by the CA that the cluster uses"
    )


def test_a_manager_without_the_ca_key(authority: str, tmp_path: Path) -> None:
    (tmp_path / "ca.key").unlink()
    with pytest.raises(serving.ServingError, match="'openssl x509' failed"):
        serving.issue(METRICS, 90, run, authority)
