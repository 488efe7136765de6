# SPDX-License-Identifier: MIT
"""The matrix: every CPU and command line that leads to another translation regime, entered at EL1
and at EL2. One boot answers all the questions about its row."""
import struct
import typing

import pytest

from image_map import IDENTITY_MAP, KERNEL_MAP, check_walk, dumped, in_image, mapped
from machine import IMAGE, boot, is_kasan, number, regions, relocations, symbols
from scs import patched_image
from walker import bits

GIB = 1 << 30
MIB = 1 << 20
TOP = 1 << 64

# What arm64 Linux 6.12 prints in kernel_page_tables, 4K pages, with 52 bits (-cpu max) and with 48
# (arm64.nolva, lpa2=off, cortex-a72: all alike). `vmalloc` ends 8 MiB earlier here: a guard.
LINUX_4K_52 = {
    "linear": (0xFFF0000000000000, 0xFFFF800000000000),
    "modules": (0xFFFF800000000000, 0xFFFF800080000000),
    "vmalloc": (0xFFFF800080000000, 0xFFFFC1FFC0000000),
    "vmemmap": (0xFFFFC1FFC0000000, 0xFFFFFFFFC0000000),
    "pci_io": (0xFFFFFFFFC0800000, 0xFFFFFFFFC1800000),
}
LINUX_4K_48 = {
    "linear": (0xFFFF000000000000, 0xFFFF800000000000),
    "modules": (0xFFFF800000000000, 0xFFFF800080000000),
    "vmalloc": (0xFFFF800080000000, 0xFFFFFDFFC0000000),
    "vmemmap": (0xFFFFFDFFC0000000, 0xFFFFFFFFC0000000),
    "pci_io": (0xFFFFFFFFC0800000, 0xFFFFFFFFC1800000),
}
LINUX_FIXMAP_END = 0xFFFFFFFFFF800000
VMALLOC_GUARD = 8 * MIB

TCR_GRANULES = {4096: (0b00, 0b10), 16384: (0b10, 0b01), 65536: (0b01, 0b11)}  # TG0, TG1
TCR_OUTPUT_SIZES = {32: 0, 36: 1, 40: 2, 42: 3, 44: 4, 48: 5, 52: 6}


class Row(typing.NamedTuple):
    cpu: str
    append: str
    granule: int
    va_bits: int
    pa_bits: int
    levels: int
    root_level: int
    lpa2: bool = False


ROWS = [
    Row("max", "", 4096, 52, 52, 5, -1, True),
    Row("max", "arm64.nolva", 4096, 48, 48, 4, 0),
    Row("max,lpa2=off", "", 4096, 48, 48, 4, 0),
    Row("max", "arm64.pagesize=16k", 16384, 52, 52, 4, 0, True),
    Row("max", "arm64.pagesize=16k arm64.nolva", 16384, 47, 48, 3, 1),
    Row("max", "arm64.pagesize=64k", 65536, 52, 52, 3, 1),
    Row("max", "arm64.pagesize=64k arm64.nolva", 65536, 48, 48, 3, 1),
    Row("cortex-a57", "", 4096, 48, 44, 4, 0),
    Row("cortex-a57", "arm64.pagesize=64k", 65536, 48, 44, 3, 1),
    Row("cortex-a76", "arm64.pagesize=16k", 16384, 47, 40, 3, 1),
    Row("max", "pagoda.va_bits=39", 4096, 39, 48, 3, 1),
    Row("max", "pagoda.va_bits=42 arm64.pagesize=64k", 65536, 42, 52, 2, 2),
    Row("max", "pagoda.va_bits=36 arm64.pagesize=16k", 16384, 36, 48, 2, 2),
    Row("max,lpa2=off", "arm64.pagesize=16k", 16384, 47, 48, 3, 1),
    Row("max,lpa2=off", "arm64.pagesize=64k", 65536, 52, 52, 3, 1),
    Row("max", "pagoda.va_bits=48", 4096, 48, 48, 4, 0),
    Row("max", "pagoda.va_bits=48 arm64.pagesize=16k", 16384, 48, 48, 4, 0),
]
ENTRIES = {1: "", 2: "virtualization=on"}


@pytest.fixture(scope="module", name="case", ids=lambda case: "-".join(
    [case[0].cpu, *case[0].append.split(), f"EL{case[1]}"]),
                params=[(row, el) for row in ROWS for el in ENTRIES])
def fixture_case(request):
    """(the row, the exception level at entry, the boot)"""
    row, el = request.param
    return row, el, boot(row.cpu, row.append, ENTRIES[el])


def expected_layout(row):
    """The formulas of the design, in Python's own numbers: nothing here is modulo 2^64."""
    va_min = min(row.va_bits, 47 if row.granule == 16384 else 48)
    linear, modules = TOP - (1 << row.va_bits), TOP - (1 << (va_min - 1))
    vmemmap = TOP - GIB - (modules - linear) // row.granule * 64
    shadow = modules - (1 << (row.va_bits - 3))
    return {
        "linear": (linear, shadow if is_kasan() else modules),
        **({"kasan": (shadow, modules)} if is_kasan() else {}),
        "modules": (modules, modules + 2 * GIB),
        "vmalloc": (modules + 2 * GIB, vmemmap - VMALLOC_GUARD),
        "vmemmap": (vmemmap, TOP - GIB),
        "pci_io": (TOP - GIB + 8 * MIB, TOP - GIB + 24 * MIB),
    }


def reported_layout(document):
    return {region["name"]: (number(region["start"]), number(region["end"]))
            for region in document["layout"]}


def test_the_report_names_the_regime(case):
    row, el, result = case
    assert result.document["regime"] == {
        "granule": row.granule, "va_bits": row.va_bits, "pa_bits": row.pa_bits,
        "levels": row.levels, "root_level": row.root_level, "lpa2": row.lpa2, "wxn": True}
    assert result.document["image"]["entry_el"] == el
    # All of these CPUs that are newer than cortex-a57 have VHE.
    assert result.document["decision"]["el"] == (1 if row.cpu == "cortex-a57" else el)


def test_the_text_says_what_was_decided(case):
    row, _, result = case
    assert f"decision     {row.granule >> 10}K pages: " in result.text
    assert f"{row.va_bits}-bit addresses: " in result.text
    assert f"{row.levels} levels from level {row.root_level}, " in result.text
    assert "W^X          enforced" in result.text
    assert "WARNING" not in result.text
    assert result.document["warnings"] == []


def test_tcr_holds_the_regime_bit_by_bit(case):
    row, _, result = case
    tcr = result.control("TCR")
    assert bits(tcr, 59, 59) == row.lpa2, "DS"
    assert bits(tcr, 34, 32) == TCR_OUTPUT_SIZES[row.pa_bits], "IPS"
    assert bits(tcr, 21, 16) == 64 - row.va_bits, "T1SZ"
    assert bits(tcr, 5, 0) == 16, "T0SZ"
    assert (bits(tcr, 15, 14), bits(tcr, 31, 30)) == TCR_GRANULES[row.granule], "TG0, TG1"
    assert bits(tcr, 29, 24) == bits(tcr, 13, 8) == 0b110101, "SH inner, ORGN and IRGN write-back"
    assert bits(tcr, 23, 23) == 0, "EPD1: walks of the upper half"
    assert bits(tcr, 7, 7) == 1, "EPD0: the identity map is no longer in use"


def test_sctlr_has_wxn_and_the_protections_that_the_cpu_has(case):
    row, _, result = case
    sctlr, new = result.control("SCTLR"), row.cpu.startswith("max")
    assert bits(sctlr, 0, 0) == 1 and bits(sctlr, 2, 2) == 1 and bits(sctlr, 12, 12) == 1, "M, C, I"
    assert bits(sctlr, 19, 19) == 1, "WXN"
    assert bits(sctlr, 31, 31) == new, "EnIA"
    assert bits(sctlr, 36, 36) == new, "BT1"
    assert bits(sctlr, 23, 23) == (row.cpu == "cortex-a57"), "SPAN: clear where there is PAN"
    decision = result.document["decision"]
    assert (decision["bti"], decision["pac"], decision["e0pd"]) == (new, new, new)
    assert decision["pan"] == (row.cpu != "cortex-a57")
    assert bits(result.registers["PSTATE"], 3, 0) == decision["el"] << 2, "on SP_EL0"
    assert bits(result.registers["PSTATE"], 22, 22) == decision["pan"]


def test_the_identity_map_has_48_bits_whatever_the_kernel_has(case):
    row, _, result = case
    root_level = 1 if row.granule == 65536 else 0
    assert result.document["idmap"] == {"va_bits": 48, "root_level": root_level}


def test_the_layout_is_linuxs(case):
    row, _, result = case
    layout = reported_layout(result.document)
    expected = expected_layout(row)
    if row.granule == 4096 and row.va_bits >= 48:
        linux = dict(LINUX_4K_52 if row.va_bits == 52 else LINUX_4K_48)
        linux["vmalloc"] = (linux["vmalloc"][0], linux["vmalloc"][1] - VMALLOC_GUARD)
        if is_kasan():
            linux["linear"] = (linux["linear"][0], expected["kasan"][0])
            linux["kasan"] = expected["kasan"]
        assert expected == linux
    assert {name: layout[name] for name in expected} == expected
    assert layout["fixmap"][1] == LINUX_FIXMAP_END
    assert list(layout) == regions()


def test_regions_do_not_overlap_and_the_image_lies_in_vmalloc(case):
    _, _, result = case
    layout = reported_layout(result.document)
    image = layout.pop("image")
    regions = sorted(layout.values())
    assert all(start < end for start, end in [*regions, image])
    assert all(a[1] <= b[0] for a, b in zip(regions, regions[1:]))
    assert layout["vmalloc"][0] <= image[0] and image[1] <= layout["vmalloc"][1]
    assert image[0] == number(result.document["image"]["va"])
    assert image[1] - image[0] == result.document["image"]["size"]


def test_the_image_moves_in_the_middle_half_of_vmalloc(case):
    _, _, result = case
    image, (start, end) = result.document["image"], reported_layout(result.document)["vmalloc"]
    offset, quarter = number(image["kaslr"]["offset"]), (end - start) // 4
    assert image["kaslr"]["source"] == "fdt"
    assert offset % (2 * MIB) == 0
    assert quarter <= offset and offset + image["size"] <= 3 * quarter
    assert number(image["va"]) == start + offset + number(image["pa"]) % (2 * MIB)


def test_nothing_is_writable_and_executable(case):
    _, _, result = case
    for root in ("kernel", "idmap"):
        assert result.tables(root)
        assert not [entry for entry in result.tables(root) if entry["write"] and entry["execute"]]
    assert [audit["writable_executable"] for audit in result.document["audit"]] == [0, 0]
    assert "W^X BROKEN" not in result.text


def test_each_segment_is_one_run_with_exact_bounds_and_permissions(case):
    row, _, result = case
    image = in_image(result.document, result.tables("kernel"))
    assert dumped(image) == mapped(row.granule, result.document, KERNEL_MAP)
    offset = number(result.document["image"]["va"]) - number(result.document["image"]["pa"])
    assert all(number(entry["start"]) - number(entry["pa"]) == offset for entry in image)


def test_the_devices_that_are_mapped_are_pci_io_ports_the_gic_and_the_console(case):
    row, _, result = case
    devices = [entry for entry in result.tables("kernel") if entry["type"] != "MEM/NORMAL"]
    ports, *gic, console = devices
    for entry in devices:
        assert (entry["type"], entry["write"], entry["execute"]) == ("DEVICE/nGnRE", True, False)
    # The same virtual addresses with every page size and every address size.
    assert (number(ports["start"]), number(ports["pa"]), ports["size"]) == (
        LINUX_4K_52["pci_io"][0], 0x3EFF0000, 65536)
    assert number(console["start"]) == LINUX_FIXMAP_END - 65536
    assert number(console["pa"]) == 0x9000000 == number(result.document["console"]["pa"])
    assert console["size"] == row.granule
    assert [(number(entry["pa"]), entry["size"]) for entry in gic] == [
        (0x8010000, row.granule), (0x8000000, row.granule)]


def test_what_only_the_early_runtime_needs_is_no_longer_mapped(case):
    _, _, result = case
    base = number(result.document["image"]["va"])
    start, end = base + symbols()["_init_text_start"], base + symbols()["_init_data_end"]
    assert start < end
    for entry in result.tables("kernel"):
        assert number(entry["start"]) >= end or number(entry["start"]) + entry["size"] <= start


def test_the_identity_map_has_the_entry_code_executable_and_nothing_else(case):
    row, _, result = case
    entries = result.tables("idmap")
    offset = number(result.document["image"]["va"]) - number(result.document["image"]["pa"])
    assert dumped(entries, offset) == mapped(row.granule, result.document, IDENTITY_MAP)
    assert all(entry["start"] == entry["pa"] for entry in entries)
    assert sum(entry["size"] for entry in entries) == max(0x2000, row.granule)


def test_text_is_guarded_where_the_cpu_has_bti(case):
    row, _, result = case
    for entry in result.tables("kernel"):
        guarded = bits(number(entry["raw"]), 50, 50)
        assert guarded == (entry["execute"] and row.cpu.startswith("max"))


def test_nothing_is_open_to_el0(case):
    _, _, result = case
    for entry in result.tables("kernel") + result.tables("idmap"):
        assert not entry["user"]
        assert bits(number(entry["raw"]), 54, 54) == 1, "UXN"


def test_bits_9_and_8_are_address_with_lpa2_and_shareability_without(case):
    row, _, result = case
    for entry in result.tables("kernel") + result.tables("idmap"):
        assert bits(number(entry["raw"]), 9, 8) == (0 if row.lpa2 else 0b11)
        assert entry["shareability"] == "inner"


def test_the_dump_agrees_with_an_independent_walk_of_memory(case):
    row, _, result = case
    kernel, idmap = check_walk(result)
    assert (kernel.va_bits, kernel.root_level) == (row.va_bits, row.root_level)
    assert idmap.root_level == result.document["idmap"]["root_level"]


def test_the_emulators_walk_finds_the_kernel_map_and_no_identity_map(case):
    row, _, result = case
    for entry in result.tables("kernel"):
        start, last = number(entry["start"]), entry["size"] - 1
        assert result.emulator[start] == number(entry["pa"])
        if entry["kind"] == "shared":  # all of it is one page
            last %= row.granule
        assert result.emulator[start + entry["size"] - 1] == number(entry["pa"]) + last
    for entry in result.tables("idmap"):
        assert result.emulator[number(entry["start"])] is None


def test_the_image_in_memory_is_the_file_relocated_and_patched_where_it_must_be(case):
    _, _, result = case
    base, words = relocations()
    size = symbols()["_file_end"]
    delta = number(result.document["image"]["va"]) - base
    signed = result.document["return_addresses"] == "signed"
    assert signed == result.document["decision"]["pac"]
    expected = bytearray(IMAGE.read_bytes()) if signed else patched_image()
    for offset, addend in words:
        struct.pack_into("<Q", expected, offset, (addend + delta) % TOP)
        assert result.memory[offset:offset + 8] == expected[offset:offset + 8]
    # pytest would compare them for minutes.
    assert [at for at in range(size) if result.memory[at] != expected[at]][:1] == []


def test_the_table_pool_has_room_left(case):
    _, _, result = case
    pool, = result.document["pool"]
    assert 0 < pool["used"] <= pool["total"]


def test_the_timeline_goes_forward_through_every_stage(case):
    _, _, result = case
    timeline = result.document["timeline"]
    assert [entry["stage"] for entry in timeline] == [
        "entry", "facts", "plan", "tables", "relocated", "published", "flip",
        "kernel_main", "tree", "memory", "prompt"]
    ticks = [entry["ticks"] for entry in timeline]
    assert ticks[0] == 0 and ticks == sorted(ticks)


def test_the_console_and_firmware_are_those_of_the_machine(case):
    _, el, result = case
    assert result.document["console"]["source"] == "stdout-path"
    assert result.document["psci"] == ("hvc" if el == 1 else "smc")
    ram = [(number(entry["start"]), number(entry["end"])) for entry in result.document["memory"]
           if entry["kind"] == "ram"]
    assert ram == [(0x40000000, 0x60000000)]
