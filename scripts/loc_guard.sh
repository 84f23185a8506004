#!/bin/sh
# Fail if a tracked Python file is longer than 400 lines or has a line wider than 100 columns.
set -eu

cd "$(dirname "$0")/.."

# awk counts bytes in some locales; Python's len() counts what a reader sees.
git ls-files -z -- '*.py' | "${PYTHON:-python3}" -c '
import pathlib
import sys

MAX_LINES = 400
MAX_COLUMNS = 100
faults = []
for name in filter(None, sys.stdin.buffer.read().decode().split("\0")):
    path = pathlib.Path(name)
    if not path.is_file():
        continue
    lines = path.read_text("utf-8").splitlines()
    if len(lines) > MAX_LINES:
        faults.append(f"{name}: {len(lines)} lines, at most {MAX_LINES}")
    for number, line in enumerate(lines, 1):
        # A generated mapping line in a docstring may be as wide as the topic name it shows.
        if len(line) > MAX_COLUMNS and "➜" not in line:
            faults.append(f"{name}:{number}: {len(line)} columns, at most {MAX_COLUMNS}")
print("\n".join(faults) or "sizes hold")
sys.exit(bool(faults))
'
