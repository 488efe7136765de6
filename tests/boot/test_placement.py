# SPDX-License-Identifier: MIT
"""The Image and the FDT wherever a loader may put them, in memory that nobody has cleared: the same
decisions and the same tables, apart from the addresses."""
import functools
import struct

import pytest

from image_map import CONTIGUOUS_PAGES, KERNEL_MAP, check_walk, dumped, in_image, mapped
from level import without_level
from loader import SEED, WINDOW_START, Memory, device_tree, load
from machine import boot, capture, image_size, number
from walker import bits

MIB = 1 << 20
POISON = 0xAA
IMAGE_START = WINDOW_START
FDT_START = WINDOW_START + 8 * MIB
PAGE_SIZES = {"4k": 4096, "16k": 16384, "64k": 65536}
# The image takes more than 64 KiB and less than 2 MiB, or 4 with KASAN: the last two cross a 2 MiB
# boundary, and end before the FDT.
IMAGE_PLACES = [IMAGE_START + 0x10000, IMAGE_START + 3 * 0x10000, IMAGE_START + 0x1F0000,
                IMAGE_START + 2 * MIB + 0x190000]


def place(bootargs="", image=IMAGE_START, fdt=FDT_START, fill=0, machine=""):
    """A Boot from a loader of ours, and the FDT's bytes before and after it."""
    blob = device_tree(bootargs, machine)
    memory = Memory(fill)
    memory.put(fdt, blob)
    with load(memory, image, fdt, machine=machine) as running:
        return capture(running), blob, running.memory(fdt, len(blob))


@functools.lru_cache
def reference(page_size):
    """The Boot that others are compared with: zeroed memory, round addresses."""
    return place(f"arm64.pagesize={page_size}")[0]


def without_placement(result):
    """The report and the dump with addresses of the image made relative to it, and without what
    depends on where the tables, the image and the FDT lie: the linear map has its own tests."""
    document = dict(result.document)
    image = document["image"]
    va, pa = number(image["va"]), number(image["pa"])
    registers = {name: value for name, value in document["registers"].items()
                 if not name.startswith("TTBR")}
    tables = []
    for table in document["tables"]:
        entries = [entry for entry in table["entries"] if entry["type"] != "MEM/NORMAL"]
        entries += in_image(document, result.tables("kernel")) if table["root"] == "kernel" else (
            result.tables("idmap"))
        for entry in entries:
            # The console's page has no place in the image.
            base = pa if entry["type"] == "MEM/NORMAL" else number(entry["pa"])
            start = va if table["root"] == "kernel" and entry["type"] == "MEM/NORMAL" else base
            tables.append({**entry, "start": number(entry["start"]) - start,
                           "end": number(entry["end"]) - start, "pa": number(entry["pa"]) - base,
                           "raw": bits(number(entry["raw"]), 63, 50) << 12
                           | bits(number(entry["raw"]), 11, 0)})
    return {
        "image": {**image, "pa": None, "va": None,
                  "segments": [[segment["name"], number(segment["start"]) - va,
                                number(segment["end"]) - va] for segment in image["segments"]]},
        "tables": tables, "registers": registers,
        "layout": [region for region in document["layout"] if region["name"] != "image"],
        "memory": [entry for entry in document["memory"] if entry["kind"] == "ram"],
        **{key: document[key] for key in ("cpu", "regime", "idmap", "decision", "command_line",
                                          "overrides", "console", "psci", "warnings")}}


def check_same(result, page_size):
    """@result is right in itself, and the reference's but for placement."""
    assert without_placement(result) == without_placement(reference(page_size))
    check_walk(result)


def check_placed(result, image):
    document = result.document
    vmalloc = next(region for region in document["layout"] if region["name"] == "vmalloc")
    assert number(document["image"]["pa"]) == image
    assert number(document["image"]["va"]) % (2 * MIB) == image % (2 * MIB)
    assert number(document["image"]["va"]) == number(vmalloc["start"]) + image % (2 * MIB) + number(
        document["image"]["kaslr"]["offset"])


@pytest.mark.parametrize("page_size", PAGE_SIZES)
@pytest.mark.parametrize("image", IMAGE_PLACES, ids=hex)
def test_an_image_at_any_64k_multiple_boots_alike(page_size, image):
    result, _, _ = place(f"arm64.pagesize={page_size}", image)
    check_same(result, page_size)
    check_placed(result, image)


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_memory_that_was_never_cleared_makes_no_difference(page_size):
    result, _, _ = place(f"arm64.pagesize={page_size}", fill=POISON)
    check_same(result, page_size)
    # And the pool is where it was: even the tables' addresses are the same.
    same = reference(page_size)
    assert result.document["tables"] == same.document["tables"]
    assert result.document["registers"] == same.document["registers"]
    assert result.document["pool"] == same.document["pool"]


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_poison_at_an_odd_place_entered_at_el2_makes_no_difference(page_size):
    image = IMAGE_START + 0x7F0000
    result, _, _ = place(f"arm64.pagesize={page_size}", image, IMAGE_START + 12 * MIB + 8, POISON,
                         "virtualization=on")
    check_placed(result, image)
    here, there = without_placement(result), without_placement(reference(page_size))
    assert (here["image"]["entry_el"], there["image"]["entry_el"]) == (2, 1)
    assert (here["psci"], there["psci"]) == ("smc", "hvc")
    assert without_level(here) == without_level(there)


FDT_PLACES = {
    "at_an_odd_multiple_of_8": lambda size: FDT_START + 8,
    "at_the_last_word_of_a_page": lambda size: FDT_START + 4096 - 8,
    "straddling_2_MiB": lambda size: FDT_START + 2 * MIB - size // 2 // 16 * 16 - 8,
    "straddling_64_KiB": lambda size: FDT_START + 0x10000 - 40,
    "just_after_the_image": lambda size: IMAGE_START + MIB + image_size(),
    "just_before_the_image": lambda size: IMAGE_START + MIB - (size + 7) // 8 * 8,
}


@pytest.mark.parametrize("where", FDT_PLACES)
def test_an_fdt_boots_alike(where):
    bootargs = "arm64.pagesize=4k"
    size = len(device_tree(bootargs))
    fdt = FDT_PLACES[where](size)
    result, _, _ = place(bootargs, IMAGE_START + MIB, fdt, POISON)
    check_same(result, "4k")
    place_in_report, = [entry for entry in result.document["memory"] if entry["kind"] == "fdt"]
    assert (number(place_in_report["start"]), number(place_in_report["end"])) == (fdt, fdt + size)


def test_the_fdt_is_only_read_but_for_the_seed_which_is_wiped():
    result, before, after = place()
    seed = struct.pack(">Q", SEED)
    assert result.document["image"]["kaslr"]["source"] == "fdt"
    assert before.count(seed) == 1
    assert after == before.replace(seed, bytes(8))


def test_the_seed_is_nowhere_in_the_image_after_boot():
    result, _, _ = place()
    assert struct.pack(">Q", SEED) not in result.memory
    assert struct.pack("<Q", SEED) not in result.memory


def test_the_same_seed_places_the_image_the_same_and_another_seed_elsewhere():
    first, second = place()[0].document["image"], place()[0].document["image"]
    assert first["va"] == second["va"] != boot().document["image"]["va"]


def test_an_image_at_a_4k_multiple_has_the_contiguous_hint_where_whole_groups_fit():
    image = IMAGE_START + 0x3000
    result, _, _ = place("arm64.pagesize=4k", image)
    check_placed(result, image)
    check_walk(result)
    entries = in_image(result.document, result.tables("kernel"))
    runs = mapped(4096, result.document, KERNEL_MAP)
    assert dumped(entries) == runs
    assert {contiguous for _, _, contiguous, _, _ in runs} == {False, True}


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_the_hint_is_only_on_runs_of_whole_aligned_groups(page_size):
    group = PAGE_SIZES[page_size] * CONTIGUOUS_PAGES[PAGE_SIZES[page_size]]
    for image in IMAGE_PLACES[:1] + [IMAGE_START]:
        result, _, _ = place(f"arm64.pagesize={page_size}", image)
        for entry in result.tables("kernel") + result.tables("idmap"):
            if entry["contiguous"]:
                assert number(entry["start"]) % group == number(entry["pa"]) % group == 0
                assert entry["size"] % group == 0
