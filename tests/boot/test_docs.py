# SPDX-License-Identifier: MIT
"""The manual against the kernel: commands, options and members of reports that one has and the
other has not, and the session in docs/console.md."""
import json
import re
import subprocess

import pytest

from machine import PROMPT, ROOT, Machine


def page(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def first_cells(text):
    """What stands in backquotes in the first column of tables."""
    rows = re.findall(r"^\| (`.*?) (?<!\\)\|", text, re.MULTILINE)
    return [word.replace("\\|", "|") for row in rows for word in re.findall("`(.*?)`", row)]


@pytest.fixture(scope="module", name="machine")
def fixture_machine():
    with Machine() as running:
        running.expect(PROMPT)
        yield running


def test_the_manual_has_every_command_with_its_usage_and_no_other(machine):
    commands = re.findall(r"^  (\w+) ", machine.command("help"), re.MULTILINE)
    usage = [re.match(r"usage:   (.*?) *\n", machine.command(f"help {command}"))[1]
             for command in commands]
    text = page("console.md")
    start = text.index("| command | shows or does |")
    table = first_cells(text[start:text.index("\n\n", start)])
    assert sorted(table) == sorted(usage)


def test_the_session_in_the_manual_is_what_the_kernel_prints():
    result = subprocess.run([ROOT / "scripts/docs-session", "--check"], capture_output=True,
                            text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_manual_has_every_option_of_the_command_line():
    source = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("pi/options*.c"))
    options = set(re.findall(r'\{ "([a-z0-9_.]+)", MATCH_NAME', source)) | set(
        re.findall(r'ALIAS\("(arm64\.no\w+)"', source))
    assert len(options) > 12
    text = page("cmdline.md")
    missing = {option for option in options if not re.search(
        rf"`{re.escape(option).replace('_', '[-_]')}[`=\[]", text)}
    assert not missing


def test_the_manual_has_every_uart_by_all_its_names():
    source = (ROOT / "include/pagoda/lib/uart.h").read_text(encoding="utf-8")
    names = re.findall(r'row\("([^"]+)", SERIAL_', source)
    types = re.findall(r'row\(SERIAL_\w+, \w+, "([^"]+)"\)', source)
    assert len(names) > 60 and len(types) > 12
    table = page("cmdline.md").split("\n### UARTs\n")[1]
    assert sorted(re.findall("`([^`]+)`", table.split("\n\n")[0])) == sorted(
        ["earlycon=", "compatible", *names])
    assert not {name for name in types if f"| {name} |" not in table}
    schema = json.loads(page("report.schema.json"))
    assert schema["properties"]["console"]["properties"]["type"]["enum"] == [
        "none", *types, "virtio console", "frame buffer"]


def members(schema, definitions):
    """Every name of a member in a schema, at any depth."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", maxsplit=1)[1]]
    names = set()
    for name, inner in schema.get("properties", {}).items():
        names |= {name} | members(inner, definitions)
    return names | (members(schema["items"], definitions) if "items" in schema else set())


def test_the_manual_explains_every_member_of_a_report():
    schema = json.loads(page("report.schema.json"))
    text = page("report.md")
    rows = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    registers = members(schema["properties"]["registers"], schema["$defs"])
    assert rows == list(schema["properties"])
    missing = {name for name in members(schema, schema["$defs"]) - registers
               if f"`{name}`" not in text}
    assert not missing
