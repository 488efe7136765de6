# SPDX-License-Identifier: MIT
"""scripts/check-stack on small objects, each made with the cross compiler: how deep a stack gets
and by which path, and that nothing is passed over that the compiler's graph does not tell."""
import pathlib
import re
import subprocess

import pytest

CHECK = pathlib.Path(__file__).parents[2] / "scripts/check-stack"
CC = ["aarch64-linux-gnu-gcc", "-O1", "-fno-inline", "-fno-optimize-sibling-calls",
      "-fno-asynchronous-unwind-tables", "-fpie"]
FRAMES = """
void touch(void *);
void deep(void) { char room[1000]; touch(room); }
void shallow(void) { char room[10]; touch(room); }
void start(void) { shallow(); deep(); }
"""
TOUCH = "touch:\n\tret\n\t.type touch, %function\n\t.globl touch\n"
SAVES = TOUCH.replace("\tret", "\tsub sp, sp, #48\n\tadd sp, sp, #48\n\tret")
POINTER = """
static void one(void) { char room[100]; void touch(void *); touch(room); }
static void other(void) { char room[500]; void touch(void *); touch(room); }
void call(void (*function)(void)) { function(); }
void start(int which) { call(which ? one : other); }
"""
STACK = "stack boot 4096 start\n"


class Build:
    """A folder to compile into, and the check over what is in it."""

    def __init__(self, path):
        self.path = path
        self.objects = []
        self.report = ""

    def add(self, source, name="room/code.c"):
        file = self.path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(source)
        graph = ["-fcallgraph-info=su"] if name.endswith(".c") else []
        result = str(pathlib.Path(name).with_suffix(".o"))
        subprocess.run([*CC, *graph, "-c", name, "-o", result], cwd=self.path, check=True)
        self.objects.append(result)
        return self

    def edit(self, old, new, name="room/code.ci"):
        graph = self.path / name
        assert old in graph.read_text()
        graph.write_text(graph.read_text().replace(old, new))
        return self

    def check(self, calls, *arguments):
        """What is wrong."""
        (self.path / "calls").write_text(calls)
        result = subprocess.run([CHECK, "--calls", "calls", "--report", "report", *arguments,
                                 *self.objects], cwd=self.path, capture_output=True, text=True,
                                check=False)
        assert result.returncode == (1 if result.stdout else 0), result.stderr
        assert not result.stderr
        self.report = (self.path / "report").read_text()
        return result.stdout.splitlines()


@pytest.fixture(name="build")
def fixture_build(tmp_path):
    return Build(tmp_path)


def frames(build, names, name="room/code.ci"):
    """What the compiler says that functions have on the stack, summed."""
    text = (build.path / name).read_text()
    return sum(int(re.search(rf"{function}\\n[^\"]*\\n(\d+) bytes", text)[1]) for function in names)


def test_the_deepest_path_is_told_with_its_sum(build):
    build.add(FRAMES).add(TOUCH, "room/touch.S")
    assert build.check(STACK) == []
    depth = frames(build, ["start", "deep"])
    assert 1000 < depth < 1100
    assert build.report == f"boot stack: {depth:,} of 4,096 bytes: start > deep\n"


def test_a_stack_one_byte_too_small_is_an_error_with_the_path(build):
    build.add(FRAMES).add(TOUCH, "room/touch.S")
    depth = frames(build, ["start", "deep"])
    assert build.check(f"stack boot {depth} start\n") == []
    assert build.check(f"stack boot {depth - 1} start\n") == [
        f"check-stack: boot stack: {depth:,} of {depth - 1:,} bytes: start > deep"]


def test_what_lies_above_an_entry_counts_and_names_are_numbers(build):
    build.add(FRAMES).add(TOUCH, "room/touch.S")
    (build.path / "sizes.h").write_text("#define SIZE 0x1000 /* bytes */\n#define ABOVE 288\n")
    assert build.check("stack boot SIZE start+ABOVE\n", "--define", "sizes.h") == []
    depth = frames(build, ["start", "deep"]) + 288
    assert build.report.startswith(f"boot stack: {depth:,} of 4,096 bytes")


def test_a_build_of_another_kind_has_numbers_of_its_own(build):
    build.add(FRAMES).add(TOUCH, "room/touch.S")
    (build.path / "sizes.h").write_text("#define SIZE 512\n#define OTHER_SIZE 0x1000\n")
    stack = "stack boot SIZE start+ABOVE\n"
    (build.path / "above.h").write_text("#define ABOVE 16\n")
    defines = ["--define", "sizes.h", "--define", "above.h"]
    assert "of 512 bytes" in build.check(stack, *defines)[0]
    assert build.check(stack, *defines, "--kind", "OTHER") == []
    depth = frames(build, ["start", "deep"]) + 16
    assert build.report.startswith(f"boot stack: {depth:,} of 4,096 bytes")


def test_several_lists_count_as_one_and_each_line_is_needed(build):
    build.add(FRAMES).add(SAVES, "room/touch.S")
    (build.path / "more").write_text("# More.\nframe touch 48\n")
    assert build.check(STACK, "--calls", "more") == []
    (build.path / "more").write_text("frame touch 48\nrecursive deep\n")
    assert build.check(STACK, "--calls", "more") == [
        "check-stack: more:2: deep: nothing needs that: remove it"]


def test_of_several_entries_the_deepest_counts(build):
    build.add(FRAMES).add(TOUCH, "room/touch.S")
    assert build.check("stack boot 4096 shallow start deep\n") == []
    assert ": start > deep" in build.report


def test_assembly_with_a_frame_must_be_listed(build):
    build.add(FRAMES).add(SAVES, "room/touch.S")
    said, = build.check(STACK)
    assert "touch: assembly that uses the stack or calls" in said
    assert build.check(STACK + "frame touch 48\n") == []
    depth = frames(build, ["start", "deep"]) + 48
    assert f"{depth:,} of" in build.report


def test_what_nobody_defines_is_an_error(build):
    assert build.add(FRAMES).check(STACK) == [
        "check-stack: touch: is called, but not defined in any object"]


def test_a_call_through_a_pointer_must_be_listed(build):
    build.add(POINTER).add(TOUCH, "room/touch.S")
    said = build.check(STACK)
    assert any("call: calls through a pointer" in line for line in said)
    assert any("takes the address of other" in line for line in said)


@pytest.mark.parametrize("calls", [
    "calls call one other", "calls call o*", "calls c?ll one oth*", "calls call @room",
    "calls room/code.c:call room/code.c:o*", "calls @room room/*:one room/*:other"])
def test_a_pointer_leads_to_the_deepest_of_what_it_may_reach(build, calls):
    build.add(POINTER).add(TOUCH, "room/touch.S")
    assert build.check(f"{STACK}{calls}\n") == []
    depth = frames(build, ["start", "call", "other"])
    assert f"{depth:,} of 4,096 bytes: start > call > room/code.c:other" in build.report


def test_a_function_whose_address_is_taken_must_be_reached(build):
    build.add(POINTER).add(TOUCH, "room/touch.S")
    assert build.check(STACK + "calls call one\n") == [
        "check-stack: room/code.o: takes the address of other, but by calls no call through a "
        "pointer reaches it"]


def test_code_that_is_not_ours_has_no_depth(build):
    build.add("void call(void (*function)(void)) { function(); }\n")
    assert build.check("stack boot 4096 call\ncalls @room -\n") == []


@pytest.mark.parametrize("line,name", [
    ("calls call none", "none"), ("calls nobody one", "nobody"), ("calls @hall one", "@hall"),
    ("frame untouched 0", "untouched"), ("recursive start", "start")])
def test_a_line_that_nothing_needs_is_an_error(build, line, name):
    build.add(POINTER).add(TOUCH, "room/touch.S")
    said = build.check(f"{STACK}calls call one other\n{line}\n")
    assert f"check-stack: calls:3: {name}: nothing needs that: remove it" in said


def test_recursion_is_an_error_but_where_it_is_named(build):
    build.add("int start(int n) { return n ? start(n - 1) * n + start(n - 2) : 1; }\n")
    said, = build.check(STACK)
    assert said == "check-stack: recursion: start > start"
    assert build.check(STACK + "recursive start\n") == []


def test_recursion_of_several_is_told_as_a_cycle(build):
    build.add("int other(int); int start(int n) { return other(n) + 1; }\n")
    build.add("int start(int); int other(int n) { return n ? start(n - 1) : 0; }\n", "room/b.c")
    assert build.check(STACK) == ["check-stack: recursion: start > other > start"]


def test_a_frame_without_a_bound_is_an_error(build):
    build.add("void touch(void *);\nvoid start(int n) { char room[n]; touch(room); }\n")
    build.add(TOUCH, "room/touch.S")
    assert "check-stack: start: its frame has no bound" in build.check(STACK)


def test_an_entry_that_is_not_there_is_an_error(build):
    build.add(FRAMES).add(TOUCH, "room/touch.S")
    assert build.check("stack boot 4096 start gone\n") == [
        "check-stack: boot stack: gone is not defined in any object"]


def test_functions_of_one_name_in_two_files_are_two(build):
    build.add(FRAMES.replace("void deep", "static void deep")).add(TOUCH, "room/touch.S")
    build.add("void touch(void *);\nstatic void deep(void) { char room[3000]; touch(room); }\n"
              "void other(void) { deep(); }\n", "hall/code.c")
    assert build.check(STACK) == []
    assert ": start > room/code.c:deep" in build.report


def test_a_graph_as_it_is_in_the_file_is_what_counts(build):
    build.add(FRAMES).add(TOUCH, "room/touch.S")
    before = frames(build, ["deep"])
    build.edit(f"{before} bytes (static)", "3000 bytes (dynamic,bounded)")
    assert build.check(STACK) == []
    assert f"{frames(build, ['start']) + 3000:,} of 4,096 bytes: start > deep" in build.report


@pytest.mark.parametrize("line", ["stack boot", "stack boot many start", "frame touch", "calls x",
                                  "recursive", "nonsense 1", "stack boot 4096 start+x"])
def test_a_line_that_says_nothing_ends_the_check(build, line):
    build.add(FRAMES).add(TOUCH, "room/touch.S")
    (build.path / "calls").write_text(line + "\n")
    result = subprocess.run([CHECK, "--calls", "calls", *build.objects], cwd=build.path,
                            capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("check-stack: calls:1: ")
