# SPDX-License-Identifier: MIT
"""The trees that a Linux hands over by kexec, where that was started by UEFI: /chosen leads to
firmware's memory map. After a boot by ACPI there is nothing else in the tree."""
import struct

import pytest

from loader import WINDOW_START, Memory, compile_tree, device_tree, edit_tree, load
from machine import PROMPT, number

MIB = 1 << 20
IMAGE = WINDOW_START + MIB
FDT = WINDOW_START + 8 * MIB
MAP = WINDOW_START + 12 * MIB + 8
STRIDE = 48
RAM = 0x40000000
END = RAM + 512 * MIB
WB, SP, RUNTIME = 1 << 3, 1 << 18, 1 << 63
VIRTUAL = 0x4000000000  # how far up that Linux had memory of runtime services
(RESERVED, LOADER_CODE, LOADER_DATA, BOOT_CODE, BOOT_DATA, RUNTIME_CODE, RUNTIME_DATA, CONVENTIONAL,
 UNUSABLE, ACPI_RECLAIM) = range(10)

# (type, start, end, attributes): all of QEMU's RAM.
PIECES = [
    (CONVENTIONAL, RAM, RAM + 64 * MIB, WB),
    (LOADER_DATA, RAM + 64 * MIB, RAM + 65 * MIB, WB),
    (BOOT_CODE, RAM + 65 * MIB, RAM + 66 * MIB, WB),
    (RUNTIME_DATA, RAM + 66 * MIB, RAM + 67 * MIB, WB),
    (BOOT_DATA, RAM + 67 * MIB, RAM + 100 * MIB, WB),
    (UNUSABLE, RAM + 100 * MIB, RAM + 101 * MIB, WB),
    (CONVENTIONAL, RAM + 101 * MIB, RAM + 200 * MIB, WB),
    (RESERVED, RAM + 200 * MIB, RAM + 201 * MIB, 0),
    (CONVENTIONAL, RAM + 201 * MIB, RAM + 202 * MIB, 0),
    (CONVENTIONAL, RAM + 202 * MIB, RAM + 203 * MIB, WB | SP),
    (RUNTIME_CODE, RAM + 203 * MIB, RAM + 204 * MIB, WB),
    (CONVENTIONAL, RAM + 204 * MIB, END, WB),
]
RIGHT = [(RAM, RAM + 66 * MIB), (RAM + 67 * MIB, RAM + 100 * MIB),
         (RAM + 101 * MIB, RAM + 200 * MIB), (RAM + 204 * MIB, END)]


def memory_map(pieces):
    return b"".join(struct.pack("<IIQQQQ", kind, 0, start,
                                start + VIRTUAL if attributes & RUNTIME else 0,
                                (end - start) // 4096, attributes)
                    + bytes(STRIDE - 40) for kind, start, end, attributes in pieces)


def chosen(size, stride=STRIDE, command_line="earlycon=pl011,0x9000000", system=0x7fff0000):
    """By the names and in the sizes that Linux uses."""
    return f"""bootargs = "{command_line}";
        linux,uefi-system-table = <0 {system:#x}>;
        linux,uefi-mmap-start = <{MAP >> 32:#x} {MAP & 0xFFFFFFFF:#x}>;
        linux,uefi-mmap-size = <{size}>; linux,uefi-mmap-desc-size = <{stride}>;
        linux,uefi-mmap-desc-ver = <1>;"""


def bare(pieces, **values):
    return compile_tree("/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; chosen { "
                        + chosen(len(memory_map(pieces)), **values) + " }; };")


TABLES = WINDOW_START + 16 * MIB
SYSTEM = TABLES + 0x18


def table(signature, size, revision, *fields):
    """One of ACPI's, with (offset, format, value) in it and a good checksum."""
    data = bytearray(size)
    struct.pack_into("<4sIB", data, 0, signature, size, revision)
    for offset, form, value in fields:
        struct.pack_into("<" + form, data, offset, value)
    data[9] = -sum(data) & 0xFF
    return bytes(data)


def firmwares_tables(memory):
    """System table, RSDP, XSDT; PSCI by HVC, and a console at the PL011's address."""
    rsdp, xsdt, fadt, spcr = (SYSTEM + offset for offset in (0x400, 0x1000, 0x2000, 0xff90))
    words = bytearray(struct.pack("<8s7xBIIQ4x", b"RSD PTR ", 2, 0, 36, xsdt))
    words[8] = -sum(words[:20]) & 0xFF
    words[32] = -sum(words) & 0xFF
    guid = bytes.fromhex("71e86888f1e4d311bc220080c73c8881")
    memory.put(SYSTEM, struct.pack("<8s96xQQ", b"IBI SYST", 1, SYSTEM + 0x200 + VIRTUAL))
    memory.put(SYSTEM + 0x200, guid + struct.pack("<Q", rsdp))
    memory.put(rsdp, words)
    memory.put(xsdt, table(b"XSDT", 52, 1, (36, "Q", fadt), (44, "Q", spcr)))
    memory.put(fadt, table(b"FACP", 276, 6, (129, "H", 3)))
    memory.put(spcr, table(b"SPCR", 80, 2, (36, "B", 3), (44, "Q", 0x9000000)))


def ram_of(document):
    return [(number(entry["start"]), number(entry["end"])) for entry in document["memory"]
            if entry["kind"] == "ram"]


def boot(blob, pieces, tables=lambda memory: None):
    memory = Memory(0xAA)
    tables(memory)
    memory.put(FDT, blob)
    memory.put(MAP, memory_map(pieces))
    return load(memory, IMAGE, FDT)


@pytest.mark.parametrize("order", [1, -1])
def test_after_a_boot_by_acpi_ram_is_what_firmwares_map_says(order):
    pieces = PIECES[::order]
    with boot(bare(pieces), pieces) as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
        assert ram_of(document) == RIGHT and document["warnings"][1:] == []
        assert document["console"]["source"] == "earlycon"


WITH_TABLES = [(CONVENTIONAL, RAM, TABLES, WB), (RUNTIME_DATA, TABLES, TABLES + MIB, WB | RUNTIME),
               (CONVENTIONAL, TABLES + MIB, END, WB)]


@pytest.mark.parametrize("pages", ["4k", "16k", "64k"])
def test_after_a_boot_by_acpi_devices_are_those_of_its_tables(pages):
    blob = bare(WITH_TABLES, command_line=f"arm64.pagesize={pages}", system=SYSTEM)
    with boot(blob, WITH_TABLES, firmwares_tables) as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
        assert ram_of(document) == [(RAM, TABLES), (TABLES + MIB, END)]
        assert document["console"]["source"] == "stdout-path"
        assert document["console"]["pa"] == "0x0000000009000000"
        assert document["psci"] == "hvc"
        assert "ACPI's MADT at 0: not there; goes on without processors and interrupts" in \
            machine.text


def test_what_only_firmwares_map_keeps_is_no_ram_where_the_tree_has_memory_nodes():
    size = len(memory_map(PIECES))
    blob = device_tree("nokaslr")
    for name, words in [("system-table", ["0", "7fff0000"]),
                        ("mmap-start", ["0", f"{MAP:x}"]), ("mmap-size", [f"{size:x}"]),
                        ("mmap-desc-size", [f"{STRIDE:x}"]), ("mmap-desc-ver", ["1"])]:
        blob = edit_tree(blob, ["-t", "x", "FILE", "/chosen", f"linux,uefi-{name}", *words])
    with boot(blob, PIECES) as machine:
        machine.expect(PROMPT)
        assert ram_of(machine.document("report json")) == RIGHT


@pytest.mark.parametrize("stride", [0, 39, 44, 0x1008])
def test_a_map_that_makes_no_sense_is_not_used(stride):
    with boot(bare(PIECES, stride=stride), PIECES) as machine:
        reason, stop = machine.wait_cannot_boot()
        assert stop.code == 5 and "no usable /memory node" in reason
        assert f"UEFI's memory map at {MAP:#x} no RAM" in reason


def test_a_map_without_ram_is_not_used():
    pieces = [(RUNTIME_CODE, *PIECES[0][1:3], WB)]
    with boot(bare(pieces), pieces) as machine:
        assert machine.wait_cannot_boot()[1].code == 5


def test_ram_that_another_piece_has_a_part_of_is_left_out_and_said():
    pieces = [*PIECES, (RUNTIME_DATA, RAM + 150 * MIB, RAM + 151 * MIB, WB)]
    with boot(bare(pieces), pieces) as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
        assert ram_of(document) == [piece for piece in RIGHT if piece[0] != RAM + 101 * MIB]
        assert any("memory range" in text for text in document["warnings"]), document["warnings"]
