"""What stands for the value of a record that lies in the log and cannot be read as it lies there.

It travels where the value would, so that an agent meets the record in its place and buries it.
Lives here: the stand-in. Not here: who finds that a record is one (`runtime/records.py`).
"""

from __future__ import annotations

from typing import Self

from huleedu_streams.errors import ContractError


class Unreadable(bytes):
    """The bytes of a value that must not be decoded, and why.

    Attributes:
        error: What is wrong with the record.
        original: The value itself; None = the record has none, or it is lost.
        is_lost: Whether the value is in nobody's hands: only the record's place is known.
    """

    error: ContractError
    original: bytes | None
    is_lost: bool

    def __new__(
        cls, original: bytes | None, error: ContractError, *, is_lost: bool = False
    ) -> Self:
        """Take the value, if it is there, and what is wrong with its record."""
        stand_in = super().__new__(cls, original or b"")
        stand_in.original, stand_in.error, stand_in.is_lost = original, error, is_lost
        return stand_in
