# SPDX-License-Identifier: MIT
"""The linear map on machines with little memory, with much, with holes, and with some where only
52-bit addresses reach; and what the report says about memory."""
import contextlib
import os
import random
import re
import sys

import pytest

from image_map import CONTIGUOUS_PAGES
from loader import (Memory, WINDOW_START, cells, device_tree, dimm, edit_tree, load,
                    memory_edit)
from machine import PROMPT, Machine, boot, capture, is_kasan, number

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "bench"))
import boot_cost  # noqa: E402
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "scripts"))
import ktap  # noqa: E402

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40
RAM = 0x40000000
IMAGE, FDT = WINDOW_START + 4 * MIB, WINDOW_START + 10 * MIB
PAGE_SIZES = {"4k": 4 * KIB, "16k": 16 * KIB, "64k": 64 * KIB}
STOP_MEMORY, STOP_RESERVATIONS = 14, 13
NO_KASLR = "virt,dtb-randomness=off"

# Block sizes by granule and level, and entries in a contiguous run.
BLOCKS = {4 * KIB: {0: 512 * GIB, 1: GIB, 2: 2 * MIB}, 16 * KIB: {1: 64 * GIB, 2: 32 * MIB},
          64 * KIB: {1: 4 * TIB, 2: 512 * MIB}}
CONTIGUOUS_BLOCKS = {4 * KIB: 16, 16 * KIB: 32, 64 * KIB: 32}


def linear(document, entries):
    """The runs of the linear map, as (physical start, size, level, contiguous, writable)."""
    region = document["layout"][0]
    assert region["name"] == "linear"
    start, end = number(region["start"]), number(region["end"])
    offset = number(document["linear"]["offset"])
    runs = [entry for entry in entries if start <= number(entry["start"]) < end]
    for run in runs:
        assert (number(run["start"]) - number(run["pa"])) % (1 << 64) == offset
        assert not run["execute"] and not run["user"]
    return [(number(run["pa"]), run["size"], run["level"], run["contiguous"], run["write"])
            for run in runs]


def ranges(document, kind):
    return [(number(entry["start"]), number(entry["end"])) for entry in document["memory"]
            if entry["kind"] == kind]


def size_of(spans):
    return sum(end - start for start, end in spans)


def joined(runs):
    """[(start, end, writable)] of physical memory, whatever the leaves."""
    found = []
    for start, size, _, _, write in sorted(runs):
        if found and found[-1][1] == start and found[-1][2] == write:
            found[-1][1] = start + size
        else:
            found.append([start, start + size, write])
    return [tuple(run) for run in found]


def check_linear(document, entries, absent=()):
    """Exactly RAM is mapped, to the byte, read-write but for the image's text and rodata, with the
    largest leaves and contiguous runs that addresses allow. @absent: physical ranges left out."""
    granule = document["regime"]["granule"]
    runs = linear(document, entries)
    image = number(document["image"]["pa"])
    segments = {segment["name"]: [number(segment[end]) - number(document["image"]["va"]) + image
                                  for end in ("start", "end")]
                for segment in document["image"]["segments"]}
    read_only = (segments["rodata"][0], segments["text"][1])
    assert [run[:2] for run in joined(runs) if not run[2]] == [read_only]
    ram, mapped = size_of(ranges(document, "ram")), sum(run[1] for run in runs)
    assert mapped == ram - size_of(absent)
    spans = joined(runs)
    for start, size, level, contiguous, write in runs:
        first, end, _ = next(span for span in spans if span[0] <= start < span[1])
        check_leaves(granule, document, (start, size, level, contiguous), (first, end))


def check_leaves(granule, document, run, span):
    """No larger leaf, and no contiguous group more, would have fitted."""
    start, size, level, contiguous = run
    offset = number(document["linear"]["offset"])
    blocks = dict(BLOCKS[granule])
    if not document["regime"]["lpa2"] and granule == 4 * KIB:
        del blocks[0]
    if not document["regime"]["lpa2"] and granule == 16 * KIB:
        del blocks[1]
    if granule == 64 * KIB and document["regime"]["pa_bits"] < 52:
        del blocks[1]
    leaf = blocks.get(level, granule)
    group = leaf * ((CONTIGUOUS_BLOCKS[granule] if level == 2 else 0) if level < 3
                    else CONTIGUOUS_PAGES[granule])
    for larger in sorted(size for size in blocks.values() if size > leaf):
        for place in {-(-start // larger) * larger, start // larger * larger}:
            if place + larger <= min(start + size + larger, span[1]) and place >= span[0]:
                overlap = min(place + larger, start + size) - max(place, start)
                assert overlap <= 0 or offset % larger != 0, (hex(start), hex(size), level)
    if group and not contiguous and offset % group == 0:
        first = -(-start // group) * group
        assert first + group > start + size, (hex(start), hex(size), level)


# ---- the machine as it comes ----

@pytest.mark.parametrize("page_size", PAGE_SIZES)
@pytest.mark.parametrize("append", ["", "nokaslr", "arm64.nolva"])
def test_all_of_ram_is_mapped_to_the_byte(page_size, append):
    result = boot("max", f"arm64.pagesize={page_size} {append}".strip())
    assert ranges(result.document, "ram") == [(RAM, RAM + 512 * MIB)]
    check_linear(result.document, result.tables("kernel"))


@pytest.mark.parametrize("cpu,append,first", [
    ("max", "nokaslr", 0xFFF0000000000000), ("max", "nokaslr arm64.nolva", 0xFFFF000000000000),
    ("max,lpa2=off", "nokaslr arm64.pagesize=4k", 0xFFFF000000000000),
    ("cortex-a72", "nokaslr", 0xFFFF000000000000)])
def test_the_map_of_512_mib_is_linuxs(cpu, append, first):
    """Linux 6.12 on the same machines: where it begins, 2 MiB blocks, contiguous from the first
    multiple of 32 MiB on, pages only around the image's segments."""
    result = boot(cpu, append, "dtb-randomness=off")
    start = next(entry for entry in result.tables("kernel") if number(entry["pa"]) == RAM)
    assert number(start["start"]) == first
    assert (start["level"], start["size"]) == (2, 2 * MIB)
    runs = linear(result.document, result.tables("kernel"))
    assert runs[-2:] == [(RAM + 4 * MIB, 28 * MIB, 2, False, True),
                         (RAM + 32 * MIB, 480 * MIB, 2, True, True)]
    pages = [run for run in runs if run[2] == 3]
    assert min(run[0] for run in pages) == RAM + 2 * MIB
    assert max(run[0] + run[1] for run in pages) == RAM + 4 * MIB


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_the_seed_moves_the_linear_map_and_nokaslr_does_not(page_size):
    append = f"arm64.pagesize={page_size}"
    offsets = set()
    for _ in range(3):
        with Machine("max", append) as machine:
            machine.expect(PROMPT)
            document = machine.document("report json")
        offsets.add(document["linear"]["offset"])
        assert number(document["linear"]["random"]) % (512 * MIB) == 0
    assert len(offsets) > 1
    fixed = boot("max", append + " nokaslr").document
    assert number(fixed["linear"]["random"]) == 0
    assert number(fixed["linear"]["offset"]) == number(fixed["layout"][0]["start"]) - RAM


def test_what_only_the_early_runtime_needed_is_ram_like_any_other():
    result = boot("max", "")
    image, init = number(result.document["image"]["pa"]), []
    for segment in result.document["image"]["segments"]:
        if segment["name"].startswith("init_"):
            init.append(number(segment["start"]) - number(result.document["image"]["va"]) + image)
    for address in init:
        assert not any(start <= address < end for kind in ("image", "reserved")
                       for start, end in ranges(result.document, kind))
        views = [entry for table in ("kernel", "idmap") for entry in result.tables(table)
                 if number(entry["pa"]) <= address < number(entry["pa"]) + entry["size"]]
        assert [(view["write"], view["execute"]) for view in views] == [(True, False)]


def test_the_commands_show_memory_and_layout():
    with Machine("max", "") as machine:
        machine.expect(PROMPT)
        memory, layout = machine.command("memory"), machine.command("layout")
        tested = machine.command("memory test")
    assert re.search(r"0x0000000040000000-0x0000000060000000 +512M  ram\n", memory)
    assert "linear map   512M of RAM at PA + 0xf" in memory
    for name in ("linear", "modules", "vmalloc", "image", "vmemmap", "pci_io", "fixmap"):
        assert re.search(rf" {name}\n", layout)
    assert "both ends of each written and read" in tested


# ---- much memory, and little ----

def big_machine(append, memory="16T"):
    return Machine("max", append, arguments=["-m", memory, *boot_cost.backend(memory)])


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_16_tib_are_mapped_with_the_largest_blocks(page_size):
    with big_machine(f"arm64.pagesize={page_size}") as machine:
        machine.expect(PROMPT)
        document = machine.document("ptdump json")
        assert "both ends of each written and read" in machine.command("memory test")
    entries = next(table["entries"] for table in document["tables"] if table["root"] == "kernel")
    assert size_of(ranges(document, "ram")) == 16 * TIB
    check_linear(document, entries)
    levels = {run[2] for run in linear(document, entries)}
    assert min(levels) == {"4k": 0, "16k": 1, "64k": 1}[page_size]
    assert sum(pool["used"] for pool in document["pool"]) < 60


def test_16_tib_boot_without_52_bit_addresses_too():
    with big_machine("arm64.nolva") as machine:
        machine.expect(PROMPT)
        document = machine.document("ptdump json")
    check_linear(document, document["tables"][0]["entries"])


@pytest.mark.skipif(is_kasan(), reason="counts what an ordinary boot costs")
@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_boot_does_not_take_longer_in_proportion_to_ram(page_size):
    append = f"arm64.pagesize={page_size}"
    small, large = (boot_cost.measure(boot_cost.Boot(
        f"{append} nokaslr", machine=boot_cost.QUIET, memory=memory,
        arguments=boot_cost.backend(memory),
        kernel=boot_cost.pagoda("kernel_main", "report_text"))).total for memory in ("512M", "16T"))
    print(f"{page_size}: {small} instructions with 512 MiB, {large} with 16 TiB")
    assert 10_000 < small <= 150_000
    if page_size == "64k":  # 512 MiB blocks from 1 GiB to 4 TiB
        # By leaf: a share of the rest would be less with every instruction that the rest is spared.
        assert (large - small) / (4 * TIB // (512 * MIB) - 2) <= 4.5, "instructions a leaf"
    else:
        assert large <= 1.5 * small


def test_32_mib_boot():
    for page_size in PAGE_SIZES:
        with Machine("max", f"arm64.pagesize={page_size}", arguments=["-m", "32M"]) as machine:
            machine.expect(PROMPT)
            document = machine.document("ptdump json")
        assert ranges(document, "ram") == [(RAM, RAM + 32 * MIB)]
        check_linear(document, document["tables"][0]["entries"])


def test_too_little_memory_says_so_with_the_numbers():
    with Machine("max", "arm64.pagesize=64k mem=64K") as machine:
        reason, stop = machine.wait_cannot_boot()
    match = re.fullmatch(r"too little RAM: page tables need (\d+)K in one piece; the largest that "
                         r"is free and in reach has (\d+)K, of (\d+)K RAM in all", reason)
    needed, largest, ram = (int(number) * KIB for number in match.groups())
    assert (stop.code, stop.value, stop.limit, stop.extra) == (STOP_MEMORY, needed, largest, ram)
    assert largest == 64 * KIB < needed


def test_mem_leaves_the_rest_out_of_the_linear_map():
    result = boot("max", "mem=256M")
    assert ranges(result.document, "ram") == [(RAM, RAM + 256 * MIB)]
    check_linear(result.document, result.tables("kernel"))
    assert "256M of RAM left out: mem=" in result.document["warnings"]


# ---- device trees of our own ----

def boot_tree(bootargs, *edits, fdt_edit=None, arguments=(), image=IMAGE, **machine):
    """The Boot from QEMU's device tree after @edits."""
    blob = edit_tree(device_tree(bootargs), *edits)
    if fdt_edit:
        blob = fdt_edit(blob)
    memory = Memory()
    memory.put(FDT, blob)
    with load(memory, image, FDT, extra=arguments, **machine) as running:
        result = capture(running)
        tested = running.command("memory test")
        check_audits(running)
        return result, tested


def check_audits(machine):
    """The allocators work, and their books agree."""
    for name in ("buddy", "vmalloc"):
        results = ktap.parse(machine.command(f"{name} test"))
        assert results.tests and results.count("fail") == 0
        assert "audit: ok" in machine.command(name)


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_banks_holes_and_reservations_across_blocks(page_size):
    """Unsorted, overlapping, adjoining banks; RAM below the image; reservations that cross block
    boundaries, one of them no-map."""
    banks = [(RAM + 256 * MIB, 64 * MIB), (RAM, 128 * MIB), (RAM + 128 * MIB, 32 * MIB),
             (RAM + 100 * MIB, 40 * MIB), (RAM + 400 * MIB + 64 * KIB, 64 * MIB)]
    hole, kept = RAM + 0x9F0000 + 32 * MIB, RAM + 300 * MIB - 64 * KIB
    result, tested = boot_tree(
        f"arm64.pagesize={page_size}", memory_edit(*banks),
        *reserved_edits(no_map=(hole, 2 * MIB + 64 * KIB), logs=(kept, 128 * KIB)),
        ["-t", "x", "FILE", "/chosen", "linux,initrd-start", f"{RAM + 80 * MIB:x}"],
        ["-t", "x", "FILE", "/chosen", "linux,initrd-end", f"{RAM + 81 * MIB + 7:x}"])
    document = result.document
    assert ranges(document, "ram") == [
        (RAM, RAM + 160 * MIB), (RAM + 256 * MIB, RAM + 320 * MIB),
        (RAM + 400 * MIB + 64 * KIB, RAM + 464 * MIB + 64 * KIB)]
    absent = (hole, hole + 2 * MIB + 64 * KIB)
    assert ranges(document, "no-map") == [absent]
    assert ranges(document, "reserved") == [(kept, kept + 128 * KIB)]
    assert ranges(document, "initrd") == [(RAM + 80 * MIB, RAM + 81 * MIB + 7)]
    check_linear(document, result.tables("kernel"), [absent])
    assert not [run for run in linear(document, result.tables("kernel"))
                if run[0] < absent[1] and absent[0] < run[0] + run[1]]
    assert [text for text in document["warnings"] if "2 ranges of RAM overlap" in text]
    assert "both ends of each written and read" in tested


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_512_banks(page_size):
    banks = [(RAM + i * 960 * KIB, 704 * KIB + i % 4 * 64 * KIB) for i in range(20, 531)]
    banks.insert(0, (RAM, 16 * MIB))  # has the image, the FDT, and room for tables
    result, tested = boot_tree(f"arm64.pagesize={page_size}", memory_edit(*banks))
    assert ranges(result.document, "ram") == [(start, start + size) for start, size in banks]
    assert not [text for text in result.document["warnings"] if "memory ranges" in text]
    check_linear(result.document, result.tables("kernel"))
    assert "both ends of each written and read" in tested


def test_a_thousand_banks_are_bounded_and_counted():
    banks = [(RAM + 0x200000 * (i % 250) + 0x20000 * (i // 250), 0x10000) for i in range(1000)]
    blob = edit_tree(device_tree(""), memory_edit((RAM, 64 * MIB), *banks))
    memory = Memory()
    memory.put(FDT, blob)
    with load(memory, IMAGE, FDT) as machine:
        result = capture(machine)
        check_audits(machine)
    assert "489 memory ranges of the FDT were not taken in" in result.text  # 1001 less 512
    check_linear(result.document, result.tables("kernel"))


def test_a_thousand_reservations_are_refused():
    """To forget one would be to hand out memory that is somebody's."""
    edits = [["-c", "FILE", "/reserved-memory"],
             ["-t", "x", "FILE", "/reserved-memory", "#address-cells", "2"],
             ["-t", "x", "FILE", "/reserved-memory", "#size-cells", "2"],
             ["-c", "FILE", "/reserved-memory/many"],
             ["-t", "x", "FILE", "/reserved-memory/many", "reg",
              *cells(*(n for i in range(1000) for n in (RAM + i * 0x20000, 0x1000)))]]
    memory = Memory()
    memory.put(FDT, edit_tree(device_tree(""), *edits))
    with load(memory, IMAGE, FDT) as machine:
        reason, stop = machine.wait_cannot_boot()
    assert stop.code == STOP_RESERVATIONS
    assert f"{stop.value} are left over" in reason


def reserved_edits(**nodes):
    """Edits that reserve (start, size) by name; what is called no_map... is left out of the map."""
    edits = [["-c", "FILE", "/reserved-memory"],
             ["-t", "x", "FILE", "/reserved-memory", "#address-cells", "2"],
             ["-t", "x", "FILE", "/reserved-memory", "#size-cells", "2"]]
    for name, (start, size) in nodes.items():
        edits += [["-c", "FILE", f"/reserved-memory/{name}"],
                  ["-t", "x", "FILE", f"/reserved-memory/{name}", "reg", *cells(start, size)]]
        if name.startswith("no_map"):
            edits.append(["-t", "x", "FILE", f"/reserved-memory/{name}", "no-map"])
    return edits


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_overlapping_reservations_are_joined_and_no_map_has_the_last_word(page_size):
    first, hole = RAM + 64 * MIB, RAM + 65 * MIB
    result, tested = boot_tree(f"arm64.pagesize={page_size}", *reserved_edits(
        a=(first, MIB), b=(first + 512 * KIB, MIB), c=(first, 64 * KIB), d=(first, 64 * KIB),
        no_map=(hole, 128 * KIB), no_map_too=(hole + 64 * KIB, 128 * KIB),
        inside=(hole + 64 * KIB, 64 * KIB), empty=(RAM + 80 * MIB, 0)))
    absent = (hole, hole + 192 * KIB)
    assert ranges(result.document, "no-map") == [absent]
    assert ranges(result.document, "reserved") == [(first, first + MIB + 512 * KIB)]
    check_linear(result.document, result.tables("kernel"), [absent])
    assert "both ends of each written and read" in tested


def test_a_reservation_over_the_image_is_a_warning():
    result, _ = boot_tree("", *reserved_edits(mistake=(IMAGE + MIB, 64 * KIB)))
    assert any("reserves memory that the Image" in text for text in result.document["warnings"])
    check_linear(result.document, result.tables("kernel"))


# ---- memory where addresses end, and memory that only 52-bit addresses reach ----

REACH_48, REACH_52, DIMM_SIZE = 1 << 48, 1 << 52, GIB


@contextlib.contextmanager
def far_machine(append, at, **machine):
    """A machine with a DIMM at @at, and a device tree that names it."""
    blob = edit_tree(device_tree(append), memory_edit((RAM, 512 * MIB), (at, DIMM_SIZE)))
    memory = Memory()
    memory.put(FDT, blob)
    with load(memory, IMAGE, FDT, extra=dimm(at, DIMM_SIZE), **machine) as running:
        yield running


def far_memory(append, at, cpu="max"):
    with far_machine(append, at, cpu=cpu) as running:
        text = running.expect(PROMPT)
        document = running.document("ptdump json")
        tested = running.command("memory test")
        offset = number(document["linear"]["offset"])
        seen = running.translate((at + DIMM_SIZE - 8 + offset) % (1 << 64))
    return text, document, tested, seen


@pytest.mark.parametrize("append,at,cpu", [
    *[(f"arm64.pagesize={page_size}", at, "max") for page_size in PAGE_SIZES
      for at in (REACH_48, REACH_48 - DIMM_SIZE // 2)],
    ("", (1 << 40) - DIMM_SIZE, "cortex-a53"),
    ("arm64.pagesize=64k", (1 << 44) - DIMM_SIZE, "cortex-a72")])
def test_memory_across_48_bits_or_up_to_the_last_address_is_mapped_and_works(append, at, cpu):
    text, document, tested, seen = far_memory(append, at, cpu)
    assert "RAM left out" not in text
    assert cpu == "max" or 1 << document["regime"]["pa_bits"] == at + DIMM_SIZE
    assert ranges(document, "ram") == [(RAM, RAM + 512 * MIB), (at, at + DIMM_SIZE)]
    check_linear(document, document["tables"][0]["entries"])
    assert seen == at + DIMM_SIZE - 8
    assert "both ends of each written and read" in tested


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_memory_that_the_linear_region_has_no_addresses_for_is_left_out(page_size):
    """The region is what 52 bits of virtual addresses leave beside all else, so it ends before
    physical addresses do."""
    text, document, tested, seen = far_memory(f"arm64.pagesize={page_size}", REACH_52 - DIMM_SIZE)
    assert "1G of RAM left out: beyond the " in text
    assert ranges(document, "ram") == [(RAM, RAM + 512 * MIB)]
    check_linear(document, document["tables"][0]["entries"])
    assert seen is None
    assert "both ends of each written and read" in tested


def test_memory_above_48_bits_is_left_out_in_the_fallback():
    text, document, _, seen = far_memory("arm64.nolva", REACH_48)
    assert "1G of RAM left out: beyond 48-bit physical addresses" in text
    assert ranges(document, "ram") == [(RAM, RAM + 512 * MIB)]
    assert seen is None


# ---- changes of live mappings ----

CHANGE_PASSED = [("change.live", "pass"), ("change.random", "pass")]


@pytest.mark.parametrize("cpu,append,machine", [
    ("max", "arm64.pagesize=4k", ""), ("max", "arm64.pagesize=16k", ""),
    ("max", "arm64.pagesize=64k", ""), ("max", "arm64.pagesize=4k", "virtualization=on"),
    ("max", "arm64.nolva", ""), ("max", "pagoda.va_bits=39", ""),
    ("max", "pagoda.va_bits=36 arm64.pagesize=16k", ""),
    ("max", "pagoda.va_bits=42 arm64.pagesize=64k", ""),
    ("cortex-a57", "arm64.pagesize=4k", ""), ("cortex-a76", "arm64.pagesize=16k", "")])
def test_live_mappings_change_as_the_cpu_sees_it_and_the_root_can_be_replaced(cpu, append, machine):
    with Machine(cpu, append, machine) as running:
        running.expect(PROMPT)
        running.command("change test 1")  # leaves metadata of the memory that it borrows
        before = running.document("ptdump json")
        said = running.command("change test 100")
        after = running.document("ptdump json")
    assert [(test.name, test.status) for test in ktap.parse(said).tests] == CHANGE_PASSED
    assert int(re.search(r"^# (\d+) checks$", said, re.M).group(1)) > 60
    assert re.search(r"^# 100 of 100 steps, \d+ checks$", said, re.M)
    assert after["tables"] == before["tables"]
    assert after["pool"] == before["pool"]
    assert after["registers"] == before["registers"]


@pytest.mark.parametrize("cpu,append,machine", [
    ("max", "arm64.pagesize=4k", ""), ("max", "arm64.pagesize=16k", ""),
    ("max", "arm64.pagesize=64k", ""), ("max", "arm64.pagesize=4k", "virtualization=on"),
    ("max", "id_aa64isar0.tlb=0", ""), ("cortex-a57", "arm64.pagesize=4k", "")])
def test_random_changes_leave_no_stale_translation_and_no_table(cpu, append, machine):
    seed = random.randrange(1, 1 << 64)
    print(f"seed {seed:#x}")
    with Machine(cpu, append, machine) as running:
        running.expect(PROMPT)
        running.command("change test 1")
        before = running.document("ptdump json")
        said = running.command(f"change test 1500 {seed:#x}")
        after = running.document("ptdump json")
    results = ktap.parse(said)
    assert [(test.name, test.status) for test in results.tests] == CHANGE_PASSED, said
    assert results.seed == seed
    match = re.search(r"^# 1500 of 1500 steps, (\d+) checks$", said, re.M)
    assert match and int(match.group(1)) > 100_000, said
    assert after["tables"] == before["tables"]
    assert after["pool"] == before["pool"]


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_tables_are_mapped_writable_once(page_size):
    """A descriptor that anybody may change makes text writable."""
    result = boot("max", f"arm64.pagesize={page_size}")
    tables = set().union(*(walker.tables for walker in result.walkers.values()))
    assert len(tables) > 4
    leaves = [entry for root in ("kernel", "idmap") for entry in result.tables(root)
              if entry["write"] and entry["type"].startswith("MEM")]
    offset = number(result.document["linear"]["offset"])
    for table in tables:
        views = [(number(entry["start"]) + table - number(entry["pa"])) % (1 << 64)
                 for entry in leaves if 0 <= table - number(entry["pa"]) < entry["size"]]
        assert views == [(table + offset) % (1 << 64)]


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_text_and_rodata_are_writable_at_no_address(page_size):
    result = boot("max", f"arm64.pagesize={page_size}")
    image, va = number(result.document["image"]["pa"]), number(result.document["image"]["va"])
    sealed = [(number(segment["start"]) - va + image, number(segment["end"]) - va + image)
              for segment in result.document["image"]["segments"]
              if segment["name"] in ("rodata", "text")]
    views = [entry for root in ("kernel", "idmap") for entry in result.tables(root)
             for start, end in sealed
             if number(entry["pa"]) < end and start < number(entry["pa"]) + entry["size"]]
    assert not [entry for entry in views if entry["write"]]
    assert len(views) >= 5, "the image, its alias in the linear map, the identity map"
    views = [entry for entry in result.tables("idmap")
             for start, end in sealed[1:]
             if start <= number(entry["pa"]) and number(entry["pa"]) + entry["size"] <= end]
    assert views == result.tables("idmap") and len(views) == 1, "text only, in the identity map"
