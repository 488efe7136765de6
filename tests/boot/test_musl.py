# SPDX-License-Identifier: MIT
"""Programs of a C library that was built for Linux: Debian's musl for arm64, which
scripts/fetch-loaders unpacks. Part of `make firmware-test`."""
import os
import re
import subprocess

import pytest

from machine import BUILD, ROOT
from test_programs import MACHINES, each, with_initrd, archive

MUSL = BUILD / "loaders" / (os.environ.get("PAGODA_SUITE") or "configured") / "usr"
LIBRARY = MUSL / "lib/aarch64-linux-musl"
COMPILER = os.environ.get("CROSS_COMPILE", "aarch64-linux-gnu-") + "gcc"

pytestmark = pytest.mark.skipif(not LIBRARY.exists(),
                                reason="no musl-dev for arm64: make fetch-loaders gets it")


def compiled(folder, start, *flags):
    """tests/user/musl/hello.c, linked statically behind the library's @start."""
    path = folder / "hello"
    headers = subprocess.run([COMPILER, "-print-file-name=include"], check=True, text=True,
                             stdout=subprocess.PIPE).stdout.strip()
    subprocess.run([
        COMPILER, "-O2", *flags, "-nostdlib", "-nostdinc", "-isystem",
        MUSL / "include/aarch64-linux-musl", "-isystem", headers, "-o", path, LIBRARY / start,
        LIBRARY / "crti.o", ROOT / "tests/user/musl/hello.c", "-Wl,--start-group",
        LIBRARY / "libc.a", "-lgcc", "-lgcc_eh", "-Wl,--end-group", LIBRARY / "crtn.o"], check=True)
    return path.read_bytes()


@pytest.mark.parametrize("start,flags", [
    ("crt1.o", ("-static", "-no-pie", "-fno-pie")), ("rcrt1.o", ("-static-pie", "-fPIE"))])
@each(MACHINES)
def test_a_static_program_of_musls_runs_unchanged(tmp_path, cpu, append, machine, bits, start,
                                                  flags):
    del bits
    output, = with_initrd(tmp_path, archive(("hello", compiled(tmp_path, start, *flags))),
                          ["run hello a bc"], append, cpu, machine)
    refused = re.search(r"^hello\[1\]: mmap: .* refused \(WXN is on\)\n", output, re.MULTILINE)[0]
    assert output.replace(refused, "") == (
        "3 arguments, the last bc; pi is 3.141593, of 1048576 bytes one is 7\n"
        "slept enough\nmmap: Permission denied\nhello[1]: status 3\n")
