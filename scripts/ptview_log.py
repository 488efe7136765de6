# SPDX-License-Identifier: MIT
"""Finds page tables in a captured console: the JSON documents of `ptdump json` and `report json`
(docs/report.schema.json) and the text of `ptdump`, in a log that may be cut off, have other lines
in between, hold many boots, or have been stamped, indented or quoted by what kept it. Gives them in
one form, that ptview's page and drawing use:

  {"label", "source", "line", "kind": "json"|"text", "regime", "idmap", "layout", "segments",
   "facts", "tables": [{"root", "entries"}]}

What could not be read is noted with its lines; the rest is given. Trusts nothing in a log.
"""
import json
import re
import reprlib

TOP = 1 << 64
# Colours and the like; titles of windows, with all that is in them; control characters.
ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[\]Pk^_][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])"
                  r"|[\x00-\x08\x0b-\x1f\x7f]")
# What programs that keep consoles put before each line, and mail before what it quotes: any of
# these in any order, each with the one space that parts it from the console's own text.
CLOCK = r"\d\d:\d\d:\d\d(?:[.,]\d+)?"
STAMP = re.compile("(?:" + "|".join((
    "> ?", r"<\d{1,3}>",  # a quotation; printk's level
    r"\[ *\d[\d.:,TZ /+-]*\] ?", r"\[ *[TC]\d+\] ?",  # grabserial, Tera Term; printk, its caller
    rf"\d{{4}}-\d\d-\d\d[T ]{CLOCK}(?:Z|[+-]\d\d:?\d\d)?(?: |$)",
    rf"[A-Z][a-z][a-z] [ \d]\d {CLOCK} (?:[\w.-]+ [\w./-]+\[\d+\]: ?)?",  # syslog
    rf"{CLOCK}(?: |$)")) + ")+")
# A line in the log of a LAVA job, which is YAML; a record in JSON, one a line, and what a line of a
# console is called in it by LAVA, Docker, journalctl and others.
LAB = re.compile(r"""- \{.{0,99}?["']?lvl["']?: ["']?(\w{1,9})["']?, (?:.{0,99}?, )?"""
                 r"""["']?msg["']?: (.*)\}$""")
RECORD = re.compile(r"(?:- )?(\{.*\})$")
MESSAGES = ("msg", "log", "MESSAGE", "message")
OPENING = re.compile(r"([ \t]*)\{$")
# What says that an indented document is ours, among so many of its first lines.
OURS, FIRST = re.compile(r'\s*"(pagoda|document|regime|registers|tables)": '), 8
# Where the first line of a dump may be, behind a prefix that nothing above knows; and how much of a
# prefix, and how many kinds in one log, are taken for one.
ANCHOR = re.compile(r"(.*?)(?:(?:kernel|identity) map: (?:4|16|64)K pages, \d\d-bit|"
                    r"  \"(?:pagoda|document)\": )")
PREFIX_MAX, PREFIXES_MAX = 200, 8
PIECE = re.compile(r"( *)\d+|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|"
                   r"Oct|Nov|Dec)\b")
BANNER = re.compile(r"Pagoda \d\S*$")
PROMPT = "pagoda> "
LAYOUT_NAMES = {"Linear Mapping": "linear", "Modules": "modules", "vmalloc()": "vmalloc",
                "vmemmap": "vmemmap", "PCI I/O": "pci_io", "Fixmap": "fixmap", "Image": "image",
                "Kasan shadow": "kasan"}
MARKER = re.compile(r"---\[ (.+) \]---$")
HEAD = re.compile(r"(kernel map|identity map|upper half at EL0|\S+\[\d+\]'s map): "
                  r"(4|16|64)K pages, (\d\d)-bit addresses, (\d) levels from level (-?\d)(, LPA2)?")
RUN = re.compile(r"(0x[0-9a-f]{16})-(0x[0-9a-f]{16}) +\S+ L(-?\d)(?: +(0x[0-9a-f]{16}) (.+))?$")
END = re.compile(r".* mapped in \d+ runs; |\d+ runs, read from TTBR")  # console, debugger
HEX = re.compile(r"0x[0-9a-f]{1,16}$")
TYPE = re.compile(r"unknown type|[A-Z]+/[\w-]+")
BOOLEANS = ("contiguous", "read", "write", "execute", "user")
RANGE = {"start", "end", "pa"}
GRANULES = (1 << 12, 1 << 14, 1 << 16)
# What has no place in text that is shown: controls, what turns its direction, halves of a
# character, and what XML cannot hold.
UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
                     "\ud800-\udfff\ufeff\ufffe\uffff]")


def plain(value):
    """@value as text that can be shown anywhere."""
    try:
        return UNSHOWN.sub("\ufffd", str(value))
    except RecursionError:
        return "(nested too deeply)"


class Notes:
    """What could not be read, in the order it was found."""

    def __init__(self, source):
        self.source, self.list = plain(source), []

    def add(self, text, first, last=None):
        """@text about lines @first to @last, which count from 1."""
        self.list.append({"source": self.source, "first": first, "last": last or first,
                          "text": plain(text)})

    def add_lines(self, text, numbers):
        """@text about each of @numbers, neighbours in one note."""
        start = None
        for i, number in enumerate(numbers):
            start = number if start is None else start
            if i + 1 == len(numbers) or numbers[i + 1] != number + 1:
                self.add(text, start, number)
                start = None


# ---- JSON --------------------------------------------------------------------------------------

LINE = re.compile(r'( *)(?:("(?:[^"\\]|\\.)*"): )?(.+?),?$')


def salvage(lines, first):
    """A damaged document, line by line: it is printed one row a line and its indentation tells the
    depth. Returns what could be read, the numbers of lines that could not, and the last that
    could."""
    document, unread, last = {}, [], first
    stack = [document]
    for number, line in enumerate(lines, first + 1):
        match = LINE.match(line)
        depth = len(match.group(1)) // 2 if match else 0
        if depth == 0 or depth > len(stack) or not place(stack, depth, *match.groups()[1:]):
            if line not in ("", "}"):
                unread.append(number)
            continue
        last = number
    return document, [number for number in unread if number < last], last


def place(stack, depth, key, value):
    """Put one line of a document where it belongs. False: it is none."""
    if value in ("}", "]"):
        del stack[depth + 1:]
        return key is None and len(stack) == depth + 1
    parent = stack[depth - 1]
    if (key is None) == isinstance(parent, dict):
        return False
    try:
        value = {"{": {}, "[": []}[value] if value in ("{", "[") else json.loads(value)
        key = key and json.loads(key)
    except (ValueError, RecursionError):
        return False
    del stack[depth:]
    if isinstance(parent, dict):
        parent[key] = value
    else:
        parent.append(value)
    if value in ({}, []):
        stack.append(value)
    return True


def read_json(lines, at, indent, notes):
    """The document whose `{` is lines[at], behind @indent. Returns it and the index after it."""
    end = at + 1
    while end < len(lines) and lines[end] not in (indent + "{", indent + "}"):
        end += 1
    closed = end < len(lines) and lines[end] == indent + "}"
    if closed:
        try:
            return json.loads("\n".join(lines[at:end + 1])), end + 1
        except (ValueError, RecursionError):
            pass
    document, unread, last = salvage([line.removeprefix(indent) for line in lines[at + 1:end]],
                                     at + 1)
    notes.add_lines("not a line of the JSON document around it", unread)
    if not closed:
        notes.add(f"the JSON document that begins in line {at + 1} is cut off here", last)
        return document, last
    return document, end + 1


# ---- text --------------------------------------------------------------------------------------

def text_entry(match):
    """A mapped run of the text dump as one of the JSON dump's entries; the raw descriptor is not
    there, and of the shareability only whether it is inner."""
    start, end, level, pa, attributes = match.groups()
    words = set(attributes.split())
    memory = TYPE.search(attributes)
    kind = "shared" if "shared:" in words else "block" if "BLK" in words else "page"
    user = "USR" in words
    execute = "x" in words or (user and "UXN" not in words)
    return {"start": start, "end": end, "pa": pa, "level": int(level),
            "kind": kind, "contiguous": "CON" in words,
            "read": True, "write": "RW" in words, "execute": execute, "user": user,
            # What is shared is KASAN's shadow, which is memory.
            "type": memory.group() if memory else "MEM/NORMAL" if kind == "shared" else
                    "unknown type",
            "shareability": "inner" if "SHD" in words else "", "raw": None,
            "flags": sorted(words & {"AF", "NG", "UXN", "GP"})}


def text_regime(head, share):
    granule, va_bits, levels, root_level, lpa2 = head.groups()[1:]
    return {"granule": int(granule) << 10, "va_bits": int(va_bits), "levels": int(levels),
            "root_level": int(root_level), "lpa2": lpa2 is not None, "share": share}


def root_by_head(name):
    """The root that JSON names; of a program its number."""
    roots = {"kernel map": "kernel", "identity map": "idmap", "upper half at EL0": "el0"}
    return roots.get(name) or name.rpartition("[")[2].partition("]")[0]


class TextDump:
    """One `ptdump`, from its first line on."""

    def __init__(self, head, line):
        self.line, self.last, self.ended, self.unread = line, line, False, []
        self.root = root_by_head(head.group(1))
        self.regime = text_regime(head, "inner" if head.group(6) else "")
        self.entries, self.waiting, self.marks = [], [], []

    def feed(self, number, line):
        """One more line. False: the dump is over."""
        line = line.lstrip()
        marker, run = MARKER.match(line), RUN.match(line)
        if END.match(line):
            self.last, self.ended = number, True
            return False
        if line.startswith(PROMPT) or line == "{" or BANNER.match(line) or HEAD.match(line):
            return False
        if marker:
            self.waiting.append(marker.group(1))
        elif run:
            self.marks += [(name, run.group(1)) for name in self.waiting]
            self.waiting = []
            if run.group(4):
                self.entries.append(text_entry(run))
        elif not line:
            return True
        elif not line.startswith(("start-end", "walks of it are turned off")):
            self.unread.append(number)
            return True
        self.last = number
        return True

    def finish(self, notes):
        notes.add_lines("not a line of the dump around it",
                        [number for number in self.unread if number < self.last])
        if not self.ended:
            notes.add(f"the text dump that begins in line {self.line} is cut off here", self.last)
        if self.regime["share"]:
            for entry in self.entries:
                entry["shareability"] = entry["shareability"] or self.regime["share"]

    def ranges(self):
        """[{name, start, end}] of the layout, and of the image's segments, by the markers."""
        edges, parts = {}, []
        for name, address in self.marks:
            base, _, edge = name.rpartition(" ")
            if base == "Image" and edge not in ("start", "end"):
                parts.append((edge, address))
            else:
                edges.setdefault(LAYOUT_NAMES.get(base, base), []).append(address)
        layout = [{"name": name, "start": found[0], "end": found[1]}
                  for name, found in edges.items() if len(found) == 2]
        ends = [start for _, start in parts[1:]] + edges.get("image", [])[1:]
        segments = [{"name": name, "start": start, "end": end}
                    for (name, start), end in zip(parts, ends)]
        return layout, segments


# ---- one form for both -------------------------------------------------------------------------

def number_of(value):
    """A number of the report: hexadecimal in a string. ValueError: it is none."""
    if not isinstance(value, str) or not HEX.match(value):
        raise ValueError(f"{reprlib.repr(value)} is not an address")
    return int(value, 16)


def check_range(row):
    start, end = number_of(row["start"]), number_of(row["end"]) or TOP
    if end <= start:
        raise ValueError(f"the range ends before {row['start']}, where it begins")
    return {"name": plain(row.get("name", "")), "start": f"{start:#x}", "end": f"{end:#x}"}


def is_in(value, numbers):
    """Whether a value of the report is one of these whole numbers, and not just equal to one."""
    return type(value) is int and value in numbers  # pylint: disable=unidiomatic-typecheck


def check_entry(entry, granule, root):
    """One row of `tables` whose root is at level @root, with every value as the page may expect
    it."""
    checked = {key: bool(entry[key]) for key in BOOLEANS}
    checked.update({key: value for key, value in check_range(entry).items() if key != "name"})
    start, pa = number_of(entry["start"]), number_of(entry["pa"])
    if start % granule or pa % granule:
        raise ValueError("the run is not aligned to the page size")
    shared = entry["kind"] == "shared"  # all of it is the one page at pa
    if pa + (granule if shared else int(checked["end"], 16) - start) > TOP:
        raise ValueError("the run's physical addresses end beyond 2^64")
    levels = {"page": (3,), "block": range(max(root, 0), 3), "shared": range(root, 4)}
    if not is_in(entry["level"], levels.get(entry["kind"], ())):
        raise ValueError("no such level or kind")
    checked["raw"] = None if entry["raw"] is None else f"{number_of(entry['raw']):#x}"
    flags = entry.get("flags", [])
    checked.update({"pa": f"{pa:#x}", "level": entry["level"],
                    "kind": entry["kind"], "type": plain(entry["type"]),
                    "share": plain(entry["shareability"]),
                    "flags": list(map(plain, flags)) if isinstance(flags, list) else []})
    return checked


def check_rows(rows, check, what, line, notes):
    """Those of @rows that @check takes. A note for the others."""
    good = []
    for index, row in enumerate(rows if isinstance(rows, list) else []):
        try:
            good.append(check(row))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            why = f"{error} is missing" if isinstance(error, KeyError) else error
            notes.add(f"{what} {index + 1} of this dump: {why}", line)
    return good


def root_level(granule, va_bits):
    shift = granule.bit_length() - 1
    return 4 - -(-(va_bits - shift) // (shift - 3))


def regime_of(document):
    """The document's regime, or where that line was lost what TCR_EL1 says. None: unknown."""
    regime = document.get("regime")
    if not isinstance(regime, dict):
        try:
            registers = document["registers"]
            tcr = number_of(registers.get("TCR_EL1") or registers["TCR_EL2"])
            shift = {1: 14, 2: 12, 3: 16}[tcr >> 30 & 3]
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        regime = {"granule": 1 << shift, "va_bits": 64 - (tcr >> 16 & 63),
                  "lpa2": bool(tcr >> 59 & 1)}
    if not is_in(regime.get("granule"), GRANULES) or not is_in(regime.get("va_bits"),
                                                               range(25, 53)):
        return None
    bits, wxn = regime.get("pa_bits"), regime.get("wxn")
    return {"granule": regime["granule"], "va_bits": regime["va_bits"],
            "pa_bits": bits if is_in(bits, range(32, 53)) else 48,
            "lpa2": bool(regime.get("lpa2")), "wxn": wxn if isinstance(wxn, bool) else None,
            "root_level": root_level(regime["granule"], regime["va_bits"])}


def idmap_of(document, regime):
    idmap = document.get("idmap")
    bits = idmap.get("va_bits") if isinstance(idmap, dict) else None
    bits = bits if is_in(bits, range(25, 53)) else 48
    return {"va_bits": bits, "root_level": root_level(regime["granule"], bits)}


def kaslr_of(document):
    """True, False, or None where the document does not say."""
    try:
        return not document["image"]["kaslr"]["source"].startswith("off")
    except (KeyError, TypeError, AttributeError):
        return None


def label_of(document, regime):
    words = [f"{regime['granule'] >> 10}K", f"{regime['va_bits']}-bit"]
    if regime["lpa2"]:
        words.append("LPA2")
    kaslr = kaslr_of(document)
    if kaslr is not None:
        words.append("KASLR" if kaslr else "no KASLR")
    return " · ".join(words)


def flatten(value, name, into):
    """{"a.b": text} of everything in @value: what two boots are compared by."""
    stack = [(name, value)]
    while stack:
        name, value = stack.pop()
        if isinstance(value, dict):
            stack += [(f"{name}.{key}" if name else key, value[key]) for key in reversed(value)]
        elif isinstance(value, list):
            rows = [" ".join(map(plain, row.values())) if isinstance(row, dict) else plain(row)
                    for row in value]
            into[plain(name)] = "\n".join(rows)
        else:
            into[plain(name)] = plain(value)
    return into


def join_at(entries, ranges):
    """The text dump cuts runs at its markers: the JSON dump's are the whole ones. Joins again."""
    edges = {number_of(row["start"]) for row in ranges}
    joined = []
    for entry in entries:
        last = joined[-1] if joined else None
        size = 0 if not last or last["kind"] == "shared" else (
            number_of(last["end"]) - number_of(last["start"]))
        same = last and last["end"] == entry["start"] and number_of(entry["start"]) in edges
        alike = same and all(last[key] == entry[key] for key in entry.keys() - RANGE)
        if alike and number_of(last["pa"]) + size == number_of(entry["pa"]):
            last["end"] = entry["end"]
        else:
            joined.append(dict(entry))
    return joined


def without_overlaps(tables, line, notes):
    """{root: entries} by address; a run that begins inside another is noted and left out."""
    kept, end = {root: [] for root in tables}, 0
    runs = [(int(entry["start"], 16), root, entry)
            for root, entries in tables.items() for entry in entries]
    for start, root, entry in sorted(runs, key=lambda run: run[0]):
        if start < end:
            notes.add(f"the run at {entry['start']} overlaps the one before it", line)
            continue
        kept[root].append(entry)
        end = int(entry["end"], 16)
    return kept


def list_of(document, key, line, notes):
    """The list that a document should have under @key. A note where it is something else."""
    rows = document.get(key)
    if not isinstance(rows, (list, type(None))):
        notes.add(f"{key} of this dump: no list", line)
    return rows if isinstance(rows, list) else []


# Maps beside the kernel's and the identity map: each is a dump of its own.
ELSEWHERE = {"hyp": "EL2's map", "host2": "stage 2 under the kernel",
             "guest2": "stage 2 of a guest", "el0": "upper half at EL0"}


def title_elsewhere(root):
    """None where it is no such map. A program's has its number."""
    if not isinstance(root, str):
        return None
    return f"program {root}" if root.isdecimal() else ELSEWHERE.get(root)


def bits_elsewhere(document, root):
    if root.isdecimal():
        return document["regime"]["va_bits"]
    hyp = document.get("hyp")
    hyp = hyp if isinstance(hyp, dict) else {}
    stage2 = hyp.get("stage2")
    if root == "host2" and isinstance(stage2, dict):
        return stage2.get("ipa_bits")
    return hyp.get("va_bits") if root == "hyp" else 36


def elsewhere(document):
    """(title, a document of it alone) for each map of @document that no dump of the kernel has."""
    tables = document.get("tables")
    for table in tables if isinstance(tables, list) else []:
        root = table.get("root") if isinstance(table, dict) else None
        title = title_elsewhere(root)
        if title is None or not table.get("entries") or regime_of(document) is None:
            continue
        alone = {key: value for key, value in document.items() if key not in ("layout", "image")}
        if root == "el0":
            yield title, {**alone, "tables": [{"root": "kernel", "entries": table["entries"]}]}
        else:
            yield title, {**alone, "idmap": {"va_bits": bits_elsewhere(document, root)},
                          "tables": [{"root": "idmap", "entries": table["entries"]}]}


def tables_of(document, regime, line, notes):
    roots = {"kernel": regime["root_level"], "idmap": idmap_of(document, regime)["root_level"]}
    found = {}
    for table in list_of(document, "tables", line, notes):
        root = table.get("root") if isinstance(table, dict) else None
        if title_elsewhere(root):
            continue
        if root not in tuple(roots):
            notes.add("a table that is neither the kernel's nor the identity map's", line)
            continue
        found.setdefault(root, []).extend(check_rows(
            table.get("entries"), lambda entry, top=roots[root]: check_entry(
                entry, regime["granule"], top), f"run in table {root},", line, notes))
    return [{"root": root, "entries": entries}
            for root, entries in without_overlaps(found, line, notes).items()]


def image_of(document):
    """Where the image is physically, or None."""
    try:
        start, size = number_of(document["image"]["pa"]), document["image"]["size"]
    except (KeyError, TypeError, ValueError):
        return None
    if not is_in(size, range(TOP - start + 1)):
        return None
    return {"start": f"{start:#x}", "end": f"{start + size:#x}"}


def finish(document, kind, line, notes):
    """@document in ptview's form; None where there is not enough of it."""
    regime = regime_of(document)
    if regime is None:
        notes.add("this dump's page and address sizes cannot be read: it is left out", line)
        return None
    image = document.get("image")
    segments = document.get("segments") or (
        image.get("segments") if isinstance(image, dict) else None)
    facts = flatten({key: value for key, value in document.items()
                     if key not in ("tables", "layout", "segments", "pagoda", "document")},
                    "", {})
    facts.pop("image.segments", None)
    return {
        "label": label_of(document, regime), "source": notes.source, "line": line, "kind": kind,
        "regime": regime, "idmap": idmap_of(document, regime), "image": image_of(document),
        "layout": check_rows(list_of(document, "layout", line, notes), check_range, "region",
                             line, notes),
        "segments": check_rows(segments, check_range, "segment", line, notes),
        "facts": facts, "tables": tables_of(document, regime, line, notes),
    }


# ---- logs --------------------------------------------------------------------------------------

class Boot:
    """What one boot printed."""

    def __init__(self):
        self.documents = []  # (line, document), of JSON
        self.dumps = []  # TextDump

    def results(self, notes):
        """In ptview's form: the JSON dumps; without them the text, and what a report adds to it."""
        tables = [(line, document) for line, document in self.documents
                  if document.get("tables")]
        if tables or not self.dumps:
            for line, document in tables or self.documents[-1:]:
                if not document.get("tables"):
                    notes.add("this report holds no page tables (`ptdump json` prints them)", line)
                found = list(self.elsewhere(document, "json", line, notes))
                if len(found) != len(document.get("tables") or [None]):
                    yield finish(document, "json", line, notes)
                yield from found
            return
        base = self.documents[-1][1] if self.documents else {}
        for group in self.grouped_dumps():
            document = {**base, **self.text_document(group)}
            if {dump.root for dump in group} & {"kernel", "idmap"}:
                yield finish(document, "text", group[0].line, notes)
            yield from self.elsewhere(document, "text", group[0].line, notes)

    @staticmethod
    def elsewhere(document, kind, line, notes):
        for title, other in elsewhere(document):
            result = finish(other, kind, line, notes)
            if result is not None:
                result["label"] += f" · {title}"
                if other["tables"][0]["root"] == "idmap":
                    result["idmap"]["name"] = title
            yield result

    def grouped_dumps(self):
        """A kernel map and the identity map after it belong together."""
        groups = []
        for dump in self.dumps:
            if groups and dump.root not in [other.root for other in groups[-1]]:
                groups[-1].append(dump)
            else:
                groups.append([dump])
        return groups

    @staticmethod
    def text_document(group):
        by_root = {dump.root: dump for dump in group}
        first = by_root.get("kernel", group[0])
        document = {"regime": first.regime, "tables": []}
        if "idmap" in by_root:
            document["idmap"] = by_root["idmap"].regime
        for root, dump in by_root.items():
            layout, segments = dump.ranges()
            document["tables"].append({"root": root, "entries": join_at(dump.entries, segments)})
            if root == "kernel":
                document.update(layout=layout, segments=segments)
        return document


def read_text_dump(lines, at, notes):
    dump = TextDump(HEAD.match(lines[at].lstrip()), at + 1)
    at += 1
    while at < len(lines) and dump.feed(at + 1, lines[at]):
        at += 1
    dump.finish(notes)
    return dump, dump.last


def message_of(record):
    """The console's text in @record, what a log of JSON has for a line; None: it has none."""
    if not isinstance(record, dict):
        return None
    if record.get("lvl", "target") != "target":
        return ""  # what the lab says itself
    text = next((record[key] for key in MESSAGES if key in record), None)
    if isinstance(text, list):  # journalctl's way to write what is not all text
        text = "".join(chr(byte) for byte in text if is_in(byte, range(256)))
    return text if isinstance(text, str) else None


def parsed(text):
    """The value of @text in JSON; None: it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def unwrapped(line):
    """@line out of the record of a log that is YAML or JSON; as it is where it is in none."""
    record, lab = RECORD.match(line), LAB.match(line)
    text = message_of(parsed(record.group(1))) if record else None
    if text is not None or lab is None:
        return line if text is None else text
    level, text = lab.groups()
    if level != "target":
        return ""
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    quoted = parsed(text) if text.startswith('"') else None
    return text if quoted is None else quoted


def console_line(line):
    """A line of a log as the console had it, but for its end."""
    line = ANSI.sub("", unwrapped(ANSI.sub("", line).rstrip())).rstrip()
    stamp = STAMP.match(line)
    return line[stamp.end():] if stamp else line


def prefix_like(prefix):
    """What matches all that is written as @prefix is: numbers, and names of days and months, may be
    others, and narrower numbers are set to the right."""
    pattern, at = "", 0
    for piece in PIECE.finditer(prefix):
        pattern += re.escape(prefix[at:piece.start()])
        pattern += "[A-Z][a-z][a-z]" if piece.group(1) is None else r" *\d+"
        at = piece.end()
    return re.compile(pattern + re.escape(prefix[at:].rstrip()) + "(?:" + re.escape(
        prefix[len(prefix.rstrip()):]) + "|$)")


def without_prefixes(lines):
    """@lines without what some program, whose way STAMP does not know, has put before each: what
    stands before the first lines of dumps is taken for it."""
    prefixes = {}
    for line in lines:
        anchor = ANCHOR.match(line)
        prefix = anchor.group(1) if anchor else ""
        if prefix.strip() and len(prefix) <= PREFIX_MAX and len(prefixes) < PREFIXES_MAX:
            like = prefix_like(prefix)
            prefixes[like.pattern] = like
    for like in prefixes.values():
        matches = [like.match(line) for line in lines]
        lines = [line[match.end():] if match else line for line, match in zip(lines, matches)]
    return lines


def console_lines(text):
    """The lines of a log. They may end in carriage returns alone; where most end otherwise, one
    within a line means nothing."""
    if text.count("\r") > 2 * text.count("\n"):
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return without_prefixes([console_line(line) for line in text.split("\n")])


def is_opening(lines, at):
    """Whether a document of ours begins in lines[at]. An indented `{` may be somebody else's, or
    stand in a document of which the beginning was lost."""
    opening = OPENING.match(lines[at])
    return opening is not None and (opening.group(1) == "" or any(
        OURS.match(line) for line in lines[at + 1:at + 1 + FIRST]))


def read_boots(lines, notes):
    boots, at = [Boot()], 0
    while at < len(lines):
        if BANNER.match(lines[at].lstrip()):
            boots.append(Boot())
        if is_opening(lines, at):
            line, indent = at + 1, lines[at][:-1]
            document, at = read_json(lines, at, indent, notes)
            boots[-1].documents.append((line, document))
        elif HEAD.match(lines[at].lstrip()):
            dump, at = read_text_dump(lines, at, notes)
            boots[-1].dumps.append(dump)
        else:
            at += 1
    return boots


def read_log(text, source):
    """([dump in ptview's form], [note]) of everything that can be read in @text."""
    notes = Notes(source)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    documents = value if isinstance(value, list) else [value]
    if value is not None and all(isinstance(document, dict) for document in documents):
        found = [dump for document in documents if "regime" in document or "tables" in document
                 for dump in (finish(document, "json", 1, notes),
                              *Boot.elsewhere(document, "json", 1, notes))]
    else:
        boots = read_boots(console_lines(text), notes)
        found = [result for boot in boots for result in boot.results(notes)]
    return [result for result in found if result], notes.list
