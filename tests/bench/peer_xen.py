# SPDX-License-Identifier: MIT
"""Debian's Xen for arm64 with its symbols, to compare Pagoda with: unpacked in a folder of its own,
not installed. Its first C is start_xen(), with the MMU on, at the address that it was linked for.
"""
import re
import sys

from boot_cost import ROOT, Kernel

sys.path.insert(0, str(ROOT / "scripts"))
import debian_arm64  # noqa: E402

IMAGE = r"xen-[0-9.]+-arm64"
SYMBOLS = r"xen-syms-[0-9.]+-arm64"
CannotFetch = debian_arm64.CannotFetch


def only(pattern, name):
    """For unpack(): the one file whose name is like @pattern, as @name."""
    return lambda path: name if re.fullmatch(pattern, path.name) else None


def fetch(folder):
    """The Xen in @folder and its version; fetched where it is not there."""
    image, symbols, version = folder / "image/xen", folder / "symbols/xen-syms", folder / "version"
    if not version.exists():
        suites = debian_arm64.Suites(folder / "apt")
        suites.update()
        names = suites.search(r"^xen-hypervisor-[0-9.]+-arm64$")
        if not names:
            raise CannotFetch("the suites of this machine have no xen-hypervisor for arm64: see "
                              "to /etc/apt/sources.list*")
        for name, pattern, file in ((names[-1], IMAGE, image),
                                    (names[-1] + "-dbg", SYMBOLS, symbols)):
            package = suites.download(name)
            if debian_arm64.unpack(package, file.parent, only(pattern, file.name)) != 1:
                raise CannotFetch(f"{name} has not one file like {pattern}")
            package.unlink()
        version.write_text(suites.candidate(names[-1])["Version"], encoding="ascii")
    kernel = Kernel(image, symbols, jump=None, begin="_start", end="start_xen", text="_start")
    return kernel, version.read_text(encoding="ascii")
