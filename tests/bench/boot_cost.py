#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Counts the instructions from the Image's first to kernel_main's first, under QEMU; or, with
--kernel, from there to the report, without KASLR: all that the kernel does but for what it prints.

  boot_cost.py [--kernel] [--cpu max] [--machine virt] [--memory 512M] [--append '...']
               [--functions N]

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
    return run(f"start={IMAGE_ADDRESS:#x}", cpu, machine, append, "512M", (), timeout)


def measure_kernel(cpu="max", machine="virt", append="", memory="512M", arguments=(), timeout=60):
    """{offset from _text: times executed} for one boot without KASLR from kernel_main to the
    report. The image is then 2 GiB above where modules start: that depends on the page size."""
    base = 0xffffc00080000000 if "pagesize=16k" in append else 0xffff800080000000
    offset = {name: place for place, name in functions()}
    events = (f"base={base:#x},start={base + offset['kernel_main']:#x},"
              f"stop={base + offset['report_text']:#x}")
    return run(events, cpu, machine, append + " nokaslr", memory, arguments, timeout)


def run(events, cpu, machine, append, memory, arguments, timeout):
    """Boot once, and read what the plugin counted between two @events."""
    with tempfile.NamedTemporaryFile(suffix=".count") as counts:
        subprocess.run(
            ["qemu-system-aarch64", "-M", machine, "-cpu", cpu, "-m", memory, "-nographic",
             "-nic", "none", "-kernel", f"{BUILD}/Image", *arguments,
             "-append", append + ' pagoda.run="poweroff"', "-plugin",
             f"{BUILD}/count.so,{events},out={counts.name}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True, timeout=timeout)
        lines = [line.split() for line in open(counts.name, encoding="ascii")]
    facts = {line[0]: int(line[1]) for line in lines[:2]}
    assert facts["ended"] == 1, "the machine never came to where counting ends"
    assert facts["elsewhere"] == 0, "code outside the Image ran"
    return {int(offset, 16): int(count) for offset, count in lines[2:]}


def backend(memory):
    """QEMU's arguments for more memory than the host has."""
    return ("-object", f"memory-backend-ram,id=ram,size={memory},reserve=off", "-machine",
            "memory-backend=ram")


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
    parser.add_argument("--kernel", action="store_true")
    parser.add_argument("--memory", default="512M")
    parser.add_argument("--functions", type=int, default=15)
    options = parser.parse_args()
    if options.kernel:
        what = f"kernel_main to the report, -m {options.memory}"
        counts = measure_kernel(options.cpu, options.machine, options.append, options.memory,
                                backend(options.memory))
    else:
        what = "_text to kernel_main"
        counts = measure(options.cpu, options.machine, options.append)
    print(f"{sum(counts.values()):8}  instructions from {what} "
          f"(-M {options.machine} -cpu {options.cpu}, '{options.append}')")
    totals = by_function(counts)
    for name in sorted(totals, key=totals.get, reverse=True)[:options.functions]:
        print(f"{totals[name]:8}  {name}")


if __name__ == "__main__":
    sys.exit(main())
