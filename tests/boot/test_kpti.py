# SPDX-License-Identifier: MIT
"""KPTI: what EL0 has of the kernel, whether, and a map in use that becomes one of an ASID each."""
import re

import pytest

from machine import PROMPT, Machine, documents, lies_in, number
from test_gdb import debugger, runs_by_debugger
from test_programs import run

EL2 = "virtualization=on,gic-version=3"
NG = 1 << 11
MACHINES = [(append, machine) for append in (
    "", "arm64.pagesize=16k", "arm64.pagesize=64k", "arm64.nolva",
    "arm64.nolva arm64.pagesize=16k", "arm64.nolva arm64.pagesize=64k", "pagoda.va_bits=39",
    "pagoda.va_bits=36 arm64.pagesize=16k")
    for machine in ("", EL2)]
PAGE = {"": 0x1000, "arm64.pagesize=16k": 0x4000, "arm64.pagesize=64k": 0x10000}


def each_machine(function):
    return pytest.mark.parametrize("append,machine", MACHINES, ids=[
        f"{append}-{'EL2' if machine else 'EL1'}" for append, machine in MACHINES])(function)


def dump(append, cpu="max", machine="", arguments=()):
    text, = run(["ptdump json kernel"], cpu, append, machine, arguments)
    return documents(text)[0]


def leaves(document, root="kernel"):
    table, = (table for table in document["tables"] if table["root"] == root)
    return table["entries"]


@pytest.mark.parametrize("cpu,append,on,reason", [
    ("max", "", False, "not needed"),
    ("max", "kpti=on", True, "kpti=on"),
    ("max", "kpti=late", True, "kpti=late"),
    ("max", "id_aa64mmfr2.e0pd=0", True, "KASLR, and no E0PD"),
    ("max", "id_aa64mmfr2.e0pd=0 nokaslr", False, "not needed"),
    ("max", "id_aa64mmfr2.e0pd=0 kpti=off", False, "kpti=off"),
    ("max", "id_aa64pfr0.csv3=0 nokaslr", True, "no CSV3"),
    ("cortex-a57", "", True, "KASLR, and no E0PD"),
    ("cortex-a57", "nokaslr", False, "not needed"),
    ("cortex-a76", "nokaslr", False, "not needed"),
    ("a64fx", "nokaslr", True, "no CSV3"),
])
def test_the_plan_says_whether_and_why_and_all_leaves_are_as_it_says(cpu, append, on, reason):
    text, tables = run(["report", "ptdump json kernel"], cpu, append)
    word = "on" if on else "off"
    assert re.search(rf"^  in use .*, KPTI {word}$", text, re.MULTILINE)
    assert reason == "not needed" or re.search(rf"^ +KPTI {word}: {reason}$", text, re.MULTILINE)
    document, = documents(tables)
    assert document["kpti"] == {"on": on, "reason": reason}
    assert {bool(number(entry["raw"]) & NG) for entry in leaves(document)} == {on}


@pytest.mark.parametrize("word,answer", [
    ("kpti=maybe", "kpti=maybe: not one of the values this option has"),
    ("kpti", "kpti: no value given"),
])
def test_a_word_that_is_none_is_said(word, answer):
    text, = run(["report"], append=word)
    assert re.search(rf"malformed +{answer}$", text, re.MULTILINE)
    assert "E0PD on, KPTI off\n" in text


def by_start(document):
    """But for KASAN's shadow, whose pages are of the time when they were asked for."""
    return {entry["start"]: entry for entry in leaves(document)
            if not lies_in(document, "kasan", number(entry["start"]))}


@each_machine
def test_a_map_in_use_becomes_one_of_an_asid_each_and_is_else_the_same(append, machine):
    """Levels, runs and blocks, and bits 9:8, which are address bits or shareability. There is more
    afterwards: the trampoline, and counts of the tables that it took."""
    before = by_start(dump(f"nokaslr kpti=off {append}", machine=machine))
    after = by_start(dump(f"nokaslr kpti=late {append}", machine=machine))
    assert all(number(entry["raw"]) & NG for entry in after.values())
    assert {start: number(after[start].pop("raw")) for start in before} == {
        start: number(entry.pop("raw")) | NG for start, entry in before.items()}
    assert {start: after[start] for start in before} == before
    assert len(after) - len(before) in (1, 2)


@each_machine
def test_all_cpus_wait_for_it(append, machine):
    document = dump(f"kpti=late {append}", machine=machine, arguments=["-smp", "4"])
    assert all(number(entry["raw"]) & NG for entry in leaves(document))
    assert [cpu["state"] for cpu in document["cpus"]] == 4 * ["running"]


@pytest.mark.parametrize("page_size", ["4k", "16k", "64k"])
def test_el0_sees_no_more_where_kernel_text_may_be_written(page_size):
    for output in run(["selftest user.kpti_map", "selftest user.kpti_probe"],
                      append=f"kpti=on rodata=off arm64.pagesize={page_size}"):
        assert "# Totals: pass:1 fail:0 " in output


@each_machine
def test_programs_run_as_without_on_all_cpus(append, machine):
    hello, jit, pairs, few, again, audit, *probes, counts = run(
        ["run hello", "run jit", "run 6 pair 60", "asids 2", "run 6 pair 60",
         "selftest audit", "selftest user.kpti_map", "selftest user.kpti_probe",
         "ps"], "max", f"kpti=on {append}", machine, ["-smp", "2"])
    assert hello == "hello from EL0\n"
    assert jit == "two names 111\ntwo names 222\ntwo names 333\nmprotect 444\n"
    assert pairs == few == again == ""
    for output in (audit, *probes):
        assert re.search(r"^# Totals: pass:[1-9]\d* fail:0 ", output, re.MULTILINE)
    assert int(re.search(r"generation (\d+)", counts)[1]) > 10


@pytest.mark.parametrize("append", ["kpti=on", "kpti=late"])
def test_what_a_program_must_not_do_ends_it_alone(append):
    outputs = run([f"run faults {what}" for what in range(6)] + ["run hello"], append=append)
    assert outputs[-1] == "hello from EL0\n"
    assert all("SIG" in output for output in outputs[:-1])
    assert "read at 0xfffffffffff00000: translation fault" in outputs[4]


def debugger_at_el0(machine):
    """pagoda-ptdump of a CPU that a program has, which it has but for interrupts."""
    machine.send("run spin\r")
    machine.expect("run spin\r\nspinning\r\n")
    for _ in range(20):
        said = debugger(machine, "printf \"EL%d\\n\", ($cpsr >> 2) & 3", "pagoda-ptdump")
        if "EL0\n" in said:
            break
    machine.send("\x03")
    machine.expect(PROMPT)
    assert "EL0\n" in said
    return runs_by_debugger(said)


@pytest.mark.parametrize("append", PAGE)
@pytest.mark.parametrize("cpu", ["max", "cortex-a57"])
def test_at_el0_the_cpu_has_one_page_of_the_kernels(cpu, append):
    """What a debugger finds by the registers of a CPU that is at EL0."""
    if cpu != "max" and "16k" in append:
        pytest.skip("the core has no 16K pages")
    with Machine(cpu, f"kpti=on {append}", exceptions=None) as machine:
        machine.expect(PROMPT)
        shown = machine.command("ptdump el0")
        found = debugger_at_el0(machine)
        kernel = machine.command("ptdump kernel fixmap")
    (start, end, address, *_, execute, _, user, _), = found
    assert end - start == PAGE[append] and execute and not user
    assert f"0x{start:016x}-0x{end:016x}" in shown
    assert re.search(rf"^0x{start:016x}-0x{end:016x} .* 0x{address:016x} ro x ", kernel,
                     re.MULTILINE)


def test_without_it_el0_has_the_kernels_root():
    with Machine(append="nokaslr", exceptions=None) as machine:
        machine.expect(PROMPT)
        assert "ptdump: 'el0' is the kernel's map: KPTI is off" in machine.command("ptdump el0")
        assert 0xffff800080000000 in [found[0] for found in debugger_at_el0(machine)]


def test_all_else_of_the_page_is_clear():
    with Machine(append="kpti=on arm64.pagesize=64k") as machine:
        machine.expect(PROMPT)
        entry, = leaves(machine.document("ptdump json el0"), "el0")
        page = machine.memory(number(entry["pa"]), 0x10000)
    code = page.rstrip(b"\0")
    assert 0x800 < len(code) < 0x900
    # Nothing that could be an address of the kernel's: those begin with 12 ones at least.
    assert not [at for at in range(0, len(code) - 8, 4) if code[at + 6:at + 8] == b"\xff\xff"]


@pytest.mark.parametrize("append, machine, roots", [
    ("kpti=on", "", ["kernel", "idmap", "el0"]),
    ("kpti=off", "", ["kernel", "idmap"]),
    ("kpti=on kvm-arm.mode=protected", "virtualization=on",
     ["kernel", "idmap", "el0", "hyp", "host2", "guest2"])])
def test_a_whole_document_has_every_map_there_is(append, machine, roots):
    with Machine("max", append, machine, exceptions=None) as running:
        running.expect(PROMPT)
        document = running.document("ptdump json")
        assert [table["root"] for table in document["tables"]] == roots
        if "el0" in roots:
            one = running.document("ptdump json el0")["tables"][0]
            assert one in document["tables"]


def test_what_el0_has_is_shown_as_json_too():
    text, = run(["ptdump json el0"], append="kpti=on")
    document, = documents(text)
    entry, = leaves(document, "el0")
    assert entry["size"] == 0x1000 and entry["execute"] and not entry["user"]
    assert [table["root"] for table in document["tables"]] == ["el0"]


def test_a_cpu_that_comes_later_has_the_asid_where_the_others_have_it():
    with Machine(append="kpti=late", arguments=["-smp", "2"], exceptions=None) as machine:
        machine.expect(PROMPT)
        machine.command("cpu off 1")
        machine.command("cpu on 1")
        assert machine.document("report json")["cpus"][1]["state"] == "running"
        said = debugger(machine, *(word for cpu in (1, 2) for word in (
            f"thread {cpu}", "printf \"A1 %d\\n\", ($TCR_EL1 >> 22) & 1")))
        assert machine.command("run 4 pair 60") == ""
    assert re.findall(r"^A1 (\d)$", said, re.MULTILINE) == ["1", "1"]
