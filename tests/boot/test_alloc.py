# SPDX-License-Identifier: MIT
"""The kernel's allocators on the machine: what their own tests say there, with QEMU's log watched
for TLBI operands it objects to, and what is mapped once they have run."""
import re
import sys

import pytest

from loader import WINDOW_START, Memory, device_tree, edit_tree, load
from machine import PROMPT, ROOT, Machine, bytes_in_use, is_kasan, number, symbols

sys.path.insert(0, str(ROOT / "scripts"))
import ktap  # noqa: E402

ROWS = [
    ("max", "arm64.pagesize=4k"), ("max", "arm64.pagesize=16k"), ("max", "arm64.pagesize=64k"),
    ("max,lpa2=off", "arm64.pagesize=4k"), ("max,lpa2=off", "arm64.pagesize=16k"),
    ("max", "arm64.nolva arm64.pagesize=64k"), ("max", "pagoda.va_bits=39"),
    ("max", "arm64.pagesize=16k pagoda.va_bits=36"),
    ("max", "arm64.pagesize=64k pagoda.va_bits=42"),
    ("max", "id_aa64isar0.tlb=0"),  # no FEAT_TLBIRANGE
    ("max", "id_aa64mmfr2.ttl=0"),  # no FEAT_TTL
    ("cortex-a57", "kpti=off"), ("cortex-a76", "kpti=off arm64.pagesize=16k"),
]
KIB = 1024
MIB = 1024 * KIB
IMAGE = WINDOW_START + 2 * MIB
FDT = WINDOW_START + 8 * MIB
VMALLOC_TESTS = {"vmalloc.pages", "vmalloc.device", "vmalloc.refusals", "vmalloc.operations",
                 "vmalloc.areas"}


def passed(text):
    """Names of the self tests that a command ran; all of them passed."""
    results = ktap.parse(text)
    assert results.count("pass") == len(results.tests), text
    return {test.name for test in results.tests}


def layout(document, name):
    region = next(region for region in document["layout"] if region["name"] == name)
    return number(region["start"]), number(region["end"])


def entries_in(document, name):
    start, end = layout(document, name)
    kernel = next(table for table in document["tables"] if table["root"] == "kernel")
    return [entry for entry in kernel["entries"] if start <= number(entry["start"]) < end]


def taken(machine):
    """(bytes that somebody has from the page allocator, objects of the heap's in use)."""
    text = machine.command("buddy")
    assert "audit: ok" in text
    return (bytes_in_use(text), int(re.search(r"heap: (\d+) objects in use", text)[1]))


@pytest.mark.parametrize("cpu,append", ROWS)
def test_the_allocators_pass_their_own_tests_on_the_machine(cpu, append):
    # AT instructions that find nothing are no exceptions, and guest errors end the test.
    with Machine(cpu, append) as machine:
        machine.expect(PROMPT)
        granule = machine.document("report json")["regime"]["granule"]
        # Two shadow call stacks, and the page in which the heap has their areas.
        before = (0, 0) if cpu.startswith("max") else (3 * granule, 2)
        assert taken(machine) == before
        assert passed(machine.command("buddy test")) == {"buddy.refusals"}
        said = machine.command("vmalloc test")
        assert passed(said) == VMALLOC_TESTS
        assert re.search(r"^# \d{4,} checks$", said, re.M)
        assert taken(machine) == before
        assert "audit: ok" in machine.command("vmalloc")


def test_as_many_areas_as_are_asked_for_come_and_go_and_all_there_is_memory_for():
    with Machine(arguments=["-m", "64M"]) as machine:
        machine.expect(PROMPT)
        said = [machine.command(f"vmalloc test {count}") for count in (0, 1000, 1000000)]
        assert all(passed(text) == {"vmalloc.areas"} for text in said)
        assert "audit: ok" in machine.command("buddy")
    assert "0 areas mapped, 0 unmapped; audit: ok" in said[0]
    assert "1000 areas mapped, 1000 unmapped; audit: ok" in said[1]
    all_of_it = re.search(r"(\d+) areas mapped, (\d+) unmapped; for 1000000: out of memory; "
                          "audit: ok", said[2])
    mapped, unmapped = map(int, all_of_it.groups())
    assert mapped == unmapped > (5_000 if is_kasan() else 10_000)


def test_what_the_tests_took_is_unmapped_again_and_the_image_is_still_there():
    with Machine() as machine:
        machine.expect(PROMPT)
        before = machine.document("ptdump json")
        machine.command("vmalloc test")
        after = machine.document("ptdump json")
        for name in ("vmalloc", "linear", "pci_io", "fixmap"):
            assert entries_in(before, name) == entries_in(after, name)
        assert entries_in(before, "vmalloc")  # the image


def test_vmemmap_is_mapped_only_once_memory_is_asked_for():
    with Machine() as machine:
        machine.expect(PROMPT)
        assert entries_in(machine.document("ptdump json"), "vmemmap") == []
        machine.command("vmalloc test")
        entries = entries_in(machine.document("ptdump json"), "vmemmap")
        assert 0 < sum(entry["size"] for entry in entries) <= 128 * KIB
        assert all(entry["write"] and not entry["execute"] for entry in entries)


@pytest.mark.parametrize("pagesize", ["4k", "16k", "64k"])
def test_the_pci_io_window_shows_the_bridges_ports(pagesize):
    with Machine(append=f"arm64.pagesize={pagesize}") as machine:
        machine.expect(PROMPT)
        assert "ports 0x0-0x10000" in machine.command("vmalloc")
        document = machine.document("ptdump json")
        entries = entries_in(document, "pci_io")
        assert [(number(entry["pa"]), entry["size"]) for entry in entries] == [
            (0x3EFF0000, 64 * KIB)]
        assert entries[0]["type"] == "DEVICE/nGnRE" and entries[0]["write"]
        assert machine.translate(layout(document, "pci_io")[0]) == 0x3EFF0000


@pytest.mark.parametrize("pagesize", ["4k", "64k"])
def test_a_pci_window_over_the_image_is_refused(pagesize):
    """Its ports would be a way to write kernel text."""
    memory = Memory()
    window = ["1000000", "0", "0", "0", f"{IMAGE:x}", "0", f"{MIB:x}"]
    memory.put(FDT, edit_tree(device_tree(f"arm64.pagesize={pagesize}"),
                              ["-t", "x", "FILE", "/pcie@10000000", "ranges", *window]))
    with load(memory, IMAGE, FDT) as machine:
        machine.expect(PROMPT)
        assert f"physical 0x{IMAGE:016x}: there is RAM\n" in machine.command("vmalloc")
        document = machine.document("ptdump json")
        assert not entries_in(document, "pci_io")
        text = [entry for table in document["tables"] for entry in table["entries"]
                if number(entry["pa"]) // MIB == IMAGE // MIB]
        assert text and not any(entry["type"].startswith("DEVICE") for entry in text)


def test_a_machine_of_16_tib_hands_out_pages_and_touches_little_of_its_memory():
    arguments = ("-object", "memory-backend-ram,id=ram,size=16T,reserve=off", "-m", "16T")
    with Machine(machine="memory-backend=ram", arguments=arguments) as machine:
        machine.expect(PROMPT)
        assert passed(machine.command("vmalloc test")) == VMALLOC_TESTS
        metadata = re.search(r"^  metadata +(\d+)K$", machine.command("buddy"), re.M)
        assert int(metadata.group(1)) <= (256 if is_kasan() else 128)


def test_memory_that_the_early_runtime_had_is_handed_out():
    with Machine() as machine:
        machine.expect(PROMPT)
        image = number(machine.document("report json")["image"]["pa"])
        text = machine.command("buddy")
        start, end = (image + symbols()[name] for name in ("_init_text_start", "_init_data_end"))
        assert re.search(rf"^  0x{start:016x}-0x{end:016x} ", text, re.M)
