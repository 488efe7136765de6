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
WB, SP = 1 << 3, 1 << 18
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
    return b"".join(struct.pack("<IIQQQQ", kind, 0, start, 0, (end - start) // 4096, attributes)
                    + bytes(STRIDE - 40) for kind, start, end, attributes in pieces)


def chosen(size, stride=STRIDE, command_line="earlycon=pl011,0x9000000"):
    """By the names and in the sizes that Linux uses."""
    return f"""bootargs = "{command_line}";
        linux,uefi-system-table = <0 0x7fff0000>;
        linux,uefi-mmap-start = <{MAP >> 32:#x} {MAP & 0xFFFFFFFF:#x}>;
        linux,uefi-mmap-size = <{size}>; linux,uefi-mmap-desc-size = <{stride}>;
        linux,uefi-mmap-desc-ver = <1>;"""


def bare(pieces, **values):
    return compile_tree("/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; chosen { "
                        + chosen(len(memory_map(pieces)), **values) + " }; };")


def ram_of(document):
    return [(number(entry["start"]), number(entry["end"])) for entry in document["memory"]
            if entry["kind"] == "ram"]


def boot(blob, pieces):
    memory = Memory(0xAA)
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
