"""The `huleedu-streams` command, also as `python -m huleedu_streams`."""

from __future__ import annotations

from huleedu_streams.cli import main

if __name__ == "__main__":
    main()
