# SPDX-License-Identifier: MIT
"""Boots that cannot go on: each says why on the console, where one can be found, and always in
registers. None hangs elsewhere, and none takes an exception it was not asked to take."""
import struct

import pytest

from loader import (FDT_BEGIN_NODE, FDT_END, FDT_END_NODE, FDT_NOP, FDT_PROP, WINDOW_START,
                    Memory, compile_tree, device_tree, edit_tree, header_word, load,
                    machine_tree, structure, with_structure)
from machine import PROMPT, Machine, documents, image_size, number, symbols

MIB = 1 << 20
IMAGE = WINDOW_START + MIB
FDT = WINDOW_START + 8 * MIB

# Stop codes and, for the FDT, the values that go with them: an interface for debuggers.
(ENTRY_EL, IMAGE_MISALIGNED, FDT_REFUSED, FDT_OVERLAPS_IMAGE, NO_MEMORY_NODE, PAGE_SIZE,
 VA_BITS) = range(1, 8)
EXCEPTION, NO_CONSOLE = 12, 16
(NULL, MISALIGNED, BAD_MAGIC, BAD_VERSION, BAD_SIZE, BAD_BLOCK, TRUNCATED, BAD_TOKEN, BAD_NAME,
 UNBALANCED, TOO_DEEP) = range(2, 13)


def shift_set(*shifts):
    return sum(1 << shift for shift in shifts)


# (CPU, command line, stop code, value, limit, words that the reason must have)
NOT_OFFERED = [
    ("cortex-a57", "arm64.pagesize=16k", PAGE_SIZE, 14, shift_set(12, 16),
     ["arm64.pagesize=16k", "4K 64K"]),
    ("max", "arm64.pagesize=4k id_aa64mmfr0.tgran4=f", PAGE_SIZE, 12, shift_set(14, 16),
     ["arm64.pagesize=4k", "16K 64K"]),
    ("max", "id_aa64mmfr0.tgran4=f id_aa64mmfr0.tgran16=0 id_aa64mmfr0.tgran64=f", PAGE_SIZE, 0, 0,
     ["no page size"]),
    ("cortex-a57", "pagoda.va_bits=52", VA_BITS, 52, 12, ["pagoda.va_bits=52", "4K", "39 48"]),
    ("max", "pagoda.va_bits=52 arm64.nolva", VA_BITS, 52, 12, ["pagoda.va_bits=52", "39 48"]),
    ("max,lpa2=off", "pagoda.va_bits=52", VA_BITS, 52, 12, ["pagoda.va_bits=52", "39 48"]),
    ("max", "pagoda.va_bits=39 arm64.pagesize=64k", VA_BITS, 39, 16,
     ["pagoda.va_bits=39", "64K", "42 48 52"]),
    ("max", "pagoda.va_bits=42", VA_BITS, 42, 12, ["pagoda.va_bits=42", "4K", "39 48 52"]),
    ("cortex-a76", "pagoda.va_bits=52 arm64.pagesize=16k", VA_BITS, 52, 14,
     ["pagoda.va_bits=52", "16K", "36 47 48"]),
    ("cortex-a57", "pagoda.va_bits=52 arm64.pagesize=64k", VA_BITS, 52, 16,
     ["pagoda.va_bits=52", "64K", "42 48"]),
]


@pytest.mark.parametrize("cpu,append,code,value,limit,words", NOT_OFFERED,
                         ids=lambda value: value if isinstance(value, str) else "")
def test_what_the_cpu_does_not_offer_is_named_with_what_it_does(cpu, append, code, value, limit,
                                                                words):
    with Machine(cpu, append) as machine:
        reason, stop = machine.wait_cannot_boot()
        assert (stop.code, stop.value, stop.limit) == (code, value, limit)
        assert all(word in reason for word in words), reason


def test_the_last_page_size_left_is_taken_without_being_asked_for():
    with Machine(append="id_aa64mmfr0.tgran4=f id_aa64mmfr0.tgran16=0") as machine:
        machine.expect(PROMPT)
        assert machine.document("report json")["regime"]["granule"] == 65536


def refuse(blob, image=IMAGE, fdt=FDT, console=True, kernel=False, fill=0xAA, **machine):
    """Boot with @blob at @fdt. Returns the reason on the console, if one must be there, and the
    stop: the @kernel's, at a virtual address, or the early runtime's, before the flip."""
    memory = Memory(fill)
    if blob:
        memory.put(fdt, blob)
    with load(memory, image, fdt, **machine) as running:
        reason, stop = running.wait_cannot_boot() if console else (None, running.wait_stop())
        pc = running.registers()["PC"]
        assert (pc >> 63 == 1) == kernel
        # Virtual and physical addresses are the same modulo 2 MiB.
        at = (pc - image) % (2 * MIB) if kernel else pc - image
        assert symbols()["_text_start"] <= at < symbols()["_init_text_end"]
        return reason, stop


def nested(depth):
    """QEMU's device tree and, at its end, nodes inside nodes, so that there are @depth levels."""
    source = machine_tree().rstrip()
    assert source.endswith("};")
    inside = depth - 1
    return compile_tree(source[:-2] + "".join(f"n{i} {{" for i in range(inside))
                        + "};" * inside + "};")


def last_token_before_end(words):
    """The index of the END_NODE that closes the root."""
    assert words[-1] == FDT_END and words[-2] == FDT_END_NODE
    return len(words) - 2


def left_open(blob):
    words = structure(blob)
    words[last_token_before_end(words)] = FDT_NOP
    return with_structure(blob, words)


def closed_twice(blob):
    words = structure(blob)
    return with_structure(blob, [*words[:-1], FDT_END_NODE, FDT_END])


def two_roots(blob):
    words = structure(blob)
    return with_structure(blob, [*words[:-1], FDT_BEGIN_NODE, 0, FDT_END_NODE, FDT_END])


def bad_token(blob):
    words = structure(blob)
    words[last_token_before_end(words)] = 7
    return with_structure(blob, words)


def no_end(blob):
    return with_structure(blob, structure(blob)[:-1])


def endless_property(blob):
    words = structure(blob)
    return with_structure(blob, [*words[:-2], FDT_PROP, 0x7FFFFFFF, 0, *words[-2:]])


def nameless_property(blob):
    words = structure(blob)
    return with_structure(blob, [*words[:-2], FDT_PROP, 0, 0x7FFFFFFF, *words[-2:]])


def unterminated_name(blob):
    return with_structure(blob, [*structure(blob)[:-2], FDT_BEGIN_NODE, 0x61616161])


# All of them come after /chosen in the blob, which is all that is read before the flip.
BROKEN_STRUCTURES = {
    "with_a_node_left_open": (left_open, UNBALANCED, "unbalanced"),
    "with_a_node_closed_twice": (closed_twice, UNBALANCED, "unbalanced"),
    "with_two_roots": (two_roots, UNBALANCED, "unbalanced"),
    "with_an_unknown_token": (bad_token, BAD_TOKEN, "unknown token"),
    "without_an_end": (no_end, TRUNCATED, "truncated"),
    "with_a_property_longer_than_it": (endless_property, TRUNCATED, "truncated"),
    "with_a_property_name_outside": (nameless_property, BAD_NAME, "name"),
    "with_a_node_name_that_never_ends": (unterminated_name, BAD_NAME, "name"),
}


@pytest.mark.parametrize("how", BROKEN_STRUCTURES)
def test_an_fdt_structure_is_refused_in_words(how):
    damage, status, word = BROKEN_STRUCTURES[how]
    reason, stop = refuse(damage(device_tree()), kernel=True)
    assert (stop.code, stop.value, stop.limit) == (FDT_REFUSED, status, FDT)
    assert word in reason and f"{FDT:#x}" in reason


def chosen_last(blob):
    """@blob with its /chosen after all other nodes: (words of structure before it, those from it
    on), so that what is put between comes before it."""
    words = structure(blob)
    text = b"".join(word.to_bytes(4, "big") for word in words)
    start = text.index(b"\0\0\0\1chosen\0\0") // 4
    assert text.count(b"chosen\0\0") == 1
    end = start + 3
    while words[end] == FDT_PROP:
        end += 3 + (words[end + 1] + 3) // 4
    assert words[end] == FDT_END_NODE
    return words[:start] + words[end + 1:-2], words[start:end + 1] + words[-2:]


# What is wrong, and with which words: before /chosen, and so before the flip; and after it.
BAD_WORDS = {
    "an_unknown_token": ([7], BAD_TOKEN, "unknown token"),
    "an_end_of_the_tree": ([FDT_END], UNBALANCED, "unbalanced"),
    "a_long_property": ([FDT_PROP, 0x7FFFFFFF, 0], TRUNCATED, "truncated"),
    "a_node_too_deep": ([FDT_BEGIN_NODE, 0] * 32, TOO_DEEP, "too deep"),
}


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("what", BAD_WORDS)
def test_what_is_wrong_in_an_fdt_is_named_on_its_console(what, where):
    words, status, word = BAD_WORDS[what]
    blob = device_tree()
    before, after = chosen_last(blob)
    if where == "before":
        blob = with_structure(blob, before + words + after)
    else:
        blob = with_structure(blob, before + after[:-2] + words + after[-2:])
    reason, stop = refuse(blob, kernel=where == "after")
    assert (stop.code, stop.value, stop.limit) == (FDT_REFUSED, status, FDT)
    assert word in reason and f"{FDT:#x}" in reason


def test_an_fdt_that_is_bad_is_said_on_a_console_of_the_command_line_too():
    """The bad word comes before the FDT's own consoles."""
    blob = device_tree("earlycon=pl011,0x9000000")
    before, after = chosen_last(blob)
    words = before[:2]  # the root's BEGIN_NODE
    blob = with_structure(blob, words + after[:-2] + [7] + before[2:] + after[-2:])
    reason, stop = refuse(blob, kernel=True)
    assert (stop.code, stop.value) == (FDT_REFUSED, BAD_TOKEN)
    assert "unknown token" in reason


def test_nodes_nested_too_deep_are_refused_in_words_and_one_level_less_is_not():
    reason, stop = refuse(nested(33), kernel=True)
    assert (stop.code, stop.value) == (FDT_REFUSED, TOO_DEEP)
    assert "too deep" in reason
    memory = Memory()
    memory.put(FDT, nested(32))
    with load(memory, IMAGE, FDT) as machine:
        machine.expect(PROMPT)


def test_a_thousand_levels_of_nodes_are_refused_in_words():
    assert refuse(nested(1000), kernel=True)[1].value == TOO_DEEP


def test_an_fdt_without_memory_is_refused_in_words():
    blob = edit_tree(device_tree(), ["-r", "FILE", "/memory@40000000"])
    reason, stop = refuse(blob, kernel=True)
    assert stop.code == NO_MEMORY_NODE
    assert "/memory" in reason


def test_an_fdt_with_memory_of_no_size_is_refused_in_words():
    blob = edit_tree(device_tree(), ["-t", "x", "FILE", "/memory@40000000", "reg", "0", "40000000",
                                     "0", "0"])
    assert refuse(blob, kernel=True)[1].code == NO_MEMORY_NODE


def half(blob):
    return header_word(blob, 9, struct.unpack_from(">I", blob, 36)[0] // 2 & -4)


# No console can be known here: the code and its values are in registers.
BROKEN_HEADERS = {
    "with_a_bad_magic": (lambda blob: header_word(blob, 0, 0xD00DFEEE), BAD_MAGIC),
    "of_a_future_version": (lambda blob: header_word(blob, 6, 18), BAD_VERSION),
    "of_an_ancient_version": (lambda blob: header_word(blob, 5, 3), BAD_VERSION),
    "with_an_absurd_totalsize": (lambda blob: header_word(blob, 1, 0xFFFFFFF8), BAD_SIZE),
    "larger_than_2_MiB": (lambda blob: header_word(blob, 1, 2 * MIB + 8), BAD_SIZE),
    "smaller_than_its_header": (lambda blob: header_word(blob, 1, 39), BAD_SIZE),
    "cut_by_its_totalsize": (lambda blob: header_word(blob, 1, len(blob) // 2), BAD_BLOCK),
    "with_its_structure_elsewhere": (lambda blob: header_word(blob, 2, 0xFFFFFFF0), BAD_BLOCK),
    "with_its_strings_elsewhere": (lambda blob: header_word(blob, 3, 0x7FFFFFF0), BAD_BLOCK),
    "with_half_its_structure": (half, TRUNCATED),
    "with_no_structure": (lambda blob: header_word(blob, 9, 0), TRUNCATED),
}


@pytest.mark.parametrize("how", BROKEN_HEADERS)
def test_an_fdt_is_refused_in_registers(how):
    damage, status = BROKEN_HEADERS[how]
    _, stop = refuse(damage(device_tree()), console=False)
    assert (stop.code, stop.value, stop.limit) == (FDT_REFUSED, status, FDT)
    if status == BAD_SIZE:
        assert stop.extra == struct.unpack_from(">I", damage(device_tree()), 4)[0]


def test_no_fdt_at_all_is_refused_in_registers():
    _, stop = refuse(None, fdt=0, console=False)
    assert (stop.code, stop.value, stop.limit) == (FDT_REFUSED, NULL, 0)


@pytest.mark.parametrize("offset", [1, 2, 4])
def test_an_fdt_that_is_not_8_byte_aligned_is_refused_in_registers(offset):
    _, stop = refuse(device_tree(), fdt=FDT + offset, console=False)
    assert (stop.code, stop.value, stop.limit) == (FDT_REFUSED, MISALIGNED, FDT + offset)


def test_an_fdt_pointer_to_poison_is_refused_in_registers():
    _, stop = refuse(None, console=False)
    assert (stop.code, stop.value) == (FDT_REFUSED, BAD_MAGIC)


@pytest.mark.parametrize("where", ["_text", "_data_start", "_bss_start", "_pool_start"])
def test_an_fdt_pointer_into_the_image_is_refused_in_registers(where):
    fdt = IMAGE + (symbols()[where] + 7) // 8 * 8
    _, stop = refuse(None, fdt=fdt, console=False)
    assert (stop.code, stop.value) == (FDT_OVERLAPS_IMAGE, fdt)


def test_an_fdt_pointer_to_the_images_last_word_is_refused_in_registers():
    fdt = IMAGE + image_size() - 8
    assert refuse(None, fdt=fdt, console=False)[1].code == FDT_OVERLAPS_IMAGE


def test_an_fdt_that_reaches_into_the_image_is_refused_in_registers():
    blob = device_tree()
    fdt = IMAGE - (len(blob) + 7) // 8 * 8
    _, stop = refuse(header_word(blob, 1, IMAGE - fdt + 1), fdt=fdt, console=False)
    assert (stop.code, stop.value, stop.limit) == (FDT_OVERLAPS_IMAGE, fdt, IMAGE - fdt + 1)


def test_an_fdt_pointer_to_no_memory_stops_at_the_first_exception():
    fdt = 0x3000000000
    excused = [f"Invalid read at addr {fdt:#x}"]
    with load(Memory(), IMAGE, fdt, exceptions=1, excused=excused) as machine:
        stop = machine.wait_stop()
        assert (stop.code, stop.extra) == (EXCEPTION, fdt)
        assert stop.value >> 26 == 0x25, "data abort at the current EL"
        assert stop.value & 0x3F == 0x10, "synchronous external abort"
        assert stop.limit - IMAGE in range(symbols()["_init_text_end"]), "ELR is in the Image"


def test_an_fdt_without_chosen_boots_with_defaults_and_says_so():
    memory = Memory(0xAA)
    memory.put(FDT, edit_tree(device_tree(), ["-r", "FILE", "/chosen"]))
    with load(memory, IMAGE, FDT) as machine:
        text = machine.expect(PROMPT)
        document = machine.document("report json")
        warning = "the FDT has no /chosen: no command line, defaults throughout"
        assert document["warnings"] == [warning]
        assert f"WARNING      {warning}" in text
        assert document["console"] == {
            "source": "first-uart", "type": "PL011", "pa": "0x0000000009000000",
            "input": "interrupt"}
        assert document["command_line"] == "" and document["overrides"] == []
        assert document["image"]["kaslr"]["source"] == "rndr"
        assert document["regime"]["va_bits"] == 52


def test_an_fdt_without_psci_boots_and_says_that_it_cannot_power_off():
    memory = Memory()
    memory.put(FDT, edit_tree(device_tree(), ["-r", "FILE", "/psci"]))
    with load(memory, IMAGE, FDT) as machine:
        text = machine.expect(PROMPT)
        assert "WARNING      the FDT names no PSCI" in text
        assert machine.command("poweroff") == "poweroff: the FDT names no PSCI\n"
        assert machine.document("report json")["psci"] == "none"


def test_memory_beyond_the_reach_of_addresses_is_left_out_and_said_so():
    far = 1 << 49
    blob = edit_tree(device_tree("arm64.nolva"), [
        "-t", "x", "FILE", "/memory@40000000", "reg", "0", "40000000", "0", "20000000",
        f"{far >> 32:x}", "0", "0", "40000000"])
    memory = Memory()
    memory.put(FDT, blob)
    with load(memory, IMAGE, FDT) as machine:
        assert "WARNING      1G of RAM left out" in machine.expect(PROMPT)
        ram = [entry for entry in machine.document("report json")["memory"]
               if entry["kind"] == "ram"]
        assert [number(entry["start"]) for entry in ram] == [0x40000000]
    memory.put(FDT, edit_tree(blob, ["-t", "s", "FILE", "/chosen", "bootargs", ""]))
    with load(memory, IMAGE, FDT) as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
        assert document["warnings"] == []
        assert far in [number(entry["start"]) for entry in document["memory"]]


@pytest.mark.parametrize("page_size,offset", [("64k", 0x1000), ("64k", 0x8000), ("16k", 0x1000)])
def test_an_image_not_aligned_to_its_page_size_is_refused_in_words(page_size, offset):
    granule = int(page_size[:-1]) << 10
    reason, stop = refuse(device_tree(f"arm64.pagesize={page_size}"), IMAGE + offset)
    assert (stop.code, stop.value, stop.limit) == (IMAGE_MISALIGNED, IMAGE + offset, granule)
    assert f"{IMAGE + offset:#x}" in reason and f"{granule:#x}" in reason


@pytest.mark.parametrize("offset", [4, 0x800, 0xFFC])
@pytest.mark.parametrize("machine", ["", "virtualization=on"], ids=["EL1", "EL2"])
def test_an_image_not_even_aligned_to_4k_stops_in_registers(machine, offset):
    _, stop = refuse(device_tree(), IMAGE + offset, console=False, machine=machine)
    assert (stop.code, stop.value, stop.limit) == (IMAGE_MISALIGNED, IMAGE + offset, 4096)


def test_a_tree_above_2_mib_is_refused_on_a_console_in_what_can_be_read():
    """As QEMU makes it of what it has dumped: the structure and its names first."""
    blob = device_tree()
    blob = header_word(blob, 1, 2 * MIB + 4096) + bytes(2 * MIB + 4096 - len(blob))
    reason, stop = refuse(blob)
    assert (stop.code, stop.value, stop.limit) == (FDT_REFUSED, BAD_SIZE, FDT)
    assert "above 2 MiB" in reason and f"{2 * MIB + 4096:#x}" in reason


@pytest.mark.parametrize("earlycon,speaks", [("earlycon=pl011,0x9000000", True), ("", False)])
def test_a_tree_without_memory_or_console_is_refused_where_earlycon_says(earlycon, speaks):
    blob = compile_tree("""/dts-v1/;
        / { #address-cells = <2>; #size-cells = <2>; compatible = "t,nomem";
            chosen { bootargs = "%s"; }; };""" % earlycon)
    reason, stop = refuse(blob, kernel=True, console=speaks)
    assert stop.code == NO_MEMORY_NODE
    assert not speaks or "no usable /memory node" in reason


@pytest.mark.parametrize("earlycon", ["earlycon=pl011,0x9000000", ""])
def test_a_tree_that_is_damaged_before_a_console_that_only_the_command_line_names(earlycon):
    """And before /chosen: nobody has read that when the boot fails."""
    blob = compile_tree("""/dts-v1/;
        / { #address-cells = <2>; #size-cells = <2>; compatible = "t,damaged";
            one { }; two { };
            chosen { bootargs = "%s"; }; };""" % earlycon)
    at = blob.index(b"\0\0\0\1two\0")
    blob = blob[:at] + b"\0\0\0\7" + blob[at + 4:]
    reason, stop = refuse(blob, console=bool(earlycon))
    assert (stop.code, stop.value) == (FDT_REFUSED, BAD_TOKEN)
    assert not earlycon or "unknown token" in reason


def test_a_boot_without_any_console_ends_in_registers():
    memory = Memory()
    memory.put(FDT, edit_tree(device_tree(), ["-t", "s", "FILE", "/pl011@9000000", "compatible",
                                              "arm,pl111"]))
    with load(memory, IMAGE, FDT) as machine:
        stop = machine.wait_stop()
        assert (stop.code, stop.value, stop.limit) == (NO_CONSOLE, 0, 0)
    memory = Memory()
    memory.put(FDT, edit_tree(device_tree("earlycon=pl011,0x7000000"),
                              ["-t", "s", "FILE", "/pl011@9000000", "status", "disabled"]))
    with load(memory, IMAGE, FDT) as machine:
        stop = machine.wait_stop()
        assert stop.code == NO_CONSOLE and stop.value == 0x7000000 and stop.limit != 0


def test_an_image_entered_at_el3_is_refused_in_words():
    reason, stop = refuse(device_tree(), machine="secure=on")
    assert (stop.code, stop.value) == (ENTRY_EL, 3)
    assert "EL3" in reason


def test_a_stop_leaves_no_document_on_the_console():
    with Machine("cortex-a57", 'arm64.pagesize=16k pagoda.run="report json"') as machine:
        machine.wait_cannot_boot()
        assert documents(machine.text) == []
