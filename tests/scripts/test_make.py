# SPDX-License-Identifier: MIT
"""The build itself: what is rebuilt when, and with what. Asks make what it would do."""
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = os.environ.get("O", "build")


def would_run(*arguments):
    """The commands that make would run with these arguments, one a line."""
    result = subprocess.run(["make", "-n", f"O={BUILD}", *arguments], cwd=ROOT, check=True,
                            capture_output=True, text=True, timeout=60)
    return result.stdout.replace("\\\n", " ").splitlines()


def compiled(commands):
    """The sources that these commands compile or assemble for the Image."""
    return {line.split()[-1] for line in commands
            if line.startswith("aarch64") and (" -c " in line or " -S " in line)}


def test_a_second_make_compiles_and_links_nothing():
    subprocess.run(["make", f"O={BUILD}"], cwd=ROOT, check=True, capture_output=True, timeout=300)
    image = ROOT / BUILD / "Image"
    before = image.stat().st_mtime_ns
    commands = would_run()
    subprocess.run(["make", f"O={BUILD}"], cwd=ROOT, check=True, capture_output=True, timeout=60)
    assert compiled(commands) == set()
    assert image.stat().st_mtime_ns == before


def test_a_changed_header_rebuilds_what_includes_it_and_nothing_else():
    sources = compiled(would_run("-W", "include/pagoda/lib/json.h"))
    assert {"lib/json.c", "kernel/show/report_cpu.c"} <= sources
    assert not sources & {"mm/pt/map.c", "pi/plan.c", "arch/arm64/head/head.S"}


def test_a_changed_register_table_rebuilds_what_is_generated_from_it():
    commands = would_run("-W", "arch/arm64/cpu/sysreg.tbl")
    assert any("gen-sysreg" in line and "header" in line for line in commands)
    assert any("gen-sysreg" in line and "table" in line for line in commands)


def test_flags_for_the_rest_of_the_image_do_not_reach_the_early_runtime():
    """Row 1: built free of instrumentation, whatever the kernel is built with."""
    commands = would_run("-B", "EXTRA_CFLAGS=-pg -fsanitize=undefined")
    with_flags = {source for source in compiled(commands)
                  if any(line.endswith(" " + source) and " -pg " in line for line in commands)}
    assert "kernel/start/main.c" in with_flags
    assert not {source for source in with_flags if source.split("/")[0] in ("pi", "efi", "arch")}
    assert not with_flags & {"mm/pt/map.c", "mm/pt/descriptor.c", "lib/fdt.c", "lib/string.c"}
    assert with_flags >= {"kernel/show/report.c", "kernel/prompt/shell.c", "kernel/show/dump.c"}


def test_warnings_are_errors_everywhere():
    commands = would_run("-B")
    for line in commands:
        if " -S " in line and line.split()[-1].endswith(".c") and line.startswith("aarch64"):
            assert " -Werror " in line and " -Wall " in line, line


def test_verbose_shows_commands_and_quiet_does_not(tmp_path):
    def said(verbose):
        build = tmp_path / str(verbose)
        return subprocess.run(["make", f"O={build}", f"V={verbose}", f"{build}/lib/text.o"],
                              cwd=ROOT, check=True, capture_output=True, text=True,
                              timeout=60).stdout

    assert "aarch64-linux-gnu-gcc" in said(1)
    assert "aarch64-linux-gnu-gcc" not in said(0)
