#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Counts the instructions from the Image's first to kernel_main's first, under QEMU.

  boot_cost.py [--cpu max] [--machine virt] [--append '...'] [--functions N]

Prints the total, and the N functions that execute most. Needs O (default build) to hold Image,
pagoda.elf and count.so. The numbers are exact: the same Image and FDT give the same count, but for
what the seed decides.
"""
import argparse
import bisect
import os
import subprocess
import sys
import tempfile

from elftools.elf.elffile import ELFFile

BUILD = os.environ.get("O", "build")
IMAGE_ADDRESS = 0x40200000  # where QEMU's virt machine puts an Image in 512 MiB


def measure(cpu="max", machine="virt", append="", timeout=60):
    """{offset from _text: times executed} for one boot up to kernel_main."""
    with tempfile.NamedTemporaryFile(suffix=".count") as counts:
        subprocess.run(
            ["qemu-system-aarch64", "-M", machine, "-cpu", cpu, "-m", "512M", "-nographic",
             "-nic", "none", "-kernel", f"{BUILD}/Image",
             "-append", append + ' pagoda.run="poweroff"', "-plugin",
             f"{BUILD}/count.so,start={IMAGE_ADDRESS:#x},out={counts.name}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True, timeout=timeout)
        lines = [line.split() for line in open(counts.name, encoding="ascii")]
    facts = {line[0]: int(line[1]) for line in lines[:2]}
    assert facts["ended"] == 1, "the machine never reached the upper half"
    assert facts["elsewhere"] == 0, "code outside the Image ran"
    return {int(offset, 16): int(count) for offset, count in lines[2:]}


def functions():
    """[(offset from _text, name)] of the image's functions, sorted."""
    with open(f"{BUILD}/pagoda.elf", "rb") as file:
        symbols = list(ELFFile(file).get_section_by_name(".symtab").iter_symbols())
    text = next(s["st_value"] for s in symbols if s.name == "_text")
    return sorted((s["st_value"] - text, s.name) for s in symbols
                  if s["st_info"]["type"] == "STT_FUNC")


def by_function(counts):
    """{name: instructions executed in it}."""
    table = functions()
    starts = [offset for offset, _ in table]
    totals = {}
    for offset, count in counts.items():
        index = bisect.bisect_right(starts, offset) - 1
        name = table[index][1] if index >= 0 else "_text"
        totals[name] = totals.get(name, 0) + count
    return totals


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cpu", default="max")
    parser.add_argument("--machine", default="virt")
    parser.add_argument("--append", default="")
    parser.add_argument("--functions", type=int, default=15)
    options = parser.parse_args()
    counts = measure(options.cpu, options.machine, options.append)
    print(f"{sum(counts.values()):8}  instructions from _text to kernel_main "
          f"(-M {options.machine} -cpu {options.cpu}, '{options.append}')")
    totals = by_function(counts)
    for name in sorted(totals, key=totals.get, reverse=True)[:options.functions]:
        print(f"{totals[name]:8}  {name}")


if __name__ == "__main__":
    sys.exit(main())
