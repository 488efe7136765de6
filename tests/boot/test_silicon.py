# SPDX-License-Identifier: MIT
"""What cores and firmware do that QEMU does not: barriers that errata ask for, looked for in the
Image's instructions; registers that a higher level forbids, by a debugger that claims them; and
what a loader left pending or turned on.
"""
import struct
import subprocess

import pytest

from gdb import Gdb
from machine import BUILD, IMAGE, PROMPT, ROOT, boot, symbols
from test_el2 import IMAGE_AT, NO_VHE, start
from walker import bits

EL2 = "virtualization=on"
LEVELS = [("", "", 1), (EL2, "", 2), (EL2, NO_VHE, 1)]  # machine, command line, the kernel's level
WRITE_REFUSED = ["write access to unsupported AArch64 system register"]

ISB = 0xD5033FDF
DSB_NSH, DSB_SY, DMB_SY = 0xD503379F, 0xD5033F9F, 0xD5033FBF
TLBI_ALLE2 = 0xD50C871F
MSR_HCR_EL2, MRS_PAR_EL1 = 0xD51C1100, 0xD5387400  # Rt in bits 4:0
MSR_TPIDR_EL0 = 0xD51BD040  # X0
MSR_MDSCR_EL1 = 0xD510025F  # XZR
GCSCR = {0xD518251F: "GCSCR_EL1", 0xD518255F: "GCSCRE0_EL1", 0xD51C251F: "GCSCR_EL2",
         0xD51E251F: "GCSCR_EL3"}  # MSR, XZR
# Rt in bits 4:0. Of each, the bits that trap where they are clear: what the manual's names begin
# with n, nAMAIR2_EL1 to nGCS_EL0 and nACCDATA_EL1, say.
FINE_TRAPS = {0xD51C1180: ("HFGRTR_EL2", 0xFFF4 << 48), 0xD51C11A0: ("HFGWTR_EL2", 0xFFF4 << 48),
              0xD51C11C0: ("HFGITR_EL2", 0x1F << 55), 0xD51C3180: ("HDFGRTR_EL2", 0xF << 59),
              0xD51C31A0: ("HDFGWTR_EL2", 0x7 << 60)}
MOVZ, MOVK, MOVE_MASK = 0xD2800000, 0xF2800000, 0xFF800000
CONTROL2 = {0xD518207F: "TCR2_EL1", 0xD518107F: "SCTLR2_EL1"}
BL, BL_MASK = 0x94000000, 0xFC000000


def code():
    """{segment: (offset, its words)} of all that is executed."""
    places, image = symbols(), IMAGE.read_bytes()
    return {start: struct.unpack_from(f"<{(places[end] - places[start]) // 4}I", image,
                                      places[start])
            for start, end in (("_text_start", "_text_end"),
                               ("_init_text_start", "_init_text_end"))}


def found(matches):
    """(where for a message, words, index) of each instruction that @matches."""
    for start, words in code().items():
        for at, word in enumerate(words):
            if matches(word):
                yield f"{start}+{4 * at:#x}", words, at


# ---- barriers that errata ask for ----


def test_every_write_of_hcr_el2_has_a_dsb_before_and_an_isb_behind_it():
    """AmpereOne AC04_CPU_23."""
    writes = list(found(lambda word: word & ~0x1F == MSR_HCR_EL2))
    # Three of the entry code's, four around guests.
    assert len(writes) == 7
    for where, words, at in writes:
        assert words[at - 1] in (DSB_NSH, DSB_SY), where
        assert words[at + 1] == ISB, where


def entry_size():
    return symbols()["_entry_end"] - symbols()["_entry_start"]


def test_the_tlb_is_dropped_after_each_change_of_e2h():
    writes = [(words, at) for where, words, at in found(lambda word: word & ~0x1F == MSR_HCR_EL2)
              if where.startswith("_text_start") and 4 * at < entry_size()]
    # Those around guests change TGE and VM, never E2H.
    # el2_reset writes twice at most, and drops it behind both; el2_enter_vhe writes once.
    assert len(writes) == 3
    for words, at in writes[1:]:
        assert words[at + 2:at + 4] == (TLBI_ALLE2, DSB_NSH)


def test_every_read_of_par_el1_stands_between_barriers():
    """Cortex-A77 1508412. And it is ordered behind AT."""
    reads = list(found(lambda word: word & ~0x1F == MRS_PAR_EL1))
    assert reads
    for where, words, at in reads:
        assert words[at - 2:at] == (ISB, DMB_SY) and words[at + 1] == DMB_SY, where


MMIO = """
#include <pagoda/lib/mmio.h>
u32 r32(const volatile u32 *a) { return mmio_read32(a); }
u16 r16(const volatile u16 *a) { return mmio_read16(a); }
u8 r8(const volatile u8 *a) { return mmio_read8(a); }
void w32(volatile u32 *a, u32 v) { mmio_write32(a, v); }
void w16(volatile u16 *a, u16 v) { mmio_write16(a, v); }
void w8(volatile u8 *a, u8 v) { mmio_write8(a, v); }
"""
LDAR, STLR = 0x08DFFC00, 0x089FFC00  # 8 bits; the size in bits 31:30
RET = 0xD65F03C0


def test_device_registers_are_read_with_acquire_and_written_with_release(tmp_path):
    """NVIDIA T410-OLY-1027. Each function is one access, and the return."""
    (tmp_path / "mmio.c").write_text(MMIO, encoding="ascii")
    subprocess.run(["aarch64-linux-gnu-gcc", "-O2", "-ffreestanding", "-mgeneral-regs-only",
                    "-mstrict-align", f"-I{ROOT}/include", "-c", "mmio.c"], cwd=tmp_path,
                   check=True)
    subprocess.run(["aarch64-linux-gnu-objcopy", "-O", "binary", "-j", ".text", "mmio.o", "mmio"],
                   cwd=tmp_path, check=True)
    data = (tmp_path / "mmio").read_bytes()
    words = [word for word, in struct.iter_unpack("<I", data) if word not in (0, 0xD503201F)]
    loads, stores = words[:-6], words[-6:]
    accesses = [word & ~0x3FF for word in words if word & 0x3F000000 == 0x08000000]
    assert accesses == [size << 30 | kind for kind in (LDAR, STLR) for size in (2, 1, 0)]
    assert words.count(RET) == 6 and loads and stores
    assert len(words) <= 14, "narrow results may take one instruction more"


def test_the_fixes_for_cortex_a53_are_asked_for_wherever_the_image_is_built():
    """835769 is the compiler's, 843419 the linker's; whether they do it unasked differs."""
    output = subprocess.run(["make", "-n", "-B", f"O={BUILD}", "all"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout.replace("\\\n", " ")
    lines = [line for line in output.splitlines() if line.startswith("aarch64-linux-gnu-gcc")]
    compiled = [line for line in lines if " -S " in line and line.endswith(".c")]
    linked = [line for line in lines if "pagoda.lds -o" in line]
    assert len(compiled) > 50 and len(linked) == 2
    assert all(" -mfix-cortex-a53-835769 " in line for line in compiled)
    assert all(" -Wl,--fix-cortex-a53-843419 " in line for line in linked)


# ---- what a higher level forbids ----


def test_no_register_that_may_be_forbidden_is_written_without_a_place_to_land():
    writes = list(found(lambda word: word in GCSCR or word in CONTROL2))
    assert sorted(GCSCR.get(words[at], CONTROL2.get(words[at])) for _, words, at in writes) == [
        "GCSCRE0_EL1"] * 6 + ["GCSCR_EL1"] * 3 + ["GCSCR_EL2"] * 2 + [
            "GCSCR_EL3", "SCTLR2_EL1", "TCR2_EL1"]
    for where, words, at in writes:
        assert any(word == MSR_TPIDR_EL0 for word in words[at - 2:at]), where


def moved(words, at):
    """What MOVZ and the MOVKs behind it have put into X0 before words[at]."""
    value = 0
    for word in words[:at]:
        half = bits(word, 22, 21) * 16
        if word & (MOVE_MASK | 0x1F) == MOVZ:
            value = bits(word, 20, 5) << half
        elif word & (MOVE_MASK | 0x1F) == MOVK:
            value = value & ~(0xFFFF << half) | bits(word, 20, 5) << half
    return value


def test_el1_may_use_what_fine_grained_traps_forbid_by_a_clear_bit():
    """PIR_EL1, say. A guest, which has all such traps, gets them from XZR."""
    places, image = symbols(), IMAGE.read_bytes()
    size = (places["el2_devices"] - places["el2_drop"]) // 4
    words = struct.unpack_from(f"<{size}I", image, places["el2_drop"])
    written = {FINE_TRAPS[word & ~0x1F]: moved(words, at) for at, word in enumerate(words)
               if word & ~0x1F in FINE_TRAPS and word & 0x1F == 0}
    assert written == {(name, allowed): allowed for name, allowed in FINE_TRAPS.values()}


def test_guarded_control_stacks_are_off_before_the_first_call():
    places, image = symbols(), IMAGE.read_bytes()
    for name, end, register in (("primary_entry", "entry_el3", "GCSCR_EL1"),
                                ("entry_el3", "entry_el2", "GCSCR_EL3"),
                                ("entry_el2", "enter_c", "GCSCR_EL2"),
                                ("secondary_entry", "secondary_el2", "GCSCR_EL1"),
                                ("secondary_el2", "secondary_found", "GCSCR_EL2")):
        words = struct.unpack_from(f"<{(places[end] - places[name]) // 4}I", image, places[name])
        cleared = [at for at, word in enumerate(words) if GCSCR.get(word) == register]
        calls = [at for at, word in enumerate(words) if word & BL_MASK == BL]
        assert len(cleared) == 1 and cleared[0] < min(calls, default=len(words)), name
        assert words[cleared[0] + 2] == ISB


def place_of(symbol, word, skip=0, mask=0xFFFFFFFF):
    """Where the first such instruction behind @symbol is in the Image that start() loads, and the
    instruction."""
    words = IMAGE.read_bytes()[symbols()[symbol]:]
    for at in range(0, 1024, 4):
        instruction, = struct.unpack_from("<I", words, at)
        if instruction & mask == word:
            return IMAGE_AT + symbols()[symbol] + at + skip, instruction
    raise LookupError(f"no {word:#x} behind {symbol}")


def stopped(append, machine, exceptions):
    """A machine that has not left its loader, for a debugger to take it on."""
    return start("	b	.\n	nop\n", append, machine=machine, exceptions=exceptions,
                 excused=WRITE_REFUSED)


def debugged(running):
    debugger = Gdb(running)
    debugger.write(pc=debugger.read("pc") + 8)
    return debugger


MRS_ID_AA64MMFR3_EL1 = 0xD5380760  # Rt in bits 4:0
TCRX, SCTLRX, BOTH = 0x1, 0x10, 0x11
FORBIDDEN = {TCRX: "TCR2_EL{} was not cleared: a higher exception level forbids it",
             SCTLRX: "SCTLR2_EL{} was not cleared: a higher exception level forbids it"}


def claim_mmfr3(running, value):
    """Let it boot as on a CPU whose ID_AA64MMFR3_EL1 is @value. QEMU has none of the registers that
    this speaks of: their writes are undefined, as firmware makes those that it does not know."""
    debugger = debugged(running)
    place, word = place_of("id_read", MRS_ID_AA64MMFR3_EL1, skip=4, mask=~0x1F)
    debugger.run_to(place)
    debugger.write(**{f"x{word & 0x1F}": value})
    debugger.go_on()


@pytest.mark.parametrize("machine,append,el", LEVELS)
@pytest.mark.parametrize("claimed", [TCRX, SCTLRX, BOTH])
def test_a_control_register_that_is_forbidden_is_said_and_the_boot_goes_on(machine, append, el,
                                                                           claimed):
    with stopped(append, machine, exceptions=bin(claimed).count("1")) as running:
        claim_mmfr3(running, claimed)
        running.expect(PROMPT)
        document = running.document("report json")
        assert document["decision"]["el"] == el
        assert document["warnings"] == [text.format(el) for field, text in FORBIDDEN.items()
                                        if claimed & field]


@pytest.mark.parametrize("machine,append,el", LEVELS)
def test_a_word_leaves_the_control_registers_alone(machine, append, el):
    with stopped(f"{append} arm64.noctl2", machine, exceptions=0) as running:
        claim_mmfr3(running, BOTH)
        running.expect(PROMPT)
        document = running.document("report json")
        assert (document["decision"]["el"], document["warnings"]) == (el, [])
        assert document["overrides"][-1]["status"] == "applied"


MRS_ID_AA64PFR1_EL1 = 0xD5380420  # X0
GCS = 1 << 44


@pytest.mark.parametrize("machine,append,el,symbol", [
    ("", "", 1, "primary_entry"), (EL2, "", 2, "entry_el2"), (EL2, NO_VHE, 1, "el2_drop")])
def test_a_gcscr_that_is_forbidden_is_left_alone(machine, append, el, symbol):
    with stopped(append, machine, exceptions=1) as running:
        debugger = debugged(running)
        debugger.run_to(place_of(symbol, MRS_ID_AA64PFR1_EL1, skip=4)[0])
        debugger.write(x0=debugger.read("x0") | GCS)
        debugger.go_on()
        running.expect(PROMPT)
        document = running.document("report json")
        assert (document["decision"]["el"], document["warnings"]) == (el, [])


@pytest.mark.parametrize("machine", ["", EL2])
def test_what_is_undefined_before_the_flip_is_said(machine):
    """An instruction with no place to land: as any exception there."""
    with start("	b	.\n	nop\n", machine=machine, exceptions=1) as running:
        debugger = debugged(running)
        mdscr, _ = place_of("mmu_flip", MSR_MDSCR_EL1)
        debugger.run_to(mdscr)
        debugger.write_memory(mdscr, bytes(4))
        debugger.go_on()
        reason, stop = running.wait_cannot_boot()
        assert (stop.code, stop.limit) == (12, mdscr) and "exception" in reason


MSR_APIAKEYLO_EL1 = 0xD5182102  # X2


@pytest.mark.parametrize("machine,append,el", LEVELS)
def test_a_key_for_pointer_authentication_that_is_forbidden_is_said_with_advice(machine, append,
                                                                                el):
    """SCR_EL3.APK clear, as U-Boot may leave it: undefined, where firmware hands it back."""
    for word in ("", " arm64.nopauth"):
        with stopped(append + word, machine, exceptions=0 if word else 1) as running:
            debugger = debugged(running)
            key, _ = place_of("pac_key_set", MSR_APIAKEYLO_EL1)
            debugger.write_memory(key, bytes(4))
            debugger.go_on()
            if word:
                running.expect(PROMPT)
                assert running.document("report json")["decision"]["el"] == el
            else:
                reason, stop = running.wait_cannot_boot()
                assert stop.code == 17 and "arm64.nopauth" in reason


# ---- what a loader left ----

# Down from EL2 to EL1 with a virtual SError pending, which EL1 takes as it would a physical one.
SERROR_PENDING = """
	movz	x0, #{syndrome_high}, lsl #16
	movk	x0, #{syndrome_low}
	msr	s3_4_c5_c2_3, x0	// VSESR_EL2
	mov	x0, #1 << 31	// RW
	orr	x0, x0, #0b11 << 40	// API, APK
	orr	x0, x0, #1 << 8	// VSE
	orr	x0, x0, #1 << 5	// AMO
	msr	hcr_el2, x0
	mov	x0, #0x3c5	// EL1, all masked
	msr	spsr_el2, x0
	adr	x0, 1f
	msr	elr_el2, x0
	eret
1:
"""


def serror_pending(iss):
    return SERROR_PENDING.format(syndrome_high=iss >> 16, syndrome_low=iss & 0xFFFF)


@pytest.mark.parametrize("iss,words", [
    (1 << 24 | 0xABC, "in a code of the CPU's own"), (0xC11, "recoverable")])
@pytest.mark.parametrize("append", ["", "quiet", "arm64.pagesize=64k"])
def test_an_serror_that_was_pending_at_entry_is_reported_and_not_the_end(append, iss, words):
    with start(serror_pending(iss), append, machine=EL2, exceptions=1) as running:
        text = running.expect(PROMPT)
        warning = f"an SError was pending at entry, from before: ESR {0xBE000000 | iss:#x}, {words}"
        assert running.document("report json")["warnings"] == [warning]
        assert [line.split("WARNING")[1].strip() for line in text.splitlines()
                if "SError" in line] == [warning]
        assert bits(running.registers()["PSTATE"], 8, 8) == 0, "PSTATE.A"


@pytest.mark.parametrize("machine,append,el", LEVELS)
def test_serrors_are_let_through_at_the_prompt(machine, append, el):
    result = boot("max", append, machine)
    assert bits(result.registers["PSTATE"], 8, 8) == 0, "PSTATE.A"
    assert bits(result.registers["PSTATE"], 3, 2) == el


DEBUGGED = """
	mov	x0, #1 << 15	// MDE
	orr	x0, x0, #1 << 13	// KDE
	orr	x0, x0, #1	// SS
	msr	mdscr_el1, x0
	isb
"""


@pytest.mark.parametrize("machine,append,el", LEVELS)
def test_a_single_step_that_the_loader_left_on_disturbs_nobody(machine, append, el):
    with start(DEBUGGED, append, machine=machine, exceptions=None) as running:
        running.expect(PROMPT)
        answer = running.command("selftest user")
        assert "ok 1" in answer and "not ok" not in answer
        assert running.document("report json")["decision"]["el"] == el
        assert Gdb(running).mrs(2, 0, 0, 2, 2) == 0, "MDSCR_EL1"
