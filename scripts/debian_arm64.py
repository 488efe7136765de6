# SPDX-License-Identifier: MIT
"""Files out of Debian's arm64 packages, on whatever architecture this machine has: from the suites
that it is configured for, or another one beside them, with a private apt whose lists are in a
folder of ours. The system's own lists, packages and architectures stay as they are, and it needs no
root.
"""
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import tarfile

TOOLS = ("apt-config", "apt-get", "apt-cache", "dpkg-deb")


class CannotFetch(Exception):
    """What stands in the way, and what to do about it."""


def run(*command, stdin=subprocess.DEVNULL, **keywords):
    try:
        return subprocess.run(command, check=True, stdin=stdin, text=True,
                              stdout=subprocess.PIPE, **keywords).stdout
    except subprocess.CalledProcessError as error:
        raise CannotFetch(f"{' '.join(command)} failed; its messages are above") from error


def configured_sources():
    """The files that say which suites this machine is configured for."""
    text = run("apt-config", "shell", "LIST", "Dir::Etc::sourcelist/f", "PARTS",
               "Dir::Etc::sourceparts/d")
    names = dict(re.findall(r"^(\w+)='(.*)'$", text, re.MULTILINE))
    parts = sorted(pathlib.Path(names["PARTS"]).glob("*"))
    return [path for path in (pathlib.Path(names["LIST"]), *parts)
            if path.suffix in (".list", ".sources") and path.is_file()]


def codename():
    """What Debian calls the suite that this machine runs."""
    text = pathlib.Path("/etc/os-release").read_text(encoding="utf-8")
    found = re.search(r"^VERSION_CODENAME=\"?(\w+)", text, re.MULTILINE)
    return found.group(1) if found else "stable"


def source_of(suite, text, base, suffix):
    """What @text, one of the files above whose name ends in @suffix, would say of @suite: its entry
    for the suite @base with the other's name; "" where it has none."""
    if suffix == ".list":
        found = re.search(rf"^deb( +\[[^]]*\])? +\S+ +{base} .*$", text, re.MULTILINE)
        return re.sub(rf" {base} ", f" {suite} ", found.group(0), count=1) + "\n" if found else ""
    for entry in re.split(r"\n\s*\n", text):
        suites = re.search(r"^Suites:(.*)$", entry, re.MULTILINE)
        if suites and base in suites.group(1).split():
            return entry.replace(suites.group(0), f"Suites: {suite}").strip("\n") + "\n"
    return ""


class Suites:
    """The suites this machine is configured for, as an arm64 machine would see them, or with @own
    as this one does, which then lacks only what is not installed. With @suite that one too, which
    then comes first: from where this machine has its own."""

    def __init__(self, folder, suite=None, own=False):
        missing = [tool for tool in TOOLS if shutil.which(tool) is None]
        if missing:
            raise CannotFetch(f"not in PATH: {', '.join(missing)}; unpacking Debian's packages "
                              "takes a Debian: unpack them elsewhere, and name that folder")
        self.folder = pathlib.Path(folder).resolve()
        self.config = self.folder / "apt.conf"
        self.own = own
        for place in ("lists/partial", "archives/partial", "parts"):
            (self.folder / place).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        more = self._add(suite) if suite else ""
        self.config.write_text(self._settings() + more, encoding="utf-8")
        self.environment = {**os.environ, "APT_CONFIG": str(self.config)}

    def _settings(self):
        """How this machine reaches its suites, and nothing else of its settings: no hook, which
        could do anything to it."""
        reach = [line for line in run("apt-config", "dump").splitlines()
                 if line.startswith("Acquire::")]
        folder = self.folder
        names = dict(re.findall(r"^(\w+)='(.*)'$", run("apt-config", "shell", "STATUS",
                                                       "Dir::State::status/f"), re.MULTILINE))
        status = names["STATUS"] if self.own else f"{folder}/status"
        arm64 = ['APT::Architecture "arm64";', 'APT::Architectures { "arm64"; };']
        return "\n".join([
            *reach, *([] if self.own else arm64),
            'APT::Sandbox::User "root";', 'Acquire::Languages "none";',
            f'Dir::State "{folder}";', f'Dir::State::lists "{folder}/lists";',
            f'Dir::State::status "{status}";', f'Dir::Cache "{folder}";',
            f'Dir::Cache::archives "{folder}/archives";', f'Dir::Etc::parts "{folder}/parts";',
            'Dir::Etc::main "/dev/null";', ""])

    def _add(self, suite):
        """Settings for a list of sources of our own, which has @suite too."""
        parts = self.folder / "sources"
        shutil.rmtree(parts, ignore_errors=True)
        parts.mkdir()
        added = ""
        for number, path in enumerate(configured_sources()):
            text = path.read_text(encoding="utf-8")
            (parts / f"configured-{number}{path.suffix}").write_text(text, encoding="utf-8")
            if not added:
                added = source_of(suite, text, codename(), path.suffix)
                (parts / f"added{path.suffix}").write_text(added, encoding="utf-8")
        if not added:
            raise CannotFetch(f"this machine is not configured for Debian's {codename()}, so "
                              f"where {suite} comes from is not known")
        return "\n".join([f'Dir::Etc::sourceparts "{parts}";', 'Dir::Etc::sourcelist "/dev/null";',
                          f'APT::Default-Release "{suite}";', ""])

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

    def download_missing(self, name):
        """The package files of @name and of all that it needs and this machine has not got."""
        archives = self.folder / "archives"
        for old in archives.glob("*.deb"):
            old.unlink()
        self.apt("apt-get", "-q", "-y", "--no-install-recommends", "--download-only", "install",
                 name)
        return sorted(archives.glob("*.deb"))

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
