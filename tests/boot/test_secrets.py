# SPDX-License-Identifier: MIT
"""All of RAM, looked through at the prompt for what must not be there: the seeds that a boot was
given, what the generator makes of them, and the key in the CPU's registers. And what seeds decide:
image and linear map move with them, and only with them.

A seed is in the FDT that the test writes, in what QEMU's virtio-rng reads, or in the register that
RNDR was read into, which a debugger sees. RAM is a file that QEMU shares. `make firmware-test`
takes every pair of boot path and source.
"""
import contextlib
import functools
import os
import re
import struct
import tempfile
import typing

import pytest

from gdb import Gdb
from loader import WINDOW_START, Memory, compile_tree, edit_tree, load, machine_tree
from machine import IMAGE, PROMPT, Machine, number, symbols
from suite import SUITE
from test_uboot import EXCUSED, UBOOT, UBOOT_PROMPT
from test_uefi import FIRMWARE, Firmware

MIB = 1 << 20
RAM, RAM_SIZE = 0x40000000, 512 * MIB
PAGE = 4096
LOADED = 0x48000000  # where U-Boot finds the Image
IMAGE_START, FDT = WINDOW_START, WINDOW_START + 8 * MIB
SLOW = bool(os.environ.get("PAGODA_SLOW"))

SEED, OTHER_SEED = 0xC35E1F6A90B2D487, 0x2B94E07D5AF1683C
NO_RNDR = "id_aa64isar0.rndr=0"
RNDR, RNDR_MASK = 0xD53B2400, 0xFFFFFFC0  # mrs xN, RNDR or RNDRRS is RNDR | N
# The words that virtio-rng gives: six bytes that are the same, then two that decide a place.
EFI_TAG = bytes.fromhex("5ee1d0c3a297")
EFI_WORDS, EFI_STEP = 4096, 0x1234
FREED_POOL = b"pfr0"  # EDK2's MdeModulePkg/Core/Dxe/Mem/Pool.c: the head of a block that is free

MASK = (1 << 64) - 1
LABELS = (0, 1, 0x10, 0x11)  # pi/kaslr.c: image, linear map, both halves of the key


def rotate(word, left):
    return (word << left | word >> (64 - left)) & MASK


def siphash(keys, label):
    """SipHash-2-4 (Aumasson and Bernstein, 2012) of one byte."""
    v0, v1, v2, v3 = (key ^ constant for key, constant in zip(
        keys * 2, struct.unpack(">4Q", b"somepseudorandomlygeneratedbytes")))
    word = label | 1 << 56
    v3 ^= word
    for turn in range(6):
        if turn == 2:
            v0, v2 = v0 ^ word, v2 ^ 0xff
        v0, v2 = (v0 + v1) & MASK, (v2 + v3) & MASK
        v1, v3 = rotate(v1, 13) ^ v0, rotate(v3, 16) ^ v2
        v0, v2 = (rotate(v0, 32) + v3) & MASK, (v2 + v1) & MASK
        v1, v3 = rotate(v1, 17) ^ v2, rotate(v3, 21) ^ v0
        v2 = rotate(v2, 32)
    return v0 ^ v1 ^ v2 ^ v3


class Case(typing.NamedTuple):
    """How the Image is started, and where its seed is from."""
    path: str  # "kernel", "uefi-dt", "uefi-acpi", "uboot"
    source: str  # "fdt", "efi", "rndr", "none", "nokaslr"

    @property
    def fdt_has_seed(self):
        return self.source in ("fdt", "efi", "nokaslr") and self.path != "uefi-acpi"

    @property
    def efi_has_seed(self):
        return self.path.startswith("uefi") and self.source in ("efi", "nokaslr")

    @property
    def append(self):
        return {"none": NO_RNDR, "nokaslr": "nokaslr"}.get(self.source, "")

    def __str__(self):
        return f"{self.path}-{self.source}"


MOVING, STAYING = ("fdt", "efi", "rndr"), ("none", "nokaslr")
SOURCES = MOVING + STAYING
CASES = [Case(path, source) for path in ("kernel", "uefi-dt", "uefi-acpi", "uboot")
         for source in SOURCES
         if (source != "efi" or path.startswith("uefi"))
         and (source != "fdt" or path != "uefi-acpi")]


def tree(seed, *edits):
    """QEMU's device tree with @seed, bytes or None, and without QEMU's own."""
    blob = edit_tree(compile_tree(machine_tree("acpi=off,dtb-randomness=off")), *edits)
    if seed is None:
        return blob
    return edit_tree(blob, ["-t", "bx", "FILE", "/chosen", "kaslr-seed",
                            *(f"{byte:x}" for byte in seed)])


def shared_memory(path):
    """QEMU's arguments that make a file of RAM."""
    return ["-object", f"memory-backend-file,id=ram,size={RAM_SIZE},mem-path={path},share=on",
            "-machine", "memory-backend=ram"]


@contextlib.contextmanager
def started(case, blob, random=0):
    """(machine, what opens its RAM) on its way to the prompt, after a boot by @case.path."""
    with tempfile.TemporaryDirectory(prefix="pagoda-") as directory:
        ram, dtb, rng = (os.path.join(directory, name) for name in ("ram", "dtb", "rng"))
        with open(dtb, "wb") as file:
            file.write(blob)
        with open(rng, "wb") as file:
            file.write(b"".join(efi_word(random, i) for i in range(EFI_WORDS)))
        arguments = ["-dtb", dtb, *shared_memory(ram)]
        if case.efi_has_seed:
            arguments += ["-object", f"rng-random,id=rng,filename={rng}", "-device",
                          "virtio-rng-pci,rng=rng"]
        with start(case, arguments) as machine:
            yield machine, ram


@contextlib.contextmanager
def start(case, arguments):
    if case.path == "kernel":
        with Machine(append=case.append, arguments=arguments) as machine:
            yield machine
    elif case.path == "uboot":
        image = f"loader,file={IMAGE},addr={LOADED:#x},force-raw=on"
        with Machine(kernel=None, excused=EXCUSED, arguments=["-bios", UBOOT, "-device", image,
                                                              *arguments]) as machine:
            machine.expect("Hit any key to stop autoboot")
            machine.send(" ")
            machine.expect(UBOOT_PROMPT)
            machine.send(f"setenv bootargs {case.append}; printenv fdtcontroladdr\r")
            machine.expect(UBOOT_PROMPT)
            machine.send(f"booti {LOADED:x} - $fdtcontroladdr\r")
            yield machine
    else:
        with Firmware("acpi=off" if case.path == "uefi-dt" else "", case.append,
                      arguments=["-bios", FIRMWARE, *arguments]) as machine:
            yield machine


# ---- looking through memory ----

def pieces(path):
    """(address, bytes) of RAM that its file has and that are not zero: runs of pages."""
    with open(path, "rb") as file:
        start, run = 0, b""
        for at in data_pages(file):
            page = os.pread(file.fileno(), PAGE, at)
            used = page.count(0) != PAGE
            if run and (not used or at != start + len(run)):
                yield RAM + start, bytes(run)
                run = b""
            if used and not run:
                start, run = at, bytearray()
            if used:
                run += page
        if run:
            yield RAM + start, bytes(run)


def data_pages(file):
    """Offsets of the pages of a sparse file that are no holes."""
    end, size = 0, os.fstat(file.fileno()).st_size
    while end < size:
        try:
            start = os.lseek(file.fileno(), end, os.SEEK_DATA)
        except OSError:  # nothing but holes from there on
            return
        end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
        yield from range(start // PAGE * PAGE, end, PAGE)


def search(ram, secrets):
    """[(name, physical address)] of those of @secrets, {name: byte strings}, that are in memory, as
    they are or with their bytes in the other order."""
    needles = {order: name for name, values in secrets.items() for value in values
               for order in (value, value[::-1])}
    found = []
    for address, data in pieces(ram):
        for needle, name in needles.items():
            found += [(name, address + match.start())
                      for match in re.finditer(re.escape(needle), data)]
    return found


def word(value):
    return struct.pack("<Q", value)


def derived(seed):
    """What is made of @seed where nothing is added to it."""
    return [word(siphash((seed, 0), label)) for label in LABELS]


def efi_word(random, index):
    """What number @index of 64 bits from virtio-rng is, in memory."""
    return EFI_TAG + struct.pack("<H", (random + index * EFI_STEP) & 0xFFFF)


def key(debugger):
    """What the CPU signs return addresses with: low and high half."""
    return [debugger.read_system(f"APIAKEY{half}_EL1") for half in ("LO", "HI")]


def secrets_of(case):
    """What must not be found after a boot by @case, as search() takes it."""
    secrets = {}
    if case.fdt_has_seed:
        secrets["FDT seed"] = [word(SEED)]
        secrets["made of the FDT seed"] = derived(SEED)
    if case.efi_has_seed:
        secrets["EFI seed"] = [EFI_TAG]
        secrets["made of the EFI seed"] = derived(int.from_bytes(efi_word(0, 0), "little"))
    return secrets


def look(debugger, ram, secrets, keyless=False):
    """search() for @secrets and for the key, which only a @keyless boot may do without."""
    halves = [half for half in key(debugger) if half]
    assert len(halves) == 2 or keyless and not halves
    return search(ram, {**secrets, "PAC key": [word(half) for half in halves]})


def is_firmwares(machine, address):
    """Whether a copy is one that firmware made for itself, of which it told nobody: in a block that
    EDK2's pool has taken back, or in U-Boot's own device tree."""
    if FREED_POOL in machine.memory(address - 32, 32):
        return True
    match = re.search(r"fdtcontroladdr=([0-9a-f]+)", machine.text)
    control = number(match[1]) if match else None
    return control is not None and control <= address < control + struct.unpack(
        ">I", machine.memory(control + 4, 4))[0]


class Left(typing.NamedTuple):
    """What a boot left in memory: [(name, address in hex)]."""
    by_image: list
    by_firmware: list


@functools.lru_cache(maxsize=None)
def left(case):
    blob = tree(word(SEED)[::-1] if case.fdt_has_seed else None)
    with started(case, blob) as (machine, ram):
        machine.expect(PROMPT)
        parts = Left([], [])
        found = look(Gdb(machine), ram, secrets_of(case), keyless=case.source == "none")
        for name, address in found:
            parts[is_firmwares(machine, address)].append((name, hex(address)))
        return parts


# Those are firmware's, which tells nobody where they are, and of its choosing: docs/design.md.
FIRMWARES = "firmware's own copy"


def cases(quick, sources):
    """Parameters: the cases of @quick, or all from @sources where there is time."""
    return pytest.mark.parametrize("case", [
        pytest.param(case, id=str(case)) for case in CASES
        if case.source in sources and (SLOW or str(case) in quick)])


@cases({"kernel-fdt", "kernel-none", "kernel-nokaslr", "uefi-dt-efi", "uboot-fdt"}, SOURCES)
def test_no_secret_is_anywhere_in_memory(case):
    assert left(case).by_image == []


# Firmware of another suite may have learnt to clean up.
@pytest.mark.xfail(strict=not SUITE, reason=FIRMWARES)
@pytest.mark.parametrize("case", [Case("uefi-dt", "efi"), Case("uboot", "fdt")], ids=str)
def test_nor_where_firmware_has_left_it(case):
    assert left(case).by_firmware == []


def test_the_value_of_rndr_is_nowhere_in_memory():
    code = IMAGE.read_bytes()
    reads = {IMAGE_START + at: value & 31 for at, value in
             ((at, struct.unpack_from("<I", code, at)[0]) for at in range(0, len(code) - 3, 4))
             if value & RNDR_MASK == RNDR}
    assert reads
    with tempfile.NamedTemporaryFile(prefix="pagoda-") as ram, place_by_loader(ram.name) as machine:
        debugger = Gdb(machine)
        debugger.write(pc=debugger.read("pc") + 4)
        at = debugger.run_to(*reads)
        debugger.step()
        seed = debugger.read(f"x{reads[at]}")
        debugger.go_on()
        machine.expect(PROMPT)
        assert machine.document("report json")["image"]["kaslr"]["source"] == "rndr"
        secrets = {"RNDR": [word(seed)], "made of RNDR": derived(seed)}
        assert look(debugger.stop(), ram.name, secrets) == []


def place_by_loader(ram):
    """A machine that our loader starts, and that waits in front of it."""
    memory = Memory()
    memory.put(FDT, tree(None))
    return load(memory, IMAGE_START, FDT, before="\tb\t.\n", extra=shared_memory(ram))


# ---- odd seeds ----

CHOSEN = {
    "reg": ["-t", "x", "FILE", "/chosen", "reg", "0", "0", "0", "1000"],
    "disabled": ["-t", "s", "FILE", "/chosen", "status", "disabled"],
}


def search_after(blob, *secrets):
    """Which of @secrets are in memory after a direct boot with @blob."""
    with started(Case("kernel", "fdt"), blob) as (machine, ram):
        machine.expect(PROMPT)
        return search(ram, {"seed": secrets})


@pytest.mark.parametrize("name", CHOSEN)
def test_a_seed_is_wiped_whatever_else_chosen_has(name):
    assert search_after(tree(word(SEED)[::-1], CHOSEN[name]), word(SEED)) == []


@pytest.mark.parametrize("size", [4, 12, 16])
def test_a_seed_of_any_size_is_wiped(size):
    seed = (word(SEED) + word(OTHER_SEED))[:size]
    parts = [seed[at:at + 8] for at in range(0, size, 8) if size - at >= 4]
    assert search_after(tree(seed), *parts) == []


def test_a_seed_of_zeroes_is_no_entropy_and_that_is_the_reason_given():
    with started(Case("kernel", "none"), tree(bytes(8))) as (machine, _):
        machine.expect(PROMPT)
        document = machine.document("report json")
    assert document["image"]["kaslr"]["source"] == "off: no entropy"
    warning, = [text for text in document["warnings"] if "no entropy" in text]
    assert "zero" in warning and "has no kaslr-seed" not in warning


# ---- what seeds decide ----

@functools.lru_cache(maxsize=None)
def twice(case):
    """[(report, key)] of two boots that differ in their seeds, where there are any."""
    found = []
    for seed, random in ((SEED, 0), (OTHER_SEED, 0x9C41)):
        blob = tree(word(seed)[::-1] if case.fdt_has_seed else None)
        with started(case, blob, random) as (machine, _):
            machine.expect(PROMPT)
            found.append((machine.document("report json"), key(Gdb(machine))))
    return found


def places(case):
    """The places of the image and of the linear map in both boots, as sets."""
    reports = [report for report, _ in twice(case)]
    return [{number(report["image"]["kaslr"]["offset"]) for report in reports},
            {number(report["linear"]["random"]) for report in reports}]


@cases({"kernel-fdt", "kernel-rndr", "uefi-dt-efi"}, MOVING)
def test_image_and_linear_map_move_with_the_seed(case):
    assert {report["image"]["kaslr"]["source"] for report, _ in twice(case)} == {case.source}
    assert [len(found) for found in places(case)] == [2, 2]


@cases({"kernel-none", "kernel-nokaslr"}, STAYING)
def test_image_and_linear_map_stay_without_a_seed_or_with_nokaslr(case):
    reason = "off: nokaslr" if case.source == "nokaslr" else "off: no entropy"
    assert {report["image"]["kaslr"]["source"] for report, _ in twice(case)} == {reason}
    assert places(case) == [{0}, {0}]


def test_with_nokaslr_keys_are_secret_all_the_same():
    (_, one), (_, other) = twice(Case("kernel", "nokaslr"))
    assert one != other


def test_without_entropy_a_key_that_all_boots_have_is_not_called_a_secret():
    (report, one), (_, other) = twice(Case("kernel", "none"))
    assert one != other or not report["decision"]["pac"]


def test_no_half_of_a_key_tells_the_other():
    """Nor does a seed that has become known, where RNDR adds to it."""
    for seed, (_, (low, high)) in zip((SEED, OTHER_SEED), twice(Case("kernel", "fdt"))):
        assert low != high and not {word(low), word(high)} & set(derived(seed))


@pytest.mark.parametrize("bootargs", ["", "nokaslr"])
@pytest.mark.parametrize("where", ["map_kernel", "mmu_flip_jump"])
def test_up_to_the_flip_the_key_is_in_its_register_only(where, bootargs):
    """Later the kernel's stack lies over what the early runtime left on its own; and at the flip
    that of the functions that make tables over that of those that make keys."""
    stop = IMAGE_START + symbols()[where] - symbols()["_text"]
    memory = Memory()
    memory.put(FDT, edit_tree(tree(word(SEED)[::-1]),
                              ["-t", "s", "FILE", "/chosen", "bootargs", bootargs]))
    with tempfile.NamedTemporaryFile(prefix="pagoda-") as ram, load(
            memory, IMAGE_START, FDT, before="\tb\t.\n",
            extra=shared_memory(ram.name)) as machine:
        debugger = Gdb(machine)
        debugger.write(pc=debugger.read("pc") + 4)
        debugger.run_to(stop)
        secrets = {"seed": [word(SEED)], "made of it": derived(SEED)}
        linear = word(siphash((SEED, 0), 1))
        if not bootargs:  # the kernel has yet to place the linear map
            secrets["made of it"].remove(linear)
        assert look(debugger, ram.name, secrets) == []
        halves = key(debugger)
        assert not {debugger.read(f"x{i}") for i in range(31)} & {SEED, *halves}
        debugger.go_on()
        machine.expect(PROMPT)
