# SPDX-License-Identifier: MIT
"""What KASAN finds, in the Image that `make KASAN=1` builds (docs/kasan.md): each kind of access
that may not be, with who did it and whose the memory was; and nothing else in the kernel. With the
ordinary Image all of this is skipped: `make test` runs it with O=build/kasan.
"""
import json
import os
import re
import sys

import pytest

from image_map import check_walk
from machine import PROMPT, ROOT, Machine, boot, is_kasan, lies_in, number

sys.path.insert(0, str(ROOT / "scripts"))
import ptview_log  # noqa: E402

pytestmark = pytest.mark.skipif(not is_kasan(), reason="this Image checks nothing")

SIZE = 43  # of what the faults of kernel/selftest/kasan.c go beyond

# The rest takes minutes: `make kasan-test` sets this.
ALL = "PAGODA_SLOW" in os.environ

# Command line and levels below the root: all page sizes, and what each falls back to or can be.
REGIMES = {
    "arm64.pagesize=4k": 4, "arm64.pagesize=4k arm64.nolva": 3,
    "arm64.pagesize=4k pagoda.va_bits=39": 2,
    "arm64.pagesize=16k": 3, "arm64.pagesize=16k arm64.nolva": 2,
    "arm64.pagesize=16k pagoda.va_bits=48": 3, "arm64.pagesize=16k pagoda.va_bits=36": 1,
    "arm64.pagesize=64k": 2, "arm64.pagesize=64k arm64.nolva": 2,
    "arm64.pagesize=64k pagoda.va_bits=42": 1,
}

SOME = REGIMES if ALL else ["arm64.pagesize=4k", "arm64.pagesize=16k pagoda.va_bits=48"]
FEW = SOME if ALL else ["arm64.pagesize=64k arm64.nolva"]

# Of each `fault kasan`: kind, function, access, where the address is, and whose calls are told.
FAULTS = {
    "heap": ("heap-out-of-bounds", "fault_heap", "Write of size 1", "0 bytes behind it",
             ("Allocated",)),
    "uaf": ("heap-use-after-free", "fault_uaf", "Read of size 1", f"{SIZE // 2} bytes inside it",
            ("Allocated", "Freed")),
    "double-free": ("double-free", "heap_free", "Free of", "0 bytes inside it",
                    ("Allocated", "Freed")),
    "page": ("page-use-after-free", "fault_page", "Write of size 1", "the page in frame",
             ("Allocated", "Freed")),
    "vmalloc": ("vmalloc-out-of-bounds", "fault_vmalloc", "Read of size 1",
                f"{SIZE} bytes inside it", ("Allocated",)),
    "global": ("global-out-of-bounds", "fault_global", "Read of size 1", "0 bytes behind it", ()),
    "stack": ("stack-out-of-bounds", "fault_stack", "Write of size 1", "on the stack", ()),
}
# The shadow's byte for the address: so many of its eight may be accessed, or why none.
SHADOW = {"heap": "03", "uaf": "fb", "double-free": "fb", "page": "ff", "vmalloc": "03",
          "global": "03", "stack": "03"}


def found(append, kind):
    """The report of one fault, from ruler to ruler."""
    with Machine("max", append, exceptions=1) as machine:
        machine.expect(PROMPT)
        # What is typed ahead is for the case that nothing is found: or nobody would say so.
        machine.send(f"fault kasan {kind}\rpoweroff\r")
        machine.expect("BUG: KASAN: ")
        report = machine.expect("pagoda: stopped")
    return report


def traces(report):
    """{heading: functions} of all lists of calls."""
    lists = re.findall(r"^(calls|Allocated|Freed).*\n((?:  0x[0-9a-f]{16}  \S+\n)+)",
                       report.replace("KASLR offset", "\ncalls"), re.MULTILINE)
    return {name: re.findall(r"  (\w+)\+0x", calls) for name, calls in lists}


@pytest.mark.parametrize("append", ["arm64.pagesize=4k", "arm64.pagesize=16k",
                                    "arm64.pagesize=64k arm64.nolva arm64.nopauth"])
@pytest.mark.parametrize("kind", FAULTS)
def test_it_is_found_and_said_what_it_is(kind, append):
    title, function, access, place, whose = FAULTS[kind]
    report = found(append, kind)
    assert re.match(rf"{title} in {function}\+0x[0-9a-f]+\n{access}", report), report
    assert place in report
    calls = traces(report)
    culprit = f"fault_{kind.replace('-', '_')}"
    for name in ("calls", *whose):
        assert culprit in calls[name], (name, calls)
    assert set(calls) == {"calls", *whose}
    assert calls["calls"][0] == "kasan_stop" and calls["calls"][-1] == "kernel_main"
    address = number(re.search(r"address (0x[0-9a-f]{16})", report)[1])
    row, shadow = re.search(r"^>(0x[0-9a-f]{16}):.*\[([0-9a-f]{2})\]", report,
                            re.MULTILINE).groups()
    assert number(row) == address // 128 * 128
    assert shadow == SHADOW[kind]
    if kind == "global":
        assert f"The variable is bytes of kernel/selftest/kasan.c, of {SIZE} bytes" in report


def test_what_it_finds_ends_the_kernel_as_panic_says():
    with Machine("max", "panic=poweroff", exceptions=None) as machine:
        machine.expect(PROMPT)
        machine.send("fault kasan heap\r")
        machine.expect("BUG: KASAN: heap-out-of-bounds")
        machine.expect_end()


@pytest.mark.parametrize("append", FEW)
def test_nothing_is_found_by_accident(append):
    with Machine("max", append, arguments=("-smp", "4"), exceptions=None,
                 excused=("",)) as machine:
        machine.expect(PROMPT)
        for line in ("selftest audit", "selftest vmalloc", "selftest stress", "run hello",
                     "cpu off 2", "cpu on 2", "on 2 selftest audit", "report json"):
            text = machine.command(line)
            assert "not ok" not in text, text
    assert "KASAN" not in machine.text


@pytest.mark.parametrize("append", SOME)
def test_the_dump_names_shared_tables_and_an_independent_walk_agrees(append):
    levels, append = REGIMES[append], append + " nokaslr"  # so that two boots have the same tables
    result = boot("max", append)
    kernel, _ = check_walk(result)
    region = next(region for region in result.document["layout"] if region["name"] == "kasan")
    inside = [entry for entry in result.tables("kernel")
              if lies_in(result.document, "kasan", number(entry["start"]))]
    # All of it is mapped, without a hole, writable only where it is memory of its own.
    assert inside[0]["start"] == region["start"] and inside[-1]["end"] == region["end"]
    assert all(a["end"] == b["start"] for a, b in zip(inside, inside[1:]))
    assert {entry["kind"] for entry in inside} == {"page", "shared"}
    assert all(entry["write"] == (entry["kind"] == "page") and not entry["execute"]
               for entry in inside)
    shared = {entry["pa"] for entry in inside if entry["kind"] == "shared"}
    assert shared == {f"0x{kernel.shared_page:016x}"}
    with Machine("max", append) as machine:
        machine.expect(PROMPT)
        text = machine.command("ptdump kernel kasan")
    named = set(re.findall(r"shared: table of level (\d) at (0x[0-9a-f]{16})", text))
    # One a level, however many lead to it; and so much memory whatever the address size is.
    assert len(named) == len({level for level, _ in named}) <= levels
    assert ("3", f"0x{kernel.shared_page + result.document['regime']['granule']:016x}") in named


@pytest.mark.parametrize("append", ["arm64.pagesize=4k", "arm64.pagesize=16k arm64.nolva"])
def test_the_viewer_reads_what_is_shared_from_text_as_from_json(append):
    with Machine("max", append) as machine:
        machine.expect(PROMPT)
        texts = [machine.command("ptdump json"), machine.command("ptdump")]
    document = json.loads(texts[0])
    read = []
    for text in texts:
        (dump,), notes = ptview_log.read_log(text.replace("\r", ""), "console")
        assert not notes
        read.append({table["root"]: table["entries"] for table in dump["tables"]}["kernel"])
        assert {row["name"] for row in dump["layout"]} >= {"kasan", "linear", "vmalloc"}
    keys = ("start", "end", "pa", "level", "kind", "write", "execute", "type")
    by_json, by_text = ([[entry[key] for key in keys] for entry in entries] for entries in read)
    assert by_json == by_text
    assert [entry["kind"] for entry in read[0]] == [
        entry["kind"] for entry in document["tables"][0]["entries"]]


@pytest.mark.parametrize("append", ["arm64.pagesize=4k", "arm64.pagesize=64k"])
def test_the_shared_page_is_full_of_zeroes(append):
    result = boot("max", append)
    granule = result.document["regime"]["granule"]
    page = result.walkers["kernel"].shared_page
    offset = page - number(result.document["image"]["pa"])
    assert result.memory[offset:offset + granule] == bytes(granule)
