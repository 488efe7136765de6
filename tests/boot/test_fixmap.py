# SPDX-License-Identifier: MIT
"""The fixmap: the registers of the console and of the GIC, and the FDT, whatever memory it is in.
And why there is no slot for tables: all of them are in the linear map."""
import pytest

from machine import PROMPT, Machine, boot, number
from test_address_space import (FDT, MIB, PAGE_SIZES, RAM, boot_tree, check_linear, linear,
                                memory_edit, ranges)
from walker import Walker

CONSOLE = 0x09000000
GIC_DISTRIBUTOR, GIC_CPU = 0x8000000, 0x8010000
FDT_WINDOW = 4 * MIB  # the first so many bytes


def slots(result):
    """What is mapped in the fixmap, as (offset, physical address, size, type, writable)."""
    region = next(region for region in result.document["layout"] if region["name"] == "fixmap")
    start, end = number(region["start"]), number(region["end"])
    return [(number(entry["start"]) - start, number(entry["pa"]), entry["size"], entry["type"],
             entry["write"]) for entry in result.tables("kernel")
            if start <= number(entry["start"]) < end]


def check_fdt(result, fdt):
    """One read-only view of the FDT, at its address modulo 2 MiB."""
    views = [slot for slot in slots(result) if slot[0] < FDT_WINDOW]
    granule = result.document["regime"]["granule"]
    assert len(views) == 1
    offset, address, size, kind, write = views[0]
    assert (address, kind, write) == (fdt // granule * granule, "MEM/NORMAL", False)
    assert offset == address % (2 * MIB)
    assert 0 < size < 2 * MIB + 2 * granule


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_the_devices_and_the_fdt_are_in_the_fixmap_and_nothing_else_is(page_size):
    result = boot("max", f"arm64.pagesize={page_size}")
    check_fdt(result, ranges(result.document, "fdt")[0][0])
    rest = [slot[1:] for slot in slots(result) if slot[0] >= FDT_WINDOW]
    assert rest == [(device, PAGE_SIZES[page_size], "DEVICE/nGnRE", True)
                    for device in (GIC_CPU, GIC_DISTRIBUTOR, CONSOLE)]


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_an_fdt_outside_ram_is_read_through_the_fixmap(page_size):
    """Memory that the FDT does not name, itself in it: the PCI I/O window, which is looked for in
    the FDT after boot, is there all the same."""
    result, _ = boot_tree(f"arm64.pagesize={page_size}",
                          memory_edit((RAM, FDT - RAM), (RAM + 256 * MIB, 64 * MIB)))
    check_fdt(result, FDT)
    check_linear(result.document, result.tables("kernel"))
    assert not [run for run in linear(result.document, result.tables("kernel"))
                if run[0] <= FDT < run[0] + run[1]]
    assert [entry for entry in result.tables("kernel") if entry["type"] == "DEVICE/nGnRE"
            and number(entry["pa"]) == 0x3EFF0000]


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_every_table_is_in_the_linear_map(page_size):
    """So whoever changes tables finds them there, and the fixmap needs no slot to reach one."""
    with Machine("max", f"arm64.pagesize={page_size}") as machine:
        machine.expect(PROMPT)
        machine.command("vmalloc test")  # which takes tables from free memory
        document = machine.document("ptdump json")
        seen = []

        def read(address, size):
            seen.append((address, size))
            return machine.memory(address, size)

        for root, upper in (("TTBR1", True), ("TTBR0", False)):
            registers = document["registers"]
            walker = Walker(number(registers["TCR_EL1"]), number(registers[f"{root}_EL1"]),
                            number(registers["MAIR_EL1"]), upper, read)
            list(walker.leaves())
        offset = number(document["linear"]["offset"])
        views = [machine.translate((address + offset) % (1 << 64)) for address, _ in seen]
    assert len(seen) > 6
    assert views == [address for address, _ in seen]
    spans = [(start, start + size) for start, size, _, _, write in
             linear(document, document["tables"][0]["entries"]) if write]
    assert all(any(start <= address and address + size <= end for start, end in spans)
               for address, size in seen)
