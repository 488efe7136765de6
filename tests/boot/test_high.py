# SPDX-License-Identifier: MIT
"""The Image itself where only 52-bit physical addresses reach: its tables, too, so that the roots
in TTBR0 and TTBR1 have bits 51:48, which go to bits 5:2 there. With arm64.nolva nothing reaches it,
and it says so."""
import contextlib
import sys
import tempfile

import pytest

from image_map import check_walk
from loader import Memory, device_tree, dimm, edit_tree, enter, memory_edit
from machine import IMAGE, ROOT, Stop, capture, image_size, number
from walker import bits

sys.path.insert(0, str(ROOT / "scripts"))
import ktap  # noqa: E402

MIB = 1 << 20
RAM, RAM_SIZE = 0x40000000, 512 * MIB
LOW_FDT = RAM + 10 * MIB
DIMM_SIZE = 64 * MIB
FDT_OFFSET = 24 * MIB
STOP_IMAGE_UNREACHABLE, STOP_FDT_UNREACHABLE = 8, 15
EL2 = "virtualization=on"


@contextlib.contextmanager
def high_machine(append, image, fdt_is_low=False, alone=False, **machine):
    """A machine with the Image at @image, in a DIMM that begins at the multiple of its size below.
    There the FDT is as well, or low. @alone: that the FDT names no other memory."""
    start = image // DIMM_SIZE * DIMM_SIZE
    spans = [(start, DIMM_SIZE)] if alone else [(RAM, RAM_SIZE), (start, DIMM_SIZE)]
    blob = edit_tree(device_tree(append), memory_edit(*spans))
    low, high = Memory(), Memory(start=start, size=DIMM_SIZE)
    fdt = LOW_FDT if fdt_is_low else start + FDT_OFFSET
    (low if fdt_is_low else high).put(fdt, blob)
    high.put(image, IMAGE.read_bytes())
    with tempfile.NamedTemporaryFile(prefix="pagoda-") as file:
        file.write(high.bytes)
        file.flush()
        with enter(low, image, fdt, extra=dimm(start, DIMM_SIZE, file.name), **machine) as running:
            yield running


def check_self_tests(machine, subject):
    results = ktap.parse(machine.command(f"selftest {subject}"))
    assert [test for test in results.tests if test.status == "fail"] == []
    assert [test for test in results.tests if test.status == "pass"]


@pytest.mark.parametrize("page_size,image,where", [
    pytest.param("4k", 1 << 48, {}, id="4k-PA48"),
    pytest.param("16k", 1 << 48, {"fdt_is_low": True}, id="16k-PA48-fdt_is_low"),
    pytest.param("64k", 1 << 48, {"machine": EL2}, id="64k-PA48-EL2"),
    pytest.param("4k", (1 << 51) + 4 * MIB, {"fdt_is_low": True, "machine": EL2},
                 id="4k-PA51-EL2-fdt_is_low"),
    pytest.param("16k", (1 << 51) + 0x1F0000, {"alone": True}, id="16k-PA51-alone"),
    pytest.param("64k", (1 << 51) + 0x10000, {}, id="64k-PA51"),
])
def test_an_image_above_48_bits_boots(page_size, image, where):
    with high_machine(f"arm64.pagesize={page_size}", image, **where) as machine:
        result = capture(machine)
        machine.exceptions = None  # the self tests take some
        for subject in ("walk", "audit", "change"):
            check_self_tests(machine, subject)
    document = result.document
    assert number(document["image"]["pa"]) == image
    assert document["idmap"]["va_bits"] == 52
    assert document["decision"]["el"] == (2 if where.get("machine") == EL2 else 1)
    for name, walker in zip(("TTBR0", "TTBR1"), reversed(check_walk(result))):
        assert bits(result.control(name), 5, 2) == image >> 48
        assert bits(result.control(name), 47, 6) << 6 == walker.root - (image >> 48 << 48)
        assert image <= walker.root < image + image_size()
    high = [entry for entry in result.tables("kernel") if number(entry["pa"]) >= 1 << 48]
    assert high
    for entry in high:  # and so QEMU sees it
        assert result.emulator[number(entry["start"])] == number(entry["pa"])
    assert f"PA 0x{image:016x}" in result.text
    assert document["warnings"] == []


@pytest.mark.parametrize("page_size,image", [("4k", 1 << 48), ("16k", 1 << 51), ("64k", 1 << 48)],
                         ids=["4k", "16k", "64k"])
def test_without_52_bits_an_image_above_48_is_refused(page_size, image):
    with high_machine(f"arm64.nolva arm64.pagesize={page_size}", image, fdt_is_low=True) as machine:
        reason, stop = machine.wait_cannot_boot()
    end = image + image_size()
    assert stop == Stop(STOP_IMAGE_UNREACHABLE, end, 48, stop.extra)
    assert reason == (f"the Image ends at {end:#x}, beyond the 48 bits of address that the "
                      "identity map can have")


def test_without_52_bits_an_fdt_above_48_is_refused_on_the_console_that_it_names():
    start = 1 << 48
    low, high = Memory(), Memory(start=start, size=DIMM_SIZE)
    low.put(RAM + 2 * MIB, IMAGE.read_bytes())
    high.put(start, device_tree("arm64.nolva"))
    with tempfile.NamedTemporaryFile(prefix="pagoda-") as file:
        file.write(high.bytes)
        file.flush()
        with enter(low, RAM + 2 * MIB, start,
                   extra=dimm(start, DIMM_SIZE, file.name)) as machine:
            reason, stop = machine.wait_cannot_boot()
    end = start + len(device_tree("arm64.nolva"))
    assert stop == Stop(STOP_FDT_UNREACHABLE, end, 48, stop.extra)
    assert reason == (f"the FDT ends at {end:#x}, beyond the 48 bits of address that the kernel "
                      "can have")
