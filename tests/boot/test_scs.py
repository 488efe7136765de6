# SPDX-License-Identifier: MIT
"""Shadow call stacks: who patches, what exactly, that it protects, and what is said of it."""
import re
import struct
import subprocess
import sys

import pytest

from gdb import Gdb
from machine import BUILD, IMAGE, PROMPT, ROOT, Machine, number, relocations, symbols
from scs import AUTIASP, PACIASP, PUSH, function_at, functions, patched_image

sys.path.insert(0, str(ROOT / "scripts"))
import ktap  # noqa: E402

NOWHERE = 0xFFFFFFFFC0001000
PAGES = {"4k": 4096, "16k": 16384, "64k": 65536}
# (CPU, command line, machine)
SHADOW = [
    ("cortex-a53", "", ""),
    ("cortex-a57", "", ""),
    ("cortex-a57", "nokaslr arm64.pagesize=64k", ""),
    ("cortex-a72", "", "virtualization=on"),
    ("cortex-a76", "arm64.pagesize=16k", ""),
    ("max", "arm64.nopauth", ""),
    ("max", "arm64.nopauth arm64.pagesize=16k", "virtualization=on"),
    ("max", "arm64.nopauth arm64.pagesize=64k arm64.nobti", ""),
]
SIGNED = [("max", "", ""), ("max", "arm64.pagesize=64k", "virtualization=on")]


def name_of(row):
    return " ".join(filter(None, row))


def boot(row, kernel=IMAGE, **options):
    cpu, append, machine = row
    return Machine(cpu, append, machine=machine, kernel=kernel, **options)


def image_in_memory(machine, document):
    return machine.memory(number(document["image"]["pa"]), symbols()["_file_end"])


def relocated(image, document):
    """@image with its words relocated."""
    base, words = relocations()
    delta = number(document["image"]["va"]) - base
    for offset, addend in words:
        struct.pack_into("<Q", image, offset, (addend + delta) % (1 << 64))
    return bytes(image)


def words_of(data, start, end):
    return [word for word, in struct.iter_unpack("<I", data[start:end])]


@pytest.mark.parametrize("row", SHADOW, ids=name_of)
def test_a_cpu_that_cannot_sign_runs_what_an_independent_patcher_makes(row):
    with boot(row) as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
        memory = image_in_memory(machine, document)
        text = machine.text
    assert document["return_addresses"] == "shadow" and not document["decision"]["pac"]
    assert document["scs"] == {"patched": len(functions()), "left": 0}
    assert f"return addresses: shadow call stack, {len(functions())} functions patched, 0 left\r" \
        in text
    assert memory == relocated(patched_image(), document)


@pytest.mark.parametrize("row", SIGNED, ids=name_of)
def test_a_cpu_that_signs_runs_the_image_as_it_is(row):
    with boot(row) as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
        memory = image_in_memory(machine, document)
        text = machine.text
    assert document["return_addresses"] == "signed" and "scs" not in document
    assert "return addresses: signed (FEAT_PAuth)\r" in text
    assert memory == relocated(bytearray(IMAGE.read_bytes()), document)


def test_every_signature_in_the_kernels_code_is_in_a_table():
    """So none is left where the tables tell of all; and there are hundreds."""
    image = patched_image()
    code = words_of(image, symbols()["_text_start"], symbols()["_init_text_end"])
    assert PACIASP not in code and AUTIASP not in code
    assert len(functions()) > 400 and code.count(PUSH) >= len(functions())


def test_no_function_is_in_two_parts():
    """One part could be patched and the other left."""
    assert not [name for name in symbols() if name.endswith(".cold")]


def test_the_patcher_calls_nothing_that_it_patches():
    """Before the instruction cache is dropped, that would be half old and half new."""
    listing = subprocess.run(["aarch64-linux-gnu-nm", "-u", BUILD / "pi/scs.o"],
                             capture_output=True, text=True, check=True).stdout
    assert set(listing.split()) - {"U"} == {"boot_shadows", "dcache_invalidate", "shadow_begin"}


def damaged(path, function, old, new):
    """An Image in which the entry of @function says @new instead of its first @old."""
    image = bytearray(IMAGE.read_bytes())
    size, = struct.unpack_from("<I", image, function.entry)
    instructions = function.entry + 17
    at = image.index(old, instructions, function.entry + 4 + size)
    image[at] = new
    path.write_bytes(image)
    return path


@pytest.mark.parametrize("new", [0x16, 0x2E], ids=["an unknown instruction", "another unknown"])
def test_a_function_with_cfi_nobody_knows_is_left_and_counted(tmp_path, new):
    function = function_at("memcpy")
    kernel = damaged(tmp_path / "Image", function, 0x2D, new)
    with boot(("cortex-a57", "", ""), kernel) as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
        memory = image_in_memory(machine, document)
    assert document["scs"] == {"patched": len(functions()) - 1, "left": 1}
    wanted = patched_image(left={function.start})
    end = symbols()["_init_text_end"]
    assert memory[symbols()["_text_start"]:end] == wanted[symbols()["_text_start"]:end]


def test_without_tables_nothing_is_patched_and_that_is_said(tmp_path):
    image = bytearray(IMAGE.read_bytes())
    struct.pack_into("<I", image, symbols()["_frames_start"], 0)
    (tmp_path / "Image").write_bytes(image)
    with boot(("cortex-a57", "", ""), tmp_path / "Image") as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
        assert "return addresses: NOT PROTECTED: not signed, and no function patched\r" in \
            machine.text
        machine.send("selftest execute.scs\r")
        machine.expect("execute.scs # SKIP no shadow call stack")
    assert document["return_addresses"] == "none" and "scs" not in document


@pytest.mark.parametrize("row", [SHADOW[1], SHADOW[5], SHADOW[6]], ids=name_of)
def test_all_self_tests_pass_on_shadow_call_stacks(row):
    with boot(row, exceptions=None) as machine:
        machine.expect(PROMPT)
        machine.send("selftest all\r")
        machine.expect("# Totals: ")
        machine.expect(PROMPT)
        assert "execute.scs\r\n" in machine.text
        assert ktap.parse(machine.text).unexpected() == []
        if row[0] == "max":
            assert re.search(r"ok \d+ execute.bti\r", machine.text)


@pytest.mark.parametrize("row", [SHADOW[1], SHADOW[6]], ids=name_of)
def test_every_cpu_has_shadow_call_stacks(row):
    with boot(row, exceptions=None, arguments=("-smp", "4")) as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
        assert [cpu["state"] for cpu in document["cpus"]] == ["running"] * 4
        machine.send("selftest all\r")
        machine.expect("# Totals: ")
        machine.expect(PROMPT)
        assert ktap.parse(machine.text).unexpected() == []


def report_on(machine, command):
    machine.send(command + "\r")
    machine.expect("pagoda: stopped")
    return machine.text.split(f"> {command}")[1]


@pytest.mark.parametrize("pages", PAGES)
def test_a_shadow_call_stack_that_overflows_is_reported_as_that(pages):
    with boot(("max", f"arm64.nopauth arm64.pagesize={pages}", ""), exceptions=1) as machine:
        machine.expect(PROMPT)
        report = report_on(machine, "fault shadow")
    assert "SHADOW STACK OVERFLOW: FAR is in the gap above the shadow call stack" in report
    assert "\nSTACK OVERFLOW" not in report
    far = number(re.search(r"FAR (0x[0-9a-f]{16})", report)[1])
    assert far % PAGES[pages] == 0 and "on a write" in report
    assert "shadow_fill" in report and "not mapped: translation fault, level 3" in report


def test_a_stack_that_overflows_is_none_of_its_shadows():
    with boot(("cortex-a57", "", ""), exceptions=1) as machine:
        machine.expect(PROMPT)
        report = report_on(machine, "fault stack")
    assert "\nSTACK OVERFLOW: FAR is in the gap below the stack" in report
    assert "SHADOW STACK" not in report


def test_where_return_addresses_are_signed_there_is_no_shadow_to_overflow():
    with boot(SIGNED[0]) as machine:
        machine.expect(PROMPT)
        machine.send("fault shadow\r")
        machine.expect("there is no shadow call stack: return addresses: signed")


def test_where_the_shadow_call_stack_is_stands_in_no_report():
    with boot(("cortex-a57", "", ""), exceptions=1) as machine:
        machine.expect(PROMPT)
        debugger = Gdb(machine)
        shadow = debugger.read("x18") & -4096
        debugger.go_on()
        report = report_on(machine, f"fault read {NOWHERE:#x}")
    assert "x18 (shadow)            x19 0x" in report
    assert not [word for word in re.findall(r"0x[0-9a-f]{16}", report)
                if shadow <= number(word) < shadow + 4096]


def test_x18_is_like_any_register_where_it_leads_nowhere():
    with boot(SIGNED[0], exceptions=1) as machine:
        machine.expect(PROMPT)
        report = report_on(machine, f"fault read {NOWHERE:#x}")
    assert re.search(r"x18 0x[0-9a-f]{16}  x19 ", report)


@pytest.mark.parametrize("row", [SHADOW[1], SHADOW[5]], ids=name_of)
def test_return_addresses_are_on_it_and_pages_around_it_are_not_mapped(row):
    with boot(row) as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
        debugger = Gdb(machine)
        x18 = debugger.read("x18")
        start = x18 & -4096
        data = machine.memory(machine.translate(start), 4096)
        assert machine.translate(start - 1) is None and machine.translate(start + 4096) is None
    va = number(document["image"]["va"])
    text = range(va + symbols()["_text_start"], va + symbols()["_text_end"])
    kept = [word for word, in struct.iter_unpack("<Q", data[:x18 - start])]
    assert 2 <= len(kept) < 64
    # kernel_main() has no caller; all others were called from text.
    assert kept[0] == 0 and all(word in text for word in kept[1:])
