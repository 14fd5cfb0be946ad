# Copyright (c) 2026 keelson.cluster contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Terraform's `s3` backend, read without the binary, on AWS or any store that speaks S3. Needs the Python library boto3."""

from __future__ import annotations

from ..documents import LIMIT
from ..errors import StackError
from ..source import Fetched, Source
from . import aws


def fetch(source: Source, etag: str = "") -> Fetched:
    """Keys are the backend's own, or the short form s3://BUCKET/KEY; credentials come from where the AWS tools find them."""
    if isinstance(source.value, str):
        bucket, _slash, key = source.value.removeprefix("s3://").partition("/")
        source = source._replace(value={"bucket": bucket, "key": key})
    fields = source.fields("bucket", ("bucket", "key", "workspace_key_prefix", *aws.FIELDS), ("bucket", "key"))
    key = fields["key"]
    if source.workspace and source.workspace != "default":
        key = f"{fields.get('workspace_key_prefix', 'env:')}/{source.workspace}/{key}"
    place = f"{source.place}: s3://{fields['bucket']}/{key}"
    with aws.errors(place):
        client = aws.client("s3", fields, place)
        try:
            answer = client.get_object(Bucket=fields["bucket"], Key=key, **({"IfNoneMatch": etag} if etag else {}))
        except client.exceptions.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code"))
            if code in ("304", "NotModified"):
                return Fetched(None, place)
            raise
        if answer["ContentLength"] > LIMIT:
            raise StackError(
                place,
                f"is {answer['ContentLength'] >> 20} MiB, the limit is {LIMIT >> 20} MiB",
                "Name the state itself, or split the stack",
            )
        return Fetched(answer["Body"].read(), place, answer["ETag"])
