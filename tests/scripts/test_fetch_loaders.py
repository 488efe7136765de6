# SPDX-License-Identifier: MIT
"""scripts/fetch-loaders and scripts/make-initramfs without a network: where another suite's line
comes from, what is said of packages that are missing, and what is in an initramfs."""
import pathlib
import re
import subprocess
import sys

import pytest

SCRIPTS = pathlib.Path(__file__).parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))
import debian_arm64  # noqa: E402

ENTRIES = """# A comment
Types: deb
URIs: http://mirror.invalid/security
Suites: bookworm-security
Components: main

Types: deb
URIs: http://mirror.invalid/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/a.gpg
"""
LINES = """deb http://mirror.invalid/security bookworm-security main
deb [signed-by=/usr/share/keyrings/a.gpg] http://mirror.invalid/debian bookworm main contrib
deb-src http://mirror.invalid/debian bookworm main
"""


def test_another_suite_comes_from_where_the_machine_has_its_own_with_the_same_key():
    assert debian_arm64.source_of("trixie", ENTRIES, "bookworm", ".sources") == (
        "Types: deb\nURIs: http://mirror.invalid/debian\nSuites: trixie\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/a.gpg\n")
    assert debian_arm64.source_of("trixie", LINES, "bookworm", ".list") == (
        "deb [signed-by=/usr/share/keyrings/a.gpg] http://mirror.invalid/debian trixie main "
        "contrib\n")


@pytest.mark.parametrize("text,suffix", [(ENTRIES, ".sources"), (LINES, ".list")])
def test_a_machine_of_another_suite_has_no_line_to_derive_it_from(text, suffix):
    assert debian_arm64.source_of("trixie", text, "bullseye", suffix) == ""


@pytest.fixture(name="configured")
def fixture_configured(tmp_path, monkeypatch):
    source = tmp_path / "debian.sources"
    source.write_text(ENTRIES)
    monkeypatch.setattr(debian_arm64, "configured_sources", lambda: [source])
    monkeypatch.setattr(debian_arm64, "codename", lambda: "bookworm")
    return source


def test_the_other_suite_comes_first_and_the_systems_sources_stay_as_they_are(tmp_path, configured):
    suites = debian_arm64.Suites(tmp_path / "apt", "trixie")
    settings = suites.apt("apt-config", "dump").splitlines()
    assert 'APT::Default-Release "trixie";' in settings
    assert f'Dir::Etc::sourceparts "{tmp_path}/apt/sources";' in settings
    assert 'Dir::Etc::sourcelist "/dev/null";' in settings
    written = sorted((tmp_path / "apt/sources").iterdir())
    assert [path.name for path in written] == ["added.sources", "configured-0.sources"]
    assert "Suites: trixie\n" in written[0].read_text() and written[1].read_text() == ENTRIES
    assert configured.read_text() == ENTRIES


def test_where_the_machine_is_not_debians_that_is_said(tmp_path, configured):
    configured.write_text(ENTRIES.replace("bookworm", "other"))
    with pytest.raises(debian_arm64.CannotFetch, match="where trixie comes from is not known"):
        debian_arm64.Suites(tmp_path / "apt", "trixie")


def test_what_is_there_already_needs_no_network(tmp_path):
    names = re.search(r"PACKAGES = \((.*?)\)", (SCRIPTS / "fetch-loaders").read_text(), re.DOTALL)
    for name in re.findall(r'"(\S+)"', names.group(1)):
        (tmp_path / f"{name}.there").touch()
    result = subprocess.run([SCRIPTS / "fetch-loaders", "--into", tmp_path, "--suite", "trixie"],
                            env={"PATH": "/nowhere"}, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


# ---- the initramfs ----

def program(folder, place, *options):
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["aarch64-linux-gnu-gcc", "-nostdlib", "-shared", "-x", "c", "/dev/null", "-x",
                    "none", "-Wl,--no-as-needed", f"-Wl,-soname,{path.name}", "-o", path, *options],
                   check=True)
    return path


@pytest.fixture(scope="module", name="unpacked")
def fixture_unpacked(tmp_path_factory):
    """As of a suite in which / and /usr are one: kexec needs one library, and that another one."""
    folder = tmp_path_factory.mktemp("unpacked")
    libraries = "usr/lib/aarch64-linux-gnu"
    second = program(folder, f"{libraries}/libsecond.so.2")
    first = program(folder, f"{libraries}/libfirst.so.1", second)
    program(folder, f"{libraries}/libother.so.1")
    program(folder, "usr/sbin/kexec", first)
    program(folder, "usr/bin/busybox")
    program(folder, "usr/lib/ld-linux-aarch64.so.1")
    (folder / "Image").write_bytes(b"the Image")
    return folder


def make(folder, output, *options):
    return subprocess.run([SCRIPTS / "make-initramfs", *options, folder, folder / "Image", output],
                          capture_output=True, text=True, check=False)


def members(data):
    """{name: (mode, content)} of a cpio archive with hexadecimal headers."""
    found, at = {}, 0
    while True:
        assert data[at:at + 6] == b"070701" and at % 4 == 0
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        mode, size, length = fields[1], fields[6], fields[11]
        name = data[at + 110:at + 110 + length - 1].decode()
        start = -(-(at + 110 + length) // 4) * 4
        if name == "TRAILER!!!":
            return found
        found[name] = mode, data[start:start + size]
        at = -(-(start + size) // 4) * 4


def test_an_initramfs_has_kexec_with_all_that_it_needs_and_folders_before_files(tmp_path, unpacked):
    result = make(unpacked, tmp_path / "initramfs", "--append", "a 'b' \"c; d\"")
    assert (result.returncode, result.stderr) == (0, "")
    files = members((tmp_path / "initramfs").read_bytes())
    libraries = [name for name in files if ".so." in name]
    assert libraries == ["lib/ld-linux-aarch64.so.1", "lib/aarch64-linux-gnu/libfirst.so.1",
                         "lib/aarch64-linux-gnu/libsecond.so.2"]
    names = list(files)
    for name in names:
        parent = name.rpartition("/")[0]
        assert not parent or names.index(parent) < names.index(name)
    assert files["dev/console"][0] == 0o20600 and files["init"][0] == 0o100755
    assert files["Image"][1] == b"the Image"
    assert files["sbin/kexec"][1] == (unpacked / "usr/sbin/kexec").read_bytes()
    line = next(line for line in files["init"][1].decode().splitlines() if "kexec -c" in line)
    words = subprocess.run(["sh", "-c", line.replace("/sbin/kexec", "printf '%s\n'")],
                           capture_output=True, text=True, check=True).stdout.splitlines()
    assert "--command-line=a 'b' \"c; d\"" in words


def test_without_kexec_there_is_no_initramfs_but_a_word_on_what_is_missing(tmp_path):
    (tmp_path / "Image").touch()
    result = make(tmp_path, tmp_path / "initramfs")
    assert result.returncode != 0
    assert "sbin/kexec is not in" in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "initramfs").exists()
