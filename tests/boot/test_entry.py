# SPDX-License-Identifier: MIT
"""The state that the early runtime runs in: MMU and data cache off, instruction cache on, and
dropped before it is turned on."""
import struct

import pytest

from gdb import Gdb
from machine import IMAGE, symbols
from test_el2 import start
from walker import bits

BITS = (0, 1, 2, 12)  # of SCTLR: M, A, C, I
IC_IALLU, DSB_NSH, ISB = 0xD508751F, 0xD503379F, 0xD5033FDF
MSR_SCTLR = {0xD5181000: 1, 0xD51C1000: 2, 0xD51E1000: 3}  # Rt in bits 4:0


@pytest.mark.parametrize("machine,register", [
    ("", "SCTLR"), ("virtualization=on", "SCTLR_EL2"), ("secure=on", "SCTLR_EL3")])
def test_the_early_runtime_has_the_instruction_cache_on_and_no_other(machine, register):
    with start("", "arm64.pagesize=4k id_aa64mmfr0.tgran4=f", machine=machine) as running:
        running.wait_cannot_boot()
        sctlr = Gdb(running).read_system(register)
        assert [bits(sctlr, bit, bit) for bit in BITS] == [0, 1, 0, 1]


def test_the_instruction_cache_is_dropped_wherever_it_is_turned_on():
    places, code = symbols(), IMAGE.read_bytes()
    found = []
    for first, end in ((places["_entry_start"], places["_entry_end"]),
                       (places["primary_entry"], places["image_misaligned"])):
        words = struct.unpack(f"<{(end - first) // 4}I", code[first:end])
        for at, word in enumerate(words):
            if word & ~0x1F in MSR_SCTLR:
                found.append(MSR_SCTLR[word & ~0x1F])
                before = words[at - 9:at]
                drop = before.index(IC_IALLU)
                assert before[drop:drop + 3] == (IC_IALLU, DSB_NSH, ISB), hex(first + 4 * at)
    assert sorted(found) == [1, 1, 1, 1, 2, 2, 3], (
        "el2_drop, mmu_flip, entry at each level, and another CPU's at two")
