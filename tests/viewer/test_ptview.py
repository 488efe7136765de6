# SPDX-License-Identifier: MIT
"""scripts/ptview without a browser: what it reads from whole, cut and mixed logs, what it says
about the rest, and its drawing."""
import gzip
import json
import re
import sys
import xml.etree.ElementTree

import pytest

from captures import ALL, ROOT, SIZES, console, document, ptview

sys.path.insert(0, str(ROOT / "scripts"))
import ptview_log  # noqa: E402

NOISE = "[   12.345678] usb 1-1: new high-speed USB device"
KEYS = ("level", "kind", "contiguous", "read", "write", "execute", "user", "type")


def runs(dump):
    """{root: runs as numbers} of one dump that was read."""
    return {table["root"]: [(int(entry["start"], 16), int(entry["end"], 16) % (1 << 64),
                             int(entry["pa"], 16), *(entry[key] for key in KEYS), entry["share"])
                            for entry in table["entries"]] for table in dump["tables"]}


def expected(text):
    """The same, straight from the document in a console."""
    return {table["root"]: [(int(entry["start"], 16), int(entry["end"], 16), int(entry["pa"], 16),
                             *(entry[key] for key in KEYS), entry["shareability"])
                            for entry in table["entries"]] for table in document(text)["tables"]}


def read_one(text):
    dumps, notes = ptview_log.read_log(text, "log")
    assert len(dumps) == 1
    return dumps[0], notes


def count(dump):
    return sum(map(len, runs(dump).values()))


@pytest.mark.parametrize("fallback", ["", "arm64.nolva"])
@pytest.mark.parametrize("size", SIZES)
def test_json_and_text_of_one_boot_give_the_same_runs(size, fallback):
    text = console(f"arm64.pagesize={size} {fallback}", ALL)
    dump, notes = read_one(text)
    assert (dump["kind"], notes) == ("json", [])
    assert runs(dump) == expected(text)
    without = re.sub(r"^\{$.*?^\}$", "", text, flags=re.MULTILINE | re.DOTALL)
    by_text, notes = read_one(without)
    assert (by_text["kind"], notes) == ("text", [])
    assert runs(by_text) == runs(dump)
    for key in ("regime", "idmap"):
        assert {**dump[key], "pa_bits": 0, "wxn": 0} == {**by_text[key], "pa_bits": 0, "wxn": 0}
    assert sorted(by_text["layout"], key=str) == sorted(dump["layout"], key=str)
    assert by_text["segments"] == dump["segments"]


def test_a_document_alone_is_read_however_it_is_laid_out():
    text = console()
    for form in (json.dumps(document(text)), json.dumps([document(text)]),
                 json.dumps(document(text), indent=4)):
        dump, notes = read_one(form)
        assert runs(dump) == expected(text) and not notes


def test_carriage_returns_and_terminal_colours_do_not_matter():
    text = console()
    dirty = "\r\n".join(f"\x1b[32m{line}\x1b[0m" for line in text.split("\n"))
    dump, notes = read_one(dirty)
    assert runs(dump) == expected(text) and not notes


def test_what_a_lab_says_itself_is_no_damage():
    """LAVA's own lines, and what screen writes between."""
    text = console("nokaslr", "ptdump json; ptdump")
    lines = []
    for i, line in enumerate(text.split("\n")):
        lines.append(f'- {{"dt": "{i}", "lvl": "target", "msg": {json.dumps(line)}}}')
        lines.append(f'- {{"dt": "{i}", "lvl": "debug", "msg": "a pulse; {{"}}')
        lines.append(f"- {{dt: '{i}', lvl: results, msg: {{definition: lava, case: login}}}}")
    dumps, notes = ptview_log.read_log("\n".join(lines), "log")
    assert [runs(dump) for dump in dumps] == [expected(text)] and not notes
    by_text, notes = ptview_log.read_log(
        "\n".join(line for line in lines if '": ' not in json.dumps(line)[30:]), "log")
    assert not by_text and not notes


def test_logs_kept_in_several_ways_are_read_together():
    text = console("nokaslr")
    kept = [f"one: {line}" for line in text.split("\n")] + [
        f"two {i} {line}" for i, line in enumerate(text.split("\n"))] + text.split("\n")
    dumps, notes = ptview_log.read_log("\n".join(kept), "log")
    assert [runs(dump) for dump in dumps] == [expected(text)] * 3 and not notes


def yaml(line):
    return "'" + line.replace("'", "''") + "'"


# What keeps a console, and what it makes of line @i.
KEPT = {
    "grabserial": lambda i, line: f"[{i / 1e3:.6f} 0.001000] {line}",
    "Tera Term": lambda i, line: f"[2026-11-28 12:00:{i % 60:02}.123] {line}",
    "printk": lambda i, line: f"[{i:5}.{i:06}] {line}",
    "printk, callers": lambda i, line: f"[{i:5}.{i:06}][    T{i}] {line}",
    "ISO, Z": lambda i, line: f"2026-11-28T12:00:{i % 60:02}.1234567Z {line}",
    "ISO, zone": lambda i, line: f"2026-11-28 12:00:{i % 60:02}+01:00 {line}",
    "ts": lambda i, line: f"Nov  8 12:00:{i % 60:02} {line}",
    "journal": lambda i, line: f"Nov 28 12:00:{i % 60:02} lab-1 console[{i}]: {line}",
    "clock": lambda i, line: f"12:00:{i % 60:02}.5 {line}",
    "quoted": lambda i, line: f"> {line}",
    "quoted twice": lambda i, line: f"> > {line}".rstrip(),
    "quoted stamps": lambda i, line: f"> [{i}.5] {line}",
    "indented": lambda i, line: f"    {line}",
    "indented by a tab": lambda i, line: f"\t{line}",
    "trailing blanks": lambda i, line: f"{line} \t ",
    "LAVA": lambda i, line: f"- {{dt: '2026-11-28T12:00:00.{i:06}', lvl: target, "
                            f"msg: {yaml(line)}}}",
    "LAVA, JSON": lambda i, line: f'- {{"dt": "2026-11-28T12:00:00.{i:06}", "lvl": "target", '
                                  f'"msg": {json.dumps(line)}}}',
    "LAVA, name space": lambda i, line: f'- {{"dt": "{i}", "lvl": "target", "ns": "a, b", '
                                        f'"msg": {json.dumps(line)}}}',
    "LAVA, name space in YAML": lambda i, line: f"- {{dt: '{i}', lvl: target, ns: common, "
                                                f"msg: {json.dumps(line)}}}",
    "LAVA, a record a line": lambda i, line: json.dumps(
        {"dt": str(i), "msg": line, "lvl": "target"}),
    "Docker": lambda i, line: json.dumps({"log": f"{line}\r\n", "stream": "stdout", "time": i}),
    "journal, JSON": lambda i, line: json.dumps({"__CURSOR": f"s={i}", "MESSAGE": line}),
    "journal, bytes": lambda i, line: json.dumps({"MESSAGE": list(line.encode()), "_PID": "9"}),
    "journal, no process": lambda i, line: f"Nov 28 12:00:{i % 60:02} lab-1 kernel: {line}",
    "journal, full": lambda i, line: f"{('Sat', 'Sun')[i % 2]} 2026-11-28 12:00:{i % 60:02} UTC "
                                     f"lab console[{i}]: {line}",
    "journal, monotonic": lambda i, line: f"[{i:5}.{i:06}] lab-1 console[{i}]: {line}",
    "minicom": lambda i, line: f"[2026-11-28 12:00:{i % 60:02}] {line}",
    "tio": lambda i, line: f"[12:00:{i % 60:02}.{i % 1000:03}] {line}",
    "screen": lambda i, line: f"\x1bk{i} pagoda\x1b\\\x1b]0;log {i}\x07\x1b[K{line}\x1b[0m",
    "Jenkins": lambda i, line: f"[2026-11-28T12:00:{i % 60:02}.123Z] {line}",
    "kernelci": lambda i, line: f"12:00:{i % 60:02}.{i:06}  {line}",
    "GitHub": lambda i, line: f"2026-11-28T12:00:{i % 60:02}.{i:07}Z {line}",
    "GitHub, job and step": lambda i, line: f"boot (virt, 4k)\tRun it\t"
                                            f"2026-11-28T12:00:{i % 60:02}.{i:07}Z {line}",
    "GitLab": lambda i, line: f"2026-11-28T12:00:{i % 60:02}.{i:06}Z 00O {line}",
    "Kubernetes": lambda i, line: f"2026-11-28T12:00:{i % 60:02}.{i}Z stdout F {line}",
    "docker-compose": lambda i, line: f"pagoda-1  | {line}",
    "labgrid": lambda i, line: f"[{i:8.3f}s] board-3/console: {line}",
    "printk's levels": lambda i, line: f"<{i % 8}>[{i:5}.{i:06}] {line}",
    "a comment": lambda i, line: f"# {line}",
    "a file and its lines": lambda i, line: f"logs/a.b*c(1).txt:{i}:{line}",
    "numbered": lambda i, line: f"{i:6}\t{line}",
    "wide and quoted": lambda i, line: f"> board \u2502 {i:3} \u2502 {line}",
}


@pytest.mark.parametrize("how", KEPT)
@pytest.mark.parametrize("commands", ["ptdump json", "ptdump; ptdump idmap"])
def test_what_a_log_was_kept_with_does_not_matter(how, commands):
    lines = console("nokaslr", commands).split("\n")
    kept = [KEPT[how](i, line) for i, line in enumerate(lines)]
    dump, notes = read_one("\n".join(kept))
    assert runs(dump) == expected(console("nokaslr")) and not notes
    # A line that is damaged costs itself, and is named by the number that it has in the log.
    at = max(i for i, line in enumerate(lines) if '"raw"' in line or re.match("0x.* AF ", line))
    kept[at] = KEPT[how](at, NOISE)
    dump, notes = read_one("\n".join(kept))
    assert count(dump) == sum(map(len, expected(console("nokaslr")).values())) - 1
    assert [note["first"] for note in notes] == [at + 1]


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n\r", "\r\r\n"])
def test_lines_may_end_in_any_way(end):
    text = console("nokaslr")
    dump, notes = read_one(text.replace("\n", end))
    assert runs(dump) == expected(text) and not notes


def test_an_indented_object_of_somebody_else_is_none_of_ours():
    text = console("nokaslr")
    dump, notes = read_one('  {\n    "a": 1,\n' + text + '\n    {\n      "b": 2\n    }\n')
    assert runs(dump) == expected(text) and not notes


def test_a_log_is_unpacked_and_read_in_its_encoding(tmp_path):
    text = console("nokaslr")
    packed = gzip.compress(text.encode())
    runs = sum(len(root) for root in expected(text).values())
    half = len(text) // 2
    pieces = gzip.compress(text[:half].encode()) + gzip.compress(text[half:].encode())
    for name, content in (("log.gz", packed), ("cut.gz", packed[:-9]), ("pieces.gz", pieces),
                          ("powershell.txt", text.replace("\n", "\r\n").encode("utf-16")),
                          ("bom.log", b"\xef\xbb\xbf" + text.encode())):
        (tmp_path / name).write_bytes(content)
        result = ptview(name, "-o", "page.html", cwd=tmp_path)
        assert (result.returncode, result.stderr) == (0, f"page.html: 1 dump, {runs} runs\n"), name
    (tmp_path / "broken.gz").write_bytes(packed[:20] + b"\xff" * 99)
    result = ptview("broken.gz", cwd=tmp_path)
    assert result.returncode == 1 and "Traceback" not in result.stderr


def test_a_log_cut_anywhere_gives_the_runs_before_the_cut():
    lines = console().split("\n")
    first, last = lines.index("{"), lines.index("}")
    whole = [run for root in expected(console()).values() for run in root]
    regime = next(i for i, line in enumerate(lines) if '"regime"' in line)
    seen = set()
    for cut in range(first + 1, last):
        dumps, notes = ptview_log.read_log("\n".join(lines[:cut + 1]), "log")
        assert f"begins in line {first + 1} is cut off here" in notes[0]["text"]
        assert notes[0]["first"] == cut + 1
        assert len(dumps) == (cut >= regime)
        if dumps:
            found = [run for root in runs(dumps[0]).values() for run in root]
            assert found == whole[:len(found)]
            seen.add(len(found))
    assert seen == set(range(len(whole) + 1))


def test_a_cut_within_a_line_loses_that_line_only():
    lines = console().split("\n")
    at = max(i for i, line in enumerate(lines) if '"raw"' in line)
    dump, notes = read_one("\n".join([*lines[:at], lines[at][:60]]))
    assert count(dump) == sum(map(len, expected(console()).values())) - 1
    assert [note["first"] for note in notes] == [at]


def test_a_foreign_line_anywhere_is_named_and_costs_nothing():
    lines = console().split("\n")
    first, last = lines.index("{"), lines.index("}")
    for at in range(first + 1, last):
        dump, notes = read_one("\n".join([*lines[:at], NOISE, *lines[at:]]))
        assert runs(dump) == expected(console())
        assert [(note["first"], note["last"]) for note in notes] == [(at + 1, at + 1)]


def test_a_line_broken_by_another_is_named_and_the_rest_is_read():
    lines = console().split("\n")
    at = next(i for i, line in enumerate(lines) if '"raw"' in line)
    lines[at:at + 1] = [lines[at][:50] + NOISE, lines[at][50:]]
    dump, notes = read_one("\n".join(lines))
    assert count(dump) == sum(map(len, expected(console()).values())) - 1
    assert [(note["first"], note["last"]) for note in notes] == [(at + 1, at + 2)]


def test_a_lost_regime_is_taken_from_the_control_register():
    lines = [line for line in console().split("\n") if '"regime"' not in line]
    lines.insert(lines.index("{") + 1, NOISE)
    dump, _ = read_one("\n".join(lines))
    assert runs(dump) == expected(console())
    assert (dump["regime"]["granule"], dump["regime"]["va_bits"]) == (4096, 52)


def test_every_dump_of_a_log_is_there_in_its_order():
    text = console("nokaslr") + console("arm64.nolva nokaslr") + console("nokaslr", "ptdump")
    dumps, notes = ptview_log.read_log(text, "log")
    assert not notes
    assert [(dump["kind"], dump["regime"]["va_bits"]) for dump in dumps] == [
        ("json", 52), ("json", 48), ("text", 52)]
    assert [dump["label"] for dump in dumps] == [
        "4K · 52-bit · LPA2 · no KASLR", "4K · 48-bit · no KASLR", "4K · 52-bit · LPA2"]


def test_a_boot_that_was_cut_short_does_not_hide_the_next():
    text = console()
    half = text[:text.index("\n", text.index('"raw"')) + 60]
    dumps, notes = ptview_log.read_log(half + "\n" + text, "log")
    assert [count(dump) for dump in dumps] == [1, sum(map(len, expected(text).values()))]
    assert runs(dumps[1]) == expected(text)
    assert len(notes) == 1 and notes[0]["first"] <= half.count("\n") + 1


def test_a_cut_text_dump_gives_the_runs_before_the_cut():
    text = console("", ALL)
    lines = text.split("\n")
    at = next(i for i, line in enumerate(lines) if line.startswith("kernel map: 4K"))
    end = next(i for i, line in enumerate(lines) if line.startswith("---[ Image end"))
    dump, notes = read_one("\n".join([*lines[at:at + 9], NOISE, *lines[at + 9:end]]))
    assert [note["first"] for note in notes] == [10, end - at + 1]
    image = next(row for row in document(text)["layout"] if row["name"] == "image")
    before = [run for run in expected(text)["kernel"] if run[0] < int(image["end"], 16)]
    assert runs(dump)["kernel"] == before
    assert 3 < len(before) < len(expected(text)["kernel"])


@pytest.mark.parametrize("change, said", [
    (lambda entry: entry.update(end=entry["start"]), "ends before"),
    (lambda entry: entry.update(start="12"), "not an address"),
    (lambda entry: entry.update(level=9), "no such level"),
    (lambda entry: entry.update(pa="0x0000000040200001"), "not aligned"),
    (lambda entry: entry.pop("raw"), "'raw' is missing"),
    (lambda entry: entry.update(raw=7), "not an address"),
])
def test_a_run_that_cannot_be_is_named_and_left_out(change, said):
    whole = document(console())
    change(whole["tables"][0]["entries"][1])
    dump, notes = read_one(json.dumps(whole))
    assert [len(root) for root in runs(dump).values()] == [
        len(whole["tables"][0]["entries"]) - 1, len(whole["tables"][1]["entries"])]
    assert len(notes) == 1 and said in notes[0]["text"]


def test_runs_that_overlap_are_named():
    whole = document(console())
    whole["tables"][0]["entries"].append(dict(whole["tables"][0]["entries"][0]))
    dump, notes = read_one(json.dumps(whole))
    assert runs(dump) == expected(console())
    assert len(notes) == 1 and "overlaps" in notes[0]["text"]


# ---- the program -------------------------------------------------------------------------------

@pytest.mark.parametrize("content", [
    b"", b"hello\n", bytes(range(256)) * 40, b"[1, 2, 3]", b"{}", b'{\n  "regime": 4\n}\n',
    b"[" * 100000, b"{\n" * 5000],
    ids=["empty", "text", "binary", "numbers", "empty object", "wrong types", "nested", "openings"])
def test_nonsense_is_one_line_and_status_1(tmp_path, content):
    (tmp_path / "log").write_bytes(content)
    result = ptview("log", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("ptview: log: no page tables found")
    assert "Traceback" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_a_missing_log_is_one_line_and_status_1(tmp_path):
    result = ptview("nowhere", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (
        1, "ptview: nowhere: No such file or directory\n")


def test_what_could_not_be_read_is_said_with_its_lines(tmp_path):
    lines = console().split("\n")
    at = lines.index("{") + 9
    lines[at:at] = [NOISE, NOISE]
    (tmp_path / "boot.log").write_text("\n".join(lines))
    result = ptview("boot.log", cwd=tmp_path)
    assert result.returncode == 0
    assert (f"ptview: boot.log:{at + 1}-{at + 2}: not a line of the JSON document around it\n"
            in result.stderr)
    assert (tmp_path / "boot.html").exists()


def test_the_input_is_never_replaced(tmp_path):
    (tmp_path / "boot.html").write_text(console())
    result = ptview("boot.html", cwd=tmp_path)
    assert result.returncode == 1 and "would replace" in result.stderr
    assert (tmp_path / "boot.html").read_text() == console()


def test_standard_input_to_standard_output():
    result = ptview("-", "-o", "-", input=console())
    assert result.returncode == 0
    assert result.stdout.startswith("<!doctype html>")


def test_the_page_refers_to_nothing_outside_itself():
    page = ptview("-", "-o", "-", input=console()).stdout
    assert not re.findall(r"""(?:src|href)\s*=|@import|url\((?!#)|https?:""", page)


# ---- the drawing -------------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"


def drawing(*texts):
    result = ptview("--svg", "-", "-o", "-", input="".join(texts))
    assert result.returncode == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    return xml.etree.ElementTree.fromstring(result.stdout)


@pytest.mark.parametrize("fallback", ["", "arm64.nolva"])
@pytest.mark.parametrize("size", SIZES)
def test_the_drawing_is_well_formed_and_shows_each_run(size, fallback):
    text = console(f"arm64.pagesize={size} {fallback}", ALL)
    root = drawing(text)
    said = [element.text for element in root.iter(f"{SVG}text")]
    assert root.get("width") == "720"
    for start, *_ in expected(text)["kernel"]:
        assert any(line.startswith(f"0x{start:016x} ") for line in said)
    for shape in root.iter(f"{SVG}rect"):
        x, width = float(shape.get("x")), float(shape.get("width"))
        assert 0 <= x <= x + width <= 720


@pytest.mark.parametrize("fallback", ["", "arm64.nolva"])
def test_each_group_of_runs_has_a_letter_of_its_own(fallback):
    """Under one of the strips of the whole, and again where the group is drawn."""
    texts = list(drawing(console(f"nokaslr {fallback}")).iter(f"{SVG}text"))
    marks = [element for element in texts if element.text in tuple("abcdefgh")]
    titles = [element.text for element in texts if re.match("[a-h]  ", element.text)]
    assert [mark.text for mark in marks] == [title[0] for title in titles]
    assert [title.split()[1].rstrip(",") for title in titles] == [
        "linear", "image", "pci_io", "fixmap"]
    for mark, after in zip(marks, marks[1:]):
        if mark.get("y") == after.get("y"):
            assert float(after.get("x")) - float(mark.get("x")) >= 9
    above = "above the linear map" in [element.text for element in texts]
    assert above == (fallback == "")
    assert (marks[0].get("y") != marks[1].get("y")) == above


def test_what_is_shared_joins_no_groups():
    """KASAN's shadow, put into a dump of the ordinary Image: drawn, and not taken for a place."""
    whole = document(console("nokaslr"))
    first = whole["tables"][0]["entries"][0]
    shared = {**first, "kind": "shared", "write": False, "level": 0, "size": 1 << 47,
              "start": "0xfffd800000000000", "end": "0xfffe000000000000"}
    plain, found = (drawing(json.dumps(whole | {"tables": [
        {"root": "kernel", "entries": whole["tables"][0]["entries"] + more}]}))
        for more in ([], [shared]))
    titles, expected_titles = ([element.text for element in root.iter(f"{SVG}text")
                                if re.match("[a-h]  ", element.text)] for root in (found, plain))
    assert titles == expected_titles != []
    assert len(list(found.iter(f"{SVG}rect"))) == len(list(plain.iter(f"{SVG}rect"))) + 1


def test_the_drawing_of_two_dumps_holds_both():
    said = [element.text for element in drawing(
        console("nokaslr"), console("arm64.nolva nokaslr")).iter(f"{SVG}text")]
    assert "4K, 52-bit, LPA2, no KASLR: upper half" in said
    assert "4K, 48-bit, no KASLR: upper half" in said


def test_strips_are_to_scale():
    root = drawing(console("nokaslr"))
    regions = [shape for shape in root.iter(f"{SVG}rect") if shape.get("class") == "region"]
    layout = {row["name"]: int(row["end"], 16) - int(row["start"], 16)
              for row in document(console("nokaslr"))["layout"]}
    assert float(regions[0].get("width")) == pytest.approx(712 * layout["linear"] / 2 ** 52, abs=.1)


def test_maps_of_a_hypervisor_are_dumps_of_their_own_and_no_damage():
    run = {"start": "0x0000800000200000", "end": "0x0000800000201000", "pa": "0x0000000040000000",
           "size": 4096, "level": 3, "kind": "page", "contiguous": False, "read": True,
           "write": False, "execute": True, "user": False, "type": "MEM/NORMAL",
           "shareability": "inner", "raw": "0x00000000400007c3"}
    identity = {**run, "start": run["pa"], "end": "0x0000000040001000"}
    document = {"pagoda": "0", "document": "ptdump", "idmap": {"va_bits": 48, "root_level": 0},
                "regime": {"granule": 4096, "va_bits": 48, "lpa2": False},
                "hyp": {"va_bits": 48, "stage2": {"ipa_bits": 44}},
                "tables": [{"root": "idmap", "entries": [identity]},
                           {"root": "hyp", "entries": [run]},
                           {"root": "host2", "entries": [identity]},
                           {"root": "guest2", "entries": []}]}
    dumps, notes = ptview_log.read_log(json.dumps(document, indent=2), "log")
    assert notes == []
    assert [dump["label"].rpartition(" · ")[2] for dump in dumps] == [
        "48-bit", "EL2's map", "stage 2 under the kernel"]
    assert [dump["idmap"]["va_bits"] for dump in dumps] == [48, 48, 44]
    assert [count(dump) for dump in dumps] == [1, 1, 1]


@pytest.mark.parametrize("size", SIZES)
def test_a_programs_half_and_the_upper_half_at_el0_are_dumps_of_their_own(size):
    append = f"quiet kpti=on arm64.pagesize={size}"
    by_json, notes = ptview_log.read_log(
        console(append, "run spin &; ptdump json kernel el0 1"), "log")
    assert notes == []
    by_text, notes = ptview_log.read_log(
        console(append, "run spin &; ptdump el0; ptdump 1"), "log")
    assert notes == []
    assert [dump["label"].partition(" · ")[2].rpartition(" · ")[2] for dump in by_json[1:]] == [
        "upper half at EL0", "program 1"]
    assert [dump["kind"] for dump in by_text] == ["text", "text"]
    for from_json, from_text in zip(by_json[1:], by_text, strict=True):
        assert from_json["label"].rpartition(" · ")[2] == from_text["label"].rpartition(" · ")[2]
        assert [table["root"] for table in from_json["tables"]] == [
            table["root"] for table in from_text["tables"]]
        # Where the pages are is one boot's own.
        assert [[run[:2] + run[3:] for run in table] for table in runs(from_json).values()] == [
            [run[:2] + run[3:] for run in table] for table in runs(from_text).values()]
    half, program = by_json[1:]
    assert count(half) == 1 and half["tables"][0]["root"] == "kernel"
    assert program["idmap"] == {**program["idmap"], "va_bits": 52, "name": "program 1"}
    assert all(entry["user"] for table in program["tables"] for entry in table["entries"])
