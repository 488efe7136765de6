# SPDX-License-Identifier: MIT
"""Exception levels: a kernel that was entered at EL2 stays there where the CPU has VHE, and goes
down to EL1 where not, leaving a stub that answers. Whatever state the loader left."""
import struct

import pytest

from gdb import Gdb
from level import CONTROL, without_level
from loader import WINDOW_START, Memory, device_tree, edit_tree, load
from machine import IMAGE, PROMPT, TIMEOUT, Machine, boot, number, symbols
from test_faults import LOAD, STORE, Victim, check_abort, register
from walker import bits

MIB = 1 << 20
IMAGE_AT = WINDOW_START + 3 * MIB
FDT_AT = WINDOW_START + 8 * MIB
EL2 = "virtualization=on,dtb-randomness=off"
PAGE_SIZES = ["4k", "16k", "64k"]
NO_VHE = "id_aa64mmfr1.vh=0"
ENTRIES = {1: "", 2: "virtualization=on", 3: "secure=on"}
EXCEPTION = 12  # stop code

# HCR_EL2 (DDI 0487 D19.2.48)
E2H, TGE = 1 << 34, 1 << 27

MSR_HCR_EL2 = 0xD51C1100  # MSR HCR_EL2, X0
HVC = 0xD4000002  # HVC #0
MRS_SCXTNUM_EL1 = 0xD538D0E0  # MRS X0, SCXTNUM_EL1, which HCR_EL2.EnSCXT traps where it is clear
HVC_REFUSED = 0xBADCA11


def kernel_at(level, page_size):
    """A Boot that was entered at EL2 and whose kernel is at @level."""
    vhe = "" if level == 2 else NO_VHE
    return boot("max", f"nokaslr arm64.pagesize={page_size} {vhe}", EL2)


def without_command_line(report):
    """@report without what was asked for, and without times."""
    return {key: value for key, value in report.items()
            if key not in ("command_line", "overrides", "timeline")}


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_with_and_without_vhe_report_and_tables_are_the_same_but_for_the_level(page_size):
    vhe, other = kernel_at(2, page_size).document, kernel_at(1, page_size).document
    assert without_command_line(without_level(vhe)) == without_command_line(without_level(other))
    for document, el in ((vhe, 2), (other, 1)):
        assert document["decision"]["el"] == el
        assert document["image"]["entry_el"] == 2
        assert document["psci"] == "smc"


@pytest.mark.parametrize("page_size", ["4k", "64k"])
def test_a_cpu_without_vhe_reports_the_same_from_either_level(page_size):
    append = f"nokaslr arm64.pagesize={page_size}"
    from_el2 = boot("cortex-a57", append, EL2).document
    from_el1 = boot("cortex-a57", append, "dtb-randomness=off").document
    assert (from_el2["image"]["entry_el"], from_el1["image"]["entry_el"]) == (2, 1)
    assert from_el2["decision"]["el"] == from_el1["decision"]["el"] == 1
    assert (from_el2["decision"]["el_reason"], from_el1["decision"]["el_reason"]) == (
        "the CPU lacks FEAT_VHE", "entered there")
    from_el2.pop("timeline"), from_el1.pop("timeline")
    assert without_level(from_el2) == without_level(from_el1)


@pytest.mark.parametrize("page_size", PAGE_SIZES)
@pytest.mark.parametrize("el", [1, 2])
def test_registers_have_the_names_and_the_bits_of_the_kernels_level(el, page_size):
    result = kernel_at(el, page_size)
    registers = result.document["registers"]
    assert all(f"{name}_EL{el}" in registers for name in CONTROL)
    assert all(f"{name}_EL{3 - el}" not in registers for name in CONTROL)
    # With E2H TCR_EL2 has DS where TCR_EL1 has it; bit 32 is its place without, and in IPS here.
    assert bits(result.control("TCR"), 59, 59) == (page_size != "64k"), "DS"
    assert bits(result.control("TCR"), 34, 32) == 6, "IPS"
    assert bits(result.control("SCTLR"), 19, 19) == 1, "WXN"
    assert bits(result.control("SCTLR"), 23, 23) == 0, "SPAN"
    assert bits(result.registers["PSTATE"], 3, 0) == el << 2, "on SP_EL0"
    assert bits(result.registers["PSTATE"], 22, 22) == 1, "PAN"
    assert ("HCR_EL2" in registers) == (el == 2)
    if el == 2:
        hcr = number(registers["HCR_EL2"])
        assert hcr & (E2H | TGE) == E2H | TGE
    for name in CONTROL:
        shown = f"{name}_EL{el}"
        assert f"{shown:9} {registers[shown]}" in result.text


def test_the_text_says_at_which_level_the_kernel_runs_and_why():
    for result, decision in (
            (kernel_at(2, "4k"), "EL2 (VHE): the CPU has FEAT_VHE"),
            (kernel_at(1, "4k"), "EL1: VHE was turned off (id_aa64mmfr1.vh=0)"),
            (boot("cortex-a57", "", "virtualization=on"), "EL1: the CPU lacks FEAT_VHE")):
        assert f"               {decision}\n" in result.text
        assert "  entered at   EL2, MMU off, data cache off, instruction cache off\n" in result.text
    assert "               EL1: entered there\n" in boot().text


def test_vh_0_is_applied_at_el1_too_where_it_changes_nothing():
    document = boot("max", NO_VHE).document
    assert [(row["field"], row["status"]) for row in document["overrides"]] == [
        ("id_aa64mmfr1.vh", "applied")]
    assert document["decision"]["el_reason"] == "entered there"


# ---- what the loader left ----


def start(before, append="", *edits, **machine):
    """A machine whose loader first executes @before, with QEMU's device tree after @edits."""
    memory = Memory(0xAA)
    memory.put(TABLE_AT, TABLE)
    memory.put(FDT_AT, edit_tree(device_tree(append, machine.get("machine", "")), *edits))
    return load(memory, IMAGE_AT, FDT_AT, before, **machine)


CACHES_ON = """
	mrs	x0, sctlr_el{el}
	mov	x1, #0x1004	// C, I
	orr	x0, x0, x1
	msr	sctlr_el{el}, x0
	isb
"""


@pytest.mark.parametrize("el", [1, 2])
def test_caches_that_the_loader_left_on_are_reported(el):
    machine = "virtualization=on" if el == 2 else ""
    with start(CACHES_ON.format(el=el), machine=machine) as running:
        text = running.expect(PROMPT)
        assert f"entered at   EL{el}, MMU off, data cache on, instruction cache on\n" in text
        assert running.document("report json")["image"]["entry"] == {
            "mmu": False, "data_cache": True, "instruction_cache": True, "e2h_stuck": False}


# A loader that ran with VHE, and traps everything that it can from EL1 and EL0.
VHE_LEFT_ON = """
	mov	x0, #1 << 34	// E2H
	orr	x0, x0, #1 << 27	// TGE
	msr	hcr_el2, x0
	isb
	msr	cptr_el2, xzr
	msr	cnthctl_el2, xzr
	mov	x0, #0xfe0	// MDCR_EL2: TDRA, TDOSA, TDA, TDE, HPME, TPM, TPMCR
	msr	mdcr_el2, x0
"""
# EL1 as a system that ran there left it, MMU and all; EL2 traps its registers.
EL1_LEFT_ON = """
	mov	x0, #-1
	msr	ttbr0_el1, x0
	msr	ttbr1_el1, x0
	msr	vbar_el1, x0
	msr	vttbr_el2, x0
	mov	x0, #1 << 60
	msr	cntvoff_el2, x0
	mov	x0, #0x1005	// M, C, I
	msr	sctlr_el1, x0
	mov	x0, #1 << 31	// RW
	orr	x0, x0, #1 << 26	// TVM: traps writes to translation registers
	orr	x0, x0, #1	// VM: stage 2
	msr	hcr_el2, x0
	isb
"""


LEFT_ON = {"vhe": VHE_LEFT_ON, "el1": EL1_LEFT_ON}


def reported(before, append, **machine):
    """`ptdump json` of a kernel whose loader first executed @before, without its timeline, which
    must be one of a clock that nobody has turned back or forward."""
    with start(before, append, **machine) as running:
        running.expect(PROMPT)
        document = running.document("ptdump json")
        ticks = [row["ticks"] for row in document.pop("timeline")]
        assert ticks == sorted(ticks) and ticks[-1] < document["counter_hz"] * TIMEOUT
        return document


@pytest.mark.parametrize("cpu,append,el,before", [
    ("max", "", 2, "vhe"), ("max", "", 2, "el1"), ("max", NO_VHE, 1, "vhe"),
    ("max", NO_VHE, 1, "el1"), ("max", f"{NO_VHE} arm64.pagesize=16k", 1, "el1"),
    ("max", f"{NO_VHE} arm64.pagesize=64k", 1, "el1"), ("cortex-a57", "", 1, "el1"),
    ("cortex-a57", "arm64.pagesize=64k", 1, "el1")])
def test_what_the_loader_left_at_el1_and_el2_makes_no_difference(cpu, append, el, before):
    clean = reported("", append, cpu=cpu, machine="virtualization=on")
    assert clean["decision"]["el"] == el
    assert reported(LEFT_ON[before], append, cpu=cpu, machine="virtualization=on") == clean


# What EL2 can do to a kernel below it or beside it, all of it: a stage 2 by tables that are none,
# traps of everything, no event counter, another CPU's identity, virtual interrupts. Fine-grained
# traps (FEAT_FGT) are none of QEMU's.
EL2_LEFT_ON = """
	mov	x0, #-1
	msr	vttbr_el2, x0
	msr	vpidr_el2, x0
	msr	vmpidr_el2, x0
	msr	hstr_el2, x0
	msr	cptr_el2, x0
	msr	cntvoff_el2, x0
	msr	cnthctl_el2, xzr
	mov	x0, #0xfe0	// MDCR_EL2: all traps, and HPMN 0
	msr	mdcr_el2, x0
	mrs	x0, s3_4_c12_c9_5	// ICC_SRE_EL2
	orr	x0, x0, #1
	bic	x0, x0, #8	// Enable: EL1 may not ask for registers
	msr	s3_4_c12_c9_5, x0
	isb
	mov	x0, #0x1c01	// ICH_HCR_EL2: En, TC, TALL0, TALL1
	msr	s3_4_c12_c11_0, x0
	isb
"""
GICV3_AT_EL2 = "virtualization=on,gic-version=3"
ICH_HCR_EL2, ICC_SRE_EL2 = (3, 4, 12, 11, 0), (3, 4, 12, 9, 5)
CPTR_TRAPS = 1 << 31 | 1 << 30 | 1 << 20 | 1 << 10  # TCPAC, TAM, TTA, TFP
CPTR_E2H_ENABLES = 0b11 << 24 | 0b11 << 20 | 0b11 << 16  # SMEN, FPEN, ZEN


@pytest.mark.parametrize("append,el", [("", 2), (NO_VHE, 1)])
def test_every_register_of_el2_that_can_do_harm_is_reset(append, el):
    with start(EL2_LEFT_ON, append, machine=GICV3_AT_EL2) as running:
        running.expect(PROMPT)
        assert "input        by interrupt 33" in running.command("report")
        document = running.document("report json")
        assert document["decision"]["el"] == el
        debugger = Gdb(running)
        read = debugger.read_system
        assert read("CNTVOFF_EL2") == 0
        assert bits(read("MDCR_EL2"), 11, 5) == 0, "traps"
        assert bits(read("MDCR_EL2"), 4, 0) == bits(read("PMCR_EL0"), 15, 11) > 0, "HPMN is N"
        if el == 2:
            assert read("CPTR_EL2") & (CPTR_E2H_ENABLES | 1 << 31 | 1 << 28) == CPTR_E2H_ENABLES
            # What is left of these at EL1 traps it: there it has come to its prompt, by interrupt.
            assert debugger.mrs(*ICH_HCR_EL2) == 0
            assert bits(debugger.mrs(*ICC_SRE_EL2), 3, 0) & 0b1001 == 0b1001, "Enable, SRE"
            return
        assert read("CPTR_EL2") & CPTR_TRAPS == 0
        assert (read("VTTBR_EL2"), read("HSTR_EL2")) == (0, 0)
        assert read("VPIDR_EL2") == number(document["registers"]["MIDR_EL1"]) != (1 << 64) - 1
        assert read("VMPIDR_EL2") == number(document["registers"]["MPIDR_EL1"])
        assert bits(read("CNTHCTL_EL2"), 1, 0) == 0b11, "counters and timers are EL1's"


# The first two GiB as they are, by level 1 blocks of 4K pages: devices, and memory.
TABLE_AT = WINDOW_START + 16 * MIB
TABLE = struct.pack("<QQ", 0x0 | 0x405, 0x40000000 | 0x701)
MMU_ON = """
	mov	x0, #0xff
	msr	mair_el{el}, x0
	movz	x0, #0x3519	// T0SZ 25; write-back, inner shareable
	movk	x0, #{tcr_high}, lsl #16
	msr	tcr_el{el}, x0
	movz	x0, #{table_high}, lsl #16
	msr	ttbr0_el{el}, x0
	isb
	tlbi	{tlbi}
	dsb	nsh
	isb
	mrs	x0, sctlr_el{el}
	mov	x1, #0x5	// M, C
	orr	x0, x0, x1
	msr	sctlr_el{el}, x0
	isb
"""
MMU_WARNING = "entered with the MMU on: what the loader left in the caches may be lost"


@pytest.mark.parametrize("el,append", [(1, ""), (2, ""), (2, NO_VHE)])
def test_an_mmu_that_the_loader_left_on_is_turned_off_and_warned_of(el, append):
    # Without E2H TCR_EL2 has PS in bits 18:16, and RES1 31 and 23; EPD1 is TCR_EL1's bit 23.
    code = MMU_ON.format(el=el, table_high=TABLE_AT >> 16, tcr_high=0x8082 if el == 2 else 0x80,
                         tlbi="alle2" if el == 2 else "vmalle1")
    clean = reported("", append, machine=ENTRIES[el])
    left_on = reported(code, append, machine=ENTRIES[el])
    assert left_on["image"]["entry"].pop("mmu") and left_on["image"]["entry"].pop("data_cache")
    assert not clean["image"]["entry"].pop("mmu") | clean["image"]["entry"].pop("data_cache")
    assert left_on.pop("warnings") == [MMU_WARNING] and clean.pop("warnings") == []
    assert left_on == clean


def instruction(word, symbol):
    """The offset of the first such instruction from @symbol on."""
    data = IMAGE.read_bytes()
    first = symbols()[symbol]
    for offset in range(first, first + 256, 4):
        if struct.unpack_from("<I", data, offset)[0] == word:
            return offset
    raise LookupError(f"no {word:#x} in {symbol}")


def step_to(debugger, pc):
    """Execute what there is up to @pc."""
    for _ in range(200):
        if debugger.read("pc") == pc:
            return
        debugger.step()
    raise AssertionError(f"{pc:#x} was not reached")


@pytest.mark.parametrize("append,status", [(NO_VHE, ["refused"]), ("", []),
                                           ("kvm-arm.mode=nvhe", ["refused"])])
def test_where_e2h_is_stuck_at_1_the_kernel_stays_at_el2_and_vh_0_is_refused(append, status):
    """QEMU has no such CPU: a debugger sets the bit that was to be cleared."""
    with start("	b	.\n	nop\n", append, machine="virtualization=on") as running:
        debugger = Gdb(running)
        debugger.write(pc=debugger.read("pc") + 8)
        step_to(debugger, IMAGE_AT + instruction(MSR_HCR_EL2, "el2_reset"))
        value = debugger.read("x0")
        assert value & E2H == 0
        debugger.write(x0=value | E2H)
        debugger.step()
        debugger.write(x0=value)
        debugger.go_on()
        text = running.expect(PROMPT)
        document = running.document("report json")
        assert document["image"]["entry"]["e2h_stuck"] is True
        assert document["decision"]["el"] == 2
        assert [row["status"] for row in document["overrides"]] == status
        assert "entered at   EL2, MMU off, data cache off, instruction cache off, " \
            "HCR_EL2.E2H stuck at 1\n" in text
        assert ("HCR_EL2.E2H is stuck at 1: " in text) == bool(status)
        if append.startswith("kvm-arm"):
            assert "hypervisor   nvhe: none: the kernel is at EL2 and the CPU cannot leave" in text
            assert " fail:0 " in running.command("selftest audit.wx")


# ---- the stub ----


class Guest(Victim):
    """A kernel at EL1, with the stub at EL2."""

    def call(self, x0, x1=0):
        """What HVC returns in x0; it must come back right after the instruction, at EL1."""
        hvc = self.image + instruction(HVC, "psci_call_hvc")
        self.debugger.write(pc=hvc, x0=x0, x1=x1)
        step_to(self.debugger, hvc + 4)
        return self.debugger.read("x0")


def test_the_stub_at_el2_answers():
    with Guest(NO_VHE, exceptions=6, machine=EL2) as guest:
        assert guest.el == 1
        assert guest.call(2) == 0
        for unknown in (1, 3, 0x84000008, 1 << 63):
            assert guest.call(unknown) == HVC_REFUSED
        assert guest.call(2) == 0


def test_the_stub_can_be_replaced_and_put_back():
    with Guest(NO_VHE, exceptions=4, machine=EL2) as guest:
        stub = guest.physical + symbols()["el2_vectors"]
        # A copy of the stub's code in memory that nobody uses: it answers in the stub's stead.
        copy = 0x50000000
        code = bytearray(guest.memory(stub, 0x1000))
        refused = code.find(struct.pack("<I", 0xD2800000 | (HVC_REFUSED & 0xFFFF) << 5))
        assert refused > 0, "MOVZ X0, #0xca11"
        struct.pack_into("<I", code, refused, 0xD2800000 | 0x1234 << 5)
        guest.debugger.write_physical(copy, bytes(code))
        assert guest.call(0, copy) == 0
        assert guest.call(77) == HVC_REFUSED & ~0xFFFF | 0x1234
        assert guest.call(0, stub) == 0
        assert guest.call(77) == HVC_REFUSED


def test_a_trap_to_the_stub_stops_the_cpu():
    """Or it would come again, for ever."""
    with Guest(NO_VHE, machine=EL2) as guest:
        target = guest.address("kernel_main") // 8 * 8
        guest.debugger.write_memory(target, struct.pack("<I", MRS_SCXTNUM_EL1))
        guest.run_at(target)
        stop = guest.wait_stop()
        assert (stop.code, stop.limit) == (EXCEPTION, target)
        assert stop.value >> 26 == 0x18, "trapped MRS"
        assert bits(guest.registers()["PSTATE"], 3, 2) == 2


def test_a_gic_without_the_system_registers_that_the_cpu_claims_is_no_obstacle():
    """QEMU's a64fx claims them beside a GICv2 too."""
    with Machine("a64fx", machine="virtualization=on", exceptions=1,
                 excused=["read access to unsupported AArch64 system register"]) as machine:
        machine.expect(PROMPT)
        assert machine.document("report json")["decision"]["el"] == 2
    with Machine("a64fx", machine="virtualization=on,gic-version=3") as machine:
        machine.expect(PROMPT)


def test_poweroff_by_hvc_is_not_tried_at_el2():
    memory = Memory()
    memory.put(FDT_AT, edit_tree(device_tree("", "virtualization=on"),
                                 ["-t", "s", "FILE", "/psci", "method", "hvc"]))
    with load(memory, IMAGE_AT, FDT_AT, machine="virtualization=on") as running:
        running.expect(PROMPT)
        assert running.command("poweroff") == "poweroff: the firmware refused\n"


# ---- what goes wrong ----


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_a_fault_at_el2_is_reported_in_full(page_size):
    with Victim(f"arm64.pagesize={page_size}", machine=EL2) as victim:
        assert victim.el == 2
        target = victim.address("kernel_main") // 8 * 8
        elr = victim.access(STORE, target)
        report = victim.report()
        check_abort(report, victim, "data", "permission fault, level 3", target, elr)
        assert "\n  on a write\n" in report
        assert f"walk {target:#018x}: upper half, kernel map (TTBR1_EL2)\n" in report
        assert "  permissions    read-only, executable, guarded (BTI)" in report
        assert register(report, "SPSR") & 0xF == 0b1000, "EL2 on SP_EL0"


def test_a_jump_into_a_writable_page_at_el2_is_a_permission_fault():
    with Victim(machine=EL2) as victim:
        target = victim.address("_bss_start")
        victim.run_at(target)
        check_abort(victim.report(), victim, "instruction", "permission fault, level 3", target,
                    target)


def test_the_identity_map_can_no_longer_be_read_at_el2():
    with Victim(machine=EL2) as victim:
        elr = victim.access(LOAD, victim.physical)
        report = victim.report()
        check_abort(report, victim, "data", "translation fault, level 0", victim.physical, elr)
        assert "no longer in TTBR0_EL2" in report


@pytest.mark.parametrize("el", ENTRIES)
def test_an_exception_before_the_flip_stops_at_every_level(el):
    fdt = 0x3000000000
    with load(Memory(), IMAGE_AT, fdt, machine=ENTRIES[el], exceptions=1,
              excused=[f"Invalid read at addr {fdt:#x}"]) as running:
        stop = running.wait_stop()
        assert (stop.code, stop.extra) == (EXCEPTION, fdt)
        assert stop.value >> 26 == 0x25, "data abort at the current EL"
        assert bits(running.registers()["PSTATE"], 3, 2) == el


@pytest.mark.parametrize("el", ENTRIES)
def test_an_exception_while_reporting_one_stops_too_at_every_level(el):
    """The consoles that are to say what is wrong are not there themselves."""
    first, uart = 0x3010000000, 0x3000000000
    append = f"earlycon=pl011,{first:#x} arm64.pagesize=16k"
    with start("", append, ["-t", "x", "FILE", "/pl011@9000000", "reg", f"{uart >> 32:x}", "0",
                            "0", "1000"],
               cpu="cortex-a57", machine=ENTRIES[el], exceptions=2,
               excused=["Invalid read at addr", "Invalid write at addr"]) as running:
        stop = running.wait_stop()
        assert stop.code == EXCEPTION
        assert stop.extra // 4096 == uart // 4096


def test_entry_at_el3_is_refused_on_the_console_and_the_cpu_stays_there():
    with start("", machine="secure=on") as running:
        reason, stop = running.wait_cannot_boot()
        assert reason == "entered at EL3; enter at EL2 or EL1"
        assert (stop.code, stop.value) == (1, 3)
        assert bits(running.registers()["PSTATE"], 3, 2) == 3
