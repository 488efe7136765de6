#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Counts the instructions of a boot under QEMU, from the Image's first to kernel_main's first; or,
with --kernel, from there to the report: all that the kernel does but for what it prints.

  boot_cost.py [--kernel] [--cpu max] [--machine virt] [--memory 512M] [--append '...']
               [--dtb FILE] [--functions N]

Prints the total, and the N functions that execute most. Needs O (default build) to hold Image,
pagoda.elf and count.so. The numbers are exact: the same Image and FDT give the same count, but for
what the seed decides.
"""
import argparse
import bisect
import dataclasses
import functools
import os
import pathlib
import subprocess
import sys
import tempfile

from elftools.elf.elffile import ELFFile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("O", "build")
QEMU = os.environ.get("QEMU", "qemu-system-aarch64")
IMAGE_ADDRESS = 0x40200000  # where QEMU's virt machine puts an Image
# Loads and stores before the flip, a pair counted as two, and lines of 64 bytes that they touch: at
# most, by page size. On silicon each is an access to Device memory, one at a time.
#
# They were to come down to 60 % of 16,983 with 4K pages, 23,818 with 16K and 44,934 with 64K: to
# 10,190, 14,291 and 26,960. With 4K pages they have. With the others they cannot while every table
# that a walk can reach is whole and clear: a map of 48 bits or more down to a page has three whole
# tables of 16K below its root, or two of 64K, and there are two such maps, the kernel's and the
# identity map. To clear those takes 6 * 2,048 + 34 stores and 4 * 8,192 + 1,088: 12,322 of 14,291,
# and 33,856 of 26,960. What a boot with 16K pages does besides, 3,900 accesses, is what one with 4K
# pages does: nearly half are to read /chosen, clear .bss, copy text and write descriptors.
ACCESSES_MOST = {"4k": (8_700, 740), "16k": (16_500, 1_800), "64k": (38_000, 4_550)}
# Instructions from entry to kernel_main, at most, entered at EL1 with KASLR on; how many more at
# EL2; and with a word on the command line, `nokaslr`, to parse, record and explain.
BUDGET = {"4k": 20_500, "16k": 24_500, "64k": 42_500}
EL2_MORE = 200
NOKASLR_MORE = 1_100
# Where the CPU cannot sign, for one function whose return address goes to a shadow call stack: to
# read its unwind table, exchange its instructions, and publish its code.
PATCHING_MOST, PATCHING_ACCESSES_MOST = 900, 35
TABLES_DONE, RELOCATION_DONE = 2, 3  # of the times that the early runtime reads the counter
# The kernel's part of a system call that does nothing.
CALL_MOST = 340
# A further CPU, to where it waits for work: its own instructions, and those that the CPU that boots
# spends on it, its waiting included.
FURTHER_CPU_MOST = 14_000
QUIET = "virt,dtb-randomness=off"  # no seeds in the FDT: the same boot every time


class CannotMeasure(Exception):
    """What stands in the way, and what to do about it."""


class Kernel:
    """An Image, its symbols, and what part of its boot to count: from @begin to @end. @jump: the
    function at which the upper half is entered; None where that is not. @text: its first symbol."""

    def __init__(self, image, elf, jump="kernel_main", begin="_text", end="kernel_main",
                 text="_text"):
        self.image, self.elf = pathlib.Path(image), elf
        self.jump, self.begin, self.end, self.text = jump, begin, end, text

    @functools.cached_property
    def link_address(self):
        with open(self.elf, "rb") as file:
            table = ELFFile(file).get_section_by_name(".symtab")
            return table.get_symbol_by_name(self.text)[0]["st_value"]

    @functools.cached_property
    def symbols(self):
        """{name: offset from _text}."""
        with open(self.elf, "rb") as file:
            table = ELFFile(file).get_section_by_name(".symtab")
            values = {symbol.name: symbol["st_value"] for symbol in table.iter_symbols()
                      if symbol.name and symbol["st_shndx"] != "SHN_UNDEF"}
        return {name: value - values[self.text] for name, value in values.items()}

    @functools.cached_property
    def functions(self):
        """[(offset from _text, name)], sorted."""
        with open(self.elf, "rb") as file:
            symbols = list(ELFFile(file).get_section_by_name(".symtab").iter_symbols())
        text = next(s["st_value"] for s in symbols if s.name == self.text)
        # Assembly has entry points without a type; $x and the like are not names.
        return sorted((s["st_value"] - text, s.name) for s in symbols
                      if s["st_info"]["type"] in ("STT_FUNC", "STT_NOTYPE")
                      and s["st_shndx"] not in ("SHN_UNDEF", "SHN_ABS")
                      and s.name and not s.name.startswith(("$", ".L")))


@functools.lru_cache
def pagoda(begin="_text", end="kernel_main", build=BUILD):
    return Kernel(build / "Image", build / "pagoda.elf", begin=begin, end=end)


@dataclasses.dataclass
class Cost:
    """What was counted; see count.c."""
    kernel: Kernel
    counts: dict  # {offset from _text: times executed}
    marks: list  # instructions before each time that a mark was come to
    stores: dict  # {offset from _text: (stores into the pool, bytes)}
    accesses: dict  # {"loads", "stores", "lines": how many before the flip}, if asked for
    elsewhere: int = 0  # instructions outside the Image: a program's

    @property
    def total(self):
        return sum(self.counts.values())

    def _named(self, offset):
        table = self.kernel.functions
        index = bisect.bisect_right(table, (offset, "\uffff")) - 1
        return table[index][1] if index >= 0 else "_text"

    @functools.cached_property
    def by_function(self):
        """{name: instructions executed in it, callees not included}."""
        totals = {}
        for offset, count in self.counts.items():
            name = self._named(offset)
            totals[name] = totals.get(name, 0) + count
        return totals

    @functools.cached_property
    def stores_by_function(self):
        """{name: (stores into the pool, bytes)}."""
        totals = {}
        for offset, (stores, size) in self.stores.items():
            name = self._named(offset)
            old = totals.get(name, (0, 0))
            totals[name] = (old[0] + stores, old[1] + size)
        return totals


@dataclasses.dataclass(frozen=True)
class Boot:
    """A machine to boot, and the kernel to boot on it."""
    append: str = ""
    cpu: str = "max"
    machine: str = "virt"
    memory: str = "512M"
    arguments: tuple = ()  # more for QEMU; with a -device loader there, -kernel is left out
    kernel: Kernel = dataclasses.field(default_factory=pagoda)

    def command(self):
        loaded = any(argument.startswith("loader,") for argument in self.arguments)
        kernel = [] if loaded else ["-kernel", str(self.kernel.image), "-append", self.append]
        return [QEMU, "-M", self.machine, "-cpu", self.cpu, "-m", self.memory, "-display", "none",
                "-nic", "none", "-monitor", "none", *kernel, *self.arguments]


def backend(memory):
    """QEMU's arguments for more memory than the host has."""
    return ("-object", f"memory-backend-ram,id=ram,size={memory},reserve=off", "-machine",
            "memory-backend=ram")


@functools.lru_cache
def check_plugins():
    """Whether this QEMU takes plugins, and the plugin is built."""
    try:
        usage = subprocess.run([QEMU, "-help"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotMeasure(f"{QEMU} does not run ({error}): `scripts/setup run` installs "
                            "it") from None
    if "-plugin" not in usage:
        raise CannotMeasure(f"this {QEMU} was built without TCG plugins, which count instructions: "
                            "put one built with --enable-plugins, like Debian's, first in PATH")
    if not (BUILD / "count.so").exists():
        raise CannotMeasure(f"{BUILD}/count.so is not there: make {BUILD.name}/count.so builds it")


def measure(boot=Boot(), marks=(), pool=None, accesses=False, timeout=120, programs=False):
    """The Cost of @boot. @marks: symbols; when one is come to is noted; @pool: (start, end) of the
    memory, as offsets from _text, in which stores are counted; @accesses: count loads and stores
    before the flip, and the lines of memory that they touch; @programs: instructions outside the
    Image may be theirs."""
    check_plugins()
    kernel, symbols = boot.kernel, boot.kernel.symbols
    options = [("start", IMAGE_ADDRESS), ("size", symbols["_end"])]
    places = [("begin", kernel.begin), ("jump", kernel.jump), ("end", kernel.end),
              *(("mark", mark) for mark in marks)]
    options += [(name, symbols[place]) for name, place in places if place]
    if not kernel.link_address >> 63 and kernel.link_address != IMAGE_ADDRESS:
        options += [("low", kernel.link_address)]
    if pool:
        options += [("pool", IMAGE_ADDRESS + pool[0]), ("pool_end", IMAGE_ADDRESS + pool[1])]
    if accesses:
        options += [("accesses", 1)]
    with tempfile.NamedTemporaryFile(suffix=".count") as out:
        plugin = [f"{BUILD}/count.so", *(f"{name}={value:#x}" for name, value in options),
                  f"out={out.name}"]
        command = [*boot.command(), "-serial", "null", "-plugin", ",".join(plugin)]
        try:
            subprocess.run(command, stdin=subprocess.DEVNULL, check=True, timeout=timeout)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise CannotMeasure(f"{error}; the kernel did not reach {kernel.end}") from None
        cost = read_cost(kernel, out.name)
    if cost.elsewhere != 0 and not programs:
        raise CannotMeasure(f"{cost.elsewhere} instructions were executed outside the Image")
    return cost


def read_cost(kernel, path):
    cost = Cost(kernel, {}, [], {}, {})
    facts = {}
    with open(path, encoding="ascii") as file:
        for line in file:
            word, *numbers = line.split()
            if word == "count":
                cost.counts[int(numbers[0], 16)] = int(numbers[1])
            elif word == "store":
                cost.stores[int(numbers[0], 16)] = int(numbers[1]), int(numbers[2])
            elif word in ("loads", "stores", "lines"):
                cost.accesses[word] = int(numbers[0])
            elif word == "mark":
                cost.marks.append(int(numbers[0]))
            else:
                facts[word] = int(numbers[0])
    if facts.get("ended") != 1:
        raise CannotMeasure(f"the machine ended before {kernel.end} was reached")
    cost.elsewhere = facts["elsewhere"]
    return cost


def relocation(cost):
    """Instructions from the tables' end to that of relocation and patching. @cost was measured with
    counter_read as its first mark."""
    return cost.marks[RELOCATION_DONE] - cost.marks[TABLES_DONE]


def patching(cpu, append=""):
    """What it takes to patch on @cpu: (instructions, loads and stores)."""
    cost, signed = (measure(Boot(words, of, QUIET), ("counter_read",), accesses=True)
                    for words, of in ((append, cpu), ("", "max")))
    ours, theirs = (found.accesses["loads"] + found.accesses["stores"] for found in (cost, signed))
    return relocation(cost) - relocation(signed), ours - theirs


def further_cpu_cost(few, many, append=""):
    """Instructions for each CPU that @many have more than @few. By QEMU's counter of instructions
    (-icount) all take turns, so that who waits for another does that for as long each time, nearly.
    """
    kernel = pagoda("smp_start", "report_boot")
    costs = [measure(Boot(append, machine=f"{QUIET},gic-version=3", memory="1G", kernel=kernel,
                          arguments=("-smp", str(cpus), "-icount", "shift=5"))).total
             for cpus in (few, many)]
    return round((costs[1] - costs[0]) / (many - few))


def call_cost(append="", machine="virt"):
    """The kernel's instructions for a system call that does nothing: those of many calls, less
    those of fewer. Without seeds, and with time that goes by instructions: the same each time."""
    kernel = pagoda("kernel_main", "command_poweroff")

    def run(calls):
        words = f'nokaslr {append} pagoda.run="run null {calls}; poweroff"'
        boot = Boot(words, machine=f"{machine},dtb-randomness=off", kernel=kernel,
                    arguments=("-icount", "shift=4"))
        return measure(boot, programs=True).total

    few, many = 100, 1100
    return round((run(many) - run(few)) / (many - few))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cpu", default="max")
    parser.add_argument("--machine", default="virt")
    parser.add_argument("--memory", default="512M")
    parser.add_argument("--append", default="")
    parser.add_argument("--dtb", help="a board's device tree, instead of the machine's own")
    parser.add_argument("--kernel", action="store_true")
    parser.add_argument("--functions", type=int, default=15)
    options = parser.parse_args()
    kernel = pagoda("kernel_main", "report_text") if options.kernel else pagoda()
    try:
        tree = ("-dtb", options.dtb) if options.dtb else ()
        cost = measure(Boot(options.append, options.cpu, options.machine, options.memory,
                            (*backend(options.memory), *tree), kernel))
    except CannotMeasure as error:
        sys.exit(f"boot_cost: {error}.")
    dtb = f" -dtb {pathlib.Path(options.dtb).name}" if options.dtb else ""
    print(f"{cost.total:8}  instructions from {kernel.begin} to {kernel.end} (-M {options.machine} "
          f"-cpu {options.cpu} -m {options.memory}{dtb}, '{options.append}')")
    totals = cost.by_function
    for name in sorted(totals, key=totals.get, reverse=True)[:options.functions]:
        print(f"{totals[name]:8}  {name}")


if __name__ == "__main__":
    sys.exit(main())
