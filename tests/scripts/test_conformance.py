# SPDX-License-Identifier: MIT
"""What scripts/conformance makes of results, what is known of QEMU, and a QEMU that was fetched."""
import importlib.machinery
import importlib.util
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import ktap  # noqa: E402


def load(name):
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"),
                                                  str(ROOT / "scripts" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    sys.modules[loader.name] = module
    loader.exec_module(module)
    return module


conformance = load("conformance")
fetch_qemu = load("fetch-qemu")


def emulator(version, *tests, cpu="max"):
    run = conformance.Run(cpu, "4k", "EL1", "", "ran", tests=list(tests))
    return conformance.Emulator(version, [run])


def test_every_known_defect_is_argued():
    for defect in ktap.defects():
        assert {"title", "rule", "found", "repeat"} <= defect.words.keys()
        assert defect.first <= defect.last and defect.words["repeat"].startswith("selftest ")
        named = defect.words["repeat"].split()[1]
        assert ktap.is_known(named, defect.checks)


def test_a_defect_is_known_in_its_versions_only():
    assert ktap.is_known("type.aligned_04", ktap.known_defects((10, 0)))
    assert not ktap.is_known("type.aligned_04", ktap.known_defects((7, 2)))
    assert not ktap.is_known("walk.edges", ktap.known_defects((10, 0)))


def test_what_ends_the_machine_is_left_out_where_it_does():
    assert ktap.all_but_fatal((7, 2)) == "all"
    assert ktap.all_but_fatal((10, 0)) == "all,-stage2.permissions"


def test_a_failure_that_is_not_known_is_one():
    results = ktap.Results(1, [ktap.Test("flag.wxn_clean", "fail"), ktap.Test("walk.edges", "fail"),
                               ktap.Test("walk.user", "pass")])
    assert [test.name for test in results.unexpected((7, 2))] == ["walk.edges"]


def test_emulators_stand_side_by_side_with_what_was_found():
    old = emulator("7.2", ktap.Test("walk.edges", "pass"), ktap.Test("walk.user", "skip", "why"))
    new = emulator("10.0", ktap.Test("walk.edges", "fail", "", ("wrong",)),
                   ktap.Test("flag.wxn_clean", "fail", known=True))
    text = conformance.markdown([old, new])
    assert "## QEMU 7.2" in text and "## QEMU 10.0" in text
    assert "| walk | 1 pass, 1 skip |" in text and "| walk | 1 **FAIL** |" in text
    assert "| flag | 1 **QEMU** |" in text
    assert "- QEMU 10.0, max, 4k, EL1: walk.edges, seed 0x0: wrong" in text
    assert "| why | 1 | 1 | 0 |" in text
    assert old.runs[0].failed is False and new.runs[0].failed is True


@pytest.mark.parametrize("libc", [False, True])
def test_a_fetched_qemu_starts_with_its_own_files(tmp_path, libc):
    machine = subprocess.run(["uname", "-m"], check=True, capture_output=True, text=True).stdout
    libraries = tmp_path / f"usr/lib/{machine.strip()}-linux-gnu"
    program = tmp_path / "usr/bin/qemu-system-aarch64"
    for folder in (libraries, program.parent):
        folder.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$QEMU_MODULE_DIR" "$@"\n')
    start = tmp_path / "qemu-system-aarch64"
    start.write_text(fetch_qemu.START)
    if libc:
        loader = libraries / "ld-linux-fake.so.2"
        loader.write_text('#!/bin/sh\nshift 2\nexec "$@"\n')
        loader.chmod(0o755)
    for path in (program, start):
        path.chmod(0o755)
    said = subprocess.run([start, "--version"], check=True, capture_output=True, text=True).stdout
    assert said.split() == [f"{libraries}/qemu", "-L", f"{tmp_path}/usr/share/qemu", "-L",
                            "/usr/share/qemu", "--version"]
