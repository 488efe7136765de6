# SPDX-License-Identifier: MIT
"""Consoles to look at: captured from the Image that is built, once for the same command line."""
import functools
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))
import patience  # noqa: E402

IMAGE = ROOT / os.environ.get("O", "build") / "Image"
PTVIEW = ROOT / "scripts/ptview"
SIZES = ("4k", "16k", "64k")
ALL = "ptdump json; ptdump; ptdump idmap"


@functools.lru_cache(maxsize=None)
def console(append="", commands="ptdump json"):
    """What a machine says that boots with @append, runs @commands and turns itself off."""
    append = f'{append} pagoda.run="{commands}; poweroff"'.strip()
    result = patience.run(
        ["qemu-system-aarch64", "-M", "virt", "-cpu", "max", "-m", "512M", "-nic", "none",
         "-display", "none", "-monitor", "none", "-no-reboot", "-serial", "stdio",
         "-kernel", IMAGE, "-append", append],
        stdin=subprocess.DEVNULL, check=True)
    return result.stdout.decode("latin-1").replace("\r\n", "\n")


def document(text):
    """The JSON document in a console."""
    return json.loads(re.search(r"^\{$.*?^\}$", text, re.MULTILINE | re.DOTALL).group())


def ptview(*arguments, cwd=None, **options):
    return subprocess.run([PTVIEW, *arguments], cwd=cwd, capture_output=True, text=True,
                          check=False, timeout=patience.HARD, **options)
