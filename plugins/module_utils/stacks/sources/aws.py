# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the sources on AWS share: a client with a deadline, and errors that say what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ...python_packages import pip_command
from ..errors import StackError

FIELDS = ("region", "endpoint", "profile", "ca_file")
_CURES = {
    "NoSuchBucket": "Correct the bucket",
    "NoSuchKey": "Correct the key, or apply the stack first",
    "404": "Correct the key, or apply the stack first",
    "AccessDenied": "Let these credentials read it",
    "403": "Let these credentials read it",
    "InvalidAccessKeyId": "Give the right credentials",
    "SignatureDoesNotMatch": "Give the right credentials",
    "ExpiredToken": "Log in again",
}


def _boto(place: str) -> tuple[Any, Any]:
    """boto3 and botocore, imported on use: that takes half a second."""
    try:
        import boto3
        import botocore.config
        import botocore.exceptions
        import botocore.parsers
    except ImportError:
        raise StackError(place, "needs the Python library boto3", f"Run {pip_command('boto3')}") from None
    return boto3, botocore


def client(service: str, fields: Mapping[str, Any], place: str) -> Any:
    """A client of the AWS service; `timeout` bounds connecting and each answer, with one repetition."""
    boto3, botocore = _boto(place)
    session = boto3.session.Session(profile_name=fields.get("profile"), region_name=fields.get("region"))
    config = botocore.config.Config(
        connect_timeout=fields["timeout"], read_timeout=fields["timeout"], retries={"total_max_attempts": 2}
    )
    return session.client(service, endpoint_url=fields.get("endpoint"), verify=fields.get("ca_file"), config=config)


@contextmanager
def errors(place: str) -> Iterator[None]:
    """Turn what boto3 raises into a StackError."""
    botocore = _boto(place)[1]
    exceptions = botocore.exceptions
    try:
        yield
    except exceptions.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code"))
        message = str(error.response.get("Error", {}).get("Message") or "").rstrip(".")
        raise StackError(
            place, f"answers {code}: {message}", _CURES.get(code, "Correct the name, or ask who runs it")
        ) from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.ProfileNotFound) as error:
        raise StackError(
            place, f"has no credentials: {error}".rstrip("."), "Log in as for the AWS tools, or name a `profile`"
        ) from None
    except exceptions.NoRegionError:
        raise StackError(place, "has no region", "Add `region:`") from None
    except (exceptions.ConnectTimeoutError, exceptions.ReadTimeoutError):
        raise StackError(place, "did not answer in time", "Try again, or raise `timeout`") from None
    except exceptions.SSLError as error:
        raise StackError(
            place, f"shows a certificate that is not trusted: {error}"[:200], "Name its CA with `ca_file`"
        ) from None
    except botocore.parsers.ResponseParserError:
        raise StackError(place, "answers something that is not of this API", "Correct the endpoint") from None
    except exceptions.BotoCoreError as error:
        raise StackError(
            place, f"cannot be read: {error}".rstrip("."), "Correct the address, the region or the credentials"
        ) from None
