# SPDX-License-Identifier: MIT
"""Programs at EL0: what they may, what they may not, who runs when; and the kernel is as it was
afterwards."""
import os
import random
import re
import sys
import time

import pytest

from loader import device_tree, edit_tree
from machine import BUILD, PROMPT, ROOT, Machine, bytes_in_use, documents

sys.path.insert(0, str(ROOT / "scripts"))
import ktap  # noqa: E402

EL2 = "virtualization=on,gic-version=3"
END = "# that was all"
# (CPU, command line, machine, bits of a program's addresses)
MACHINES = [
    ("max", "", "", 52),
    ("max", "", EL2, 52),
    ("max", "arm64.pagesize=16k", "", 52),
    ("max", "arm64.pagesize=16k", EL2, 52),
    ("max", "arm64.pagesize=64k", "gic-version=3", 52),
    ("max", "arm64.nolva", "", 48),
    ("max", "pagoda.va_bits=39", "", 39),
    ("max", "pagoda.va_bits=36 arm64.pagesize=16k", "", 36),
    ("max", "pagoda.va_bits=42 arm64.pagesize=64k", "", 42),
    ("cortex-a53", "", "", 48),
    ("cortex-a72", "arm64.pagesize=64k", EL2, 48),
    ("a64fx", "", EL2, 48),
]


def run(commands, cpu="max", append="", machine="", arguments=()):
    """What the console has of @commands, one string each."""
    line = "; ".join([*commands, END])
    with Machine(cpu, f'{append} pagoda.run="{line}"', machine, exceptions=None,
                 arguments=arguments) as running:
        running.expect(f"{PROMPT}{END}\r\n{PROMPT}")
        text = running.text.replace("\r\n", "\n")
        running.send("poweroff\r")
        assert running.wait_end() == "guest-shutdown"
    outputs = text.split(PROMPT)[1:-1]
    assert [output.split("\n")[0] for output in outputs] == [*commands, END]
    return [output.split("\n", 1)[1] for output in outputs[:-1]]


def each(cases):
    return pytest.mark.parametrize("cpu,append,machine,bits", cases, ids=[
        f"{cpu}-{append}-{'EL2' if 'virt' in machine else 'EL1'}"
        for cpu, append, machine, _ in cases])


@each(MACHINES)
def test_a_program_says_hello_and_its_arguments(cpu, append, machine, bits):
    del bits
    assert run(["run hello to you", "run hello"], cpu, append, machine) == [
        "hello from EL0\nto\nyou\n", "hello from EL0\n"]


@each(MACHINES)
def test_memory_to_write_and_execute_is_refused_in_each_way(cpu, append, machine, bits):
    del bits
    wx, segment = run(["run wx", "run wxseg"], cpu, append, machine)
    assert re.sub(r"^wx.*\n", "", wx, flags=re.MULTILINE) == (
        "mmap -13\nmprotect -13\nmmap fixed -13\nwritten 1\n")
    refused = re.findall(r"^wx\[\d+\]: (\w+): 0x([0-9a-f]{16})-0x([0-9a-f]{16}), writable and "
                         r"executable: refused \(WXN is on\)$", wx, re.MULTILINE)
    assert [who for who, *_ in refused] == ["mmap", "mprotect", "mmap"]
    assert {int(end, 16) - int(start, 16) for _, start, end in refused} == {0x10000}
    assert re.fullmatch(
        r"wxseg\[\d+\]: a segment: 0x[0-9a-f]{16}-0x[0-9a-f]{16}, writable and executable: "
        r"refused \(WXN is on\)\nrun: 'wxseg': writable and executable at once \(error -13\)\n",
        segment)


@each(MACHINES)
def test_with_nowxn_it_is_granted_and_works(cpu, append, machine, bits):
    del bits
    wx, segment = run(["run wx", "run wxseg"], cpu, f"{append} arm64.nowxn", machine)
    assert wx == "mmap 0\nmprotect 0\nmmap fixed 0\nwritten 1\nrun 42\nrun 42\n"
    assert segment == "segment 42\n"


@each(MACHINES)
def test_code_is_made_through_two_names_or_by_mprotect(cpu, append, machine, bits):
    del bits
    assert run(["run jit"], cpu, append, machine) == [
        "two names 111\ntwo names 222\ntwo names 333\nmprotect 444\n"]


@each(MACHINES)
def test_52_bits_are_for_those_who_ask(cpu, append, machine, bits):
    output, = run(["run high"], cpu, append, machine)
    found = dict(re.findall(r"^(\w+) (.*)$", output, re.MULTILINE))
    assert list(found) == ["anywhere", "hint", "again", "fixed", "last", "beyond"]
    window = 1 << min(bits, 48)
    assert window - (1 << 24) < int(found["anywhere"], 16) < window
    assert found["beyond"] == "-12"
    if bits == 52:
        assert [int(found[name], 16) for name in ("hint", "fixed", "last")] == [
            1 << 48, (1 << 48) + 0x40000000, (1 << 52) - 0x10000]
        assert int(found["again"], 16) == (1 << 52) - 0x10000
    else:
        assert found["fixed"] == found["last"] == "-12"
        assert {int(found[name], 16) >> min(bits, 48) for name in ("hint", "again")} == {0}


# What each number of tests/user/faults.c must die of: exception class, and more of the line.
FAULTS = {
    0: r"SIGSEGV, data abort from a lower EL: read at 0x0{16}: translation fault, level \d",
    1: r"SIGSEGV, data abort from a lower EL: write at 0x[0-9a-f]{16}: permission fault, level 3",
    2: r"SIGSEGV, data abort from a lower EL: write at 0x[0-9a-f]{16}: permission fault, level 3",
    3: r"SIGSEGV, instruction abort from a lower EL: fetch at 0x[0-9a-f]{16}: permission fault, "
       "level 3",
    4: r"SIGSEGV, data abort from a lower EL: read at 0xf{11}00000: translation fault, level \d",
    5: r"SIGSEGV, instruction abort from a lower EL: fetch at 0xf{11}00000: translation fault, "
       r"level \d",
    6: r"SIGSEGV, data abort from a lower EL: read at 0x[0-9a-f]{16}: translation fault, level \d",
    7: r"SIGSEGV, data abort from a lower EL: write at 0x[0-9a-f]{16}: translation fault, "
       r"level \d",
    8: "SIGILL, unknown reason",
    9: "SIGILL, trapped MSR, MRS or system instruction",
    10: "SIGILL, unknown reason",
    11: "SIGTRAP, BRK instruction",
    12: "SIGILL, (access to SVE|unknown reason)",
    13: "SIGBUS, PC alignment fault",
    14: "SIGILL, branch target exception",
    15: "SIGILL, unknown reason",
    16: "SIGILL, unknown reason",
    17: "SIGILL, unknown reason",
    18: r"SIGSEGV, data abort from a lower EL: read at 0x0080{13}: translation fault, level \d",
    19: r"SIGSEGV, data abort from a lower EL: write at 0x[0-9a-f]{16}: translation fault, "
        r"level \d",
}


@each(MACHINES)
def test_each_forbidden_access_kills_the_program_and_nothing_else(cpu, append, machine, bits):
    del bits
    commands = [f"run faults {number}" for number in FAULTS]
    *outputs, audit, hello = run([*commands, "selftest audit", "run hello"], cpu, append, machine)
    for (number, what), output in zip(FAULTS.items(), outputs):
        if number == 14 and cpu != "max":
            assert output == "still here\n"  # no FEAT_BTI
            continue
        assert re.fullmatch(rf"faults\[\d+\]: {what} \(PC 0x[0-9a-f]{{16}}, ESR 0x[0-9a-f]+\)\n",
                            output), (number, output)
    assert {test.status for test in ktap.parse(audit).tests} == {"pass"}
    assert hello == "hello from EL0\n"


@pytest.mark.parametrize("machine", ["", EL2])
def test_el0_does_not_sign_with_the_kernels_key(machine):
    signed, pac = run(["run faults 20", "selftest execute.pac"], "max", "", machine)
    assert signed == "not signed\nstill here\n"
    assert [test.status for test in ktap.parse(pac).tests] == ["pass"]


@pytest.mark.parametrize("append,machine", [("", ""), ("arm64.pagesize=16k", EL2)])
def test_ten_thousand_switches_among_few_asids_show_nobody_anothers_data(append, machine):
    """With PAGODA_SLOW, a million."""
    rounds, turns = (17, 200) if os.environ.get("PAGODA_SLOW") else (1, 40)
    look = ["buddy", "report json"]
    first, *before, pairs, programs, buddy, report = run(
        ["run 300 pair 1", *look, *rounds * [f"run 300 pair {turns}"], "ps", *look], "max",
        f"{append} id_aa64mmfr0.asidbits=0", machine)
    before, more = before[:2], before[2:]
    assert first == pairs == "" and set(more) <= {""}
    turns *= rounds
    generation, switches = re.search(r"ASIDs of 8 bits, generation (\d+), (\d+) switches",
                                     programs).groups()
    assert int(switches) >= 300 * turns
    assert int(generation) > turns // 2  # 300 programs and 255 numbers: a new one in every turn
    assert_all_came_back(before, (buddy, report))


@pytest.mark.parametrize("append,machine", [
    ("", "gic-version=3"), ("arm64.pagesize=64k", EL2)])
def test_all_cpus_let_programs_run_and_none_sees_anothers_data(append, machine):
    pairs, few, again, programs, audit = run(
        ["run 4 pair 300", "asids 2", "run 6 pair 300", "ps", "selftest audit"], "max", append,
        machine, ("-smp", "2"))
    assert pairs == few == again == ""
    generation, switches, elsewhere = map(int, re.search(
        r"ASIDs of 2 bits, generation (\d+), (\d+) switches, (\d+) on other CPUs",
        programs).groups())
    assert switches > 2000 and generation > 100 and elsewhere > 100
    assert {test.status for test in ktap.parse(audit).tests} == {"pass"}


def test_calls_at_random_on_all_cpus_leave_the_kernel_as_it_was():
    seed = int(os.environ.get("PAGODA_SEED") or random.randrange(1 << 32))
    print(f"PAGODA_SEED={seed}")
    look = ["buddy", "report json"]
    _, *before, _, audit, buddy, report = run(
        ["run chaos 1", *look, f"run 40 chaos 1000 {seed}", "selftest audit", *look],
        "max", "", "gic-version=3", ("-smp", "2"))
    assert {test.status for test in ktap.parse(audit).tests} == {"pass"}
    assert_all_came_back(before, (buddy, report))


def test_a_program_that_spins_has_one_cpu_and_the_others_go_on():
    with Prompt("max", "", "gic-version=3", arguments=("-smp", "2"), exceptions=None) as running:
        running.command("run 3 spin &")
        running.expect("spinning\r\nspinning\r\nspinning\r\n")
        assert running.command("run pair 50") == ""
        assert running.command("run 4 pair 50") == ""
        assert len(re.findall(r" ready .* spin$", running.command("ps"), re.MULTILINE)) == 3
        assert "MIDR_EL1" in running.command("on 1 features")  # none has kept the CPU
        for number in "123":
            running.command(f"kill {number}")
        running.send("poweroff\r")
        assert running.wait_end() == "guest-shutdown"


def accounts(buddy, report):
    """(pages in use, pages that the pool of page tables has, what else is in use): the page
    allocator's, and the heap's objects and the pool's tables; none of KASAN's shadow, which stays.
    """
    document, = documents(report)
    pool, = document["pool"]
    tables = re.search(r"^  its tables +(\d+)$", buddy, re.MULTILINE)
    tables = int(tables[1]) if tables else 0
    assert "audit: ok" in buddy
    return (bytes_in_use(buddy) // document["regime"]["granule"], pool["total"],
            (re.search(r"^  heap: .*$", buddy, re.MULTILINE)[0], pool["used"] - tables))


def assert_all_came_back(before, after):
    """But for what the pool keeps, of which the page allocator counts some as its own."""
    used, pool, rest = accounts(*before)
    used_then, pool_then, rest_then = accounts(*after)
    assert rest_then == rest
    assert 0 <= used_then - used <= pool_then - pool


@pytest.mark.parametrize("append,machine", [
    ("", ""), ("arm64.pagesize=16k", ""), ("arm64.pagesize=64k", EL2), ("arm64.nowxn", "")])
def test_calls_at_random_leave_the_kernel_as_it_was(append, machine):
    """With PAGODA_SLOW, for ten minutes in all."""
    end = time.monotonic() + (150 if os.environ.get("PAGODA_SLOW") else 0)
    while True:
        seed = int(os.environ.get("PAGODA_SEED") or random.randrange(1 << 32))
        print(f"PAGODA_SEED={seed}")
        look = ["buddy", "report json"]
        _, *before, _, audit, buddy, report = run(
            ["run chaos 1", *look, f"run 40 chaos 3000 {seed}", "selftest audit", *look],
            "max", append, machine)
        assert {test.status for test in ktap.parse(audit).tests} == {"pass"}
        assert_all_came_back(before, (buddy, report))
        if time.monotonic() > end:
            break


class Prompt(Machine):
    """A machine at its prompt."""

    def start(self):
        super().start()
        self.expect(PROMPT)


@pytest.mark.parametrize("machine", ["", "gic-version=3", EL2])
def test_who_never_yields_runs_beside_the_prompt_until_it_is_killed(machine):
    with Prompt("max", "", machine, exceptions=None) as running:
        assert running.command("run 2 spin &") == "[1]\n[2]\n"
        running.expect("spinning\r\nspinning\r\n")
        assert running.command("run pair 200") == ""
        listed = re.findall(r"^ +(\d+) +ready +(\d+) ms +(\d+) .* spin$", running.command("ps"),
                            re.MULTILINE)
        assert [number for number, *_ in listed] == ["1", "2"]
        assert running.command("kill 1") == "spin[1]: status 137\n"
        assert running.command("kill 1") == "kill: '1' is no program's number; ps shows them\n"
        for subject in ("audit", "user"):
            tests = ktap.parse(running.command(f"selftest {subject}")).tests
            assert {test.status for test in tests if test.reason != "KPTI is off"} == {"pass"}
        running.send("run spin\r")
        running.expect("spinning")
        running.send("\x03")
        running.expect("^C\r\n" + PROMPT)
        assert len(re.findall(r" spin$", running.command("ps"), re.MULTILINE)) == 1
        assert running.command("kill 2") == "spin[2]: status 137\n"
        running.send("poweroff\r")
        assert running.wait_end() == "guest-shutdown"


@pytest.mark.parametrize("append", ["", "arm64.pagesize=16k", "arm64.pagesize=64k", "arm64.nolva"])
def test_the_tables_of_a_program_can_be_looked_at(append):
    with Prompt("max", append, exceptions=None) as running:
        running.command("run spin &")
        running.expect("spinning\r\n")
        document = running.document("ptdump 1 --json")
        table, = document["tables"]
        assert table["root"] == "1"
        code, stack = table["entries"]
        assert code["execute"] and not code["write"] and stack["write"] and not stack["execute"]
        for entry in (code, stack):
            raw = int(entry["raw"], 16)
            assert entry["user"] and raw >> 11 & 1 and raw >> 53 & 1  # EL0's, nG, PXN
            assert int(entry["end"], 16) <= 1 << 48
        text = running.command("ptdump 1")
        assert "spin[1]'s map: " in text and text.count(" USR\n") == 2
        assert "W^X holds: none is writable and executable" in text
        start = code["start"]
        walk = running.command(f"walk 1:{start}")
        assert f"translates to  {code['pa']}\n" in walk
        assert "read-only, no-execute, guarded (BTI), EL0 too, executable at EL0\n" in walk
        assert "no address of a program's" in running.command("walk 1:0xffff000000000000")
        assert running.command("walk 2:0") == "walk: '2:0' does not begin with a program's number\n"
        assert running.command("walk 1:x") == "walk: '1:x' does not end with an address\n"


def test_with_nowxn_the_tables_show_what_was_granted():
    with Prompt("max", "arm64.nowxn", exceptions=None) as running:
        running.command("run wx stay &")
        running.expect("run 42\r\nrun 42\r\n")
        assert "W^X BROKEN: " in running.command("ptdump 1")
        assert running.command("ptdump 1 --wx").count(" USR\n") > 0


def test_where_nothing_can_stop_a_program_that_is_said(tmp_path):
    blob = tmp_path / "dtb"
    blob.write_bytes(edit_tree(device_tree(), [
        "-t", "s", "FILE", "/intc@8000000", "compatible", "nobody,knows-it"]))
    first, again, pairs, killed = run(
        ["run hello", "run hello", "run 3 pair 100", "run faults 3"], arguments=["-dtb", str(blob)])
    assert first == ("run: no GICv2 or GICv3 is described: a program that neither ends nor calls "
                     "will not be stopped\nhello from EL0\n")
    assert again == "hello from EL0\n"
    assert pairs == ""
    assert "permission fault" in killed


@pytest.mark.parametrize("line,answer", [
    ("run", "built in: "),
    ("run nobody", "run: there is no program 'nobody'\n"),
    ("run 0 hello", "run: '0' are not from 1 to 1000 copies\n"),
    ("run 1001 hello", "run: '1001' are not from 1 to 1000 copies\n"),
    ("run &", "built in: "),
    ("kill", "kill: an argument is missing"),
    ("kill x", "kill: 'x' is not a number"),
    ("kill 7", "kill: '7' is no program's number; ps shows them\n"),
    ("kill 0x100000001", "kill: '0x100000001' is no program's number"),
    ("ps all", "ps: 'all'"),
])
def test_what_is_no_program_is_a_line_at_the_prompt(line, answer):
    output, hello = run([line, "run hello"])
    assert output.startswith(answer)
    assert hello == "hello from EL0\n"


def archive(*files):
    """A cpio archive in the newc format of (name, content)."""
    data = b""
    for name, content in (*files, ("TRAILER!!!", b"")):
        fields = [0, 0o100755, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
        entry = b"070701" + "".join(f"{field:08x}" for field in fields).encode()
        entry += name.encode() + b"\0"
        data += entry + bytes(-len(entry) % 4) + content + bytes(-len(content) % 4)
    return data


def with_initrd(tmp_path, data, commands, append="", cpu="max", machine=""):
    path = tmp_path / "initrd"
    path.write_bytes(data)
    return run(commands, cpu, append, machine, ["-initrd", str(path)])


def test_programs_come_from_the_initrd_first(tmp_path, built):
    data = archive(("bin/other", built("hello")), ("hello", built("jit")), ("text", b"#!/bin/sh\n"))
    other, slash, hello, built_in, text = with_initrd(
        tmp_path, data, ["run bin/other", "run /bin/other", "run hello", "run wx", "run text"])
    assert other == slash == "hello from EL0\n"
    assert hello.startswith("two names")
    assert "mmap -13" in built_in
    assert text == ("run: 'text': not an ELF file to be loaded: no ELF file of 64 bits, "
                    "little-endian (error -8)\n")


@pytest.mark.parametrize("data,why", [
    (b"\x1f\x8b\x08" + bytes(1000), "no cpio archive in the newc format"),
    (archive(("a", b"x"))[:-60], "the cpio archive is damaged"),
    (archive(("a", bytes(4096)))[:2000], "the cpio archive is damaged"),
])
def test_an_initrd_that_is_none_is_a_line_and_what_is_built_in_runs(tmp_path, data, why):
    nobody, hello = with_initrd(tmp_path, data, ["run nobody", "run hello"])
    assert nobody == f"run: there is no program 'nobody'; the initrd: {why}\n"
    assert hello == "hello from EL0\n"


@pytest.fixture(name="built")
def built_fixture():
    """What a built-in program's file has in it, by its name."""
    return lambda name: (BUILD / "user" / name).read_bytes()


def test_the_report_says_what_the_policy_is():
    for append, expected in (("", "refused"), ("arm64.nowxn", "granted")):
        text = "\n".join(run(["report json"], "max", append))
        document, = documents(text)
        assert document["policy"]["write_execute"] == expected
        assert document["asid_bits"] == 16
