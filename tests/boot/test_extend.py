# SPDX-License-Identifier: MIT
"""docs/extend.md by the letter: each file it shows with a session is put into a copy of the tree,
built with nothing else changed, booted, and answers as the document says."""
import re

import pytest

from machine import PROMPT, ROOT, Machine
from test_build import fixture_tree, make  # noqa: F401 pylint: disable=unused-import

SECTION = re.compile(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
SOURCE = re.compile(r"`([\w./]+)`:\n\n```c\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SESSION = re.compile(rf"^```\n({PROMPT}.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = {title: text for title, text in SECTION.findall(
    (ROOT / "docs/extend.md").read_text(encoding="utf-8"))
            if SOURCE.search(text) and SESSION.search(text)}


def answers(text):
    """[(what is typed, what is then printed)] of a session."""
    return [tuple(part.split("\n", maxsplit=1)) for part in text.split(PROMPT)[1:]]


def test_there_are_examples():
    assert {"A command", "A self test"} <= EXAMPLES.keys()


@pytest.mark.parametrize("title", EXAMPLES)
def test_what_the_manual_says_to_add_is_enough(tree, title):
    for path, source in SOURCE.findall(EXAMPLES[title]):
        assert not (tree / path).exists()
        (tree / path).write_text(source, encoding="utf-8")
    result = make(tree)
    assert result.returncode == 0, result.stderr
    session = answers(SESSION.search(EXAMPLES[title])[1])
    with Machine(append="arm64.pagesize=4k", kernel=tree / "build/Image",
                 exceptions=None) as machine:
        machine.expect(PROMPT)
        for typed, printed in session:
            assert machine.command(typed).replace("\r", "") == printed
