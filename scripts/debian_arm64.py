# SPDX-License-Identifier: MIT
"""Files out of Debian's arm64 packages, on whatever architecture this machine has: from the suites
that it is configured for, with a private apt whose lists are in a folder of ours. The system's own
lists, packages and architectures stay as they are, and it needs no root.
"""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tarfile

TOOLS = ("apt-config", "apt-get", "apt-cache", "dpkg-deb")


class CannotFetch(Exception):
    """What stands in the way, and what to do about it."""


def run(*command, **keywords):
    try:
        return subprocess.run(command, check=True, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, **keywords).stdout
    except subprocess.CalledProcessError as error:
        raise CannotFetch(f"{' '.join(command)} failed; its messages are above") from error


class Suites:
    """The suites this machine is configured for, as an arm64 machine would see them."""

    def __init__(self, folder):
        missing = [tool for tool in TOOLS if shutil.which(tool) is None]
        if missing:
            raise CannotFetch(f"not in PATH: {', '.join(missing)}; unpacking Debian's packages "
                              "takes a Debian: unpack them elsewhere, and name that folder")
        self.folder = pathlib.Path(folder).resolve()
        self.config = self.folder / "apt.conf"
        for place in ("lists/partial", "archives/partial", "parts"):
            (self.folder / place).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        self.config.write_text(self._settings(), encoding="utf-8")
        self.environment = {**os.environ, "APT_CONFIG": str(self.config)}

    def _settings(self):
        """How this machine reaches its suites, and nothing else of its settings: no hook, which
        could do anything to it."""
        reach = [line for line in run("apt-config", "dump").splitlines()
                 if line.startswith("Acquire::")]
        folder = self.folder
        return "\n".join([
            *reach, 'APT::Architecture "arm64";', 'APT::Architectures { "arm64"; };',
            'APT::Sandbox::User "root";', 'Acquire::Languages "none";',
            f'Dir::State "{folder}";', f'Dir::State::lists "{folder}/lists";',
            f'Dir::State::status "{folder}/status";', f'Dir::Cache "{folder}";',
            f'Dir::Cache::archives "{folder}/archives";', f'Dir::Etc::parts "{folder}/parts";',
            'Dir::Etc::main "/dev/null";', ""])

    def apt(self, *command, **keywords):
        return run(*command, env=self.environment, **keywords)

    def update(self):
        """Read the suites' lists; where one is out of reach, what there is of others serves."""
        with contextlib.suppress(CannotFetch):
            self.apt("apt-get", "-q", "update")

    def search(self, pattern):
        """Names of packages that match the regular expression @pattern."""
        lines = self.apt("apt-cache", "search", "--names-only", pattern).splitlines()
        return sorted(line.split()[0] for line in lines)

    def candidate(self, name):
        """What the package database says of the version of @name that would be installed."""
        text = self.apt("apt-cache", "show", "--no-all-versions", name)
        return dict(line.split(": ", 1) for line in text.splitlines()
                    if ": " in line and not line.startswith(" "))

    def download(self, name):
        """The package file of @name."""
        archives = self.folder / "archives"
        for old in archives.glob(f"{name}_*.deb"):
            old.unlink()
        self.apt("apt-get", "-q", "download", name, cwd=archives)
        return next(archives.glob(f"{name}_*.deb"))


def unpack(package, into, wanted):
    """Put the files of the package file @package that @wanted(path) gives a path for, relative to
    @into, there; returns how many. All or nothing: @into is there only when it is complete."""
    scratch = into.with_name(into.name + ".part")
    shutil.rmtree(scratch, ignore_errors=True)
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package],
                          stdout=subprocess.PIPE) as process:
        try:
            count = copy_files(process.stdout, scratch, wanted)
        except tarfile.TarError:
            count = 0
    if process.returncode != 0:
        raise CannotFetch(f"{package} is no whole package: dpkg-deb says why above")
    if count:
        shutil.rmtree(into, ignore_errors=True)
        scratch.rename(into)
    return count


def copy_files(stream, folder, wanted):
    count = 0
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            place = wanted(pathlib.PurePosixPath(member.name)) if member.isreg() else None
            if place is None or ".." in pathlib.PurePosixPath(place).parts:
                continue
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_bytes(archive.extractfile(member).read())
            count += 1
    return count
