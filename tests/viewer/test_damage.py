# SPDX-License-Identifier: MIT
"""Whatever a log holds, ptview's reader ends, soon, with values of the kinds that the page and the
drawing count on, or with notes alone: over a grammar of logs, and over real logs that were flipped,
cut, doubled and written into. The same examples every time; PAGODA_SLOW=1 takes many more.
"""
import json
import os
import sys
import time
import xml.etree.ElementTree

import hypothesis
import hypothesis.strategies as st
import pytest

from captures import ALL, ROOT, SIZES, console, document, ptview

sys.path.insert(0, str(ROOT / "scripts"))
import ptview_log  # noqa: E402
import ptview_svg  # noqa: E402

TOP = 1 << 64
SECONDS = 5  # of this process's own time, for a log that takes some hundredths
EXAMPLES = 10 if "PAGODA_SLOW" in os.environ else 1
SETTINGS = {"deadline": None, "derandomize": True, "database": None,
            "suppress_health_check": list(hypothesis.HealthCheck)}


def number(text, most=TOP):
    value = int(text, 16)
    assert text == f"{value:#x}" and 0 <= value <= most
    return value


def check_rows(rows):
    for row in rows:
        assert isinstance(row["name"], str)
        assert number(row["start"]) < number(row["end"])


def check_dump(dump):
    """What ptview_page.html and ptview_svg.py take for granted."""
    regime, idmap = dump["regime"], dump["idmap"]
    assert regime["granule"] in (4096, 16384, 65536) and regime["lpa2"] in (True, False)
    for number_of_bits in (regime["va_bits"], idmap["va_bits"]):
        assert type(number_of_bits) is int and 25 <= number_of_bits <= 52
    assert dump["image"] is None or number(dump["image"]["start"]) <= number(dump["image"]["end"])
    check_rows(dump["layout"] + dump["segments"])
    assert all(type(text) is str for text in [*dump["facts"], *dump["facts"].values()])
    assert len({table["root"] for table in dump["tables"]}) == len(dump["tables"])
    ends = []
    for table in dump["tables"]:
        root = {"kernel": regime, "idmap": idmap}[table["root"]]["root_level"]
        for entry in table["entries"]:
            start, end = number(entry["start"]), number(entry["end"])
            shared = entry["kind"] == "shared"
            assert number(entry["pa"]) + (regime["granule"] if shared else end - start) <= TOP
            assert type(entry["level"]) is int
            assert (root if shared else max(root, 0)) <= entry["level"] <= 3
            assert shared or entry["kind"] == ("page" if entry["level"] == 3 else "block")
            assert entry["raw"] is None or number(entry["raw"]) < TOP
            assert all(type(entry[key]) is bool for key in ptview_log.BOOLEANS)
            assert all(type(text) is str for text in (entry["type"], entry["share"],
                                                      *entry["flags"]))
            ends.append((start, end))
    ends.sort()
    assert all(end <= start for (_, end), (start, _) in zip(ends, ends[1:]))


def read(text):
    """Read a log and draw it. Returns the dumps."""
    began = time.process_time()
    dumps, notes = ptview_log.read_log(text, "log")
    for dump in dumps:
        check_dump(dump)
    lines = text.count("\n") + text.count("\r") + 1
    for note in notes:
        assert 1 <= note["first"] <= note["last"] <= lines
    json.dumps([dumps, notes], allow_nan=False).encode()
    xml.etree.ElementTree.fromstring(ptview_svg.draw(dumps).encode())
    assert time.process_time() - began < SECONDS, f"{len(text)} characters"
    return dumps


# ---- a grammar of logs -------------------------------------------------------------------------

addresses = st.one_of(
    st.integers(0, TOP - 1).map(lambda value: f"{value >> 16 << 16:#x}"),
    st.sampled_from(["0x0", "0xfff0000000000000", "0xffff800080000000", "0xffffffffffff0000",
                     "0xfff0000000001000", "0x40000000", "0x10000000000000000", "0x", "40", ""]))
strange = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 70), st.sampled_from(
        [1 << 80, 1e300, 52.0, float("nan"), float("inf"), -0.0]), st.text(max_size=6), addresses),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["start", "root", "source", "size", "pa", "a.b", "", "__proto__"]), inner,
        max_size=3), max_leaves=6)


def usually(strategy):
    """Mostly what @strategy gives; now and then something else altogether."""
    return st.integers(0, 19).flatmap(lambda die: strange if die == 0 else strategy)


def row(**fields):
    """An object with these fields, of which now and then one is lost."""
    return st.fixed_dictionaries({}, optional={
        key: usually(value) for key, value in fields.items()}) | st.fixed_dictionaries(
            {key: usually(value) for key, value in fields.items()})


levels = st.integers(-1, 4)
flags = dict.fromkeys(ptview_log.BOOLEANS, st.booleans())
entries = row(start=addresses, end=addresses, pa=addresses, level=levels,
              kind=st.sampled_from(["page", "block", "shared", "table"]), type=st.text(max_size=9),
              shareability=st.sampled_from(["inner", ""]), raw=addresses | st.none(), **flags)
ranges = row(name=st.sampled_from(["linear", "image", "vmalloc", "\ud800"]), start=addresses,
             end=addresses)
regimes = row(granule=st.sampled_from([4096, 16384, 65536, 4096.0]), va_bits=st.integers(24, 53),
              pa_bits=st.integers(30, 60), lpa2=st.booleans(), wxn=st.booleans())
reports = row(
    pagoda=st.just("0.1.0"), regime=regimes, idmap=row(va_bits=st.integers(24, 53)),
    image=row(pa=addresses, size=st.integers(-1, 1 << 66), segments=st.lists(ranges, max_size=3),
              kaslr=row(source=st.text(max_size=5))),
    layout=st.lists(ranges, max_size=4), registers=row(TCR_EL1=addresses, TCR_EL2=addresses),
    tables=st.lists(row(root=st.sampled_from(["kernel", "idmap", "el0"]),
                        entries=st.lists(entries, max_size=6)), max_size=3))
documents = st.tuples(reports, st.sampled_from([None, 2, 4])).map(
    lambda pair: json.dumps(pair[0], indent=pair[1]))
hexes = st.integers(0, TOP - 1).map(lambda value: f"{value:016x}")
lines = st.one_of(
    st.sampled_from([
        "Pagoda 0.1.0", "pagoda> ptdump", "{", "}", "  {", "    },", '  "tables": [', "]", "",
        "kernel map: 4K pages, 52-bit addresses, 5 levels from level -1, LPA2: inner shareable",
        "identity map: 64K pages, 48-bit addresses, 3 levels from level 1",
        "kernel map: 4K pages, 99-bit addresses, 5 levels from level -1", "---[ Image start ]---",
        "---[ Image text ]---", "---[ Image end ]---", "---[ Linear Mapping start ]---",
        "---[ x ]---", "---[  ]---", "30 mapped in 2 runs; ", "2 runs, read from TTBR1_EL1",
        '  "a\\q": 1,', '{"msg": [1, 300, "x"]}', '{"msg": "{"}', '- {"lvl": 4, "log": {}}',
        "- {dt: 1, lvl: target, msg: '{'}", '- {lvl: target, msg: "\\q"}', 'x 1   "pagoda": "0.1",',
        "x 2 {", "x 3 }", "ab*( kernel map: 4K pages, 52-bit addresses", "\x1b]0;{",
        '  "image": [],', '"regime": {"granule": 4096, "va_bits": 52},']),
    st.tuples(hexes, hexes, levels, hexes, st.sampled_from(
        ["RW NX SHD AF MEM/NORMAL", "ro x  BLK CON DEVICE/nGnRE", "ro NX shared: this page",
         "ro NX shared: table of level 2 at 0x0000000040000000", "", "?"])).map(
            lambda part: f"0x{part[0]}-0x{part[1]} 4K L{part[2]} 0x{part[3]} {part[4]}"),
    st.text(max_size=30), documents)
logs = st.one_of(documents, st.lists(lines, max_size=40).map("\n".join))


@hypothesis.settings(max_examples=120 * EXAMPLES, **SETTINGS)
@hypothesis.given(logs)
def test_any_log_of_the_grammar_is_read_or_named(text):
    read(text)


# ---- damage to real logs -----------------------------------------------------------------------

@pytest.fixture(scope="module", name="captured")
def fixture_captured():
    texts = [console(f"arm64.pagesize={size}", ALL) for size in SIZES]
    texts.append(console("nokaslr") + console("nokaslr", "ptdump; ptdump idmap"))
    texts.append(json.dumps(document(texts[0])))
    texts.append("\n".join(f"[{i}.25] {line}" for i, line in enumerate(texts[0].split("\n"))))
    texts.append("\n".join(f">   {line}" for line in texts[0].split("\n")))
    texts.append("\n".join(f"lab {i:4}: {line}" for i, line in enumerate(texts[0].split("\n"))))
    texts.append("\n".join(json.dumps({"lvl": "target", "msg": line})
                           for line in texts[0].split("\n")))
    return [text.encode() for text in texts]


def flip(data, at, length, inserted):
    del length
    return data[:at] + bytes([data[at] ^ 1 << len(inserted) % 8]) + data[at + 1:]


def cut(data, at, length, inserted):
    del inserted
    return data[:at] + data[at + length:]


def double(data, at, length, inserted):
    return data[:at + length] + inserted + data[at:]


def insert(data, at, length, inserted):
    del length
    return data[:at] + inserted + data[at:]


@hypothesis.settings(max_examples=120 * EXAMPLES, **SETTINGS)
@hypothesis.given(st.data())
def test_no_damage_to_a_log_stops_the_reader(captured, data):
    log = data.draw(st.sampled_from(captured))
    for _ in range(data.draw(st.integers(1, 6))):
        how = data.draw(st.sampled_from([flip, cut, double, insert]))
        at = data.draw(st.integers(0, max(0, len(log) - 1)))
        length = data.draw(st.sampled_from([1, 7, 80, 1000, 6000]))
        log = how(log or b"x", at, length, data.draw(st.binary(max_size=12) | st.sampled_from(
            [b"\n{\n", b"\n}\n", b'"', b"\\", b"[", b"\xff", b"1e999", b"NaN", b"\n"])))
    read(log.decode("utf-8", "replace"))


PREFIX = st.lists(st.sampled_from(
    ["{}", "{:4}", "{:09.3f}", " ", "|", "[", "]", "Mon", "lab", ":", "(", "*", ".", "\t", "#",
     "\\", '"', "\u00e9", "- ", "> "]), min_size=1, max_size=8).map("".join)


@hypothesis.settings(max_examples=60 * EXAMPLES, **SETTINGS)
@hypothesis.given(PREFIX, st.sampled_from([" ", ": ", "\t", "| "]))
def test_what_stands_before_every_line_does_not_matter(captured, prefix, gap):
    """Whatever it is, if it has an end that can be told from a number of the line itself."""
    lines = captured[0].decode().split("\n")
    kept = [(prefix + gap).format(*[i] * 8) + line for i, line in enumerate(lines)]
    whole, dumps = read("\n".join(lines)), read("\n".join(kept))
    assert [dump["tables"] for dump in dumps] == [dump["tables"] for dump in whole]


@pytest.mark.parametrize("text", [
    "[" * 900 + "]" * 900, '{"a":' * 900 + "{}" + "}" * 900, "{\n" * 20000, "{\n}\n" * 20000,
    "kernel map: 4K pages, 52-bit addresses, 5 levels from level -1\n" * 5000,
    "{\n" + "".join(f"{' ' * depth}{'{'}\n" for depth in range(2, 2000)),
    '{"regime": {"granule": 4096, "va_bits": 52}, "layout": ' + "[" * 800 + "]" * 800 + "}",
    '{"regime": {"granule": 4096, "va_bits": 52}, "x": ' + "[" * 800 + "]" * 800 + "}",
    '{"regime": {"granule": 4096, "va_bits": 52}, "x": ' + '{"a":' * 800 + "1" + "}" * 801,
    '{"regime": {"granule": 4096, "va_bits": 52}, "tables": ' + "9" * 5000 + "}",
    "0" * 1000000, " " * 1000000 + "{", '"' + "\\" * 1000000, "---[ " + "] " * 500000,
    "x mapped in " * 100000, "\r" * 200000, "\x1b[" * 500000, "> " * 500000, "[1] " * 300000,
    "\x1b]" * 500000, "- {" + "lvl: target, " * 100000 + "}", "- {" + "{lvl: " * 100000 + "msg: }",
    "{" * 1000000 + "}", "".join(f'{" 1" * i}   "pagoda": \n' for i in range(1, 2000)),
    ('x 1   "pagoda": ' + "1 " * 100 + "\n") * 5000, "kernel map: " * 100000, " 1" * 500000],
    ids=lambda text: text[:12])
def test_size_and_depth_cost_no_more_than_they_are_worth(text):
    read(text)


def test_a_log_of_any_bytes_and_name_ends_in_a_message(tmp_path):
    for name, content in (("-", b"\xff\xfe\x00\xd8"), ("a\nb\udcff", b"{\n}\n" * 9), (
            "<b>", b'{"regime": {"granule": 4096, "va_bits": 52}, "tables": true}')):
        (tmp_path / name).write_bytes(content)
        for arguments in ([], ["--svg"]):
            result = ptview(f"./{name}", *arguments, cwd=tmp_path)
            assert result.returncode in (0, 1) and "Traceback" not in result.stderr
            assert result.stderr.startswith(("ptview: ", "./"))
