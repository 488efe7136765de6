# SPDX-License-Identifier: MIT
"""Logs that somebody else wrote: every string of a report, one after the other and all at once,
becomes markup that would run a script. The page shows each in every view, alone and beside a sound
dump; nothing may run, and nothing go wrong. The drawing stays a drawing.
"""
import copy
import json
import os
import re
import xml.etree.ElementTree

import pytest

from browser import Browser, installed
from captures import console, document, ptview

DATA = os.path.join(os.path.dirname(__file__), "data")
# Whatever way out of text there is: out of an attribute, an element, the data's own script element,
# a comment, a template, a line of JavaScript, a character.
HOSTILE = ("'\"><img src=x onerror=\"window.ran=1\"><svg onload=window.ran=1></svg>"
           "</script><script>window.ran=1</script><!--<script>${window.ran=1}\\u0022`\u2028\u202e"
           "javascript:window.ran=1//\ud800 &lt;img src=x onerror=window.ran=1&gt;\x00")
KEYS = (HOSTILE, "__proto__", "constructor")
# Every element that the page has of itself.
ELEMENTS = ",".join(
    ("html head meta title style body header h1 h2 h3 label select option div input ul li button "
     "main section nav svg aside dialog dl dt dd kbd code form p span i b sup br table thead tbody "
     "tr th td details summary script defs linearGradient stop pattern rect clipPath path line g "
     "text").split())
DRAWN = {"svg", "style", "rect", "text", "path"}

# Shows dumps[arguments[0]] beside dumps[arguments[1]], null for nothing, in every view. Returns
# what is in the page that it never has by itself.
LOOK = """
    const [a, b, elements] = arguments;
    const found = [];
    const look = () => found.push(...[...document.querySelectorAll(`:not(${elements}), [src],
        [href], [onload], [onerror], [style]:not(#tip)`)].map(element => element.outerHTML));
    const point = (dump, y) => {
        for (let x = LEFT + 2; x < LEFT + width; x += width / 7) {
            const box = $("stage").getBoundingClientRect();
            $("stage").dispatchEvent(new PointerEvent("pointermove",
                { clientX: box.left + x, clientY: box.top + y }));
        }
    };
    const views = () => {
        for (const dump of [state.a, state.b].filter(Boolean)) {
            for (const root of ["kernel", "idmap"]) {
                const run = dump.runs.find(run => run.root === root);
                if (!run)
                    continue;
                pick(dump, run.start);
                flyToRange(run.start, run.end);
                setView(run.start, run.size * 2n);
                paint();
                look();
            }
            for (const place of dump.places) {
                showPlace(`${place.root} ${place.name}`);
                setView(place.start, place.end - place.start);
            }
            paint();
            point(dump, state.stage.main + 100);
            point(dump, state.stage.end - 100);
            look();
        }
    };
    choose(dumps[a], b === null ? null : dumps[b]);
    setView(0n, TOP);
    for (const tab of ["runs", "regions", "boot", ...(state.b ? ["moved"] : [])]) {
        state.tab = tab;
        showRows(true);
        look();
    }
    views();
    for (const words of ["image", "i", "0x0-0xffffffffffffffff", "<img src=x onerror=ran=1>"]) {
        $("search").value = words;
        showHits();
        look();
        if (state.hits.length)
            goToHit(state.hits[state.hits.length - 1]);
    }
    setFilter("<img src=x> -type:<b>");
    look();
    setFilter("");
    return found;
"""


def strings(value, path=()):
    """The paths to all strings in a document; of a list's rows the first stands for all, but each
    table for itself."""
    if isinstance(value, dict):
        for key, inside in value.items():
            yield from strings(inside, (*path, key))
    elif isinstance(value, list):
        for index, inside in enumerate(value[:1] if path[-1:] != ("tables",) else value):
            yield from strings(inside, (*path, index))
    elif isinstance(value, str):
        yield path


def replaced(whole, paths, text=HOSTILE):
    whole = copy.deepcopy(whole)
    for *way, last in paths:
        place = whole
        for step in way:
            place = place[step]
        place[last] = text
    return whole


def is_checked(whole, path):
    """Whether the string at @path is an address or a word that the reader knows: anything else in
    its place costs its row."""
    value = replaced(whole, [])
    for step in path:
        value = value[step]
    return path[0] in ("tables", "layout") and (value.startswith("0x") or path[-1] in (
        "kind", "root"))


def is_alone(paths, path):
    """Whether a string is tried alone, and not only with all others: it is used by itself, or is
    the first of those that are only shown."""
    return path[0] in ("image", "layout", "tables") or path[-1] in ("TCR_EL1", "MAIR_EL1") or (
        path == next(other for other in paths if other[0] == path[0]))


def hostile_documents(whole):
    """[(what is wrong with it, document)], the first of them sound."""
    found = [("nothing", whole)]
    paths = list(strings(whole))
    found += [(path, replaced(whole, [path])) for path in paths if is_alone(paths, path)]
    free = [path for path in paths if not is_checked(whole, path)]
    found += [("all", replaced(whole, free))]
    for key in KEYS:
        changed = replaced(whole, [])
        changed[key] = changed["registers"][key] = changed["regime"][key] = HOSTILE
        changed["tables"][0]["entries"][0].update({key: HOSTILE, "flags": [HOSTILE, key]})
        changed["layout"][0].update({"name": key, key: HOSTILE})
        found.append((f"key {key}", changed))
    return found


@pytest.fixture(scope="module", name="hostile")
def fixture_hostile():
    return hostile_documents(document(console("nokaslr")))


def test_every_kind_of_string_in_a_report_is_tried(hostile):
    tried = {what for what, _ in hostile}
    for path in [("registers", "MAIR_EL1"), ("image", "kaslr", "source"), ("layout", 0, "name"),
                 ("tables", 0, "root"), ("tables", 0, "entries", 0, "type"),
                 ("tables", 1, "entries", 0, "shareability"), ("command_line",)]:
        assert path in tried
    assert len(tried) > 40


@pytest.fixture(scope="module", name="browser")
def fixture_browser():
    if not installed() and "CI" not in os.environ:
        pytest.skip("chromium and chromedriver are not installed (scripts/setup view)")
    with Browser() as running:
        yield running


def open_page(browser, path):
    browser.open(path)
    browser.wait("return document.body.dataset.size")
    browser.run("""window.refused = [];
        document.addEventListener("securitypolicyviolation", event =>
            refused.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`))""")


def check_quiet(browser):
    """Nothing has run, nothing tried to, nothing failed."""
    browser.run("return new Promise(done => setTimeout(done, 100))")
    assert browser.run("return window.ran") is None
    assert browser.run("return refused") == []
    assert browser.errors() == []


@pytest.mark.parametrize("half", [0, 1])
def test_nothing_in_a_log_runs_in_any_view(browser, hostile, tmp_path, half):
    log = tmp_path / "<img src=x onerror=window.ran=1>'\".log"
    log.write_text(json.dumps([whole for _, whole in hostile]))
    assert ptview(log, "-o", tmp_path / "page.html").returncode == 0
    open_page(browser, tmp_path / "page.html")
    count = browser.run("return dumps.length")
    assert count == len(hostile)
    for index, (what, _) in list(enumerate(hostile))[half::2]:
        pairs = [(0, index)] if isinstance(what, tuple) else [(index, None), (index, 0), (0, index)]
        for pair in pairs:
            assert browser.run(LOOK, *pair, ELEMENTS) == [], what
    check_quiet(browser)


def test_two_hostile_dumps_beside_each_other_run_nothing(browser, hostile, tmp_path):
    (_, whole), = [pair for pair in hostile if pair[0] == "all"]
    other = json.loads(json.dumps(whole).replace("window.ran", "window.ran ").replace("x", "y")
                       .replace("0y", "0x"))
    text = console("nokaslr", "ptdump; ptdump idmap")
    marked = re.sub(r"---\[ (Linear Mapping|Modules|Image rodata) ",
                    "---[ <img src=x onerror=window.ran=1> ", text)
    for name, content in (("a", json.dumps(whole)), ("b", json.dumps(other)), ("c", marked)):
        (tmp_path / name).write_text(content)
    page = tmp_path / "page.html"
    assert ptview(*(tmp_path / name for name in "abc"), "-o", page).returncode == 0
    open_page(browser, page)
    for pair in [(0, 1), (1, 0), (0, 2), (2, 1)]:
        assert browser.run(LOOK, *pair, ELEMENTS) == []
    check_quiet(browser)


@pytest.mark.parametrize("name", ["xss_two_dumps.json", "key_escape.log", "tables_true.json",
                                  "surrogate.json"])
def test_what_once_went_wrong_is_shown_or_named(browser, tmp_path, name):
    page = tmp_path / "page.html"
    result = ptview(os.path.join(DATA, name), "-o", page)
    assert result.returncode == 0 and "Traceback" not in result.stderr
    open_page(browser, page)
    browser.keys("n", "n", "x", "n", "?", "Escape", "0", "1", "2")
    for index in range(browser.run("return dumps.length")):
        assert browser.run(LOOK, index, 0 if index else None, ELEMENTS) == []
    check_quiet(browser)


def test_the_policy_is_one_that_a_browser_enforces(browser, tmp_path):
    """Were markup put into the page after all, it would not run."""
    (tmp_path / "log").write_text(console("nokaslr"))
    assert ptview(tmp_path / "log", "-o", tmp_path / "page.html").returncode == 0
    open_page(browser, tmp_path / "page.html")
    assert "innerHTML" not in (tmp_path / "page.html").read_text()
    assert "refused" in browser.run("""try {
            document.body.innerHTML = "<img src=x onerror=window.ran=1>";
            return "done";
        } catch (error) {
            return `refused: ${error}`;
        }""")
    assert "TrustedScript" in browser.run("""try {
            document.body.setAttribute("onclick", "window.ran=1");
            return "done";
        } catch (error) {
            return String(error);
        }""")
    browser.run("""const image = document.createElement("img");
        image.src = "data:,";
        document.body.append(image);""")
    browser.wait("return refused.length === 3")
    assert browser.run("return window.ran") is None
    browser.errors()  # they are what was wanted


def test_the_drawing_of_a_hostile_log_is_a_drawing(hostile, tmp_path):
    log = tmp_path / "log"
    log.write_text(json.dumps([whole for _, whole in hostile]))
    result = ptview("--svg", log, "-o", "-")
    assert result.returncode == 0
    for element in xml.etree.ElementTree.fromstring(result.stdout).iter():
        assert element.tag.rpartition("}")[2] in DRAWN
        assert not [name for name in element.keys() if name.startswith("on") or "href" in name]


@pytest.mark.parametrize("name", ["xss_two_dumps.json", "key_escape.log", "tables_true.json",
                                  "surrogate.json"])
def test_what_once_went_wrong_is_drawn(name):
    result = ptview("--svg", os.path.join(DATA, name), "-o", "-")
    assert result.returncode == 0 and "Traceback" not in result.stderr
    xml.etree.ElementTree.fromstring(result.stdout)
