# SPDX-License-Identifier: MIT
"""scripts/fetch-trees on packages made here, without a network; and that the private apt which it
uses otherwise has nothing to do with the system's."""
import pathlib
import subprocess
import sys

import pytest

SCRIPTS = pathlib.Path(__file__).parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))
import debian_arm64  # noqa: E402

KERNEL = "usr/lib/linux-image-9.9-arm64"


def make_package(folder, *paths):
    """A package file with these files; what each says is its own name."""
    root = folder / "root"
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN/control").write_text(
        "Package: linux-image-9.9-arm64\nVersion: 1\nArchitecture: arm64\nMaintainer: nobody\n"
        "Description: a test\n")
    file = folder / "linux-image-9.9-arm64_1_arm64.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", root, file], check=True,
                   capture_output=True)
    return file


def fetch(into, *packages):
    return subprocess.run([SCRIPTS / "fetch-trees", "--into", into, *packages],
                          capture_output=True, text=True, timeout=60, check=False)


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_package_gives_its_trees_by_vendor_and_nothing_else(tmp_path):
    package = make_package(tmp_path, f"{KERNEL}/acme/board.dtb", f"{KERNEL}/acme/other.dtb",
                           f"{KERNEL}/old.dtb", "boot/vmlinuz-9.9-arm64")
    result = fetch(tmp_path / "trees", package)
    assert result.returncode == 0, result.stderr
    assert "3 trees" in result.stdout
    place = tmp_path / "trees/linux-image-9.9-arm64"
    assert files(tmp_path / "trees") == [
        f"linux-image-9.9-arm64/{name}"
        for name in ("acme/board.dtb", "acme/other.dtb", "old.dtb")]
    assert (place / "acme/board.dtb").read_text() == f"{KERNEL}/acme/board.dtb"


def test_what_is_there_is_not_unpacked_again(tmp_path):
    package = make_package(tmp_path, f"{KERNEL}/acme/board.dtb")
    fetch(tmp_path / "trees", package)
    package.unlink()
    result = fetch(tmp_path / "trees", package)
    assert result.returncode == 0 and "there already" in result.stdout


@pytest.mark.parametrize("damage, words", [
    (lambda file: file.unlink(), "no whole package"),
    (lambda file: file.write_bytes(b"not a package"), "no whole package"),
    (lambda file: file.write_bytes(file.read_bytes()[:-40]), "no whole package"),
])
def test_a_package_that_is_not_whole_leaves_nothing_and_is_an_error_in_words(tmp_path, damage,
                                                                            words):
    package = make_package(tmp_path, f"{KERNEL}/acme/board.dtb")
    damage(package)
    result = fetch(tmp_path / "trees", package)
    assert result.returncode != 0
    assert words in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "trees/linux-image-9.9-arm64").exists()


def test_a_package_without_trees_is_an_error(tmp_path):
    result = fetch(tmp_path / "trees", make_package(tmp_path, "boot/vmlinuz-9.9-arm64"))
    assert result.returncode != 0 and "no .dtb file" in result.stderr


def test_the_private_apt_has_no_hooks_and_writes_into_its_own_folder_only(tmp_path):
    suites = debian_arm64.Suites(tmp_path)
    settings = suites.apt("apt-config", "dump")
    lines = settings.splitlines()
    assert 'APT::Architectures:: "arm64";' in lines
    assert not [line for line in lines if "Invoke" in line and '""' not in line]
    places = suites.apt("apt-config", "shell", "A", "Dir::State::lists/d", "B",
                        "Dir::State::status/f", "C", "Dir::Cache::archives/d", "D",
                        "Dir::Cache::pkgcache/f").replace("'", "").splitlines()
    assert [place[2:].startswith(str(tmp_path)) for place in places] == [True] * 4
    # A status file of its own, and an empty one: nothing of the system's is seen or changed.
    assert (tmp_path / "status").read_text() == ""


def test_without_the_tools_of_debian_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(debian_arm64, "TOOLS", ("no-such-tool",))
    with pytest.raises(debian_arm64.CannotFetch, match="no-such-tool"):
        debian_arm64.Suites(tmp_path)
