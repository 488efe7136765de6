# SPDX-License-Identifier: MIT
"""scripts/add-landing-pads and scripts/check-pads on small files, compiled as the kernel is: what a
pointer may lead to begins with BTI C, nothing else is touched, and what is forgotten is seen."""
import pathlib
import re
import subprocess

import pytest

SCRIPTS = pathlib.Path(__file__).parents[2] / "scripts"
CC = ["aarch64-linux-gnu-gcc", "-std=gnu11", "-O2", "-ffreestanding", "-fpie",
      "-fvisibility=hidden", "-mbranch-protection=standard", "-fasynchronous-unwind-tables"]
TYPES = "#define LANDING_PAD(function) __asm__(\"/* landing pad: \" #function \" */\")\n"
# Each calls something before it ends, and so has its return address on the stack.
SOURCE = TYPES + """
int other(void);
static int __attribute__((noinline)) called(int n) { return other() + n; }
static int in_code(void) { return called(1) + other(); }
static int in_data(void) { return called(2) + other(); }
static int __attribute__((used)) in_row(void) { return called(3) + other(); }
static int leaf(void) { return 4; }
__asm__(".pushsection rows, \\"a\\"\\n.long in_row - .\\n.popsection");
static const struct { int (*call)(void); } table[] = { { in_data }, { leaf } };
int use(int n) { return table[n].call() + called(5); }
int (*give(void))(void) { return in_code; }
LANDING_PAD(elsewhere);
int elsewhere(void) { return called(6) + other(); }
int text(const char *s);
int mentioned(void) { return text("mentioned") + other(); }
int tail(void) { other(); return mentioned(); }
"""


@pytest.fixture
def build(tmp_path):
    """Compiles a source, with pads or without; returns the object's path."""
    def compile_(source, name="a", pads=True):
        assembly = tmp_path / f"{name}.s"
        subprocess.run([*CC, "-g", "-S", "-o", assembly, "-x", "c", "-"], input=source, text=True,
                       check=True)
        if pads:
            text = subprocess.run([SCRIPTS / "add-landing-pads", assembly, assembly],
                                  capture_output=True, text=True, check=True).stdout
            assembly.write_text(text)
        subprocess.run([*CC, "-c", "-o", assembly.with_suffix(".o"), assembly], check=True)
        return assembly.with_suffix(".o")
    return compile_


def entries(obj):
    """{function: its first two instructions}."""
    listing = subprocess.run(["aarch64-linux-gnu-objdump", "-d", "--no-show-raw-insn", obj],
                             capture_output=True, text=True, check=True).stdout
    found = {}
    for name, body in re.findall(r"<(\w+)>:\n((?:.+\n)+)", listing):
        code = [line.split("\t", 1)[1].strip() for line in body.splitlines()]
        found[name] = tuple(re.sub(r"\s+", " ", line) for line in code[:2])
    return found


def check(*objects):
    result = subprocess.run([SCRIPTS / "check-pads", *objects], capture_output=True, text=True,
                            check=False)
    assert result.returncode == (1 if result.stdout else 0), result.stderr
    return [re.sub(r".*/(\w+\.o): takes the address of (\w+),.*", r"\1 \2", line)
            for line in result.stdout.splitlines()]


@pytest.mark.parametrize("name", ("in_code", "in_data", "in_row", "elsewhere"))
def test_a_function_whose_address_is_taken_gets_a_pad(build, name):
    assert entries(build(SOURCE))[name] == ("bti c", "paciasp")


@pytest.mark.parametrize("name", ("called", "mentioned", "tail"))
def test_a_function_that_is_only_called_or_named_in_text_gets_none(build, name):
    assert entries(build(SOURCE))[name][0] == "paciasp"


def test_nothing_changes_but_for_pads(build):
    with_pads, without = build(SOURCE), build(SOURCE, "b", pads=False)
    assert entries(without)["in_code"][0] == "paciasp"
    assert entries(with_pads)["leaf"] == entries(without)["leaf"]
    code = [subprocess.run(["aarch64-linux-gnu-objdump", "-d", "--no-show-raw-insn",
                            "--no-addresses", obj], capture_output=True, text=True,
                           check=True).stdout.splitlines()[3:] for obj in (with_pads, without)]
    mnemonics = [[line.split()[0] for line in lines if line.startswith("\t") and "nop" not in line]
                 for lines in code]
    added = mnemonics[0].count("bti") - mnemonics[1].count("bti")
    assert added == 4 and len(mnemonics[0]) - len(mnemonics[1]) == added


def test_pads_that_are_there_satisfy_the_check(build):
    assert check(build(SOURCE)) == []


def test_a_missing_pad_is_found_whether_code_data_or_a_row_leads_to_it(build):
    assert check(build(SOURCE, pads=False)) == ["a.o in_code", "a.o in_data", "a.o in_row"]


def test_a_pointer_in_another_file_is_found_and_cured_by_a_word(build):
    taker = build("int far(void); int (*take(void))(void) { return far; }", "taker")
    far = "int other(void); int far(void) { return other() + 1; }"
    assert check(taker, build(far, "far")) == ["taker.o far"]
    assert check(taker, build(TYPES + "LANDING_PAD(far);" + far, "far")) == []


def test_what_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "x.o").write_text("no object")
    result = subprocess.run([SCRIPTS / "check-pads", tmp_path / "x.o"], capture_output=True,
                            text=True, check=False)
    assert result.returncode == 2 and "not a 64-bit" in result.stderr
    result = subprocess.run([SCRIPTS / "check-pads"], capture_output=True, check=False)
    assert result.returncode == 2
