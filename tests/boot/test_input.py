# SPDX-License-Identifier: MIT
"""Input by interrupt, where the device tree has a GIC and an interrupt of it for the console; and
polled input elsewhere.
"""
import time

import pytest

from loader import WINDOW_START, Memory, device_tree, edit_tree, load
from machine import PROMPT, TIMEOUT, Machine
from patience import Patience

MIB = 1 << 20
IMAGE = WINDOW_START + MIB
FDT = WINDOW_START + 8 * MIB
PASTE = 16 << 10
UART = "/pl011@9000000"
GIC = "/intc@8000000"
NOWHERE = 0x3000000000  # in the virt machine: a bus error
SLEEP = 0.5  # seconds of its own for which a CPU is looked at

MACHINES = ["", "gic-version=3", "virtualization=on", "virtualization=on,gic-version=3"]

# Firmware that leaves the clock's alarm (PL031) ringing, with nobody to turn it off.
ALARM = """
	movz	x16, #0x901, lsl #16
	ldr	w17, [x16]
	str	w17, [x16, #4]
	mov	w17, #1
	str	w17, [x16, #0x10]
"""
ALARM_INTERRUPT = 2  # a shared one
SILENT_INTERRUPT = 5  # a shared one, and
SILENT_PRIVATE = 1  # one of each CPU, that nobody raises

# Firmware that leaves the GIC with all interrupts on, the physical timer's ringing, and the end of
# an interrupt split in two (EOImode): one that was only ended would never come again.
TIMER_RINGS = """
	msr	cntp_cval_el0, xzr
	mov	x17, #1
	msr	cntp_ctl_el0, x17
	mov	w17, #-1
"""
LEFT_ON = {
    2: TIMER_RINGS + """
	movz	x16, #0x800, lsl #16
	str	w17, [x16, #0x100]
	str	w17, [x16, #0x104]
	mov	w17, #1
	str	w17, [x16]
	movz	x16, #0x801, lsl #16
	mov	w17, #0x201
	str	w17, [x16]
""",
    3: TIMER_RINGS + """
	movz	x16, #0x80b, lsl #16
	str	w17, [x16, #0x100]
	movz	x16, #0x800, lsl #16
	str	w17, [x16, #0x104]
	mov	w17, #0x13
	str	w17, [x16]
	mrs	x16, s3_0_c12_c12_5
	orr	x16, x16, #1
	msr	s3_0_c12_c12_5, x16
	isb
	mov	x16, #2
	msr	s3_0_c12_c12_4, x16
""",
}
MISSED_MAX = 3  # as in kernel/console/receive.c


def edited(*edits, exceptions=0, excused=(), before="", machine=""):
    memory = Memory()
    memory.put(FDT, edit_tree(device_tree("", machine), *edits))
    return load(memory, IMAGE, FDT, before, exceptions=exceptions, excused=excused,
                machine=machine)


def check_input(machine, why_polled=None):
    """What is typed at the first prompt arrives, and the report says how. Leaves it at another."""
    machine.expect(PROMPT)
    check_report(machine, why_polled)


def check_report(machine, why_polled=None):
    report = machine.command("report")
    how = f"polled: {why_polled}" if why_polled else "by interrupt 33"
    assert f"\n  input        {how}\n" in report
    assert machine.document("report json")["console"]["input"] == (
        "polled" if why_polled else "interrupt")


def running_and_waiting(thread):
    """Seconds for which a thread has run, and for which it would have run had a processor been
    free."""
    with open(f"/proc/{thread}/schedstat", encoding="ascii") as file:
        running, waiting, _ = (int(field) / 1e9 for field in file.read().split())
    return running, waiting


def busy(machine):
    """The share of its time for which the CPU works while nobody types. Time for which the host
    kept it waiting is not its own: it neither worked then nor slept."""
    cpu, = machine.qmp("query-cpus-fast")
    time.sleep(0.1)
    begin, (ran, waited) = time.monotonic(), running_and_waiting(cpu["thread-id"])
    patience, own = Patience(machine.pid, TIMEOUT), 0
    while own < SLEEP:
        time.sleep(SLEEP - own)
        running, waiting = running_and_waiting(cpu["thread-id"])
        own = time.monotonic() - begin - (waiting - waited)
        why = patience.over(own)
        assert not why, f"waited for {SLEEP} seconds of the CPU's own: {why}"
    return (running - ran) / own


@pytest.mark.parametrize("page_size", ["4k", "16k", "64k"])
@pytest.mark.parametrize("machine", MACHINES)
def test_input_comes_by_interrupt_and_the_cpu_sleeps_at_the_prompt(machine, page_size):
    with Machine(append=f"arm64.pagesize={page_size}", machine=machine) as running:
        check_input(running)
        assert busy(running) < 0.1
        assert running.command("overrides") != ""


def test_a_polled_prompt_does_not_sleep():
    """So the measure is one."""
    with edited(["-r", "FILE", GIC]) as machine:
        check_input(machine, "no GICv2 or GICv3 is described")
        assert busy(machine) > 0.5


@pytest.mark.parametrize("machine", ["", "gic-version=3"])
def test_what_is_pasted_while_a_command_prints_is_not_lost(machine):
    """Comments, so that all of it comes back in the echo."""
    lines = [f"# {i:05} {'x' * 54}" for i in range(PASTE // 64)]
    with Machine(machine=machine) as running:
        check_input(running)
        running.send("ptdump\r")
        running.send("".join(line + "\r" for line in lines))
        for line in lines:
            running.expect(line + "\r\n")
        running.expect(PROMPT)
        running.command("overrides")


def test_ctrl_c_right_behind_a_command_is_meant_for_it():
    with Machine() as machine:
        check_input(machine)
        machine.send("ptdump\r\x03")
        assert machine.expect("^C\r\n" + PROMPT).count("\n") < 500
        machine.command("overrides")


def test_the_timer_of_the_self_tests_leaves_input_as_it_was():
    with Machine(exceptions=None) as machine:
        check_input(machine)
        for _ in range(2):
            assert "fail:0 " in machine.command("selftest change")
            assert busy(machine) < 0.1
            machine.command("overrides")


@pytest.mark.parametrize("edits,why", [
    ([["-r", "FILE", GIC]], "no GICv2 or GICv3 is described"),
    ([["-t", "s", "FILE", GIC, "status", "disabled"]],
     "no GICv2 or GICv3 is described"),
    ([["-d", "FILE", UART, "interrupts"]], "no interrupt of the GIC's is described for it"),
    ([["-t", "x", "FILE", UART, "interrupts", "1", "1", "4"]],
     "no interrupt of the GIC's is described for it"),
    ([["-t", "x", "FILE", UART, "interrupts", "0", "fffffff0", "4"]],
     "no interrupt of the GIC's is described for it"),
    ([["-t", "x", "FILE", UART, "interrupts", "0", "3d0", "4"]],  # more than this GIC has
     "no interrupt of the GIC's is described for it"),
    ([["-t", "x", "FILE", UART, "interrupt-parent", "77"]],
     "no interrupt of the GIC's is described for it"),
    ([["-t", "x", "FILE", GIC, "reg", "0", "48000000", "0", "1000", "0", "48010000", "0", "1000"]],
     "the GIC's registers cannot be mapped"),
    ([["-t", "x", "FILE", GIC, "reg", "0", "8000000", "0", "1000", "0", "8010000", "0", "10"]],
     "the GIC's registers cannot be mapped"),
], ids=["none", "disabled", "no interrupt", "private", "huge", "beyond", "other parent", "ram",
        "small"])
def test_where_the_tree_has_no_interrupt_to_use_input_is_polled(edits, why):
    with edited(*edits) as machine:
        check_input(machine, why)


@pytest.mark.parametrize("version", ["2", "3"])
def test_a_gic_that_is_not_there_is_not_used(version):
    nowhere = [f"{NOWHERE >> 32:x}", f"{NOWHERE & 0xFFFFFFFF:x}", "0", "100000"]
    with edited(["-t", "x", "FILE", GIC, "reg", *nowhere, *nowhere],
                machine=f"gic-version={version}", exceptions=1,
                excused=["Invalid read at addr", "Invalid write at addr"]) as machine:
        check_input(machine, "the GIC does not answer")
        assert "DEVICE" not in machine.command(f"find {NOWHERE:#x}")


def test_an_interrupt_that_is_anothers_and_never_ends_is_turned_off():
    with edited(["-t", "x", "FILE", UART, "interrupts", "0", f"{ALARM_INTERRUPT}", "4"],
                before=ALARM) as machine:
        check_input(machine, "its interrupt never ends")


@pytest.mark.parametrize("machine", ["", "virtualization=on,gic-version=3"])
def test_a_console_whose_interrupt_never_comes_is_not_deaf(machine):
    """The tree names an interrupt that nobody raises."""
    with edited(["-t", "x", "FILE", UART, "interrupts", "0", f"{SILENT_INTERRUPT:x}", "4"],
                machine=machine) as running:
        running.expect(PROMPT)
        assert busy(running) < 0.1
        for _ in range(MISSED_MAX):
            running.command("overrides")
        check_report(running, "its interrupt does not come")
        assert busy(running) > 0.5


@pytest.mark.parametrize("version", sorted(LEFT_ON))
def test_what_firmware_left_of_the_gic_does_not_matter(version):
    with edited(before=LEFT_ON[version], machine=f"gic-version={version}") as machine:
        check_input(machine)
        for _ in range(MISSED_MAX + 1):
            machine.command("overrides")
        check_report(machine)


def test_where_no_interrupt_is_delivered_input_is_polled():
    """As where the GIC keeps all for the other world: here the tree has another timer's number."""
    with edited(["-t", "x", "FILE", "/timer", "interrupts",
                 *(["1", f"{SILENT_PRIVATE:x}", "104"] * 4)]) as machine:
        check_input(machine, "the GIC does not pass on the timer's interrupt")


def test_a_key_does_not_wake_a_cpu_that_has_stopped():
    with Machine(append="panic=halt", exceptions=None) as machine:
        check_input(machine)
        machine.send("fault read 0\r")
        machine.expect("pagoda: stopped")
        machine.send("x")
        assert busy(machine) < 0.1
