# SPDX-License-Identifier: MIT
"""scripts/gdb/pagoda.py: the readers of the same tables agree, the kernel's own in its text and in
its JSON, and the debugger's, which has nothing but registers and physical memory."""
import pathlib
import re
import subprocess
import sys
import tempfile

import pytest

from machine import BUILD, PROMPT, ROOT, TIMEOUT, Machine, number

sys.path.insert(0, str(ROOT / "scripts"))
import ptview_log  # noqa: E402

SCRIPT = ROOT / "scripts/gdb/pagoda.py"
SIZES = ["4k", "16k", "64k"]
NO_VHE = "id_aa64mmfr1.vh=0"
RUN = re.compile(r"0x([0-9a-f]{16})-0x([0-9a-f]{16}) +(\S+) L(-?\d) +0x([0-9a-f]{16}) (.*)")


def debugger(machine, *commands):
    """What gdb says when it attaches to @machine, runs the script and @commands, and detaches.
    Errors are in it."""
    with tempfile.TemporaryDirectory(prefix="pagoda-gdb-") as directory:
        socket = pathlib.Path(directory, "socket")
        machine.monitor(f"gdbserver unix:{socket},server=on,wait=off")
        words = ["gdb-multiarch", "-q", "-nx", "-batch", "-ex", "set architecture aarch64",
                 "-ex", f"target remote {socket}", "-x", SCRIPT]
        for command in commands:
            words += ["-ex", command]
        result = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, timeout=3 * TIMEOUT,
                                check=False, cwd=ROOT,
                                env={"PATH": "/usr/bin:/bin", "PAGODA_ELF": BUILD / "pagoda.elf"})
        machine.monitor("gdbserver none")
    return result.stdout


def runs_by_debugger(text):
    """[run] of one pagoda-ptdump, each as runs_by_json() gives it. Of what is shared the text does
    not say the type."""
    found = []
    for start, end, _, level, address, attributes in RUN.findall(text):
        words = attributes.split()
        kind = "shared" if "shared:" in words else "block" if "BLK" in words else "page"
        found.append((int(start, 16), int(end, 16), int(address, 16), int(level), kind,
                      "RW" in words, "x" in words, "CON" in words, "USR" in words,
                      next((word for word in words if "/" in word), None)))
    return found


def runs_by_json(entries):
    return [(number(entry["start"]), number(entry["end"]) % (1 << 64), number(entry["pa"]),
             entry["level"], entry["kind"], entry["write"], entry["execute"],
             entry["contiguous"], entry["user"],
             entry["type"] if entry["kind"] != "shared" else None) for entry in entries]


def runs_by_text(text, root):
    """Of a ptdump's text, with runs that markers cut joined again."""
    (dump,), notes = ptview_log.read_log(text, "console")
    assert not notes
    table, = (table for table in dump["tables"] if table["root"] == root)
    return runs_by_json(table["entries"])


@pytest.mark.parametrize("fallback", ["", "arm64.nolva"])
@pytest.mark.parametrize("size", SIZES)
def test_debugger_text_and_json_agree_run_by_run(size, fallback):
    with Machine(append=f"arm64.pagesize={size} {fallback}") as machine:
        machine.expect(PROMPT)
        document = machine.document("ptdump json")
        text = {"kernel": machine.command("ptdump"), "idmap": machine.command("ptdump idmap")}
        said = debugger(machine, "pagoda-ptdump", "echo IDMAP\\n", "pagoda-ptdump idmap")
    kernel, idmap = said.split("IDMAP\n")
    for root, by_debugger in (("kernel", kernel), ("idmap", idmap)):
        entries, = (table["entries"] for table in document["tables"] if table["root"] == root)
        assert runs_by_debugger(by_debugger) == runs_by_json(entries)
        assert runs_by_text(text[root], root) == runs_by_json(entries)
        head = text[root].splitlines()[0]
        assert head in by_debugger
        assert f"{len(entries)} runs, read from TTBR" in by_debugger
        assert runs_by_text(by_debugger, root) == runs_by_json(entries)


@pytest.mark.parametrize("cpu, append", [
    ("max", ""), ("max", "arm64.pagesize=16k"), ("max", "arm64.pagesize=64k"),
    ("max", "pagoda.hyp_va_bits=52"), ("max,lpa2=off", "arm64.pagesize=16k"), ("cortex-a57", "")])
def test_a_hypervisors_map_and_stage_2_are_what_the_hypervisor_says(cpu, append):
    append += " nokaslr kvm-arm.mode=protected pagoda.stage2=full"
    with Machine(cpu, append, "virtualization=on,gic-version=3", exceptions=None) as machine:
        machine.expect(PROMPT)
        machine.command("selftest memory")
        text = {"hyp": machine.command("ptdump hyp"), "host2": machine.command("ptdump host2")}
        said = debugger(machine, "pagoda-ptdump hyp", "echo STAGE2\\n", "pagoda-ptdump stage2")
        machine.command("hyp stop")
        off = debugger(machine, "pagoda-ptdump hyp", "pagoda-ptdump stage2")
    hyp, stage2 = said.split("STAGE2\n")
    assert runs_by_debugger(hyp) == runs_by_debugger(text["hyp"]) != []
    assert runs_by_debugger(stage2) == runs_by_debugger(text["host2"]) != []
    assert text["hyp"].splitlines()[0] in hyp
    assert text["host2"].splitlines()[0].partition(":")[2] in stage2
    assert "EL2's MMU is off: no hypervisor runs" in off and "stage 2 is off" in off


@pytest.mark.parametrize("append, machine", [
    ("", ""), ("arm64.pagesize=16k", ""), ("arm64.pagesize=64k", ""), ("arm64.nolva", ""),
    ("arm64.pagesize=16k arm64.nolva", ""), ("pagoda.va_bits=39", ""),
    ("", "virtualization=on"), (NO_VHE, "virtualization=on")])
def test_layout_and_walks_agree_with_the_report_and_the_emulator(append, machine):
    with Machine(append=append, machine=machine) as running:
        running.expect(PROMPT)
        document = running.document("ptdump json")
        edges = [edge for entry in document["tables"][0]["entries"]
                 for edge in (number(entry["start"]), number(entry["end"]) - 1)]
        wanted = [running.translate(edge) for edge in edges]
        said = debugger(running, "pagoda-layout", *(f"pagoda-walk {edge:#x}" for edge in edges))
    layout = re.findall(r"^0x([0-9a-f]{16})-0x([0-9a-f]{16}) +\S+  (\w+)$", said, re.MULTILINE)
    assert {name: (int(start, 16), int(end, 16)) for start, end, name in layout} == {
        row["name"]: (number(row["start"]), number(row["end"])) for row in document["layout"]}
    assert [int(address, 16) for address in
            re.findall(r"translates to  0x([0-9a-f]+)", said)] == wanted
    assert f"TTBR1_EL{document['decision']['el']}" in said


def test_a_walk_shows_every_level_as_the_console_does():
    with Machine(append="nokaslr") as machine:
        machine.expect(PROMPT)
        shown = machine.command("walk 0xffff800080010000")
        said = debugger(machine, "pagoda-walk 0xffff800080010000")
    levels = [line for line in shown.splitlines() if line.startswith("  level")]
    assert len(levels) == 5
    assert [line for line in said.splitlines() if line.startswith("  level")] == levels


def test_the_machine_goes_on_afterwards_and_sees_its_own_memory():
    with Machine(append="nokaslr") as machine:
        machine.expect(PROMPT)
        before = machine.command("ptdump")
        said = debugger(machine, "pagoda-ptdump", "x/wx 0xffff800080000038",
                        "maintenance packet qqemu.PhyMemMode")
        assert machine.command("ptdump") == before
    assert "0x644d5241" in said  # "ARM\x64" of the Image header, at its virtual address
    assert 'received: "0"' in said


@pytest.mark.parametrize("command, answer", [
    ("pagoda-layout now", "usage: pagoda-layout"),
    ("pagoda-walk", "usage: pagoda-walk ADDR"),
    ("pagoda-walk 1 2", "usage: pagoda-walk ADDR"),
    ("pagoda-walk nonsense", "No symbol"),
    ("pagoda-walk 0x00ff000000000000", "is not canonical"),
    ("pagoda-walk 0x0100000000000000", "is not canonical"),
    ("pagoda-walk 0xfff8000000000000", "not mapped: translation fault, level -1"),
    ("pagoda-walk -1", "not mapped: translation fault, level 2"),
    ("pagoda-ptdump both", "usage: pagoda-ptdump [kernel|idmap|hyp|stage2]"),
    ("pagoda-ptdump hyp", "the target does not show HCR_EL2"),
])
def test_bad_arguments_are_one_line(machine, command, answer):
    said = debugger(machine, command)
    assert answer in said and "Traceback" not in said


@pytest.fixture(scope="module", name="machine")
def fixture_machine():
    with Machine(append="nokaslr") as running:
        running.expect(PROMPT)
        yield running


def test_a_table_where_no_memory_is_ends_the_dump_and_not_the_debugger():
    with Machine(append="nokaslr", excused=["Invalid read at addr"]) as machine:
        machine.expect(PROMPT)
        root = number(machine.document("report json")["registers"]["TTBR1_EL1"])
        said = debugger(machine, "maintenance packet Qqemu.PhyMemMode:1",
                        f"set *(unsigned long *){root:#x} = 0xf000000003",
                        "maintenance packet Qqemu.PhyMemMode:0", "pagoda-ptdump",
                        "pagoda-walk 0xfff0000000000000", "pagoda-walk 0xffff800080000000")
    assert said.count("no memory at physical address 0x000000f000000000") == 2
    assert "translates to  0x0000000040200000" in said and "Traceback" not in said


def test_symbols_follow_the_flip_and_there_is_nothing_to_show_before():
    # gdb looks at the code before the first instruction, where nothing is.
    with Machine(arguments=["-S"], excused=["Invalid read at addr 0x3FFFFFFC"]) as machine:
        said = debugger(machine, "pagoda-ptdump", "continue", "continue", "info symbol $pc",
                        "pagoda-ptdump", "pagoda-walk $pc")
    assert "the MMU is off: nothing is translated" in said
    assert "The flip: the MMU is on" in said
    assert re.search(r"^kernel_main in section", said, re.MULTILINE)
    runs = runs_by_debugger(said)
    assert [run[6] for run in runs].count(True) >= 1 and "translates to" in said


def test_physical_memory_comes_from_openocd_where_the_stub_is_not_qemus():
    fake = ("python gdb.execute = lambda line, to_string=False: "
            "'0x0000000040001000: 0000000040002003 0070000040200483 \\n"
            "0x0000000040001010: 0000000000000000 \\n' "
            "if line == 'monitor mdd phys 0x40001000 3' else 'received: \"\"'")
    said = subprocess.run(
        ["gdb-multiarch", "-q", "-nx", "-batch", "-x", SCRIPT, "-ex", fake,
         "-ex", "python print(read_physical(0x40001000, 24).hex())"], capture_output=True,
        text=True, timeout=TIMEOUT, check=False).stdout
    assert said.splitlines()[-1] == "032000400000000083042040000070000000000000000000"


class Small(Machine):
    """With so little memory that a dump of it is made at once."""
    memory_size = "64M"


REGISTERS = ("TTBR1_EL1", "TTBR0_EL1", "TCR_EL1", "MAIR_EL1", "SCTLR_EL1")


NO_ELF = "nowhere.elf"


def in_dump(core, *commands, elf=BUILD / "pagoda.elf"):
    """What gdb says that has a memory dump in place of a machine."""
    words = ["gdb-multiarch", "-q", "-nx", "-batch", "-ex", "set architecture aarch64",
             "-ex", f"core-file {core}", "-x", SCRIPT]
    for command in commands:
        words += ["-ex", command]
    return subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=3 * TIMEOUT, check=False,
                          cwd=ROOT, env={"PATH": "/usr/bin:/bin", "PAGODA_ELF": elf}).stdout


@pytest.fixture(scope="module", name="dump")
def fixture_dump(tmp_path_factory):
    """(a dump of the memory, the report, what the console shows of the tables)"""
    core = tmp_path_factory.mktemp("dump") / "core.elf"
    with Small(append="nokaslr") as running:
        running.expect(PROMPT)
        document = running.document("ptdump json")
        shown = running.command("walk 0xffff800080010000"), running.command("ptdump")
        running.qmp("dump-guest-memory", paging=False, protocol=f"file:{core}")
    return core, document, shown


def is_clean(said):
    return "Traceback" not in said and "Python Exception" not in said


@pytest.mark.parametrize("append, machine", [
    ("", ""), ("arm64.pagesize=16k", ""), ("arm64.pagesize=64k arm64.nolva", ""),
    ("", "virtualization=on"), (NO_VHE, "virtualization=on")])
def test_a_memory_dump_says_itself_where_its_tables_are(append, machine, tmp_path):
    with Small(append=append, machine=machine) as running:
        running.expect(PROMPT)
        document = running.document("ptdump json")
        running.qmp("dump-guest-memory", paging=False, protocol=f"file:{tmp_path / 'core'}")
    image = document["image"]
    said = in_dump(tmp_path / "core", "pagoda-layout", "pagoda-walk $pc", "info symbol $pc",
                   "echo DUMP\\n", "pagoda-ptdump", "echo IDMAP\\n", "pagoda-ptdump idmap")
    assert is_clean(said)
    assert (f"The dump's Image is at {number(image['pa']):#x}, mapped at "
            f"{number(image['va']):#x}; ") in said
    assert re.search(fr"^0x{number(image['va']):016x}-.*  image$", said, re.MULTILINE)
    assert f"TTBR1_EL{document['decision']['el']}" in said
    assert "translates to  " in said and "in section .text" in said
    kernel, idmap = said.split("DUMP\n")[1].split("IDMAP\n")
    for root, text in (("kernel", kernel), ("idmap", idmap)):
        entries, = (table["entries"] for table in document["tables"] if table["root"] == root)
        assert runs_by_debugger(text) == runs_by_json(entries)


def test_what_a_memory_dump_lacks_to_say_it_itself_is_one_line(dump, tmp_path):
    core, _, _ = dump
    data = core.read_bytes()
    (tmp_path / "cut").write_bytes(data[:0x210000])  # after the Image's header
    (tmp_path / "other").write_bytes(data.replace(b"ARM\x64", b"ARM\x00"))
    stripped = tmp_path / "stripped.elf"
    subprocess.run(["aarch64-linux-gnu-objcopy", "--strip-debug", BUILD / "pagoda.elf", stripped],
                   check=True)
    for name, elf, why in (
            (core, NO_ELF, "nowhere.elf: No such file or directory."),
            (core, stripped, "stripped.elf: No struct type named boot_handoff."),
            (tmp_path / "cut", BUILD / "pagoda.elf", "no memory at physical address"),
            (tmp_path / "other", BUILD / "pagoda.elf", "has booted")):
        said = in_dump(name, "pagoda-layout", elf=elf)
        assert is_clean(said)
        first, last = [line for line in said.splitlines() if why.rstrip(".") in line]
        assert first.startswith("Registers have to be given by hand: ")
        assert last.startswith("the target does not show SCTLR_EL1; give its value")


def test_a_machine_that_had_not_booted_when_its_memory_was_dumped_has_no_tables(tmp_path):
    with Small(arguments=["-S"]) as machine:
        machine.qmp("dump-guest-memory", paging=False, protocol=f"file:{tmp_path / 'core'}")
    said = in_dump(tmp_path / "core", "pagoda-ptdump")
    assert is_clean(said) and "pagoda.elf that has booted" in said


def test_without_a_machine_or_a_dump_the_script_says_what_it_wants():
    said = in_dump("nowhere", "pagoda-ptdump", "pagoda-walk 0", "pagoda-layout")
    assert is_clean(said)
    assert "No machine yet: `target remote HOST:PORT`, or `core-file DUMP`" in said
    assert said.count("the target does not show SCTLR_EL1; give its value") == 3


def test_a_memory_dump_with_the_registers_by_hand_is_as_good_as_a_machine(dump):
    core, document, (walk, text) = dump
    said = in_dump(core, *(f"set ${name} = {document['registers'][name]}" for name in REGISTERS),
                   "pagoda-walk 0xffff800080010000", "pagoda-layout", "echo DUMP\\n",
                   "pagoda-ptdump", elf=NO_ELF)
    levels = [line for line in walk.splitlines() if line.startswith("  level")]
    assert [line for line in said.splitlines() if line.startswith("  level")] == levels != []
    assert runs_by_text(said.split("DUMP\n")[1], "kernel") == runs_by_text(text, "kernel")
    assert re.search("  image$", said, re.MULTILINE)
    assert "Traceback" not in said and "Python Exception" not in said


def test_what_a_memory_dump_lacks_is_one_line(dump, tmp_path):
    core, document, _ = dump
    given = [f"set ${name} = {document['registers'][name]}" for name in REGISTERS]
    said = in_dump(core, "pagoda-walk 0xffff800080010000", elf=NO_ELF)
    assert said.splitlines()[-1].startswith("the target does not show SCTLR_EL1; give its value")
    elsewhere = in_dump(core, *given, "set $TTBR1_EL1 = 0x1000", "pagoda-ptdump",
                        "pagoda-layout", "pagoda-walk 0xffff800080010000", elf=NO_ELF)
    assert elsewhere.count("no memory at physical address 0x00000000000010") == 3
    cut = tmp_path / "cut.elf"
    with open(core, "rb") as whole:
        cut.write_bytes(whole.read(1 << 20))
    missing = in_dump(cut, *given, "pagoda-walk 0xffff800080010000", elf=NO_ELF)
    for text in (said, elsewhere, missing):
        assert "Traceback" not in text and "Python Exception" not in text
    assert "no memory at physical address" in missing
