from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.adapters.s3 import S3Server, serving_s3


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    with serving_s3() as server:
        yield server
