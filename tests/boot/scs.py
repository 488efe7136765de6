# SPDX-License-Identifier: MIT
"""Shadow call stacks, patched by somebody else: readelf tells what the call-frame instructions are,
and what follows from them is worked out here, apart from pi/scs.c."""
import collections
import functools
import re
import struct
import subprocess

from elftools.elf.elffile import ELFFile

from machine import BUILD, IMAGE, symbols

PACIASP, AUTIASP = 0xD503233F, 0xD50323BF
PUSH, POP = 0xF800865E, 0xF85F8E5E  # str x30, [x18], #8; ldr x30, [x18, #-8]!
RET = 0xD65F03C0

Function = collections.namedtuple("Function", "start end words entry")


def _dump():
    """What readelf says of .eh_frame, one entry each."""
    text = subprocess.run(["aarch64-linux-gnu-readelf", "--debug-dump=frames",
                           BUILD / "pagoda.elf"], capture_output=True, text=True,
                          check=True).stdout
    return re.findall(r"^([0-9a-f]+) \S+ \S+ FDE cie=\S+ pc=([0-9a-f]+)\.\.([0-9a-f]+)\n"
                      r"((?:  .*\n)+)", text, re.MULTILINE)


def _signed_from(instructions, start):
    """[(address, whether the return address is signed from there on)], by DW_CFA_s."""
    signed, kept, at, changes = False, [], start, []
    for line in instructions.splitlines():
        name = line.split()[0].rstrip(":")
        if name.startswith("DW_CFA_advance_loc"):
            at = int(re.search(r" to ([0-9a-f]+)", line)[1], 16)
        elif name == "DW_CFA_remember_state":
            kept.append(signed)
        elif name == "DW_CFA_restore_state":
            signed = kept.pop()
        elif name == "DW_CFA_AARCH64_negate_ra_state":
            signed = not signed
        else:
            continue
        changes.append((at, signed))
    return changes


@functools.lru_cache
def functions():
    """Those that sign their return address: offsets from _text, {offset: new word}, and where in
    the Image the function's entry in .eh_frame is."""
    image = IMAGE.read_bytes()
    with open(BUILD / "pagoda.elf", "rb") as file:
        elf = ELFFile(file)
        base = elf.get_section_by_name(".symtab").get_symbol_by_name("_text")[0]["st_value"]
        frames = elf.get_section_by_name(".eh_frame")["sh_addr"] - base
    found = []
    for entry, start, end, instructions in _dump():
        start, end = int(start, 16), int(end, 16)
        words, before = {}, False
        for at, signed in _signed_from(instructions, start):
            word, = struct.unpack_from("<I", image, at - base - 4)
            if signed != before and word in (PACIASP, AUTIASP):
                assert word == (PACIASP if signed else AUTIASP)
                words[at - base - 4] = PUSH if signed else POP
            before = signed
        if words:
            found.append(Function(start - base, end - base, words, frames + int(entry, 16)))
    return found


def patched_image(left=()):
    """The Image, every function but those whose start is in @left patched."""
    image = bytearray(IMAGE.read_bytes())
    for function in functions():
        if function.start not in left:
            for offset, word in function.words.items():
                struct.pack_into("<I", image, offset, word)
    return image


def function_at(name):
    start = symbols()[name]
    return next(function for function in functions() if function.start == start)
