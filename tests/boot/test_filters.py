# SPDX-License-Identifier: MIT
"""ptdump's options in all combinations, and find: against the whole dump, which other tests hold
against an independent walker."""
import itertools
import re

import pytest

from machine import PROMPT, Machine, number

TOP = 1 << 64
CASES = ["arm64.pagesize=4k", "arm64.pagesize=16k", "arm64.pagesize=64k",
         "arm64.pagesize=4k arm64.nolva", "rodata=off arm64.pagesize=64k"]


@pytest.fixture(scope="module", name="dumped", params=CASES)
def fixture_dumped(request):
    """(a machine at its prompt, its whole dump)"""
    with Machine(append=request.param) as running:
        running.expect(PROMPT)
        yield running, running.document("ptdump json")


def end_of(entry):
    return number(entry["start"]) + entry["size"]


def pieces(tables, start, end, passes):
    """{root: [(start, end, pa, what it is)]} of what passes, cut to the range and joined."""
    found = {}
    for table in tables:
        rows = found[table["root"]] = []
        for entry in filter(passes, table["entries"]):
            first, last = max(start, number(entry["start"])), min(end, end_of(entry))
            if first >= last:
                continue
            pa = number(entry["pa"]) + first - number(entry["start"])
            kind = tuple(entry[key] for key in ("level", "kind", "contiguous", "write", "execute",
                                                "type"))
            if rows and rows[-1][1] == first and rows[-1][3] == kind and (
                    rows[-1][2] + first - rows[-1][0] == pa):
                rows[-1] = (rows[-1][0], last, rows[-1][2], kind)
            else:
                rows.append((first, last, pa, kind))
    return found


def regions(document):
    """The words that stand for a range, and ranges in numbers, one of them off page boundaries."""
    text = next(entry for entry in document["tables"][0]["entries"] if entry["execute"])
    ranges = {"": (0, TOP)}
    for region in document["layout"]:
        ranges[region["name"]] = (number(region["start"]), number(region["end"]) or TOP)
    granule = document["regime"]["granule"]
    start, end = number(text["start"]) + 2 * granule, end_of(text) + 2 * granule
    ranges[f"{start + 1:#x}-{end - 1:#x}"] = (start, end)
    ranges[f"{start}-0"] = (start, TOP)
    return ranges


LEVELS = {"": None, "--level 3": 3, "--level 2": 2, "--level -1": -1}
PERMISSIONS = {"": None, "--perm r": (False, False), "--perm rw": (True, False),
               "--perm rx": (False, True), "--perm rwx": (True, True)}


def test_every_combination_of_options_shows_what_passes_all_of_them(dumped):
    machine, whole = dumped
    combinations = itertools.product(("", "kernel", "idmap", "kernel idmap"),
                                     regions(whole).items(),
                                     LEVELS.items(), PERMISSIONS.items(), ("", "--wx"))
    # A step that shares no factor with any of the lengths: every value meets every other.
    for maps, (region, (start, end)), (level, number_of), (perm, flags), wx in list(
            combinations)[::29]:
        words = " ".join(filter(None, ("ptdump", perm, maps, wx, region, level, "--json")))
        document = machine.document(words)

        def passes(entry, level=number_of, flags=flags, wx=wx):
            return (level in (None, entry["level"])) and (
                flags in (None, (entry["write"], entry["execute"]))) and (
                not wx or (entry["write"] and entry["execute"]))

        roots = maps.split() or ["kernel", "idmap"]
        expected = pieces([table for table in whole["tables"] if table["root"] in roots], start,
                          end, passes)
        assert pieces(document["tables"], 0, TOP, lambda entry: True) == expected, words


def test_the_text_of_a_filtered_dump_has_the_same_runs(dumped):
    machine, whole = dumped
    for words, passes in (("ptdump kernel --perm rx", lambda entry: entry["execute"] and
                           not entry["write"]),
                          ("ptdump kernel --level 2", lambda entry: entry["level"] == 2),
                          ("ptdump kernel --wx", lambda entry: entry["execute"] and
                           entry["write"])):
        rows = [line for line in machine.command(words).splitlines() if line.startswith("0x")]
        assert [tuple(map(number, row.split()[0].split("-"))) for row in rows] == [
            (number(entry["start"]), number(entry["end"]))
            for entry in whole["tables"][0]["entries"] if passes(entry)]


def found(text):
    return [(number(match[1]), match[2]) for match in
            re.finditer(r"^  (0x[0-9a-f]{16})  (.*?), level ", text, re.MULTILINE)]


def reach(document, entry):
    """Bytes of physical memory from an entry's on: with KASAN one page may be all of a run, and
    what links lead to is not listed."""
    if entry["kind"] == "shared":
        return document["regime"]["granule"] if entry["level"] == 3 else 0
    return entry["size"]


def test_find_lists_every_virtual_address_of_a_physical_one(dumped):
    machine, whole = dumped
    entries = [(table["root"], entry) for table in whole["tables"] for entry in table["entries"]]
    places = {(region["name"]): (number(region["start"]), number(region["end"]) or TOP)
              for region in whole["layout"]}
    for _, entry in entries:
        if reach(whole, entry) == 0:
            continue
        for pa in (number(entry["pa"]), number(entry["pa"]) + reach(whole, entry) - 1):
            expected = [(number(other["start"]) + pa - number(other["pa"]), root)
                        for root, other in entries
                        if 0 <= pa - number(other["pa"]) < reach(whole, other)]
            rows = found(machine.command(f"find {pa:#x}"))
            assert [va for va, _ in rows] == [va for va, _ in expected], hex(pa)
            for (va, name), (_, root) in zip(rows, expected):
                assert name.startswith("identity map") if root == "idmap" else (
                    places[name][0] <= va < places[name][1])
    memory = next(row for row in whole["memory"] if row["kind"] == "image")
    names = {name for _, name in found(machine.command(f"find {memory['start']}"))}
    assert {"linear", "image"} <= names
    assert machine.command("find 0x1000").endswith("  no virtual address\n")
