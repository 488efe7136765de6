# SPDX-License-Identifier: MIT
"""The reading path that README.md promises: files that are there, in less lines than it says; and
the rooms that docs/design.md lists are those that the build holds objects to, in their order."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_reading_path_is_as_short_as_it_says():
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## How to read the code")[1]
    promised = int(re.search(r"less than (\d+) lines", section)[1])
    files = re.findall(r"^\d+\. `([^`]+)`", section, re.MULTILINE)
    assert len(files) == 8
    lines = sum(len((ROOT / file).read_text(encoding="utf-8").splitlines()) for file in files)
    assert promised <= 900
    assert lines < promised


def test_the_rooms_in_the_design_are_those_of_the_build():
    section = (ROOT / "docs/design.md").read_text(encoding="utf-8").split("\n## Rooms\n")[1]
    told = re.findall(r"^    ([\w/]+)/ {2,}\S", section.split("\n## ")[0], re.MULTILINE)
    listed = re.findall(r"^(\w\S*)", (ROOT / "scripts/rooms.txt").read_text(encoding="utf-8"),
                        re.MULTILINE)
    assert told == listed
