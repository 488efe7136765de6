# SPDX-License-Identifier: MIT
"""scripts/check-kept on small programs, linked as the Image is: what goes may use what stays, what
stays may not use what goes, unless the list has it; and the list has nothing more."""
import pathlib
import subprocess

import pytest

CHECK = pathlib.Path(__file__).resolve().parents[2] / "scripts/check-kept"
CC = ["aarch64-linux-gnu-gcc", "-O2", "-ffreestanding", "-fpie", "-fvisibility=hidden", "-nostdlib",
      "-static-pie", "-Wl,--build-id=none"]
SCRIPT = """
SECTIONS {
	.text : { *(.text.startup) *(EXCLUDE_FILE(first.o) .text) }
	_init_text_start = .;
	.init.text : { first.o(.text) }
	_init_data_end = .;
	.rodata : { *(.rodata .rodata.*) *(.init_array*) *(.rows) }
	.data : { *(.data .data.* .bss) }
}
"""
FIRST = "int twice(int);\nint first(void) { return twice(1) + 1; }\n"
MAIN = "int first(void);\nint kernel_main(void) { return first() + 1; }\n"
LATE = "int twice(int number) { return number + number; }\n"


class Program:
    """first.o, which goes, main.o and late.o, which stay, and the list of who may use first.o."""

    def __init__(self, path):
        self.path = path
        (path / "script").write_text(SCRIPT)
        self.allow("kernel_main # by then it is over\n")
        self.sources = {"first": FIRST, "main": MAIN, "late": LATE}

    def allow(self, text):
        (self.path / "list").write_text(text)

    def run(self):
        objects = [f"{name}.o" for name in self.sources]
        for name, source in self.sources.items():
            (self.path / f"{name}.c").write_text(source)
            subprocess.run([*CC, "-c", "-o", f"{name}.o", f"{name}.c"], cwd=self.path, check=True)
        subprocess.run([*CC, "-Wl,-T,script", "-Wl,-e,kernel_main", "-o", "program", *objects],
                       cwd=self.path, check=True, capture_output=True)
        return subprocess.run([CHECK, "list", "program", *objects], cwd=self.path,
                              capture_output=True, text=True, check=False)

    def check(self):
        result = self.run()
        assert not result.stderr
        assert result.returncode == (1 if result.stdout else 0)
        return result.stdout.splitlines()


@pytest.fixture
def program(tmp_path):
    """One in which only kernel_main() uses what goes."""
    return Program(tmp_path)


def test_what_the_list_has_may_use_what_goes(program):
    assert program.check() == []


def test_another_that_calls_what_goes_is_named_with_what_it_calls(program):
    program.sources["late"] = LATE + "int first(void);\nint late(void) { return first() * 3; }\n"
    assert program.check() == [
        "late.o: late: uses first of first.o, which memory_release_init() unmaps"]


def test_so_is_data_that_points_there(program):
    program.sources["late"] = LATE + "int first(void);\nint (*pointer)(void) = first;\n"
    assert program.check() == [
        "late.o: pointer: uses first of first.o, which memory_release_init() unmaps"]


def test_a_function_of_that_name_elsewhere_does_not_hide_it(program):
    program.sources["other"] = (
        "static __attribute__((noinline)) int first(int a) { return a * 7; }\n"
        "int other(int a) { return first(a) + first(a + 1); }\n")
    program.sources["late"] = LATE + "int first(void);\nint late(void) { return first() * 3; }\n"
    assert program.check() == [
        "late.o: late: uses first of first.o, which memory_release_init() unmaps"]


def test_a_row_of_a_table_that_stays_may_not_point_to_what_goes(program):
    program.sources["first"] = FIRST + (
        'int (*const row)(void) __attribute__((section(".rows"), used)) = first;\n')
    assert program.check() == ["first.o: .rows stays, and what it points to does not"]


@pytest.mark.parametrize("place,expected", [
    (".text.startup", []),
    (".text", ["first.o: .init_array stays, and what it points to does not"])])
def test_a_constructor_has_to_stay(program, place, expected):
    program.sources["first"] = FIRST + (
        f'static void __attribute__((constructor, section("{place}"), used)) make(void) '
        "{ twice(2); }\n")
    assert program.check() == expected


def test_the_list_has_nothing_that_needs_no_leave(program):
    program.allow("kernel_main\ntwice\n")
    assert program.check() == ["list: twice: uses nothing that is unmapped"]


def test_what_cannot_be_checked_is_said(program):
    program.run()
    (program.path / "late.o").write_text("no object")
    result = subprocess.run([CHECK, "list", "program", "late.o"], cwd=program.path,
                            capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("check-kept: late.o: ")
    result = subprocess.run([CHECK, "list", "main.o", "main.o"], cwd=program.path,
                            capture_output=True, text=True, check=False)
    assert result.returncode == 2 and "no symbol _init_text_start" in result.stderr
