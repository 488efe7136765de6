# SPDX-License-Identifier: MIT
"""The prompt, what can be typed at it, and the ways out."""
import pytest

from machine import PROMPT, Machine, boot, documents, number, symbols

ENTRIES = {"EL1": ("", "hvc"), "EL2": ("virtualization=on", "smc")}
LINE_MAX = 4096


@pytest.fixture(scope="module", name="machine")
def fixture_machine():
    """A machine at its prompt, for all tests that leave it there."""
    with Machine() as running:
        running.expect(PROMPT)
        yield running


COMMANDS = ("help", "report", "layout", "features", "overrides", "registers", "memory", "ptdump",
            "walk", "at", "find", "timeline", "read", "write", "fault", "log", "more", "poweroff",
            "reboot")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_shows_usage_and_an_example(machine, command):
    usage, _, example = machine.command(f"help {command}").splitlines()
    assert usage.startswith(f"usage:   {command} ") and example.startswith("example: ")
    assert command in example


def test_help_lists_every_command(machine):
    listed = machine.command("help")
    for command in COMMANDS:
        assert f"  {command} " in listed


def test_report_repeats_what_was_printed_at_boot(machine):
    """But for input by interrupt, which begins at the prompt, with the GIC's registers mapped."""
    at_boot = machine.text.replace("\r\n", "\n").split(PROMPT, maxsplit=1)[0].splitlines()
    now = machine.command("report").splitlines()
    assert len(now) == len(at_boot)
    changed = [(before, after) for before, after in zip(at_boot, now) if before != after]
    assert [before[:15].strip() for before, _ in changed] == ["input", "kernel map"]
    assert changed[0] == ("  input        polled: until the prompt",
                          "  input        by interrupt 33")


def test_report_json_is_one_document_without_tables(machine):
    document = machine.document("report json")
    assert document["document"] == "report" and "tables" not in document


def test_ptdump_json_is_the_report_and_the_tables(machine):
    report, dump = machine.document("report json"), machine.document("ptdump json")
    assert [table["root"] for table in dump.pop("tables")] == ["kernel", "idmap"]
    assert dump.pop("document") == "ptdump" and report.pop("document") == "report"
    assert dump == report


# What programs may count on; the schema says the rest.
KEYS = {
    "image": {"pa", "va", "size", "entry_el", "kaslr"},
    "regime": {"granule", "va_bits", "pa_bits", "levels", "root_level", "lpa2", "wxn"},
    "idmap": {"va_bits", "root_level"},
    "registers": {"ID_AA64MMFR0_EL1", "ID_AA64MMFR1_EL1", "ID_AA64MMFR2_EL1", "MAIR_EL1",
                  "TCR_EL1", "SCTLR_EL1", "TTBR0_EL1", "TTBR1_EL1"},
}
ROW_KEYS = {
    "overrides": {"option", "field", "value", "status", "reason"},
    "layout": {"name", "start", "end"},
    "memory": {"start", "end", "kind"},
    "pool": {"name", "used", "total"},
    "timeline": {"stage", "ticks"},
}
ENTRY_KEYS = {"start", "end", "pa", "size", "level", "kind", "contiguous", "read", "write",
              "execute", "user", "type", "shareability", "raw"}


def test_the_report_has_the_agreed_keys():
    document = boot("max", "arm64.nomte").document
    assert isinstance(document["pagoda"], str)
    for key, keys in KEYS.items():
        assert keys <= set(document[key])
    assert set(document["image"]["kaslr"]) == {"offset", "source"}
    for key, keys in ROW_KEYS.items():
        assert document[key] and all(set(row) == keys for row in document[key])
    for table in document["tables"]:
        assert set(table) == {"root", "entries"}
        assert table["entries"] and all(set(entry) == ENTRY_KEYS for entry in table["entries"])


def dumped_lines(text):
    """[(start, end, words)] of the lines of a text dump that are runs."""
    lines = [line for line in text.splitlines() if line.startswith("0x")]
    return [(*map(number, line.split()[0].split("-")), line.split()[1:]) for line in lines]


def test_ptdump_covers_the_upper_half_without_a_gap_and_marks_its_regions(machine):
    text, document = machine.command("ptdump"), machine.document("ptdump json")
    lines = dumped_lines(text)
    assert lines[0][0] == 0xFFF0000000000000 and lines[-1][1] == 0
    assert all(a[1] == b[0] for a, b in zip(lines, lines[1:]))
    edges = {start for start, _, _ in lines}
    for region in document["layout"]:
        assert {number(region["start"]), number(region["end"])} <= edges
    for mark in ("Linear Mapping start", "Linear Mapping end", "Modules start", "Modules end",
                 "vmalloc() area", "vmalloc() end", "vmemmap start", "vmemmap end",
                 "PCI I/O start", "PCI I/O end", "Fixmap start", "Fixmap end", "Image text"):
        assert f"---[ {mark} ]---\n" in text


@pytest.mark.parametrize("command,root", [("ptdump", 0), ("ptdump idmap", 1)])
def test_the_text_dump_shows_what_the_json_dump_shows(machine, command, root):
    shown = {(start, number(words[2])): words for start, _, words in
             dumped_lines(machine.command(command)) if len(words) > 2}
    entries = machine.document("ptdump json")["tables"][root]["entries"]
    for entry in entries:
        words = shown[number(entry["start"]), number(entry["pa"])]
        assert words[1] == f"L{entry['level']}"
        assert ("RW" in words, "x" in words) == (entry["write"], entry["execute"])
        assert ("CON" in words, "BLK" in words) == (entry["contiguous"], entry["kind"] == "block")
        assert "SHD" not in words, "with LPA2 shareability is not in the descriptor"
        assert ("shared:" in words) == (entry["kind"] == "shared")
        if entry["kind"] == "shared":  # what the table leads to, tests/boot/test_kasan.py reads
            continue
        assert "AF" in words and "UXN" in words and entry["type"] in words


def test_a_filtered_dump_is_a_document_of_what_passes(machine):
    whole, = (table for table in machine.document("ptdump json")["tables"]
              if table["root"] == "kernel")
    document = machine.document("ptdump kernel image --perm rx --json")
    assert [table["root"] for table in document["tables"]] == ["kernel"]
    assert document["tables"][0]["entries"] == [
        entry for entry in whole["entries"] if entry["execute"]]


def test_overrides_says_that_there_are_none(machine):
    assert machine.command("overrides") == "  overrides    none\n"


def test_walk_finds_kernel_main_level_by_level(machine):
    image = machine.document("report json")["image"]
    va = number(image["va"]) + symbols()["kernel_main"]
    answer = machine.command(f"walk {va:#x}").splitlines()
    fields = [line for line in answer if line.startswith("    ")]
    assert fields[:4] == ["    NSTable=0 APTable=0 UXNTable=1 PXNTable=0"] * 4
    assert fields[4:] == [
        "    PBHA=0 software=0 UXN=1 PXN=0 Contiguous=1 DBM=0 GP=1",
        "    nG=0 AF=1 OA[51:50]=0 AP[2:1]=2 NS=0 AttrIndx=0"]
    lines = [line for line in answer if line not in fields]
    assert lines[0] == f"walk {va:#018x}: upper half, kernel map (TTBR1_EL1)"
    assert [line.split()[1] for line in lines[1:6]] == ["-1", "0", "1", "2", "3"]
    assert all("  table at 0x" in line for line in lines[1:5])
    assert "  4K page at 0x" in lines[5]
    pa = number(image["pa"]) + symbols()["kernel_main"]
    assert lines[6] == f"  translates to  {pa:#018x}"
    assert "read-only, executable, guarded (BTI)" in lines[7]
    assert "MEM/NORMAL, shareability inner (from TCR), contiguous" in lines[8]
    assert f"page at {pa & ~0xFFF:#018x}" in lines[9]
    assert lines[10].endswith(": permission fault, level 3")
    assert lines[11] == "  the CPU agrees with the walk"


def test_walk_takes_decimal_too(machine):
    va = number(machine.document("report json")["image"]["va"])
    assert machine.command(f"walk {va}") == machine.command(f"walk {va:#x}")


def test_walk_of_what_is_not_mapped_says_at_which_level_it_ends(machine):
    half, entry = 0xFFF0000000000000, 1 << 48  # what one entry of the root maps
    report = machine.document("report json")
    linear = (number(report["linear"]["offset"]) + number(report["image"]["pa"])) % (1 << 64)
    # KASLR moves the linear map within 15 of them; four on from where it is, there is nothing.
    unmapped = half + (linear - half + 4 * entry) % (15 * entry)
    upper = machine.command(f"walk {unmapped:#x}")
    assert "  not mapped: translation fault, level -1\n" in upper
    assert upper.endswith("  the CPU agrees with the walk\n")
    lower = machine.command("walk 0x123")
    assert "no longer in TTBR0_EL1" in lower
    assert "  not mapped: translation fault, level 1\n" in lower


ERRORS = {
    "walk 0x0010000000000000": "not canonical",
    "walk 0xffe0000000000000": "not canonical",
    "walk 0x8000000000000000": "not canonical",
    "walk": "walk: an argument is missing; usage: walk [NUMBER:]ADDR",
    "walk kernel_main": "'kernel_main' is not a number",
    "walk 0x": "is not a number",
    "walk 0x10000000000000000": "is not a number",
    "walk 18446744073709551616": "is not a number",
    "walk 0x1 0x2": "'0x2' is none of hyp, host2, guest2",
    "walk -1": "is not a number",
    "frobnicate": "unknown command 'frobnicate'; help lists those there are",
    "report yaml": "report: 'yaml' is no form of the report; there is: json",
    "reports": "unknown command 'reports'",
    "HELP": "unknown command 'HELP'",
    "ptdump swapper": "ptdump: 'swapper' is no map",
    "ptdump 0x2000-0x1000": "ends before it starts",
    "ptdump 0x1000-0x1000": "is empty",
    "ptdump 0x1000-0x10000000000000000": "numbers of 64 bits",
    "ptdump --level 4": "'4' is no level: -1 to 3",
    "ptdump --level -2": "is no level",
    "ptdump --level": "needs a value",
    "ptdump --perm rwz": "are no permissions",
    "at": "an argument is missing",
    "find 0x": "is not a number",
    "read 1 2 3": "one argument too many",
    "write 0xffff800080000000": "an argument is missing",
    "write 1 2 3": "bytes cannot be stored at once",
    "write 0x1 2 8": "is not a multiple of the size",
    "write 0 0x100 1": "does not fit the size",
    "fault": "an argument is missing",
    "fault read": "is not complete",
    "fault sleep 1": "is no kind of fault",
    "help frob": "unknown command 'frob'",
    "log 1": "it takes no argument",
    "1 " * 9: "unknown command '1'",
    "walk " + "1 " * 13: "more than 12 arguments",
    "x" * 200: "xxx...'",
    "poweroff now": "it takes no argument",
}


@pytest.mark.parametrize("line", ERRORS, ids=lambda line: line[:30])
def test_what_is_wrong_gets_one_line(machine, line):
    answer = machine.command(line)
    assert answer.count("\n") == 1 and answer.endswith("\n")
    assert ERRORS[line] in answer


def test_an_empty_line_gets_another_prompt(machine):
    assert machine.command("") == ""
    machine.send("   \t \r")
    assert machine.expect(PROMPT).strip() == ""


def test_blanks_around_words_do_not_matter(machine):
    assert machine.command("   overrides   ") == machine.command("overrides")
    assert documents(machine.command(" report    json "))


@pytest.mark.parametrize("erase", ["\x7f", "\b"])
def test_backspace_takes_back_what_was_typed(machine, erase):
    machine.send(f"overx{erase}rides\r")
    machine.expect("overx\b \brides\r\n")
    assert machine.expect(PROMPT) == "  overrides    none\n"


def test_backspace_at_the_start_of_a_line_does_nothing(machine):
    machine.send("\x7f\x7foverrides\r")
    assert machine.expect("overrides\r\n") == ""
    assert machine.expect(PROMPT) == "  overrides    none\n"


def test_control_u_takes_back_the_line(machine):
    machine.send("nonsense\x15overrides\r")
    machine.expect("\b" * 8 + " " * 8 + "\b" * 8 + "overrides\r\n")
    assert machine.expect(PROMPT) == "  overrides    none\n"


def test_the_longest_line_is_taken_and_a_longer_one_is_not_run(machine):
    longest = "walk " + "9" * (LINE_MAX - 5)
    assert "is not a number" in machine.command(longest)
    machine.send("poweroff" + " " * LINE_MAX + "\r")
    answer = machine.expect(PROMPT)
    assert f"line too long: {LINE_MAX} characters at most; 8 were dropped" in answer


def test_cr_lf_and_crlf_each_end_one_line(machine):
    machine.send("overrides\roverrides\noverrides\r\noverrides\r")
    for _ in range(4):
        machine.expect("overrides\r\n")
        assert machine.expect(PROMPT) == "  overrides    none\n"


def test_control_characters_are_not_echoed(machine):
    machine.send("over\x1b\x01\x00\xff\xc3rides\r")
    assert machine.expect("overrides\r\n") == ""
    assert machine.expect(PROMPT) == "  overrides    none\n"


def test_commands_of_the_command_line_run_in_order_each_with_its_prompt():
    with Machine(append='pagoda.run="overrides;; walk 0x8000000000000000 ;nonsense; ptdump json; '
                        'poweroff; help"') as machine:
        assert machine.wait_end() == "guest-shutdown"
        shown = machine.text.replace("\r\n", "\n").split(PROMPT)
        assert [text.split("\n", maxsplit=1)[0] for text in shown[1:]] == [
            "overrides", "walk 0x8000000000000000", "nonsense", "ptdump json", "poweroff"]
        assert len(documents(machine.text)) == 1


def test_commands_come_before_the_prompt():
    with Machine(append="pagoda.run=overrides") as machine:
        machine.expect(PROMPT + "overrides\r\n")
        assert machine.expect(PROMPT) == "  overrides    none\n"
        assert machine.command("overrides") == "  overrides    none\n"


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("command,reason", [("poweroff", "guest-shutdown"),
                                            ("reboot", "guest-reset")])
def test_the_ways_out_work_through_the_conduit_of_the_fdt(entry, command, reason):
    machine, conduit = ENTRIES[entry]
    with Machine(machine=machine) as running:
        running.expect(PROMPT)
        assert running.document("report json")["psci"] == conduit
        running.send(command + "\r")
        assert running.wait_end() == reason


def test_earlycon_names_another_console_than_the_fdt():
    with Machine(append="earlycon=pl011,0x9000000") as machine:
        machine.expect(PROMPT)
        assert machine.document("report json")["console"] == {
            "source": "earlycon", "type": "PL011", "pa": "0x0000000009000000",
            "input": "interrupt"}
