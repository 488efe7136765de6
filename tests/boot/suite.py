# SPDX-License-Identifier: MIT
"""Firmware and boot loaders that are not on this system: what scripts/fetch-loaders has unpacked,
of the suite that PAGODA_SUITE names or, where that is empty, of those that are configured. What is
not there is a reason to skip a test, and never to take another in its place.
"""
import os
import pathlib

import pytest

from machine import BUILD

SUITE = os.environ.get("PAGODA_SUITE", "")
FOLDER = BUILD / "loaders" / (SUITE or "configured")


def _skip(package):
    note = FOLDER / f"{package}.missing"
    why = note.read_text(encoding="utf-8").strip() if note.exists() else "it was not fetched"
    pytest.skip(f"{package} of {SUITE or 'the configured suites'}: {why}", allow_module_level=True)


def system(package, *paths):
    """The file or folder of @package, the first of @paths that is there: this system's own, or with
    PAGODA_SUITE that suite's; without it all of a module is skipped."""
    if SUITE:
        return unpacked(package, *(path.lstrip("/") for path in paths))
    there = [path for path in paths if pathlib.Path(path).exists()]
    return pathlib.Path((there or paths)[0])


def unpacked(package, *patterns):
    """The file of @package that is like one of @patterns; the test is skipped if there is none."""
    for pattern in patterns:
        found = sorted(FOLDER.glob(pattern))
        if found:
            return found[-1]
    return _skip(package)
