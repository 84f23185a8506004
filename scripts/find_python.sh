#!/bin/sh
# Print the first Python of 3.11 to 3.13 here that can make a virtual environment.
set -u

for candidate in python3.13 python3.12 python3.11 python3 python; do
    # Running it is the test: a shim may exist for a Python that is not installed.
    if "$candidate" -c 'import sys, venv, ensurepip
sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; then
        command -v "$candidate"
        exit 0
    fi
done

echo "no Python 3.11 to 3.13 with the venv module found; install one, or name it: make PYTHON=…" >&2
exit 1
