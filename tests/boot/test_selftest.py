# SPDX-License-Identifier: MIT
"""The kernel's self tests, on a few of the machines that `make conformance` runs them on: which are
skipped is written down here, so that a check cannot go missing."""
import json
import re
import subprocess
import sys

import pytest

from loader import device_tree, edit_tree
from machine import PROMPT, ROOT, Machine, documents
from test_address_space import far_machine

sys.path.insert(0, str(ROOT / "scripts"))
import ktap  # noqa: E402

# Why checks are skipped. What a CPU lacks by its ID registers, which one QEMU has for it and
# another has not: reason, register, the field's lowest bit, and the least that it must be.
FEATURES = [("no FEAT_MTE2", "ID_AA64PFR1_EL1", 8, 2), ("no FEAT_S1PIE", "ID_AA64MMFR3_EL1", 8, 1),
            ("no FEAT_XS", "ID_AA64ISAR1_EL1", 56, 1)]
# What QEMU 7.2 leaves out altogether, and 10.0 does not.
EMULATOR = "an emulator: blocks are taken at any level, Device memory unaligned"
CARELESS = {EMULATOR} if ktap.qemu_version() < (9, 0) else set()
NOT_COUNTED = {EMULATOR, *(reason for reason, *_ in FEATURES)}
# Those that are about a machine of another kind, with tests of their own.
ELSEWHERE = {"one CPU runs", "no shadow call stack", "KPTI is off", "no RAM above 48 bits"}
# Which descriptors there are, and which levels.
WIDE = {"descriptors have no SH"}
NARROW = {"descriptors have SH"}
LEVELS = {"no level -1 in this regime", "no such level in this regime"}
LEAVES = {"no leaves at this level"}
SMALL = {"no 52-bit addresses in this regime"}
ALL_64K = {"too small for this page size"}
BLOCKS_64K = ALL_64K | {"blocks are legal at every level of this regime"}
# Features of the CPUs of 2012 to 2016 that cortex-a53 and cortex-a72 stand for.
OLD = {"no FEAT_BTI, or turned off", "no FEAT_E0PD", "no FEAT_HAFDBS", "no FEAT_HPDS",
       "no FEAT_PAN, or turned off", "no FEAT_PAN2, or turned off",
       "no FEAT_PAuth, or turned off", "no FEAT_TLBIOS", "no FEAT_TLBIRANGE", "no FEAT_TTCNP",
       "no FEAT_TTL", "no FEAT_TTST", "no hardware dirty state (FEAT_HAFDBS)",
       "no such pages beside the kernel's"}
GRANULES = {"no such pages beside the kernel's"}
NO_WXN = {"WXN is off"}
NO_SCS = "no shadow call stack"
BTI_PAC = {"no FEAT_BTI, or turned off", "no FEAT_PAuth, or turned off"}

EL2 = "virtualization=on"
# (CPU, command line, machine, how many are skipped beside those, and for what: but for
# hypervisor_skips())
MACHINES = [
    ("max", "", "", 3, WIDE),
    ("max", "", f"{EL2},gic-version=3", 3, WIDE),
    ("max", "arm64.pagesize=16k", "gic-version=3", 8, WIDE | LEVELS | LEAVES),
    ("max", "arm64.pagesize=16k", EL2, 8, WIDE | LEVELS | LEAVES),
    ("max", "arm64.pagesize=64k", "", 15, NARROW | LEVELS | BLOCKS_64K | GRANULES),
    ("max", "arm64.pagesize=64k", EL2, 16, NARROW | LEVELS | BLOCKS_64K | GRANULES),
    ("max", "arm64.nolva", EL2, 17, NARROW | LEVELS | LEAVES | SMALL),
    ("max", "arm64.nolva arm64.pagesize=16k", "", 22, NARROW | LEVELS | LEAVES | SMALL),
    ("max", "arm64.nolva arm64.pagesize=64k", "", 19, NARROW | LEVELS | LEAVES | BLOCKS_64K),
    ("max", "arm64.nowxn", "", 4, WIDE | NO_WXN),
    ("max", "rodata=off", "", 9, WIDE | NO_WXN | {"rodata=off"}),
    ("max", "arm64.nobti arm64.nopauth", "", 8, WIDE | BTI_PAC),
    ("max", "pagoda.va_bits=39", "", 16, NARROW | LEVELS | LEAVES | SMALL),
    ("max", "pagoda.va_bits=42 arm64.pagesize=64k", "", 15,
     NARROW | LEVELS | BLOCKS_64K | GRANULES),
    ("max", "pagoda.va_bits=36 arm64.pagesize=16k", "", 22, NARROW | LEVELS | LEAVES | SMALL),
    ("max,lpa2=off", "arm64.pagesize=16k", "", 22, NARROW | LEVELS | LEAVES | SMALL),
    ("cortex-a53", "", "", 162, NARROW | LEVELS | LEAVES | SMALL | OLD | {
        "no address is beyond the CPU's output size"}),
    ("cortex-a72", "arm64.pagesize=64k", EL2, 167, NARROW | LEVELS | LEAVES | SMALL | OLD),
    ("max", "kvm-arm.mode=protected", EL2, 3, WIDE),
    ("max", "kvm-arm.mode=nvhe arm64.pagesize=16k", EL2, 8, WIDE | LEVELS | LEAVES),
    ("cortex-a72", "kvm-arm.mode=protected arm64.pagesize=64k", EL2, 167,
     NARROW | LEVELS | LEAVES | SMALL | OLD),
]


def hypervisor_skips(cpu="max", append="", machine=""):
    """How many are skipped for want of a hypervisor, or of a kernel that is at EL2; and why."""
    if "kvm-arm.mode=protected" in append:
        return 8, {"the kernel is not at EL2"}
    if "kvm-arm.mode=nvhe" in append:
        return 11, {"the kernel is not at EL2", "it is not protected", "nothing is protected"}
    if EL2 in machine and cpu.startswith("max"):
        return 9, {"no hypervisor runs", "nothing is protected"}
    return 21, {"no hypervisor runs", "the kernel is not at EL2", "nothing is protected"}


def console(commands, cpu="max", append="", machine="", arguments=()):
    """All that is on the console of a machine that then turns itself off."""
    with Machine(cpu, f'{append} pagoda.run="{commands}; poweroff"', machine,
                 arguments=arguments, exceptions=None) as running:
        assert running.wait_end() == "guest-shutdown"
        return running.text


def run(cpu="max", append="", machine="", tests="all", arguments=()):
    """What `selftest` reports there."""
    return ktap.parse(console(f"selftest {tests}", cpu, append, machine, arguments))


def names(results, status):
    return {test.name for test in results.tests if test.status == status}


def reasons(results):
    return {test.reason for test in results.tests if test.status == "skip"} - ELSEWHERE


def lacking(report):
    """Reasons by what the CPU has, looked up in its own registers."""
    return {reason for reason, register, shift, least in FEATURES
            if int(report["registers"][register], 16) >> shift & 15 < least}


@pytest.mark.parametrize("cpu,append,machine,skipped,why", [
    pytest.param(*case, id=f"{case[0]}-{'EL2' if EL2 in case[2] else 'EL1'}-{case[1]}")
    for case in MACHINES])
def test_every_check_passes_but_for_what_the_machine_lacks(cpu, append, machine, skipped, why):
    text = console("report json; selftest all", cpu, append, machine)
    results = ktap.parse(text)
    assert results.unexpected() == []
    more, more_why = hypervisor_skips(cpu, append, machine)
    assert reasons(results) == lacking(documents(text)[0]) | CARELESS | why | more_why
    assert sum(test.status == "skip" and test.reason not in ELSEWHERE | NOT_COUNTED
               for test in results.tests) == skipped + more
    careless = sum(test.reason == EMULATOR for test in results.tests)
    assert careless in ((10, 11) if CARELESS else (0,))
    assert {"user.registers", "user.secrets"} <= names(results, "pass")
    assert len(results.tests) >= 448


@pytest.mark.parametrize("defect", ktap.defects(), ids=lambda defect: defect.words["title"])
def test_a_known_defect_of_qemu_is_still_there(defect):
    """Or else its block in tests/conformance/defects.txt is to be closed."""
    if not defect.is_in(ktap.qemu_version()):
        pytest.skip("of another version")
    if "fatal" in defect.words:
        pytest.skip("the machine does not outlive it")
    machine = EL2 if "EL2" in defect.words["repeat"] else ""
    results = run(machine=machine, tests=defect.words["repeat"].split()[1])
    assert names(results, "fail") and results.unexpected() == []


def test_memory_of_terabytes_takes_the_same_checks():
    text = console("report json; selftest all",
                   arguments=("-m", "4T", "-object",
                              "memory-backend-ram,id=ram,size=4T,reserve=off", "-machine",
                              "memory-backend=ram"))
    results = ktap.parse(text)
    assert results.unexpected() == []
    assert reasons(results) == (
        lacking(documents(text)[0]) | CARELESS | WIDE | hypervisor_skips()[1])


@pytest.mark.parametrize("page_size", ["4k", "16k", "64k"])
def test_memory_above_48_bits_takes_the_same_checks(page_size):
    with far_machine(f"arm64.pagesize={page_size}", 1 << 48, exceptions=None) as machine:
        machine.expect(PROMPT)
        results = ktap.parse(machine.command("selftest all"))
    assert results.unexpected() == []
    # With RAM at 2^48 no smaller output size can be tried.
    assert "descriptor.reach" in names(results, "skip")
    assert {"descriptor.memory", "size.root_high"} <= names(results, "pass")


def run_without(device, tests, tmp_path):
    """What `selftest` reports where the FDT calls @device something that nobody knows."""
    blob = tmp_path / "machine.dtb"
    blob.write_bytes(device_tree().replace(device.encode(), b"x" * len(device)))
    return run(arguments=("-dtb", str(blob)), tests=tests)


def test_no_check_is_excused_by_the_name_of_a_device(tmp_path):
    """QEMU 7.2 takes blocks at levels that have none. That is found out, not taken from a name."""
    results = run_without("qemu,fw-cfg-mmio", "illegal", tmp_path)
    assert names(results, "fail") == set()
    assert names(results, "skip") == ({"illegal.block"} if CARELESS else set())
    assert reasons(results) == CARELESS


def test_with_64k_pages_the_cpu_says_where_blocks_may_stand_and_not_the_command_line():
    """With 52 bits of output address a block at level 1 is legal, also where they are not used."""
    found = {}
    for cpu, append in (("max", "arm64.nolva"), ("max", ""), ("cortex-a72", "")):
        results = run(cpu, f"arm64.pagesize=64k {append}", tests="illegal.block")
        assert results.count("fail") == 0
        found[cpu, append] = results.tests[0].reason
    legal = "blocks are legal at every level of this regime"
    assert found["max", "arm64.nolva"] == found["max", ""] == legal
    assert found["cortex-a72", ""] == (EMULATOR if CARELESS else "")


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
        assert subjects == ["walk", "audit", "permission", "descriptor", "size", "flag", "type",
                            "bits", "illegal", "fault", "execute", "rights", "index", "user", "tlb",
                            "tlbi", "stress", "change", "smp", "memory", "buddy", "vmalloc", "hyp",
                            "stage2", "guest"]
        again = ktap.parse(machine.command("selftest all"))
        assert again.unexpected() == [], "and once more"


def test_a_budget_takes_what_is_cheap_and_costs_are_known_for_all():
    with Machine(exceptions=None) as machine:
        machine.expect(PROMPT)
        listed = machine.command("selftest list").splitlines()
        costs = {line.split()[0]: line.split()[1] for line in listed}
        assert "?" not in costs.values(), "make selftest-costs"
        results = ktap.parse(machine.command("selftest all --budget 200000"))
    ran = names(results, "pass") | names(results, "fail")
    assert 20 < len(ran) < 200 and sum(int(costs[name]) for name in ran) <= 200000
    assert "costs more than the budget has" in reasons(results)


def test_a_failure_in_json_has_all_that_repeats_it_by_hand():
    with Machine(exceptions=None) as machine:
        machine.expect(PROMPT)
        text = machine.command("selftest flag json 0x77")
    report = json.loads(text[text.index("{\n"):text.rindex("}") + 1])
    schema = json.loads((ROOT / "docs/selftest.schema.json").read_text())
    check_schema(report, schema, schema)
    assert report["seed"] == "0x0000000000000077"
    assert report["planned"] == len(report["checks"]) == sum(report["totals"].values())
    failed = next(check for check in report["checks"] if check["check"] == "flag.hd_at_write")
    failure = failed["failures"][0]
    assert failed["rule"] == "D8.4 HD, AT" and failed["result"] == "fail"
    # AP[2], which hardware has cleared, by the descriptors as they are; or that AT tells a fault.
    wrong = 1 << 7 if ktap.qemu_version() < (11, 0) else 1
    assert int(failure["expected"], 16) ^ int(failure["observed"], 16) == wrong
    assert failure["descriptors"][-1]["level"] == 3
    assert wrong == 1 or failure["descriptors"][-1]["value"] == failure["observed"]
    assert int(failure["registers"]["TCR_EL1"], 16) >> 39 & 3 == 3


def check_schema(value, schema, whole):
    """As much of JSON Schema as the schema uses."""
    schema = whole["$defs"][schema["$ref"].split("/")[-1]] if "$ref" in schema else schema
    kinds = {"object": dict, "array": list, "string": str, "integer": int}
    assert isinstance(value, kinds[schema["type"]]), (value, schema)
    assert value in schema.get("enum", [value])
    assert re.fullmatch(schema.get("pattern", ".*"), str(value), re.DOTALL)
    for part in value if isinstance(value, list) else []:
        check_schema(part, schema["items"], whole)
    for name, part in value.items() if isinstance(value, dict) else []:
        check_schema(part, schema["properties"][name], whole)
    if isinstance(value, dict):
        assert set(schema["required"]) <= set(value)


def test_random_cases_run_for_as_long_as_asked_and_a_seed_repeats_them():
    with Machine(exceptions=None) as machine:
        machine.expect(PROMPT)
        results = ktap.parse(machine.command("selftest stress 2 0x1234"))
        listed = ktap.parse(machine.command("selftest stress"))
    assert results.unexpected() == [] and results.seed == 0x1234
    cases, _ = map(int, re.findall(r"\d+", results.tests[0].diagnostics[-1]))
    assert cases > 60 and listed.tests[0].diagnostics[-1].startswith("60 cases")


def test_each_defect_of_a_machine_that_is_described_has_its_check():
    rows = re.findall(r"^\| .* \| `([\w.]+)` \|$", (ROOT / "docs/machine-defects.md").read_text(),
                      re.MULTILINE)
    costs = (ROOT / "kernel/selftest/costs.c").read_text()
    assert len(rows) >= 40
    assert [name for name in rows if f'"{name}"' not in costs] == []


def test_the_list_of_rules_is_that_of_the_self_tests():
    result = subprocess.run([ROOT / "scripts/gen-vmsa", "--check"], capture_output=True, text=True,
                            check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("line,answer", [
    ("selftest", "an argument is missing"),
    ("selftest nothing", "'nothing' is no test; selftest list names them"),
    ("selftest walk.", "'walk.' is no test"),
    ("selftest all 0", "'0' is no seed"),
    ("selftest all x", "'x' is not a number"),
    ("selftest all 1 2", "'2' is one argument too many"),
    ("selftest all --budget", "'--budget' is for a number of instructions"),
    ("selftest all --budget many", "'many' is not a number"),
])
def test_what_cannot_be_run_is_refused(line, answer):
    with Machine() as machine:
        machine.expect(PROMPT)
        assert answer in machine.command(line)
