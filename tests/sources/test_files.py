"""Files that are whole or absent, and what is said when they cannot be written."""

from __future__ import annotations

import errno
import os
import resource
import stat
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from lsq_cli.core.errors import OutputError, UsageError
from lsq_cli.report.files import AtomicFile, check_path

SUFFIXES = (".json", ".csv", ".npy")


@contextmanager
def refused(message):
    with pytest.raises(OutputError) as caught:
        yield

    assert str(caught.value) == message


@contextmanager
def largest_file(size):
    """Makes the system refuse files larger than `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def run_python(code, **options):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30, check=True, **options)


def test_a_file_takes_its_name_only_at_the_end(tmp_path):
    target = tmp_path / "x.json"
    target.write_bytes(b"old")

    with AtomicFile(str(target)) as file:
        file.write(b"new ")
        file.write(b"text")
        assert target.read_bytes() == b"old"

    assert target.read_bytes() == b"new text"
    assert os.listdir(tmp_path) == ["x.json"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_whatever_interrupts_the_writing_leaves_the_old_file_and_nothing_else(tmp_path, error):
    target = tmp_path / "x.json"
    target.write_bytes(b"old")

    def interrupted():
        with AtomicFile(str(target)) as file:
            file.write(b"new" * 100_000)
            raise error

    with pytest.raises(error):
        interrupted()

    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.json"]


def test_a_bare_name_is_written_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with AtomicFile("x.json") as file:
        file.write(b"1")

    assert os.listdir(tmp_path) == ["x.json"]


def test_rewinding_writes_over_the_first_bytes(tmp_path):
    with AtomicFile(str(tmp_path / "x.npy")) as file:
        file.write(b"??rest")
        file.rewind()
        file.write(b"ab")

    assert (tmp_path / "x.npy").read_bytes() == b"abrest"


def test_a_new_file_has_the_permissions_that_the_umask_leaves(tmp_path):
    before = os.umask(0o027)
    try:
        with AtomicFile(str(tmp_path / "x.json")):
            pass
    finally:
        os.umask(before)

    assert mode(tmp_path / "x.json") == 0o640


@pytest.mark.parametrize("permissions", [0o600, 0o666])
def test_a_replaced_file_keeps_its_permissions(tmp_path, permissions):
    target = tmp_path / "x.json"
    target.touch()
    target.chmod(permissions)

    with AtomicFile(str(target)) as file:
        file.write(b"1")

    assert (mode(target), target.read_bytes()) == (permissions, b"1")


@pytest.mark.parametrize("exists", [True, False])
def test_a_symbolic_link_stays_a_link_to_the_file_that_is_written(tmp_path, exists):
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "x.json", tmp_path / "link.json"
    link.symlink_to(target)
    if exists:
        target.write_bytes(b"old")

    with AtomicFile(str(link)) as file:
        file.write(b"new")

    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == ["elsewhere", "link.json"]


def test_the_longest_name_that_a_folder_takes_is_written(tmp_path):
    target = tmp_path / ("x" * 250 + ".json")

    with AtomicFile(str(target)) as file:
        file.write(b"1")

    assert target.read_bytes() == b"1"


def test_the_null_device_stays_a_device():
    with AtomicFile("/dev/null") as file:
        file.write(b"1")

    assert file.special
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_named_pipe_hands_the_bytes_to_its_reader(tmp_path):
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    received = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()

    with AtomicFile(str(pipe)) as file:
        file.write(b"through")
    reader.join(10)

    assert received == [b"through"]
    assert stat.S_ISFIFO(os.stat(pipe).st_mode)


def test_standard_output_that_goes_to_a_file_is_continued_where_it_is(tmp_path):
    target = tmp_path / "out.txt"
    code = """
import os
from lsq_cli.report.files import AtomicFile
os.write(1, b"table\\n")
with AtomicFile("/dev/stdout") as file:
    file.write(b"json\\n")
os.write(1, b"end\\n")
"""
    with open(target, "wb") as stream:
        subprocess.run([sys.executable, "-c", code], stdout=stream, timeout=30, check=True)

    assert target.read_bytes() == b"table\njson\nend\n"


def test_a_descriptor_of_the_shell_is_written_and_stays_open():
    read, write = os.pipe()

    with AtomicFile(f"/dev/fd/{write}") as file:
        file.write(b"substituted")
    os.write(write, b" process")
    os.close(write)

    assert os.read(read, 100) == b"substituted process"
    os.close(read)


def test_a_descriptor_that_is_not_open_is_refused():
    with refused("cannot write /dev/fd/987: Bad file descriptor; choose another file"), AtomicFile("/dev/fd/987"):
        pass


def test_a_reader_that_closes_its_pipe_is_no_error_of_ours():
    read, write = os.pipe()
    os.close(read)

    with pytest.raises(BrokenPipeError), AtomicFile(f"/dev/fd/{write}") as file:
        file.write(b"unheard")
    with pytest.raises(BrokenPipeError), AtomicFile(f"/dev/fd/{write}") as file:
        file.write(b"unheard" * 100_000)
    os.close(write)


@pytest.mark.parametrize("size", [1, 1_000_000])
def test_a_full_disk_is_said_whenever_it_shows(size):
    message = "cannot write /dev/full: the disk is full; make room or choose another folder"

    with refused(message), AtomicFile("/dev/full") as file:
        file.write(b"x" * size)


@pytest.mark.parametrize(
    "finish", [lambda file: None, lambda file: file.rewind(), lambda file: file.write(b"x" * 9999)]
)
def test_a_file_that_the_system_cuts_short_is_absent(tmp_path, finish):
    target = tmp_path / "x.json"
    target.write_bytes(b"old")

    message = f"cannot write {target}: File too large; choose another file"
    with refused(message), largest_file(1000), AtomicFile(str(target)) as file:
        file.write(b"x" * 2000)
        finish(file)

    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x.json"]


def test_a_target_that_becomes_a_folder_meanwhile_leaves_no_temporary_file(tmp_path):
    target = tmp_path / "x.json"

    with refused(f"cannot write {target}: Is a directory; choose another file"), AtomicFile(str(target)):
        target.mkdir()

    assert os.listdir(tmp_path) == ["x.json"]


@pytest.mark.parametrize(
    "attempt", [lambda path: AtomicFile(path).__enter__(), lambda path: check_path(path, SUFFIXES)]
)
class TestForeseenRefusals:
    """What `check_path` says before the data is read and `AtomicFile` after it."""

    def test_a_folder_that_does_not_exist(self, tmp_path, attempt, monkeypatch):
        monkeypatch.chdir(tmp_path)

        with refused("cannot write out/x.json: the folder out does not exist; make it first"):
            attempt("out/x.json")

    def test_a_file_in_the_place_of_the_folder(self, tmp_path, attempt, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "out").touch()

        with refused("cannot write out/x.json: the folder out does not exist; make it first"):
            attempt("out/x.json")

    def test_a_link_into_a_folder_that_does_not_exist(self, tmp_path, attempt, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "link.json").symlink_to("/nowhere/x.json")

        with refused("cannot write link.json: the folder /nowhere does not exist; make it first"):
            attempt("link.json")

    def test_a_folder_in_the_place_of_the_file(self, tmp_path, attempt, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "x.json").mkdir()

        with refused("cannot write x.json: it is a folder; name a file in it"):
            attempt("x.json")

    @pytest.mark.parametrize("name", ["x\0.json", "\x1b]0;title\x07.json/x.json"])
    def test_control_characters_in_a_name_are_shown_as_escapes(self, attempt, name):
        with pytest.raises(OutputError) as caught:
            attempt(name)

        assert str(caught.value).isprintable()
        assert "\\x" in str(caught.value)

    def test_a_file_that_may_not_be_changed(self, tmp_path, attempt, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "x.json").touch()
        monkeypatch.setattr(os, "access", lambda path, kind: path != "x.json")  # for root may change any

        with refused("cannot write x.json: no permission to change that file; choose another name"):
            attempt("x.json")

    def test_a_folder_that_may_not_be_changed(self, tmp_path, attempt, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(os, "access", lambda path, kind: path != str(tmp_path))

        with refused("cannot write x.json: no permission to make files in its folder; choose another"):
            attempt("x.json")


def test_an_empty_name_is_refused():
    with refused("cannot write '': that is no file name"):
        AtomicFile("").__enter__()


def test_a_permission_that_is_missing_only_at_the_end_is_said(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "replace", refuse)
    target = tmp_path / "x.json"

    with refused(f"cannot write {target}: no permission; choose another folder"), AtomicFile(str(target)):
        pass

    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("name", "suffix"), [("x.json", ".json"), ("X.CSV", ".csv"), ("a.b.npy", ".npy")])
def test_the_suffix_says_the_format(tmp_path, name, suffix):
    assert check_path(str(tmp_path / name), SUFFIXES) == suffix
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("path", ["/dev/null", "/dev/stdout", "/dev/fd/1"])
def test_a_device_without_a_suffix_gets_the_first_format(path):
    assert check_path(path, SUFFIXES) == ".json"


@pytest.mark.parametrize("name", ["x.txt", "x", "x.json.gz", "json", ".json", "x."])
def test_another_suffix_is_a_usage_error(name):
    with pytest.raises(UsageError) as caught:
        check_path(name, SUFFIXES)

    assert str(caught.value) == f"cannot tell the format of {name}: end the name in .json, .csv or .npy"


def test_nothing_heavy_is_imported_to_write_a_file():
    code = "import sys, lsq_cli.report.files; print(*{'tempfile', 'shutil', 'rich', 'numpy'} & set(sys.modules))"

    assert run_python(code).stdout == b"\n"
