# SPDX-License-Identifier: MIT
"""What the maps of the image must look like, from the symbols of pagoda.elf alone."""
from machine import number, symbols

# Pages in a group that can have the contiguous hint at level 3.
CONTIGUOUS_PAGES = {4096: 16, 16384: 128, 65536: 32}

# (first symbol, symbol past the end, writable, executable) of stretches of equal permissions. The
# kernel's map has neither the pool of page tables nor the gap that follows it; the identity map has
# the entry code only, in whole pages.
KERNEL_MAP = [("_rodata_start", "_rodata_end", False, False),
              ("_text_start", "_text_end", False, True),
              ("_data_start", "_pool_start", True, False),
              ("_guard_end", "_data_end", True, False)]
IDENTITY_MAP = [("_entry_start", "_entry_end", False, True)]


def page_runs(granule, va, pa, size):
    """[(start, size, contiguous)] of pages from @va on: the hint wherever a whole group fits."""
    group = granule * CONTIGUOUS_PAGES[granule]
    first, last = -(-va // group) * group, (va + size) // group * group
    if (va - pa) % group or first >= last:
        return [(va, size, False)]
    runs = [(va, first - va, False), (first, last - first, True), (last, va + size - last, False)]
    return [run for run in runs if run[1]]


def edge(va, name):
    """The address of a symbol. What is unmapped of the pool, and of the gap, begins and ends at
    multiples of 64K."""
    address = va + symbols()[name]
    if name in ("_pool_start", "_pool_end"):
        return -(-address // 65536) * 65536
    return address // 65536 * 65536 if name == "_guard_end" else address


def mapped(granule, document, parts):
    """The runs, as dumped() has them, that the kernel maps for @parts of the image."""
    va, pa = number(document["image"]["va"]), number(document["image"]["pa"])
    runs = []
    for first, last, write, execute in parts:
        start, end = edge(va, first), -(-edge(va, last) // granule) * granule
        runs += [(*run, write, execute)
                 for run in page_runs(granule, start, pa + start - va, end - start)]
    return runs


def dumped(entries, offset=0):
    """Entries of the dump as tuples to compare, moved by @offset."""
    return [(number(entry["start"]) + offset, entry["size"], entry["contiguous"], entry["write"],
             entry["execute"]) for entry in entries]


def check_walk(result):
    """The dump is what an independent walk of memory finds. Returns the two walkers."""
    for root, runs in result.walks.items():
        assert runs == result.tables(root)
    return result.walkers["kernel"], result.walkers["idmap"]


def in_image(document, entries):
    """Those of the kernel's @entries that map the image where it runs."""
    start = number(document["image"]["va"])
    return [entry for entry in entries
            if start <= number(entry["start"]) < start + document["image"]["size"]]
