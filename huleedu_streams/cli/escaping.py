r"""Foreign text at a terminal: what is no printable character is shown as its escape.

Control characters could move the cursor or worse, bidirectional ones could show a text as another
one; neither is ever written as it is. A backslash is doubled, so that `\n` says what it is.
"""

from __future__ import annotations

ELLIPSIS = "…"


def escaped(raw: str | bytes, longest: int | None = None) -> str:
    """Return `raw` in printable characters alone.

    Args:
        raw: Any text, or bytes that may be text.
        longest: Characters shown at most, an ellipsis among them; None = all.
    """
    # Four bytes a character at most: what is cut off need not be looked at.
    window = raw if longest is None else raw[: longest * 4 + 4]
    text = window.decode("utf-8", errors="surrogateescape") if isinstance(window, bytes) else window
    shown = "".join(map(_shown, text))
    if longest is None or (len(shown) <= longest and len(window) == len(raw)):
        return shown
    return shown[: longest - 1] + ELLIPSIS


def _shown(character: str) -> str:
    if character == "\\":
        return r"\\"
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004 - a byte that is no UTF-8, as Python keeps it
        return f"\\x{code - 0xDC00:02x}"
    return {"\n": r"\n", "\r": r"\r", "\t": r"\t"}.get(character) or _numbered(code)


def _numbered(code: int) -> str:
    widths = ((0xFF, f"\\x{code:02x}"), (0xFFFF, f"\\u{code:04x}"))
    return next((shown for most, shown in widths if code <= most), f"\\U{code:08x}")
