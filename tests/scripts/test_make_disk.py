# SPDX-License-Identifier: MIT
"""scripts/make-disk: what is on the disk that it writes; what it does when something is wrong. That
firmware boots from it is for tests/boot."""
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts/make-disk"
SECTOR = 512
MIB = 1 << 20
ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"  # UEFI 2.10, table 5.7


def make_disk(image, disk, cwd=None, **environment):
    return subprocess.run([SCRIPT, image, disk], capture_output=True, text=True, check=False,
                          cwd=cwd, env={"PATH": "/usr/bin:/bin", **environment})


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "Image"
    path.write_bytes(os.urandom(300000))
    return path


def file_on(disk, name):
    return subprocess.run(["mtype", "-i", f"{disk}@@1M", f"::{name}"], check=True,
                          capture_output=True).stdout


def test_the_disk_has_one_efi_system_partition(image, tmp_path):
    disk = tmp_path / "disk"
    result = make_disk(image, disk)
    assert (result.returncode, result.stderr) == (0, "")
    table = json.loads(subprocess.run(["/sbin/sfdisk", "--json", disk], check=True,
                                      capture_output=True).stdout)["partitiontable"]
    assert table["label"] == "gpt"
    (partition,) = table["partitions"]
    assert partition["type"] == ESP
    assert partition["start"] * SECTOR == MIB
    assert "LegacyBIOSBootable" in partition["attrs"]
    # Room for the second table behind it.
    assert (partition["start"] + partition["size"]) * SECTOR + MIB == disk.stat().st_size
    assert subprocess.run(["/sbin/sfdisk", "--verify", disk], check=False,
                          capture_output=True).returncode == 0


def test_the_file_system_is_sound_and_as_large_as_its_partition(image, tmp_path):
    disk, partition = tmp_path / "disk", tmp_path / "partition"
    assert make_disk(image, disk).returncode == 0
    partition.write_bytes(disk.read_bytes()[MIB:-MIB])
    check = subprocess.run(["/sbin/fsck.vfat", "-n", partition], check=False, text=True,
                           capture_output=True)
    assert check.returncode == 0, check.stdout
    sectors = partition.read_bytes()[:SECTOR]
    assert int.from_bytes(sectors[32:36], "little") * SECTOR == partition.stat().st_size
    assert sectors[82:90] == b"FAT32   "


def test_the_files_are_where_firmware_looks(image, tmp_path):
    disk = tmp_path / "disk"
    append = 'nokaslr pagoda.run="report; poweroff"'
    assert make_disk(image, disk, APPEND=append).returncode == 0
    assert file_on(disk, "/EFI/BOOT/BOOTAA64.EFI") == image.read_bytes()
    assert file_on(disk, "/startup.nsh").decode() == f"@echo -off\r\nBOOTAA64.EFI {append}\r\n"
    config = file_on(disk, "/extlinux/extlinux.conf").decode()
    assert "\tkernel /EFI/BOOT/BOOTAA64.EFI\n" in config
    assert f"\tappend {append}\n" in config


def test_a_disk_is_replaced_and_nothing_else_left_behind(image, tmp_path):
    disk = tmp_path / "disk"
    assert make_disk(image, disk, APPEND="one").returncode == 0
    assert make_disk(image, disk, APPEND="two").returncode == 0
    assert b"append two\n" in file_on(disk, "/extlinux/extlinux.conf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Image", "disk"]


def test_an_image_that_is_not_there_is_said(tmp_path):
    result = make_disk(tmp_path / "nothing", tmp_path / "disk")
    assert result.returncode == 1
    assert "nothing is not there: run make first" in result.stderr
    assert not (tmp_path / "disk").exists()


@pytest.mark.parametrize("name", ["a b", "-n", "--help", "line\nend\n", "@@1M", "c:", "*?[",
                                  "\udcff", "'\"$(touch x)`"])
def test_any_name_will_do_for_any_file(image, tmp_path, name):
    (tmp_path / name).mkdir()
    image.rename(tmp_path / name / name)
    result = make_disk(name, f"{name}.disk", cwd=tmp_path / name, APPEND="quiet")
    assert (result.returncode, result.stderr) == (0, "")
    assert sorted(os.listdir(tmp_path / name)) == sorted([name, f"{name}.disk"])
    (tmp_path / name / f"{name}.disk").rename(tmp_path / "disk")
    assert b"append quiet\n" in file_on(tmp_path / "disk", "/extlinux/extlinux.conf")
    assert file_on(tmp_path / "disk", "/EFI/BOOT/BOOTAA64.EFI") == (
        tmp_path / name / name).read_bytes()


@pytest.mark.parametrize("append", ["one\ntwo", "\n", "quiet\n", "a\rb", "quiet\r\n"])
def test_a_command_line_of_more_than_one_line_is_refused(image, tmp_path, append):
    result = make_disk(image, tmp_path / "disk", APPEND=append)
    assert result.returncode == 1
    assert result.stderr.startswith("make-disk: APPEND= holds the end of a line")
    assert [path.name for path in tmp_path.iterdir()] == ["Image"]


def test_all_else_in_a_command_line_is_taken_as_it_is(image, tmp_path):
    append = "n r \\n \\ $HOME `id` %s 'a' \"b\" * \t."
    assert make_disk(image, tmp_path / "disk", APPEND=append).returncode == 0
    assert f"\tappend {append}\n" in file_on(tmp_path / "disk", "/extlinux/extlinux.conf").decode()


@pytest.mark.parametrize("name", ["directory", "pipe", "nowhere/disk"])
def test_what_is_no_file_is_not_replaced(image, tmp_path, name):
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe")
    result = make_disk(image, tmp_path / name)
    assert result.returncode == 1 and "make-disk: " in result.stderr
    assert sorted(os.listdir(tmp_path)) == ["Image", "directory", "pipe"]
    assert not os.listdir(tmp_path / "directory")


def wrapped(tmp_path, tool, script):
    """A PATH in which @tool is @script."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / tool).write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "bin" / tool).chmod(0o755)
    return f"{tmp_path}/bin:/usr/bin:/bin"


@pytest.mark.parametrize("tool", ["cp", "truncate", "sfdisk", "mkfs.vfat", "mmd", "mcopy", "mv"])
def test_nothing_is_left_where_a_tool_fails(image, tmp_path, tool):
    (tmp_path / "made").mkdir()
    (tmp_path / "made/disk").write_text("before")
    result = make_disk(image, tmp_path / "made/disk", PATH=wrapped(tmp_path, tool, "exit 9"))
    assert result.returncode != 0
    assert os.listdir(tmp_path / "made") == ["disk"]
    assert (tmp_path / "made/disk").read_text() == "before"


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143),
                                            (signal.SIGHUP, 129)])
@pytest.mark.parametrize("tool", ["cp", "sfdisk", "mcopy"])
def test_nothing_is_left_where_it_is_killed_in_the_middle(image, tmp_path, tool, number, status):
    (tmp_path / "made").mkdir()
    path = wrapped(tmp_path, tool, f"touch {tmp_path}/here; exec sleep 100")
    # A shell cannot trap what is ignored when it begins, as SIGHUP is below nohup.
    words = ["env", "--default-signal", SCRIPT, image, tmp_path / "made/disk"]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL, env={"PATH": path},
                          start_new_session=True) as running:
        while not (tmp_path / "here").exists():
            assert running.poll() is None
            time.sleep(0.01)
        assert os.listdir(tmp_path / "made") != []
        os.killpg(running.pid, number)
        assert running.wait() == status
    assert os.listdir(tmp_path / "made") == []


@pytest.mark.parametrize("given", ["KEY", "CERT"])
def test_a_key_without_its_certificate_is_refused(image, tmp_path, given):
    result = make_disk(image, tmp_path / "disk", **{given: "file"})
    assert result.returncode == 1
    assert "both KEY= and CERT= are needed" in result.stderr
    assert not (tmp_path / "disk").exists()


def test_what_cannot_be_signed_is_said_in_sbsigns_words(image, tmp_path):
    result = make_disk(image, tmp_path / "disk", KEY="/nonexistent", CERT="/nonexistent")
    assert result.returncode == 1
    assert f"sbsign cannot sign {image}: " in result.stderr
    assert not (tmp_path / "disk").exists()


def test_a_signed_image_carries_its_signature(tmp_path):
    build = pathlib.Path(os.environ.get("O", "build"))
    image = SCRIPT.parents[1] / build / "Image"
    if not image.exists() or image.read_bytes()[:2] != b"MZ":
        pytest.skip("the Image has no PE header")
    key, certificate, signed = (tmp_path / name for name in ("key", "certificate", "signed"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    result = make_disk(image, tmp_path / "disk", KEY=str(key), CERT=str(certificate))
    assert result.returncode == 0, result.stderr
    signed.write_bytes(file_on(tmp_path / "disk", "/EFI/BOOT/BOOTAA64.EFI"))
    subprocess.run(["sbverify", "--cert", certificate, signed], check=True, capture_output=True)
