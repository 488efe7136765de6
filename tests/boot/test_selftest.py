# SPDX-License-Identifier: MIT
"""The kernel's self tests, on a few of the machines that `make conformance` runs them on: which are
skipped is written down here, so that a check cannot go missing."""
import sys

import pytest

from loader import device_tree, edit_tree
from machine import PROMPT, ROOT, Machine
from test_address_space import far_machine

sys.path.insert(0, str(ROOT / "scripts"))
import ktap  # noqa: E402

# What QEMU 7.2 lacks, whatever the CPU.
ALWAYS = {"illegal.block"}
NO_LEVEL = {"descriptor.root"}
# Features of the CPUs of 2012 to 2016 that cortex-a53 and cortex-a72 stand for.
OLD = {"descriptor.root", "descriptor.hardware_accessed", "descriptor.dirty", "execute.bti",
       "execute.pac", "tlb.range", "user.pan"}
RODATA = {"audit.wx", "audit.alias", "permission.text", "permission.rodata", "permission.linear"}

# Of a hypervisor, of stage 2 by itself, and of a guest: each for whoever is there.
HYP = {f"hyp.{name}" for name in ("version", "walk", "memory", "share", "given", "arguments",
                                  "stages",
                                  "forgotten")}
STAGE2 = {f"stage2.{name}" for name in ("starts", "blocks", "permissions", "sizes", "off", "types")}
GUEST = {f"guest.{name}" for name in ("calls", "faults", "ends", "gone", "private")}

EL2 = "virtualization=on"
# (CPU, command line, machine, what is skipped)
MACHINES = [
    ("max", "", "", ALWAYS),
    ("max", "", f"{EL2},gic-version=3", ALWAYS),
    ("max", "arm64.pagesize=16k", "gic-version=3", ALWAYS | NO_LEVEL),
    ("max", "arm64.pagesize=16k", EL2, ALWAYS | NO_LEVEL),
    ("max", "arm64.pagesize=64k", "", ALWAYS | NO_LEVEL),
    ("max", "arm64.pagesize=64k", EL2, ALWAYS | NO_LEVEL),
    ("max", "arm64.nolva", EL2, ALWAYS | NO_LEVEL),
    ("max", "arm64.nolva arm64.pagesize=16k", "", ALWAYS | NO_LEVEL),
    ("max", "arm64.nolva arm64.pagesize=64k", "", ALWAYS | NO_LEVEL),
    ("max", "arm64.nowxn", "", ALWAYS),
    ("max", "rodata=off", "", ALWAYS | RODATA),
    ("max", "arm64.nobti arm64.nopauth", "", ALWAYS | {"execute.bti", "execute.pac"}),
    ("max", "pagoda.va_bits=39", "", ALWAYS | NO_LEVEL),
    ("max", "pagoda.va_bits=42 arm64.pagesize=64k", "", ALWAYS | NO_LEVEL),
    ("max", "pagoda.va_bits=36 arm64.pagesize=16k", "", ALWAYS | NO_LEVEL),
    ("max,lpa2=off", "arm64.pagesize=16k", "", ALWAYS | NO_LEVEL),
    ("cortex-a53", "", "", ALWAYS | OLD),
    ("cortex-a72", "arm64.pagesize=64k", EL2, ALWAYS | OLD),
    ("max", "kvm-arm.mode=protected", EL2, ALWAYS),
    ("max", "kvm-arm.mode=nvhe arm64.pagesize=16k", EL2, ALWAYS | NO_LEVEL),
    ("cortex-a72", "kvm-arm.mode=protected arm64.pagesize=64k", EL2, ALWAYS | OLD),
]


def hypervisor_skips(cpu="max", append="", machine=""):
    """What is skipped for want of a hypervisor, or of a kernel that is at EL2."""
    if "kvm-arm.mode=protected" in append:
        return STAGE2
    if "kvm-arm.mode=nvhe" in append:
        return STAGE2 | {"hyp.memory", "hyp.given", "guest.private"}
    if EL2 in machine and cpu.startswith("max"):
        return HYP | {"guest.private"}
    return HYP | STAGE2 | GUEST


def run(cpu="max", append="", machine="", tests="all", arguments=()):
    """What `selftest` reports there, on a machine that then turns itself off."""
    with Machine(cpu, f'{append} pagoda.run="selftest {tests}; poweroff"', machine,
                 arguments=arguments, exceptions=None) as running:
        assert running.wait_end() == "guest-shutdown"
        return ktap.parse(running.text)


def names(results, status):
    return {test.name for test in results.tests if test.status == status}


@pytest.mark.parametrize("cpu,append,machine,skipped", [
    pytest.param(*case, id=f"{case[0]}-{'EL2' if EL2 in case[2] else 'EL1'}-{case[1]}")
    for case in MACHINES])
def test_every_check_passes_but_for_what_the_machine_lacks(cpu, append, machine, skipped):
    results = run(cpu, append, machine)
    assert [test for test in results.tests if test.status == "fail"] == []
    assert names(results, "skip") == skipped | hypervisor_skips(cpu, append, machine)
    assert {"user.registers", "user.secrets"} <= names(results, "pass")
    assert len(results.tests) >= 63
    assert all(test.reason for test in results.tests if test.status == "skip")


def test_memory_of_terabytes_takes_the_same_checks():
    results = run(arguments=("-m", "4T", "-object",
                             "memory-backend-ram,id=ram,size=4T,reserve=off", "-machine",
                             "memory-backend=ram"))
    assert names(results, "fail") == set() and names(results, "skip") == (
        ALWAYS | hypervisor_skips())


@pytest.mark.parametrize("page_size", ["4k", "16k", "64k"])
def test_memory_above_48_bits_takes_the_same_checks(page_size):
    with far_machine(f"arm64.pagesize={page_size}", 1 << 48, exceptions=None) as machine:
        machine.expect(PROMPT)
        results = ktap.parse(machine.command("selftest all"))
    assert names(results, "fail") == set()
    # With RAM at 2^48 no smaller output size can be tried.
    assert "descriptor.reach" in names(results, "skip")
    assert "descriptor.memory" in names(results, "pass")


def run_without(device, tests, tmp_path):
    """What `selftest` reports where the FDT calls @device something that nobody knows."""
    blob = tmp_path / "machine.dtb"
    blob.write_bytes(device_tree().replace(device.encode(), b"x" * len(device)))
    return run(arguments=("-dtb", str(blob)), tests=tests)


def test_no_check_is_excused_by_the_name_of_a_device(tmp_path):
    """QEMU takes blocks at levels that have none. That is found out, not taken from a name."""
    results = run_without("qemu,fw-cfg-mmio", "illegal", tmp_path)
    assert names(results, "fail") == set() and names(results, "skip") == {"illegal.block"}
    reason = next(test.reason for test in results.tests if test.status == "skip")
    assert reason == "an emulator: blocks are taken at any level, Device memory unaligned"


def test_with_64k_pages_the_cpu_says_where_blocks_may_stand_and_not_the_command_line():
    """With 52 bits of output address a block at level 1 is legal, also where they are not used."""
    reasons = {}
    for cpu, append in (("max", "arm64.nolva"), ("max", ""), ("cortex-a72", "")):
        results = run(cpu, f"arm64.pagesize=64k {append}", tests="illegal.block")
        reasons[cpu, append] = results.tests[0].reason
    legal = "blocks are legal at every level of this regime"
    assert reasons["max", "arm64.nolva"] == reasons["max", ""] == legal
    assert reasons["cortex-a72", ""].startswith("an emulator")


def test_where_the_timers_interrupt_does_not_come_what_needs_it_is_skipped(tmp_path):
    """The tree names another interrupt for each of the CPU's timers than the CPU raises."""
    blob = tmp_path / "machine.dtb"
    wrong = ["1", "5", "104"] * 4
    blob.write_bytes(edit_tree(device_tree(), ["-t", "x", "FILE", "/timer", "interrupts", *wrong]))
    results = run(arguments=("-dtb", str(blob)), tests="change")
    assert names(results, "fail") == set()
    assert names(results, "skip") == {"change.split", "change.protect", "change.root"}
    assert {test.reason for test in results.tests if test.status == "skip"} == {
        "the GIC does not pass on the timer's interrupt"}


def test_without_an_interrupt_controller_what_needs_one_is_skipped(tmp_path):
    results = run_without("arm,cortex-a15-gic", "change", tmp_path)
    reason = "no GICv2 or GICv3 is described"
    assert {test.name: test.reason for test in results.tests} == {
        "change.split": reason, "change.protect": reason, "change.root": reason,
        "change.live": "", "change.random": ""}
    assert names(results, "fail") == set()


def test_one_check_or_one_subject_can_be_asked_for_and_a_seed_repeats_it():
    with Machine(exceptions=None) as machine:
        machine.expect(PROMPT)
        listed = [line.split()[0] for line in machine.command("selftest list").splitlines()]
        assert "walk.edges" in listed and "change.root" in listed
        walk = ktap.parse(machine.command("selftest walk 0x1234567"))
        assert walk.seed == 0x1234567
        assert [test.name for test in walk.tests] == [
            name for name in listed if name.startswith("walk.")]
        one = ktap.parse(machine.command("selftest permission.stack"))
        assert [test.name for test in one.tests] == ["permission.stack"]
        everything = ktap.parse(machine.command("selftest all"))
        assert [test.name for test in everything.tests] == listed
        subjects = list(dict.fromkeys(name.split(".")[0] for name in listed))
        assert subjects == ["walk", "audit", "permission", "descriptor", "illegal", "execute",
                            "user", "tlb", "change", "memory", "buddy", "vmalloc", "hyp", "stage2",
                            "guest"]
        assert ktap.parse(machine.command("selftest all")).count("fail") == 0, "and once more"


@pytest.mark.parametrize("line,answer", [
    ("selftest", "an argument is missing"),
    ("selftest nothing", "'nothing' is no test; selftest list names them"),
    ("selftest walk.", "'walk.' is no test"),
    ("selftest all 0", "'0' is no seed"),
    ("selftest all x", "'x' is not a number"),
    ("selftest all 1 2", "'2' is one argument too many"),
])
def test_what_cannot_be_run_is_refused(line, answer):
    with Machine() as machine:
        machine.expect(PROMPT)
        assert answer in machine.command(line)
