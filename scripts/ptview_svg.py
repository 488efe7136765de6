# SPDX-License-Identifier: MIT
"""The drawing of ptview --svg: for each dump strips, each to scale: the upper half, what lies above
the linear map, then every group of mappings, whose place in the strip above a letter marks. As wide
as 80 columns of text, in lines of 80 columns, light or dark as the reader's page is.
"""
import html

TOP = 1 << 64
CELL, WIDTH, MARGIN = 9, 720, 4  # 80 columns of 9 pixels
BAR, GAP, LINE = 26, 22, 16
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
LETTERS = "abcdefgh"  # as many groups are drawn
NEAR = 64  # mappings closer than this many times their size are one group
STYLE = """
text { white-space: pre; fill: #1f2a35;
  font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, monospace; }
.soft { fill: #626d78; } .title { font-weight: bold; }
.on { fill: #14202b; }
.bar { fill: #f6f5f1; stroke: #c9c5b8; }
.region { fill: #eceae2; stroke: #c9c5b8; }
.window { fill: none; stroke: #8a3b9b; stroke-width: 1.5; }
.funnel { fill: #8a3b9b; opacity: .1; }
.ro { fill: #7db8e0; } .rx { fill: #2fa685; }
.rw { fill: #efb14d; } .wx { fill: #c2255c; }
@media (prefers-color-scheme: dark) {
  text { fill: #e3e8ed; } .soft { fill: #93a1ae; } .on { fill: #0b1218; }
  .bar { fill: #182029; stroke: #3c4956; }
  .region { fill: #1f2933; stroke: #3c4956; }
  .window { stroke: #d59be2; } .funnel { fill: #d59be2; }
}
"""


def size_text(size):
    """Exact where up to four digits of a unit are, otherwise three digits after a ~."""
    unit = max(i for i in range(7) if i == 0 or size >= 1 << 10 * i and size % (1 << 10 * i) == 0)
    if size >> 10 * unit < 10000:
        return f"{size >> 10 * unit} {UNITS[unit]}"
    unit = min((size.bit_length() - 1) // 10, 6)
    return f"~{size / (1 << 10 * unit):.3g} {UNITS[unit]}"


def address(value):
    return "2^64" if value == TOP else f"0x{value:016x}"


def perm(entry):
    return ("wx" if entry["write"] else "rx") if entry["execute"] else (
        "rw" if entry["write"] else "ro")


def wrap(tag, attributes, content=None):
    """An element, broken between attributes into lines of 80 columns."""
    lines, line = [], f"<{tag}"
    for name, value in attributes.items():
        word = f'{name}="{html.escape(str(value))}"'
        if len(line) + len(word) + 2 > 80:
            lines.append(line)
            line = " "
        line += " " + word
    end = "/>" if content is None else ">"
    lines.append(line + end)
    if content is None:
        return "\n".join(lines)
    tail = f"{html.escape(content)}</{tag}>"
    # No white space may come into the text, so break inside the tag: before its `>`.
    if len(lines[-1]) + len(tail) > 80:
        return "\n".join([*lines[:-1], lines[-1][:-1], f">{tail}"])
    return "\n".join([*lines[:-1], lines[-1] + tail])


class Drawing:
    """SVG elements, from the top down."""

    def __init__(self):
        self.parts, self.y = [], 8

    def add(self, tag, content=None, **attributes):
        named = {("class" if name == "kind" else name.replace("_", "-")):
                 round(value, 2) if isinstance(value, float) else value
                 for name, value in attributes.items()}
        self.parts.append(wrap(tag, named, content))

    def text(self, x, y, content, kind="", anchor="start"):
        attributes = {"x": float(x), "y": y}
        if kind:
            attributes["kind"] = kind
        if anchor != "start":
            attributes["text_anchor"] = anchor
        self.add("text", content, **attributes)

    def rect(self, x, y, width, height, kind):
        self.add("rect", x=float(x), y=y, width=float(width), height=height, kind=kind)


class Strip:
    """[start, end) over the whole width."""

    def __init__(self, start, end):
        self.start, self.end = start, end

    def x(self, value):
        value = min(max(value, self.start), self.end)
        return MARGIN + (WIDTH - 2 * MARGIN) * (value - self.start) / (self.end - self.start)

    def holds(self, start, end):
        return self.start <= start and end <= self.end and (
            self.start, self.end) != (start, end)


def numbers(rows):
    return [{**row, "start": int(row["start"], 16), "end": int(row["end"], 16)} for row in rows]


def groups_of(runs):
    """Runs near each other, as lists. What is shared fills KASAN's shadow, and is near everything:
    it is in none."""
    groups = []
    for run in runs:
        if run["kind"] == "shared":
            continue
        last = groups[-1] if groups else None
        if last and run["start"] - last[-1]["end"] < NEAR * (last[-1]["end"] - last[0]["start"]):
            last.append(run)
        else:
            groups.append([run])
    return groups


def draw_label(drawing, x, width, y, label, kind):
    if len(label) * 7.4 + 6 < width:
        drawing.text(x + width / 2, y, label, kind, "middle")


def draw_strip(drawing, strip, places, runs, title):
    """One strip and what is in it. Returns the y of its bottom."""
    drawing.text(MARGIN, drawing.y + 12, title, "title")
    drawing.text(WIDTH - MARGIN, drawing.y + 12,
                 f"{address(strip.start)} - {address(strip.end)}", "soft", "end")
    y = drawing.y + LINE + 2
    drawing.rect(MARGIN, y, WIDTH - 2 * MARGIN, BAR, "bar")
    for place in places:
        x, end = strip.x(place["start"]), strip.x(place["end"])
        if end - x >= 1:
            drawing.rect(x, y, end - x, BAR, "region")
            draw_label(drawing, x, end - x, y + 17, place["name"], "")
    for run in runs:
        x, end = strip.x(run["start"]), strip.x(run["end"])
        if run["end"] > strip.start and run["start"] < strip.end:
            drawing.rect(x, y, max(2, end - x), BAR, perm(run))
            draw_label(drawing, x, end - x, y + 17,
                       f"{perm(run)} {size_text(run['end'] - run['start'])}", "on")
    drawing.y = y + BAR + GAP
    return y + BAR


def draw_funnel(drawing, parent, bottom, start, end):
    """From where a part is in the strip above to the strip that shows it."""
    x, right = parent.x(start), max(parent.x(end), parent.x(start) + 2)
    drawing.rect(x, bottom - BAR - 1, right - x, BAR + 2, "window")
    drawing.add("path", kind="funnel", d=f"M{x:.1f} {bottom}L{MARGIN} {drawing.y}"
                f"H{WIDTH - MARGIN}L{right:.1f} {bottom}z")


def draw_runs_text(drawing, runs):
    """What the strip above has no room for, as lines of text."""
    for run in runs[:8]:
        kind = "device" if run["type"].startswith("DEVICE") else run["type"].split("/")[-1].lower()
        drawing.text(MARGIN, drawing.y, f"{address(run['start'])} {perm(run)} "
                     f"{size_text(run['end'] - run['start']):>9} L{run['level']} "
                     f"-> {address(int(run['pa'], 16))} {kind}", "soft")
        drawing.y += LINE
    if len(runs) > 8:
        drawing.text(MARGIN, drawing.y, f"and {len(runs) - 8} runs more", "soft")
        drawing.y += LINE
    drawing.y += GAP - LINE + 6


def bounds(group):
    return group[0]["start"], group[-1]["end"]


def title_of(places, start, end):
    """The smallest place that holds a group."""
    holding = [place for place in places if place["start"] <= start and end <= place["end"]]
    smallest = min(holding, key=lambda place: place["end"] - place["start"], default=None)
    return smallest["name"] if smallest else "outside every region"


def draw_marks(drawing, parent, bottom, groups):
    """A letter under the strip above for each of [(letter, group)], side by side where they are
    close."""
    taken = 0
    for after, (letter, group) in zip(reversed(range(len(groups))), groups):
        start, end = bounds(group)
        x, right = parent.x(start), max(parent.x(end), parent.x(start) + 2)
        drawing.rect(min(x, WIDTH - MARGIN - 2), bottom - BAR - 1, right - x, BAR + 2, "window")
        last = WIDTH - MARGIN - CELL / 2 - CELL * after  # leaves room for those that follow
        taken = min(max((x + right) / 2, taken + CELL), last)
        drawing.text(taken, bottom + 13, letter, "title", "middle")


def draw_groups(drawing, places, runs, groups):
    segments = [place for place in places if place.get("segment")]
    for letter, group in zip(LETTERS, groups):
        start, end = bounds(group)
        strip = Strip(start, end)
        inside = [place for place in segments if strip.holds(place["start"], place["end"])]
        draw_strip(drawing, strip, inside, runs, f"{letter}  {title_of(places, start, end)}, "
                   f"{size_text(end - start)}")
        drawing.y -= GAP - LINE
        draw_runs_text(drawing, group)
    if len(groups) > len(LETTERS):
        drawing.text(MARGIN, drawing.y, f"and {len(groups) - len(LETTERS)} groups of mappings more",
                     "soft")
        drawing.y += GAP


def table(dump, root):
    return numbers([entry for found in dump["tables"] if found["root"] == root
                    for entry in found["entries"]])


def draw_kernel(drawing, dump):
    layout = numbers(dump["layout"])
    segments = [{**row, "segment": True} for row in numbers(dump["segments"])]
    runs = table(dump, "kernel")
    groups = groups_of(runs)
    marked = list(zip(LETTERS, groups))
    regions = [place for place in layout if place["name"] != "image"]
    half = Strip(TOP - (1 << dump["regime"]["va_bits"]), TOP)
    bottom = draw_strip(drawing, half, regions, runs,
                        f"{dump['label'].replace(' · ', ', ')}: upper half")
    linear = next((place for place in regions if place["name"] == "linear"), None)
    low = linear["end"] if linear else half.start
    # The rest is too small to see only where 52 bits make the linear map so large.
    if linear and 0 < (TOP - low) * 4 < TOP - half.start:
        draw_marks(drawing, half, bottom, [mark for mark in marked if bounds(mark[1])[0] < low])
        marked = [mark for mark in marked if bounds(mark[1])[0] >= low]
        draw_funnel(drawing, half, bottom, low, TOP)
        half = Strip(low, TOP)
        bottom = draw_strip(drawing, half, [place for place in regions if place["start"] >= low],
                            runs, "above the linear map")
    draw_marks(drawing, half, bottom, marked)
    draw_groups(drawing, layout + segments, runs, groups)


def draw(dumps):
    """All of @dumps in one drawing, one under the other."""
    drawing = Drawing()
    for dump in dumps:
        draw_kernel(drawing, dump)
    head = wrap("svg", {"xmlns": "http://www.w3.org/2000/svg", "viewBox":
                        f"0 0 {WIDTH} {drawing.y}", "width": WIDTH, "height": drawing.y,
                        "role": "img", "aria-label": "Page tables"})
    return "\n".join([head[:-2] + ">", f"<style>{STYLE}</style>", *drawing.parts, "</svg>", ""])
