# SPDX-License-Identifier: MIT
"""The page that scripts/ptview writes, in headless Chromium, with real dumps: what is drawn is
compared with the dump's own numbers."""
import json
import os
import re

import pytest

from browser import Browser, installed
from captures import SIZES, console, document, ptview

# On a machine of the project's own the browser must be there: scripts/setup installs it.
pytestmark = pytest.mark.skipif(not installed() and "CI" not in os.environ,
                                reason="chromium and chromedriver are not installed "
                                "(scripts/setup view)")
SMALLEST = 64 << 10  # bytes that a view of any page size can show


@pytest.fixture(scope="module", name="browser")
def fixture_browser():
    with Browser() as running:
        yield running


@pytest.fixture(scope="module", name="pages")
def fixture_pages(tmp_path_factory):
    """A function that makes the page of some consoles, once."""
    directory = tmp_path_factory.mktemp("pages")
    made = {}

    def page(*texts):
        if texts not in made:
            logs = []
            for number, text in enumerate(texts):
                logs.append(directory / f"{len(made)}-{number}.log")
                logs[-1].write_text(text)
            made[texts] = directory / f"{len(made)}.html"
            assert ptview(*logs, "-o", made[texts]).returncode == 0
        return made[texts]

    return page


@pytest.fixture(name="show")
def fixture_show(browser, pages):
    """Show the page of some consoles. Afterwards nothing may have gone wrong in it."""
    def show(*texts, fragment=""):
        browser.open(pages(*texts), fragment)
        browser.wait("return document.body.dataset.size")
        return browser

    yield show
    assert browser.errors() == []


def view(browser):
    """(first address, size) of what the map shows, once it rests."""
    browser.wait("return !painting && state.size === BigInt(document.body.dataset.size)")
    return tuple(map(int, browser.run(
        "return [BigInt(document.body.dataset.lo).toString(), document.body.dataset.size]")))


def wait_view(browser, start, end):
    """Wait until the map shows [start, end) and not much more."""
    browser.wait(f"return state.lo <= {start}n && state.lo + state.size >= {end}n && "
                 f"state.size <= {max(2 * (end - start), SMALLEST)}n")
    view(browser)


def entries(text, root="kernel"):
    return next(table["entries"] for table in document(text)["tables"] if table["root"] == root)


def marks(browser):
    """[x, width, permission] of the runs drawn in the map's lane, by x."""
    return browser.run("""
        const lane = [...document.querySelectorAll("rect.lane")].find(
            r => r.width.baseVal.value > 500);
        const top = lane.y.baseVal.value, bottom = top + lane.height.baseVal.value;
        return [...document.querySelectorAll("rect.run")].filter(r => r.y.baseVal.value > top &&
            r.y.baseVal.value < bottom).map(r => [r.x.baseVal.value, r.width.baseVal.value,
            [...r.classList].find(name => name.startsWith("perm-")).slice(5)])""")


def rows(browser):
    """The text of each row of the table in sight."""
    return browser.run("""return [...document.querySelectorAll("#scroll tr[data-row]")].map(
        row => row.innerText.replace(/\\s+/g, " ").trim())""")


def stage(browser):
    """The map's rectangle in the window: [left, top, width, height]."""
    return browser.run("""const r = $("stage").getBoundingClientRect();
        return [r.left, r.top, r.width, r.height]""")


def permission(entry):
    return ("wx" if entry["write"] else "rx") if entry["execute"] else (
        "rw" if entry["write"] else "ro")


def number(text):
    return int(text, 16)


def inside(text, name):
    """The kernel's runs in a region of the layout, or in a segment of the image."""
    whole = document(text)
    place = next(row for row in whole["layout"] + whole["image"]["segments"]
                 if row["name"] == name)
    return [entry for entry in entries(text)
            if number(place["start"]) <= number(entry["start"]) < number(place["end"])]


def run_in(text, name, perm):
    """The largest of them with these permissions."""
    return max((entry for entry in inside(text, name) if permission(entry) == perm),
               key=lambda entry: entry["size"])


def bounds(entry):
    return number(entry["start"]), number(entry["end"])


# ---- the map -----------------------------------------------------------------------------------

@pytest.mark.parametrize("fallback", ["", "arm64.nolva"])
@pytest.mark.parametrize("size", SIZES)
def test_the_image_is_drawn_to_scale(show, size, fallback):
    text = console(f"arm64.pagesize={size} {fallback}")
    browser = show(text)
    image = next(row for row in document(text)["layout"] if row["name"] == "image")
    browser.click('[data-place="kernel image"]')
    wait_view(browser, number(image["start"]), number(image["end"]))
    lo, shown = view(browser)
    left, width = browser.run("return [LEFT, width]")
    mapped = inside(text, "image")
    drawn = marks(browser)
    assert len(drawn) == len(mapped) >= 3
    for (x, wide, perm), entry in zip(drawn, mapped):
        assert perm == permission(entry)
        assert x == pytest.approx(left + (number(entry["start"]) - lo) / shown * width, abs=.1)
        assert wide == pytest.approx(entry["size"] / shown * width, abs=.1)


def test_regions_are_drawn_to_scale(show):
    text = console()
    browser = show(text)
    lo, size = view(browser)
    assert (lo, size) == ((1 << 64) - (1 << 52), 1 << 52)
    drawn = dict(browser.run("""return [...document.querySelectorAll("rect.region")].map(
        r => [r.dataset.place, [r.x.baseVal.value, r.width.baseVal.value]])"""))
    left, width = browser.run("return [LEFT, width]")
    for row in document(text)["layout"]:
        x, wide = drawn[row["name"]]
        start, end = number(row["start"]), number(row["end"])
        assert x == pytest.approx(left + (start - lo) / size * width, abs=.1)
        assert wide == pytest.approx(max(1.5, (end - start) / size * width), abs=.1)


def test_zoom_goes_exactly_from_all_addresses_to_one_page(show):
    text = console("nokaslr")
    browser = show(text)
    console_page = run_in(text, "fixmap", "rw")
    browser.keys("0")
    browser.wait("return state.size === TOP")
    assert len(marks(browser)) >= 2  # of both halves, though each is less than a pixel
    browser.run("flyToRange(BigInt(arguments[0]), BigInt(arguments[0]) + 4096n)",
                console_page["start"])
    wait_view(browser, *bounds(console_page))
    left, width = browser.run("return [LEFT, width]")
    for x in (left, left + width / 3, left + width):
        lo, size = view(browser)
        at = browser.run("return vaAt(arguments[0]).toString()", x)
        assert int(at) == pytest.approx(lo + size * (x - left) / width, abs=2)
    (x, wide, perm), = marks(browser)
    assert perm == "rw" and wide > width / 2


def test_the_wheel_zooms_about_the_pointer(show):
    browser = show(console("nokaslr"))
    left, top, _, height = stage(browser)
    x = int(left + browser.run("return LEFT + width * 0.99"))
    before = view(browser)
    under = int(browser.run("return vaAt(arguments[0]).toString()", x - left))
    browser.wheel(x, top + height - 40, -900)
    browser.wait(f"return state.size < {before[1] // 4}n")
    lo, size = view(browser)
    assert lo <= under <= lo + size
    assert int(browser.run("return vaAt(arguments[0]).toString()", x - left)) == pytest.approx(
        under, abs=size / 400)
    browser.wheel(x, top + height - 40, 900)
    browser.wait(f"return state.size > {before[1] // 2}n")


def test_dragging_moves_what_is_shown(show):
    browser = show(console("nokaslr"), fragment="#v=ffff800080000000+200000")
    lo, size = view(browser)
    left, top, width, height = stage(browser)
    browser.drag(left + width / 2, top + height - 40, left + width / 2 + 200)
    browser.wait(f"return state.lo < {lo}n")
    moved, same = view(browser)
    pixels = browser.run("return width")
    assert same == size and lo - moved == pytest.approx(size * 200 / pixels, rel=.05)


def test_the_ladder_names_each_table_on_the_way_and_goes_there(show):
    text = console("nokaslr")
    start = int(document(text)["image"]["va"], 16)
    browser = show(text, fragment=f"#v={start:x}+100000")  # narrower than what a table maps
    browser.wait("return document.querySelectorAll('rect.strip:not(.off)').length === 6")
    strips = browser.run("""return [...document.querySelectorAll("rect.strip")].map(
        r => [r.dataset.lo, r.dataset.size, r.dataset.cells])""")
    sizes = [int(size) for _, size, _ in strips]
    assert sizes == [1 << 64, 1 << 52, 1 << 48, 1 << 39, 1 << 30, 1 << 21]
    assert [int(cells) for *_, cells in strips] == [0, 16, 512, 512, 512, 512]
    left, top, *_ = stage(browser)
    y = browser.run("""return document.querySelectorAll("rect.strip")[1].y.baseVal.value""")
    x = browser.run("return LEFT + width * 15.5 / 16")
    browser.click_at(left + x, top + y + 8)
    browser.wait("return state.lo === 0xffff000000000000n && state.size === 1n << 48n")


# ---- one run -----------------------------------------------------------------------------------

SHIFT = {"4k": 12, "16k": 14, "64k": 16}


@pytest.mark.parametrize("name, perm, mair", [
    ("text", "rx", "0xff"), ("linear", "rw", "0xff"), ("fixmap", "rw", "0x04")])
@pytest.mark.parametrize("fallback", ["", "arm64.nolva"])
@pytest.mark.parametrize("size", SIZES)
def test_a_click_decodes_the_descriptor_in_every_field(show, size, fallback, name, perm, mair):
    text = console(f"arm64.pagesize={size} {fallback}")
    browser = show(text)
    whole, entry = document(text), run_in(text, name, perm)
    browser.run("flyToRange(BigInt(arguments[0]), BigInt(arguments[1]))", entry["start"],
                entry["end"])
    wait_view(browser, *bounds(entry))
    left, top, _, height = stage(browser)
    x, *_ = max((mark for mark in marks(browser) if mark[2] == perm), key=lambda mark: mark[1])
    browser.click_at(left + x + 3, top + height - 40)
    start, va = browser.wait("""return state.picked && [state.picked.run.start,
        state.picked.va].map(String)""")
    assert int(start) == number(entry["start"])
    table = browser.run("""return [...document.querySelectorAll("#detail table tr")].map(
        row => [...row.cells].map(cell => cell.innerText))""")
    fields = {field: (bits, value, meaning) for bits, field, value, meaning in table}
    shift = SHIFT[size] + (3 - entry["level"]) * (SHIFT[size] - 3)
    offset = (int(va) - int(start)) >> shift << shift
    raw = number(entry["raw"]) + offset
    total = 0
    for bits, _, value, _ in table:
        high, low = (int(bit) for bit in (bits.split(":") if ":" in bits else (bits, bits)))
        total += high - low + 1
        found = int(value, 16) if value.startswith("0x") else int(value, 2)
        assert found == raw >> low & (1 << high - low + 1) - 1
    assert total == 64
    assert fields["AP[2:1]"][2] == f"kernel read-{'write' if entry['write'] else 'only'}"
    assert fields["PXN"][1] == str(int(not entry["execute"]))
    assert fields["Contiguous"][1] == str(int(entry["contiguous"]))
    assert fields["type"][2] == entry["kind"]
    assert entry["type"] in fields["AttrIndx"][2] and mair in fields["AttrIndx"][2]
    if whole["regime"]["lpa2"]:
        assert fields["OA[51:50]"][0] == "9:8" and "TCR: inner" in fields["OA[51:50]"][2]
    else:
        assert fields["SH"][1:] == ("11", "inner shareable")
    assert ("OA[51:48]" in fields) == (size == "64k")
    address = next(value for field, value in fields.items()
                   if field.startswith("OA[4") and field.endswith(f":{shift}]"))
    assert address[2] == f"output address 0x{number(entry['pa']) + offset:016x}"


def test_a_click_picks_the_run_that_is_drawn_there(show):
    """Two marks side by side, each of runs that are narrower than a pixel."""
    text = console("nokaslr")
    tree, uart = run_in(text, "fixmap", "ro"), run_in(text, "fixmap", "rw")
    browser = show(text)
    apart = number(uart["start"]) - number(tree["start"])
    size = int(apart * browser.run("return width") / 4.1)
    browser.run("setView(BigInt(arguments[0]), BigInt(arguments[1]))",
                hex((1 << 64) - size), str(size))
    view(browser)
    left, top, _, height = stage(browser)
    drawn = marks(browser)[-2:]
    assert [perm for *_, perm in drawn] == ["ro", "rw"]
    for (x, wide, _), entry in list(zip(drawn, (tree, uart))) * 2:
        browser.click_at(round(left + x + wide / 2), top + height - 40)
        browser.wait("return state.picked && state.picked.run.perm === arguments[0]",
                     permission(entry))
        alike = [number(run["start"]) for run in inside(text, "fixmap")
                 if permission(run) == permission(entry)]
        assert int(browser.run("return String(state.picked.run.start)")) in alike


def test_each_descriptor_of_a_run_can_be_stepped_to(show):
    text = console("nokaslr")
    entry = run_in(text, "text", "rx")
    browser = show(text, fragment=f"#s=0,{entry['start'][2:]}")
    count = entry["size"] // 4096
    assert count >= 3
    for step in range(1, 3):
        browser.click('[data-step="1"]')
        assert f"{step + 1} of {count}" in browser.run('return $("detail").innerText')
    raw = browser.run('return document.querySelector("#detail .bits").previousSibling.innerText')
    assert number(raw.replace(" ", "")) == number(entry["raw"]) + 2 * 4096


@pytest.mark.parametrize("name, perm, kind", [("text", "rx", "page"), ("linear", "rw", "block")])
def test_the_walk_gives_the_index_at_each_level(show, name, perm, kind):
    text = console("nokaslr")
    entry = run_in(text, name, perm)
    assert entry["kind"] == kind
    browser = show(text, fragment=f"#s=0,{entry['start'][2:]}")
    va = number(entry["start"])
    expected = [f"level {level} [{va >> shift & mask}]" for level, shift, mask in (
        (-1, 48, 15), (0, 39, 511), (1, 30, 511), (2, 21, 511), (3, 12, 511))
        if level <= entry["level"]]
    said = browser.run("""return [...document.querySelectorAll(".walk span")].map(
        span => span.innerText)""")
    assert said == [*expected, "+ 0x0"]


# ---- search ------------------------------------------------------------------------------------

def hits(browser):
    return browser.run('return [...document.querySelectorAll("#hits li")].map('
                       'li => li.innerText.replace(/\\s+/g, " "))')


def test_a_virtual_address_is_found_and_shown(show):
    text = console()
    browser = show(text)
    entry = run_in(text, "data", "rw")
    va = number(entry["start"]) + 0x1234
    browser.type("#search", f"0x{va:x}")
    found, = hits(browser)
    assert found.replace(" ", "").startswith(
        f"0x{va:016x}→0x{number(entry['pa']) + 0x1234:016x}virtual")
    browser.keys("Enter")
    wait_view(browser, number(entry["start"]), number(entry["end"]))
    assert browser.run("return state.picked.run.start === BigInt(arguments[0])", entry["start"])


def addresses_of(text, root, pa):
    """Where a map has a physical address, as the page writes it."""
    return [f"0x{number(entry['start']) + pa - number(entry['pa']):016x}"
            for entry in entries(text, root)
            if 0 <= pa - number(entry["pa"]) < entry["size"]]


def test_a_physical_address_is_found_wherever_it_is_mapped(show):
    text = console()
    browser = show(text)
    entry = run_in(text, "text", "rx")
    pa = number(entry["pa"])
    browser.type("#search", f"pa:{entry['pa']}")
    found = [hit.replace(" ", "") for hit in hits(browser)]
    assert all("physical" in hit for hit in found)
    assert [hit[:18] for hit in found] == (
        addresses_of(text, "idmap", pa) + addresses_of(text, "kernel", pa))
    assert len(found) == 3
    for hit, place in zip(found, ("identitymap", "linear", "image/text")):
        assert place in hit


def test_what_is_shared_is_one_page_all_over(show):
    """As the KASAN Image has it, put into a dump of the other: two links to one table."""
    text = console("nokaslr")
    whole, page, start, size = document(text), 0x48200000, 0xFFFC000000000000, 2 << 48
    # This page's descriptor with 4K pages and LPA2, read-only.
    shared = {**run_in(text, "fixmap", "ro"), "kind": "shared", "level": -1, "size": size,
              "start": f"0x{start:016x}", "end": f"0x{start + size:016x}",
              "pa": f"0x{page:016x}", "raw": f"0x{page | 0x0060000000000483:016x}"}
    whole["tables"][0]["entries"].append(shared)
    browser = show(json.dumps(whole))
    va = start + size - 0xFFF
    browser.type("#search", f"0x{va:x}")
    found, = hits(browser)
    assert found.replace(" ", "").startswith(f"0x{va:016x}→0x{page + 1:016x}virtual")
    browser.keys("Enter")
    said = browser.wait('return state.picked && $("detail").innerText')
    said = re.sub(r"\s", "", said)
    assert f"physical0x{page:016x}to0x{page + 4096:016x}" in said
    assert "512TiB,2×256TiBofonepage" in said and f"outputaddress0x{page:016x}" in said
    browser.type("#search", f"pa:0x{page + 4096:x}")
    found = "".join(hits(browser)).replace(" ", "")
    assert "virtual" not in found and f"0x{start:016x}" not in found


def test_an_address_of_the_identity_map_is_found_once_there(show):
    text = console()
    browser = show(text)
    entry = entries(text, "idmap")[0]
    browser.type("#search", entry["start"])
    found = [hit.replace(" ", "") for hit in hits(browser)]
    elsewhere = addresses_of(text, "kernel", number(entry["pa"]))
    assert [hit[:18] for hit in found] == [entry["start"], *elsewhere] and len(elsewhere) == 2
    assert found[0].endswith("identitymap") and all("physical" in hit for hit in found[1:])


def test_a_range_finds_all_that_it_overlaps(show):
    text = console("nokaslr")
    image = document(text)["image"]
    browser = show(text)
    for words in (f"va:{image['va']}-0x{number(image['va']) + image['size']:x}",
                  f"va:{image['va']}+{image['size'] // 1024}K"):
        browser.type("#search", words)
        assert [hit.split()[0] for hit in hits(browser)] == [
            entry["start"] for entry in inside(text, "image")]
    browser.type("#search", f"0x{number(image['va']) - 4096:x}+4K")
    assert hits(browser)[0].rstrip().endswith("not mapped")


def test_a_region_is_found_by_name(show):
    browser = show(console("nokaslr"))
    browser.type("#search", "vmemmap")
    browser.keys("Enter")
    row = next(row for row in document(console("nokaslr"))["layout"] if row["name"] == "vmemmap")
    wait_view(browser, number(row["start"]), number(row["end"]))


@pytest.mark.parametrize("words, said", [
    ("nowhere", "is no address, range or region"),
    ("0x2000-0x1000", "ends before it begins"),
    ("0x10+", "is no address"),
    ("0x11111111111111111", "is no address"),
    ("pa:0xffff000000000000", "Nothing is mapped there"),
    ("<b>", "is no address"),
])
def test_what_cannot_be_found_is_said(show, words, said):
    browser = show(console("nokaslr"))
    browser.type("#search", words)
    assert said in hits(browser)[0]
    browser.keys("Enter")
    assert browser.run("return state.picked") is None


# ---- the table ---------------------------------------------------------------------------------

def test_the_table_holds_every_run_and_sorts_by_any_column(show):
    text = console("nokaslr")
    browser = show(text)
    everything = entries(text, "idmap") + entries(text)
    assert len(rows(browser)) == len(everything)
    for column, key in (("size", lambda entry: entry["size"]),
                        ("pa", lambda entry: number(entry["pa"])),
                        ("perm", permission), ("type", lambda entry: entry["type"])):
        for down in (False, True):
            browser.click(f'[data-sort="{column}"]')
            sorted_by = browser.run("""return state.rows.map(row => row.run.index)""")
            assert [key(everything[i]) for i in sorted_by] == sorted(
                map(key, everything), reverse=down)
            order = browser.run("return document.querySelector(arguments[0]).parentNode.ariaSort",
                                f'[data-sort="{column}"]')
            assert order == ("descending" if down else "ascending")


@pytest.mark.parametrize("words, wanted", [
    ("rx", lambda entry, _: permission(entry) == "rx"),
    ("type:device", lambda entry, _: entry["type"].startswith("DEVICE")),
    ("size>=128K", lambda entry, _: entry["size"] >= 128 << 10),
    ("root:idmap -rw", lambda entry, root: root == "idmap" and not entry["write"]),
    ("level:3 con", lambda entry, _: entry["level"] == 3 and entry["contiguous"]),
    ("nothing-like-it", lambda entry, _: False),
])
def test_the_filter_keeps_what_it_says_and_dims_the_rest(show, words, wanted):
    text = console("nokaslr")
    browser = show(text)
    browser.type("#filter", words)
    kept = sum(wanted(entry, root) for root in ("kernel", "idmap")
               for entry in entries(text, root))
    assert len(rows(browser)) == kept
    assert (kept == 0) == (words == "nothing-like-it")
    total = len(entries(text)) + len(entries(text, "idmap"))
    assert f"{kept} of {total} runs" in browser.run('return $("status").innerText')
    browser.click('[data-place="kernel image"]')
    browser.wait('return document.querySelectorAll("rect.run").length')
    browser.wait("return document.querySelectorAll('rect.run[data-count=\"1\"]').length > 2")
    faded = browser.run("""return new Set([...document.querySelectorAll("rect.run.faded")]
        .filter(r => r.dataset.count === "1").map(r => dumps[0].runs[r.dataset.first])
        .filter(run => run.root === "kernel" && run.region.startsWith("image"))).size""")
    assert faded == sum(not wanted(entry, "kernel") for entry in inside(text, "image"))


def test_the_legend_hides_a_permission(show):
    browser = show(console("nokaslr"))
    browser.click('[data-perm="rw"]')
    assert not [row for row in rows(browser) if row.startswith("rw")]
    assert browser.run('return document.querySelector(\'[data-perm="rw"]\').ariaPressed') == "false"
    browser.click('[data-perm="rw"]')
    assert [row for row in rows(browser) if row.startswith("rw")]


def test_twenty_thousand_runs_stay_quick(show):
    text = console("nokaslr")
    whole = document(text)
    row = {**run_in(text, "text", "rx"), "size": 4096, "contiguous": False}
    base = max(number(entry["end"]) for entry in inside(text, "linear"))
    extra = [{**row, "start": f"0x{va:016x}", "end": f"0x{va + 4096:016x}", "pa": f"0x{pa:016x}"}
             for va, pa in ((base + i * 12288, 0x40000000 + i * 8192) for i in range(20000))]
    kernel = next(table for table in whole["tables"] if table["root"] == "kernel")
    kernel["entries"] = sorted(extra + kernel["entries"], key=lambda entry: entry["start"])
    browser = show(json.dumps(whole))
    total = sum(len(table["entries"]) for table in whole["tables"])
    assert f"{total} of {total} runs" in browser.run('return $("status").innerText')
    assert len(rows(browser)) < 100
    browser.run('$("scroll").scrollTop = 10000 * ROW')
    browser.wait("""return document.querySelector('#scroll tr[data-row="10000"]')""")
    browser.run(f"flyToRange({base}n, {base + 20000 * 12288}n)")
    wait_view(browser, base, base + 20000 * 12288)
    assert len(marks(browser)) < 1000
    took = browser.run("const t = performance.now(); paint(); return performance.now() - t")
    assert took < 1000


# ---- two dumps ---------------------------------------------------------------------------------

def test_kaslr_on_beside_off_shows_the_image_moving(show):
    on, off = console(), console("nokaslr")
    browser = show(on, off)
    assert "image" in browser.run('return $("status").innerText')
    delta = {name: number(inside(off, name)[0]["start"]) - number(inside(on, name)[0]["start"])
             for name in ("linear", "image")}
    count = {name: len(inside(on, name)) for name in delta}
    assert all(count.values()) and delta["image"] < 0 and delta["linear"] < 0
    moved = [row for row in rows(browser) if row.startswith("moved")]
    assert len(moved) == sum(count.values())
    assert all("down" in row for row in moved)
    deltas = browser.run("""return state.difference.pieces.filter(piece =>
        piece.verdict === "moved").map(piece => [piece.run.region.split(" / ")[0],
        piece.delta.toString()])""")
    assert {(name, int(by)) for name, by in deltas} == set(delta.items())
    still = len(entries(on, "idmap")) + len(entries(on)) - sum(count.values())
    assert browser.run("""return state.difference.pieces.filter(piece =>
        piece.verdict === "same").length""") == still


def test_52_bits_beside_the_fallback_shows_regions_that_changed(show):
    wide, narrow = console("nokaslr"), console("nokaslr arm64.nolva")
    browser = show(wide, narrow)
    layouts = [{row["name"]: (number(row["start"]), number(row["end"]))
                for row in document(text)["layout"]} for text in (wide, narrow)]
    browser.click('[data-tab="regions"]')
    said = dict(browser.run("""return [...document.querySelectorAll("#scroll tr[data-place]")].map(
        row => [row.dataset.place, row.cells[row.cells.length - 1].innerText])"""))
    for name, place in layouts[0].items():
        assert (said[f"kernel {name}"] == "stays") == (place == layouts[1][name])
    assert said["kernel linear"] == "begins 3840 TiB higher, shrinks by 3840 TiB"
    drawn = browser.run("""return [...document.querySelectorAll('[data-place="linear"]')].filter(
        r => r.tagName === "rect").map(r => r.width.baseVal.value)""")
    assert len(drawn) == 2 and drawn[0] / drawn[1] == pytest.approx(3968 / 128, rel=.01)


def test_other_permissions_are_changes(show):
    browser = show(console("nokaslr"), console("nokaslr rodata=off"))
    changed = [row for row in rows(browser) if row.startswith("changed")]
    for place in ("image / rodata", "linear"):
        assert any(place in row and "permissions ro → rw" in row for row in changed)
    browser.keys("x")
    assert browser.run("return state.a.index") == 1
    assert any("permissions rw → ro" in row for row in rows(browser))


@pytest.mark.parametrize("name, perm", [("text", "rx"), ("linear", "ro"), ("fixmap", "rw")])
def test_a_run_leads_to_its_counterpart(show, name, perm):
    on, off = console(), console("nokaslr")
    here, there = run_in(on, name, perm), run_in(off, name, perm)
    browser = show(on, off, fragment=f"#d=0,1&s=0,{here['start'][2:]}")
    browser.click("[data-go]")
    assert browser.run("return state.picked.dump.index") == 1
    assert browser.run("return String(state.picked.run.start)") == str(number(there["start"]))
    wait_view(browser, *bounds(there))


def test_facts_of_two_boots_are_marked_where_they_differ(show):
    browser = show(console("nokaslr"), console("nokaslr arm64.nolva"))
    browser.click('[data-tab="boot"]')
    marked = browser.run("""return [...document.querySelectorAll("#scroll tr")].filter(
        row => row.querySelector(".differs")).map(row => row.cells[0].innerText)""")
    assert {"regime.va_bits", "registers.TCR_EL1", "command_line"} <= set(marked)
    assert not {"cpu.part", "registers.MIDR_EL1", "registers.MAIR_EL1"} & set(marked)


# ---- keys, themes, what is odd -----------------------------------------------------------------

def test_everything_can_be_done_with_keys(show):
    text = console("nokaslr")
    browser = show(text)
    everything = entries(text, "idmap") + entries(text)
    browser.keys("n")
    wait_view(browser, *bounds(everything[0]))
    browser.keys("n")
    wait_view(browser, *bounds(everything[1]))
    browser.keys("p")
    wait_view(browser, *bounds(everything[0]))
    lo, size = view(browser)
    browser.keys("+")
    browser.wait(f"return state.size < {size}n")
    browser.keys("-", "Right")
    browser.wait(f"return state.lo > {lo}n")
    browser.keys("1")
    browser.wait("return state.size === 1n << 52n")
    browser.keys("2")
    browser.wait("return state.size === 1n << 48n && state.lo === 0n")
    browser.keys("Backspace")
    browser.wait("return state.size === 1n << 52n")
    browser.keys("/", *"fixmap", "Enter")
    browser.wait("return state.size < 1n << 24n")
    browser.keys("f", *"rx")
    browser.wait("return document.activeElement === $('filter') && state.filter === 'rx'")
    assert all(row.startswith("rx") for row in rows(browser))


def test_rows_are_walked_with_keys(show):
    browser = show(console("nokaslr"))
    browser.run('$("scroll").focus()')
    browser.keys("Down", "Down")
    assert browser.run("return state.picked.run.index") == 1
    browser.keys("Up")
    assert browser.run("return state.picked.run.index") == 0
    browser.keys("Enter")
    wait_view(browser, *(number(entries(console("nokaslr"), "idmap")[0][key])
                         for key in ("start", "end")))


def test_every_control_has_a_name_and_can_be_reached(show):
    browser = show(console("nokaslr"), console("nokaslr arm64.nolva"))
    assert browser.run("""return [...document.querySelectorAll("button, input, select, svg#stage")]
        .filter(e => e.tabIndex < 0 || !(e.innerText || e.ariaLabel || e.closest("label") ||
            e.getAttribute("aria-label") || "").toString().trim()).length""") == 0


def brightness(browser):
    return browser.run("""return getComputedStyle(document.body).backgroundColor
        .match(/\\d+/g).map(Number).reduce((a, b) => a + b) / 3""")


def test_light_and_dark_can_be_chosen_and_last(show):
    browser = show(console("nokaslr"))
    assert brightness(browser) > 200
    browser.keys("t")
    assert brightness(browser) < 60
    browser = show(console("nokaslr"))
    assert brightness(browser) < 60
    browser.click("#theme")
    assert brightness(browser) > 200


def test_dark_is_taken_from_the_system(pages):
    with Browser(flags=["--force-dark-mode", "--blink-settings=preferredColorScheme=0"]) as dark:
        dark.open(pages(console("nokaslr")))
        assert dark.run("return matchMedia('(prefers-color-scheme: dark)').matches")
        assert brightness(dark) < 60


def test_the_address_of_the_page_brings_back_what_was_looked_at(show):
    text = console("nokaslr")
    browser = show(text)
    browser.keys("n")
    wait_view(browser, *(number(entries(text, "idmap")[0][key]) for key in ("start", "end")))
    fragment = browser.wait("return location.hash.includes('s=0,') && location.hash")
    before = view(browser)
    browser = show(text, fragment=fragment)
    assert view(browser) == before
    assert browser.run("return state.picked.run.index") == 0


@pytest.mark.parametrize("fragment", ["#v=0+0", "#d=9,9&v=zz&s=7,1", "#s=0,0", "#v=+&d=&s="])
def test_a_mistyped_address_of_the_page_shows_the_page(show, fragment):
    browser = show(console("nokaslr"), fragment=fragment)
    assert len(rows(browser)) > 0 and view(browser)[1] >= 4096


def test_what_could_not_be_read_is_on_the_page(show):
    lines = console("nokaslr").split("\n")
    at = lines.index("{") + 9
    lines[at:at] = ["<script>alert(1)</script>"]
    browser = show("\n".join(lines))
    assert browser.run('return $("notes").innerText').startswith("1 part of the log")
    browser.click("#notes summary")
    assert f".log:{at + 1} " in browser.run('return $("notes").innerText')


def test_markup_in_a_log_stays_text(show):
    whole = document(console("nokaslr"))
    whole["command_line"] = "</script><script>window.broken=1</script><img src=x onerror=broken=1>"
    markup = '"><img src=x onerror=broken=1>'
    whole["tables"][0]["entries"][0].update(type=markup, shareability=markup, flags=[markup])
    whole["layout"][0]["name"] = markup
    browser = show(json.dumps(whole))
    for tab in ("regions", "boot", "runs"):
        browser.click(f'[data-tab="{tab}"]')
    browser.keys("1", "n", "n", "n", "n", "n")
    assert browser.run("return window.broken === undefined && !document.querySelector('img')")


def test_a_text_dump_is_shown_without_descriptors(show):
    text = console("nokaslr", "ptdump; ptdump idmap")
    browser = show(text)
    same = console("nokaslr")
    assert len(rows(browser)) == len(entries(same)) + len(entries(same, "idmap"))
    browser.keys("n")
    assert "A text dump has no descriptors" in browser.wait('return $("detail").innerText')
