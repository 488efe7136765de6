# SPDX-License-Identifier: MIT
"""What a person at a terminal does: edit a line, go back to an earlier one, have a word completed,
end an output that is too long; and what a program does that pastes more than anybody types.

QEMU takes some 30 microseconds a byte, so what is pasted is 12 KiB; PASTE=1048576 is the real test.
"""
import os
import re

import pytest

from machine import PROMPT, Machine, number, symbols
from terminal import COLUMNS, ROWS, Terminal

AT_PROMPT = PROMPT.rstrip()
LINES = 10_000
PASTE = int(os.environ.get("PASTE", "12288"))


@pytest.fixture(scope="module", name="terminal")
def fixture_terminal():
    with Terminal("pagoda.va_bits=48 nokaslr") as running:
        running.wait_row(AT_PROMPT)
        yield running


@pytest.fixture(autouse=True)
def fixture_empty_line(terminal):
    """Every test begins on an empty line at the top of the screen."""
    terminal.keys("C-c", "C-l")
    terminal.wait(lambda screen: len(screen) == 1 and screen[0].rstrip() == AT_PROMPT)


def test_cursor_keys_and_erasing_keys(terminal):
    terminal.text("wlk 0")
    terminal.keys("Home", "Right")
    terminal.text("a")
    terminal.wait_row(PROMPT + "walk 0", len(PROMPT) + 2)
    terminal.keys("End", "BSpace")
    terminal.text("1x")
    terminal.keys("Left", "DC")
    terminal.wait_row(PROMPT + "walk 1", len(PROMPT) + 6)
    terminal.keys("C-a", "C-k")
    terminal.wait_row(AT_PROMPT, len(PROMPT))


def test_an_edited_line_is_run_as_it_is_shown(terminal):
    terminal.text("verrides")
    terminal.keys("C-a")
    terminal.text("o")
    terminal.wait_row(PROMPT + "overrides")
    terminal.keys("Enter")
    screen = terminal.wait_row(AT_PROMPT)
    assert screen[-3].rstrip() == PROMPT + "overrides"
    assert screen[-2].rstrip() == "  overrides    applied    nokaslr -> arm64_sw.nokaslr=1"


def test_the_history_comes_back_with_the_arrow_keys(terminal):
    for line in ("# one", "# two"):
        terminal.text(line)
        terminal.keys("Enter")
    terminal.wait(lambda screen: len(screen) == 3)
    terminal.text("begun")
    terminal.keys("Up", "Up")
    terminal.wait_row(PROMPT + "# one")
    terminal.keys("Down")
    terminal.wait_row(PROMPT + "# two")
    terminal.keys("Down")
    terminal.wait_row(PROMPT + "begun")


def test_tab_completes_commands_and_arguments(terminal):
    terminal.text("ptd")
    terminal.keys("Tab")
    terminal.wait_row(PROMPT + "ptdump", len(PROMPT) + len("ptdump "))
    terminal.text("id")
    terminal.keys("Tab")
    terminal.wait_row(PROMPT + "ptdump idmap", len(PROMPT) + len("ptdump idmap "))
    terminal.text("--")
    terminal.keys("Tab")
    screen = terminal.wait(lambda screen: len(screen) == 3)
    assert screen[1].split() == ["--level", "--wx", "--perm", "--json"]
    assert screen[2].rstrip() == PROMPT + "ptdump idmap --"


def test_tab_completes_regions_values_and_the_commands_of_help_and_more(terminal):
    for typed, completed in (("ptdump fi", "ptdump fixmap "), ("help pt", "help ptdump "),
                             ("more ptdump vmem", "more ptdump vmemmap "),
                             ("memory t", "memory test "), ("fault rec", "fault recursion "),
                             ("ptdump --level -", "ptdump --level -1 ")):
        terminal.text(typed)
        terminal.keys("Tab")
        terminal.wait_row(PROMPT + completed, len(PROMPT) + len(completed))
        terminal.keys("C-u")
    terminal.text("ptdump --perm ")
    terminal.keys("Tab")
    terminal.wait_row(PROMPT + "ptdump --perm r", len(PROMPT) + len("ptdump --perm r"))
    terminal.keys("Tab")
    screen = terminal.wait(lambda screen: len(screen) == 3)
    assert screen[1].split() == ["r", "rw", "rx", "rwx"]


def test_a_line_longer_than_the_screen_is_edited_on_one_row(terminal):
    text = "# " + "0123456789" * 15
    terminal.text(text)
    terminal.wait(lambda screen: "".join(screen) == PROMPT + text)
    terminal.keys("C-a")
    terminal.wait_row(PROMPT + text[:COLUMNS - 1 - len(PROMPT)], len(PROMPT))
    terminal.keys("C-e")
    screen = terminal.wait(lambda screen: screen[-1].rstrip().endswith("6789"))
    assert len(screen[-1].rstrip()) < COLUMNS


def test_control_l_clears_the_screen_and_keeps_the_line(terminal):
    terminal.text("help")
    terminal.keys("Enter")
    terminal.wait_row(AT_PROMPT)
    terminal.text("walk")
    terminal.keys("C-l")
    terminal.wait(lambda screen: [row.rstrip() for row in screen] == [PROMPT + "walk"])


def test_control_c_ends_a_long_output(terminal):
    terminal.text(f"read 0xffff800080000000 {16 * LINES}")
    terminal.keys("Enter")
    terminal.wait(lambda screen: len(screen) == ROWS)
    terminal.keys("C-c")
    screen = terminal.wait_row(AT_PROMPT)
    assert screen[-2].rstrip().endswith("^C")
    last = [row for row in screen if re.match("0xffff8000800", row)][-1]
    assert number(last[:18]) < 0xffff800080000000 + 16 * (LINES - 1)


def test_more_stops_at_each_page_and_goes_on_by_key(terminal):
    question = "-- more: space, Enter, q --"
    terminal.text("more features")
    terminal.keys("Enter")
    first = terminal.wait_row(question)
    assert len(first) == ROWS
    terminal.keys("Enter")
    terminal.wait(lambda screen: screen[:-2] == first[1:-1] and screen[-1].rstrip() == question)
    terminal.keys("Space")
    terminal.wait(lambda screen: first[-2] not in screen and screen[-1].rstrip() == question)
    terminal.keys("q")
    assert terminal.wait_row(AT_PROMPT)[-2].rstrip().endswith("^C")


def test_more_shows_all_of_an_output_that_is_wider_than_the_screen(terminal):
    question = "-- more: space, Enter, q --"
    terminal.text("more ptdump")
    terminal.keys("Enter")
    screen = terminal.wait_row(question)
    assert len(screen) <= ROWS
    assert any(row.startswith("---[ Linear Mapping start ]---") for row in screen)
    terminal.keys("q")
    terminal.wait_row(AT_PROMPT)


def test_log_shows_the_boot_again():
    """A machine of its own: what the others print may push the boot out of the log."""
    with Terminal() as terminal:
        terminal.wait_row(AT_PROMPT)
        terminal.text("more log")
        terminal.keys("Enter")
        screen = terminal.wait_row("-- more: space, Enter, q --")
        assert any(row.startswith("Pagoda ") for row in screen)


def test_control_c_takes_effect_within_one_screen():
    """It comes right behind the command here, so how fast anybody reads plays no part."""
    with Machine() as machine:
        machine.expect(PROMPT)
        start = number(machine.document("report json")["image"]["va"])
        machine.send(f"read {start:#x} {16 * LINES}\r\x03")
        machine.expect("\r\n")
        shown = machine.expect(PROMPT)
        assert shown.count("\n") <= ROWS and shown.endswith("^C\n")
        assert "overrides" in machine.command("overrides"), "the console is alive"


def test_pasted_lines_lose_nothing():
    """More than fits the device and the kernel: each line is shown, in order, and none is run."""
    lines = [f"# {i:06} {'x' * 500}" for i in range(PASTE // 510 + 1)]
    with Machine() as machine:
        machine.expect(PROMPT)
        for start in range(0, len(lines), 64):
            part = lines[start:start + 64]
            machine.send("\r".join(part) + "\r")
            for line in part:
                machine.expect(line + "\r\n")
                assert machine.expect(PROMPT) == ""


def test_what_is_pasted_without_an_end_is_counted():
    with Machine() as machine:
        machine.expect(PROMPT)
        machine.send("poweroff ")
        for _ in range(PASTE // 4096):
            machine.send("y" * 4096)
        machine.send("\r")
        machine.expect("\r\n")
        dropped = PASTE // 4096 * 4096 + len("poweroff ") - 4096
        assert machine.expect(PROMPT) == (
            f"line too long: 4096 characters at most; {dropped} were dropped and nothing was "
            "run\n")


def test_what_is_typed_during_an_output_is_not_lost():
    with Machine() as machine:
        machine.expect(PROMPT)
        machine.send("ptdump json\roverrides\r# " + "z" * 500 + "\r")
        machine.expect("}\r\n")
        machine.expect("overrides\r\n")
        assert machine.expect(PROMPT) == "  overrides    none\n"
        machine.expect("# " + "z" * 500 + "\r\n")


def test_garbage_leaves_the_console_alive():
    garbage = bytes(range(256)).decode("latin-1").replace("\x03", "").replace("\t", "")
    with Machine() as machine:
        machine.expect(PROMPT)
        for text in (garbage, "\x1b[" + "9" * 5000, "\x1b" * 100, "\x1b[1;2;3;4;5;6;7;8~",
                     "\xff" * 5000):
            machine.send(text + "\x15\r")
        machine.send("\x15\roverrides\r")
        machine.expect("overrides\r\n")
        assert machine.expect(PROMPT) == "  overrides    none\n"


def test_the_walk_of_every_command_agrees_with_the_cpu():
    with Machine() as machine:
        machine.expect(PROMPT)
        image = machine.document("report json")["image"]
        for name in ("_text_start", "_data_start", "_init_text_start", "_guard_start", "_end"):
            va = number(image["va"]) + symbols()[name]
            assert "  the CPU agrees with the walk\n" in machine.command(f"walk {va:#x}")
