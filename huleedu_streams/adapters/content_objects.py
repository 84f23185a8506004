"""A ContentStore in a bucket of S3, or of a store that speaks like it.

One object a content, `<prefix>/<id>`, with its media type; a write of it is seen whole or not at
all. Credentials are those given, else what the AWS variables or the machine's role say. Whatever
is no missing object counts as an outage (agents wait, no essay fails), refused credentials and a
missing bucket included: both are a set-up that somebody mends.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from obstore import get_async, put_async
from obstore.exceptions import BaseError
from obstore.store import S3Store

from huleedu_streams.adapters.content_ids import (
    DEFAULT_MEDIA_TYPE,
    checked_id,
    checked_media_type,
)
from huleedu_streams.errors import (
    ContentNotFoundError,
    ContentRefusedError,
    ContentStoreUnavailableError,
    SettingsError,
)
from huleedu_streams.protocols import StoredContent

if TYPE_CHECKING:  # they are not there at run time
    from obstore.store import ClientConfig, S3Config

# A well-formed id that nothing is ever stored under: its absence proves bucket and credentials.
_PROBE_ID = "0" * 32
_NO_BUCKET = "NoSuchBucket"
_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w+)</Code>")
# What the library raises; FileNotFoundError and TimeoutError are kinds of OSError.
_FAILURES = (BaseError, OSError)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where contents lie.

    Attributes:
        name: The bucket, which exists.
        prefix: In front of each id; may be empty.
        endpoint_url: Of a store that is not Amazon's.
        credentials: Access key id and its secret.
    """

    name: str
    prefix: str = ""
    endpoint_url: str | None = None
    credentials: tuple[str, str] | None = None


class ObjectContentStore:
    """Contents as objects, over the library's own pool of connections."""

    def __init__(self, bucket: Bucket, *, timeout_seconds: float, max_bytes: int) -> None:
        """Take the bucket; nothing is asked of it yet.

        Args:
            bucket: Which one, and how to get in.
            timeout_seconds: Bound on one request, body included.
            max_bytes: Largest content read.

        Raises:
            SettingsError: half of the credentials is missing, or an AWS variable is wrong.
        """
        self._where = f"s3://{bucket.name}"
        self._timeout_seconds = timeout_seconds
        self._max_bytes = max_bytes
        self._store = _opened(bucket, timedelta(seconds=timeout_seconds))

    async def get(self, storage_id: str) -> StoredContent:
        """Fetch a content; see `ContentStore.get`."""
        content_id = checked_id(storage_id)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._read(content_id)
        except FileNotFoundError as error:
            if _NO_BUCKET in str(error):
                raise self._unavailable(error) from error
            raise ContentNotFoundError("the bucket has no text under this id") from None
        except _FAILURES as error:
            raise self._unavailable(error) from error

    async def put(self, storage_id: str, body: bytes, media_type: str) -> None:
        """Store a content; see `ContentStore.put`."""
        content_id = checked_id(storage_id)
        attributes = {"Content-Type": checked_media_type(media_type)}
        try:
            async with asyncio.timeout(self._timeout_seconds):
                # In parts it would leave some behind when it is cut off.
                await put_async(
                    self._store, content_id, body, attributes=attributes, use_multipart=False
                )
        except _FAILURES as error:
            raise self._unavailable(error) from error

    async def is_healthy(self) -> bool:
        """Whether the bucket answers for an id that it does not have."""
        try:
            await self.get(_PROBE_ID)
        except ContentNotFoundError:
            return True
        except (ContentRefusedError, ContentStoreUnavailableError):
            return False
        return True

    async def close(self) -> None:
        """Do nothing: the library closes its connections when they idle."""

    async def _read(self, content_id: str) -> StoredContent:
        found = await get_async(self._store, content_id)
        if found.meta["size"] > self._max_bytes:
            raise ContentRefusedError(f"the content is larger than {self._max_bytes} bytes")
        media_type = found.attributes.get("Content-Type", DEFAULT_MEDIA_TYPE)
        return StoredContent(bytes(await found.bytes_async()), media_type)

    def _unavailable(self, error: Exception) -> ContentStoreUnavailableError:
        return ContentStoreUnavailableError(f"{self._where}: {_said(error)}")


def _opened(bucket: Bucket, timeout: timedelta) -> S3Store:
    config: S3Config = {}
    options: ClientConfig = {"timeout": timeout}
    if bucket.endpoint_url is not None:
        config["endpoint"] = bucket.endpoint_url
        options["allow_http"] = bucket.endpoint_url.startswith("http://")
    if bucket.credentials is not None:
        config["access_key_id"], config["secret_access_key"] = bucket.credentials
    try:
        return S3Store(
            bucket.name,
            prefix=bucket.prefix or None,
            config=config,
            client_options=options,
            # Whoever asks has retries of its own; these would hide an outage for minutes.
            retry_config={"max_retries": 0},
        )
    except (BaseError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise SettingsError(f"cannot use the bucket {bucket.name}: {reason}") from error


def _said(error: Exception) -> str:
    """Return what happened, without the answer's body: nobody knows what stands in it."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    text = str(error)
    status = _STATUS.search(text)
    if status is None:
        return (text.splitlines() or [type(error).__name__])[0].rpartition(" - ")[2][:200]
    code = _CODE.search(text)
    return f"it answers {status[1]}" + (f" {code[1]}" if code else "")
