"""What state views need of the tables: a row by its key, as the wrappers in `tables` give it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Row = Mapping[str, Any]


class EssayRows(Protocol):
    """Read access to the `essays` table."""

    def get(self, essay_id: str) -> Row | None:
        """Return the essay's row, None if there is none."""
        ...
