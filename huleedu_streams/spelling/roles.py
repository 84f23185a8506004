"""What forms may be: words, parts of compounds. Some hundred thousands of them in a few megabytes.

Kept as sorted 64-bit numbers, the upper bits the hash of a form, the lower ones its roles, so
that processes can share them as a mapped file. Not here: where the forms come from
(`dictionary.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

# A form may be a word by itself, or begin, continue or end a compound.
WORD, FIRST, MIDDLE, LAST = 1, 2, 4, 8
_MASK = 15


class Roles:
    """The roles of forms. Immutable; safe from threads."""

    def __init__(self, entries: npt.NDArray[np.uint64]) -> None:
        """Take what `build` made."""
        self.entries = entries.view(np.ndarray)

    @classmethod
    def build(cls, roles: Mapping[str, int]) -> Roles:
        """Keep the roles of these forms."""
        numbers = (_hash(form) | bits for form, bits in roles.items())
        return cls(np.sort(np.fromiter(numbers, np.uint64, len(roles))))

    def __bool__(self) -> bool:
        return bool(len(self.entries))

    def of(self, form: str) -> int:
        """Return a form's roles added up, 0 if there are none."""
        return self.of_each([form])[0]

    def of_each(self, forms: Sequence[str]) -> list[int]:
        """Do as `of` for many forms, which is faster."""
        if not len(self.entries):
            return [0] * len(forms)
        wanted = np.fromiter(map(_hash, forms), np.uint64, len(forms))
        places = np.minimum(self.entries.searchsorted(wanted), len(self.entries) - 1)
        bits = self.entries[places] ^ wanted
        return [found if found <= _MASK else 0 for found in bits.tolist()]


def _hash(form: str) -> int:
    digest = blake2b(form.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") & ~_MASK
