# SPDX-License-Identifier: MIT
"""Images that are built differently: what must not build does not, and what is too small says so.

The checkout and its build directory are copied, so that make has only little to do and none of it
in the checkout.
"""
import os
import re
import shutil
import subprocess

import pytest

from machine import BUILD, ROOT, Machine

SOURCES = ["Makefile", "arch", "efi", "include", "kernel", "lib", "linker", "mm", "pi", "scripts",
           "tests/rules.mk", "tests/fuzz/fuzz.mk", "docs/rules.mk"]  # which the Makefile includes
# Built besides the Image, at any time.
OTHERS = ["host", "fuzz", "mutants", "coverage", "qemu", "kasan"]
POOL_SIZE = 0x8000


@pytest.fixture(name="tree")
def fixture_tree(tmp_path):
    """A copy of the sources and of what is built."""
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, tmp_path / name)
    shutil.copytree(BUILD, tmp_path / "build", ignore=shutil.ignore_patterns(*OTHERS))
    return tmp_path


def make(tree, *arguments):
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "O")}
    return subprocess.run(["make", "O=build", *arguments, "build/Image"], cwd=tree, env=environment,
                          capture_output=True, text=True, timeout=120, check=False)


INJECTED = {
    "a_pointer_in_static_data": (
        "static int x;\nstatic void *p __attribute__((used)) = &x;\n", "absolute address"),
    "a_pointer_in_constant_data": (
        'static const char *const p[] __attribute__((used)) = { "one", "two" };\n',
        "absolute address"),
    "state_of_its_own": ("static int state __attribute__((used)) = 1;\n", "writable"),
}


@pytest.mark.parametrize("what", INJECTED)
def test_the_early_runtime_may_not_have(tree, what):
    source, complaint = INJECTED[what]
    victim = tree / "pi/kaslr.c"
    victim.write_text(victim.read_text(encoding="utf-8") + source, encoding="utf-8")
    result = make(tree)
    assert result.returncode != 0, "it was built"
    assert re.search(rf"kaslr\.o.*{complaint}", result.stdout + result.stderr), result.stderr


def test_a_lower_room_may_not_use_a_higher_one(tree):
    victim = tree / "mm/alloc/buddy.c"
    victim.write_text(victim.read_text(encoding="utf-8") +
                      "void report_boot(const void *kernel);\nvoid upwards(void);\n"
                      "void upwards(void)\n{\n\treport_boot(0);\n}\n", encoding="utf-8")
    result = make(tree)
    assert result.returncode != 0, "it was built"
    assert ("mm/alloc/buddy.o: upwards: uses report_boot of kernel/show/report.o, which is above it"
            in result.stdout + result.stderr), result.stderr


def test_a_store_to_a_descriptor_needs_the_door(tree):
    """A slot is constant to whoever has one, but in slot.h; and few have the door at all."""
    victim = tree / "mm/pt/unmap.c"
    text = victim.read_text(encoding="utf-8")
    assert "slot_break(unit->slot + i);" in text
    victim.write_text(text.replace("slot_break(unit->slot + i);", "unit->slot[i].word = 0;"),
                      encoding="utf-8")
    result = make(tree)
    assert result.returncode != 0, "it was built"
    assert "assignment of read-only member" in result.stderr


def test_only_page_tables_and_self_tests_have_the_door():
    rooms = {path.parent.relative_to(ROOT).as_posix()
             for room in ("arch", "efi", "kernel", "lib", "mm", "pi")
             for path in (ROOT / room).rglob("*.[chS]")
             if "mm/pt/slot.h" in path.read_text(encoding="utf-8")}
    assert rooms <= {"mm/pt", "kernel/selftest"}


def test_a_frame_that_the_boot_stack_has_no_room_for_is_not_built(tree):
    main = tree / "kernel/start/main.c"
    source, count = re.subn(r"(?m)^(void kernel_main\([^)]*\)\n\{\n)",
                            r'\1\tchar room[12000];\n\n\tasm volatile("" ::"r"(room));\n',
                            main.read_text(encoding="utf-8"))
    assert count == 1
    main.write_text(source, encoding="utf-8")
    result = make(tree)
    assert result.returncode != 0, "it was built"
    assert re.search(r"check-stack: boot stack: 2\d,\d{3} of 16,384 bytes: kernel_main > "
                     "shell_run > ", result.stdout), result.stderr


def test_an_unchanged_copy_is_up_to_date(tree):
    result = make(tree)
    assert result.returncode == 0, result.stderr
    assert "CC" not in result.stdout.split()


def test_a_table_pool_that_is_too_small_is_refused_with_its_numbers(tree):
    result = make(tree, f"POOL_SIZE={POOL_SIZE:#x}")
    assert result.returncode == 0, result.stderr
    for page_size, used in (("4k", 8), ("16k", 2), ("64k", 0)):
        with Machine(append=f"arm64.pagesize={page_size}", kernel=tree / "build/Image") as machine:
            reason, stop = machine.wait_cannot_boot()
            granule = int(page_size[:-1]) << 10
            total = POOL_SIZE // granule
            assert (stop.code, stop.value, stop.limit, stop.extra) == (9, used, total, granule)
            assert f"{used} of {total} pages of {page_size.upper()} used" in reason
