"""What state views need of a table: a row by its key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Row = Mapping[str, Any]


class Rows(Protocol):
    """Read access to one table, as the typed wrappers in `tables` give it."""

    def get(self, key: str) -> Row | None:
        """Return the row of `key`, None if there is none."""
        ...
