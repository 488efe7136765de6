# SPDX-License-Identifier: MIT
"""scripts/check-size on small files: what is too long is seen, what is long for a reason passes."""
import pathlib
import subprocess

import pytest

CHECK = pathlib.Path(__file__).parents[2] / "scripts/check-size"


def function(name, lines):
    """@lines from brace to brace."""
    return f"int {name}(void)\n{{\n" + "\tx();\n" * (lines - 2) + "}\n"


@pytest.fixture(name="check")
def fixture_check(tmp_path):
    """check(reasons, name=text...) - what is said about files with these texts."""
    def check(reasons, files):
        (tmp_path / "list").write_text(reasons)
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        result = subprocess.run([CHECK, "list", *files], cwd=tmp_path, capture_output=True,
                                text=True, check=False)
        assert result.returncode == (1 if result.stdout else 0), result.stderr
        assert not result.stderr
        return result.stdout.splitlines()
    return check


def test_forty_lines_are_a_function_and_400_a_file(check):
    assert check("", {"a.c": function("f", 40), "b.py": "x\n" * 400}) == []


def test_a_function_of_41_lines_is_seen_with_its_name(check):
    head = "/*\n * What g() is.\n */\nstatic int\nf(int a,\n  int (*b)(int))\n"
    body = function("f", 41).split("\n", 1)[1]
    text = "\n".join([function("before", 5), head + body, function("after", 5)])
    assert check("", {"a.c": text}) == ["a.c:14: f: 41 lines: more than 40"]


def test_a_table_is_no_function(check):
    assert check("", {"a.c": "static const int table[] = {\n" + "\t1,\n" * 50 + "};\n"}) == []


def test_a_function_in_a_header_counts(check):
    assert len(check("", {"a.h": function("f", 41)})) == 1


def test_a_file_of_401_lines_is_seen(check):
    assert check("", {"b.py": "x\n" * 401}) == ["b.py: 401 lines: more than 400"]


def test_a_long_file_may_have_a_reason(check):
    assert check("# all\n\nb.py  # one subject\n", {"b.py": "x\n" * 401}) == []


def test_a_reason_for_a_file_is_none_for_its_functions(check):
    assert check("a.c # one subject\n", {"a.c": function("f", 401)}) == [
        "a.c:2: f: 401 lines: more than 40"]


def test_a_long_file_without_a_reason_is_seen(check):
    assert check("b.py\n", {"b.py": "x\n" * 401}) == ["list: b.py: why?"]


@pytest.mark.parametrize("files", [{"b.py": "x\n"}, {"other.py": "x\n"}])
def test_a_reason_that_nothing_needs_is_seen(check, files):
    assert check("b.py # one subject\n", files) == [
        "list: b.py: has not more than 400 lines: remove it"]
