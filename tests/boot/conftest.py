# SPDX-License-Identifier: MIT
"""Boot tests run the Image that is built under QEMU; see machine.py."""
import pytest

from machine import BUILD, IMAGE


def pytest_configure(config):
    del config
    for file in (IMAGE, BUILD / "pagoda.elf"):
        if not file.exists():
            raise pytest.UsageError(f"{file} is not there: run make first")
