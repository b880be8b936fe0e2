"""Addresses: a web server and an S3 store give the rows of a file, in ranges; bad answers are survived or named."""

from __future__ import annotations

import gzip
import pickle
import re
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from lsq_cli.sources import remote

ROWS = 3000


@pytest.fixture(scope="module")
def files():
    """Name → bytes of one table in several forms."""
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    values = np.random.default_rng(3).normal(size=(ROWS, 3))
    text = [",".join(map(repr, row)) + "\n" for row in values.tolist()]
    whole = ("a,b,y\n" + "".join(text)).encode()
    npy, parquet = io.BytesIO(), io.BytesIO()
    np.save(npy, values)
    pq.write_table(pa.table(dict(zip("aby", values.T, strict=True))), parquet, row_group_size=1000)
    parts = {f"part-{k}.csv": ("a,b,y\n" + "".join(text[k * 1000 : k * 1000 + 1000])).encode() for k in range(3)}
    forms = {"t.csv": whole, "t.csv.gz": gzip.compress(whole), "t.npy": npy.getvalue(), "t.parquet": parquet.getvalue()}
    return forms | parts


class Server(ThreadingHTTPServer):
    """A web server in a thread; the tests set what it does wrong."""

    files: dict[str, bytes]
    ranges = True
    short = 0
    """How many answers from now on lack their second half."""
    broken = 0
    """How many answers from now on are an error of the server."""
    asked: list[str]
    later: dict[str, bytes] | None = None
    """What takes the place of `files` after the second range."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        data = self.server.files.get(self.path.partition("?")[0].strip("/"))
        if data is None:
            self.send_error(404)
            return
        version = zlib.crc32(data)
        if self.server.later is not None and len(self.server.asked) >= 2:
            self.server.files = self.server.later
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "") if self.server.ranges else None
        status, size = 200, len(data)
        if asked and body:
            status, data = 206, data[int(asked[1]) : int(asked[2]) + 1]
            self.server.asked.append(asked[0])
            if self.server.broken > 0:
                self.server.broken -= 1
                self.send_error(503)
                return
            if self.server.short > 0 and int(asked[1]) > 0:
                self.server.short -= 1
                data = data[: len(data) // 2]
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{version}"')
        if status == 206 and asked:
            self.send_header("Content-Range", f"{asked[0].replace('=', ' ')}/{size}")
        self.end_headers()
        if body:
            self.wfile.write(data)


@pytest.fixture
def server(files):
    with Server(("127.0.0.1", 0), Handler) as found:
        found.files, found.asked = dict(files), []
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        found.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(remote, "_PAUSE", 0.0)


def at(server: Server, name: str) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/{name}"


def in_a_file(run_lsq, files, tmp_path: Path, name: str = "t.csv"):
    (tmp_path / name).write_bytes(files[name])
    return run_lsq("solve", tmp_path / name, "-f", "csv").raw


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.npy", "t.parquet"])
def test_every_form_is_read_from_a_web_server_as_from_a_file(run_lsq, server, files, tmp_path, name):
    found = run_lsq("solve", at(server, name), "-f", "csv")

    assert found.code == 0, found
    assert found.raw == in_a_file(run_lsq, files, tmp_path, name)
    assert server.asked


def test_the_suffix_of_an_address_ends_before_its_question_mark(run_lsq, server):
    assert run_lsq("solve", at(server, "t.npy?token=a.b*c"), "-f", "csv").code == 0


def test_a_server_without_ranges_is_read_once(run_lsq, server, files, tmp_path):
    server.ranges = False

    assert run_lsq("solve", at(server, "t.csv"), "-f", "csv").raw == in_a_file(run_lsq, files, tmp_path)
    assert run_lsq("solve", at(server, "t.parquet"), "-f", "csv").code == 0
    assert run_lsq("fit", "y ~ a", at(server, "t.csv"), "--vcov", "HC3", "-f", "csv").code == 0


@pytest.mark.parametrize("fault", ["short", "broken"])
def test_bad_answers_are_asked_for_again(run_lsq, server, files, tmp_path, monkeypatch, fault):
    monkeypatch.setattr(remote, "PIECE_BYTES", 20_000)
    setattr(server, fault, 2)
    found = run_lsq("solve", at(server, "t.npy"), "-f", "csv")

    assert found.raw == in_a_file(run_lsq, files, tmp_path, "t.npy")
    assert getattr(server, fault) == 0


def test_an_answer_that_stays_damaged_is_named(run_lsq, server):
    server.short = 10_000

    found = run_lsq("solve", at(server, "t.npy"))

    assert found.code == 1 and not found.raw
    assert re.fullmatch(
        r"(lsq: note: .*\n)?lsq: error: http://127.0.0.1:\d+/t.npy: the server's answer is damaged: \d+ bytes where "
        r"\d+ were asked for, 4 times, from byte 128 on\n",
        found.err,
    )


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.npy"])
def test_a_file_that_is_replaced_while_it_is_read_is_not_taken_for_one_table(run_lsq, server, monkeypatch, name):
    monkeypatch.setattr(remote, "PIECE_BYTES", 20_000)
    old = server.files[name]
    server.later = {name: old[:-20] + old[-40:-20]}

    found = run_lsq("solve", at(server, name), "-q")

    assert found.code == 1 and not found.raw
    assert re.fullmatch(
        r"lsq: error: \S+: was changed while it was read: run it again when nobody writes there\n", found.err
    )


def test_a_store_that_cannot_be_reached_when_it_is_opened_is_a_line(run_lsq, monkeypatch):
    def unreachable(_: str) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr("fsspec.core.url_to_fs", unreachable)
    found = run_lsq("solve", "ftp://x/t.csv")

    assert (found.code, found.err) == (1, "lsq: error: ftp://x/t.csv: cannot be read: Name or service not known\n")


def test_what_is_not_there_and_who_does_not_answer_is_a_line(run_lsq, server):
    assert run_lsq("solve", at(server, "none.csv")).err.endswith("/none.csv: nothing is there\n")
    nobody = run_lsq("solve", "http://127.0.0.1:9/t.csv")
    assert nobody.code == 1 and nobody.err.startswith("lsq: error: http://127.0.0.1:9/t.csv: cannot be read: ")
    assert nobody.err.count("\n") == 1
    server.broken = 100
    assert "cannot be read: 503" in run_lsq("solve", at(server, "t.csv")).err
    assert "no address that can be read" in run_lsq("solve", "gopher://x/t.csv").err


def test_a_pattern_on_a_web_server_is_refused(run_lsq, server):
    found = run_lsq("solve", at(server, "part-*.csv"), "-t", "y")

    assert found.code == 1 and "a web server does not list its files: give the address of each" in found.err


def test_without_fsspec_the_extra_is_named(run_lsq, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "fsspec.core", None)
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)

    found = run_lsq("solve", "s3://bucket/t.csv")

    assert found.err == "lsq: error: s3://bucket/t.csv needs fsspec: pip install 'lsq-cli[cluster]'\n"


@pytest.fixture(scope="module")
def bucket(files):
    """A store that speaks S3, with the files in a bucket."""
    import os

    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (keys | {"AWS_DEFAULT_REGION": "us-east-1"}).items():
            patch.setitem(os.environ, name, value)
        store = boto3.client("s3")
        store.create_bucket(Bucket="bucket")
        for name, data in files.items():
            store.put_object(Bucket="bucket", Key=name, Body=data)
        yield "s3://bucket"
    server.stop()


@pytest.mark.filterwarnings("ignore:datetime:DeprecationWarning")
def test_parts_in_an_s3_store_are_solved_by_a_pattern(run_lsq, bucket, files, tmp_path):
    whole = in_a_file(run_lsq, files, tmp_path)

    assert run_lsq("solve", f"{bucket}/part-*.csv", "-t", "y", "-f", "csv").raw == whole
    assert run_lsq("solve", f"{bucket}/t.parquet", "-f", "csv").raw == whole
    assert run_lsq("fit", "y ~ a + b", f"{bucket}/part-*.csv", "-f", "csv").code == 0
    assert run_lsq("solve", f"{bucket}/none-*.csv", "-t", "y").err.endswith(": no object matches this pattern\n")
    assert run_lsq("solve", f"{bucket}/none.csv").err.endswith("none.csv: nothing is there\n")


def test_workers_of_a_cluster_fetch_their_own_ranges(server, files, tmp_path, run_lsq):
    """Of an NPY file: this process reads its header, and what it sends out is an address and a range."""
    from lsq_cli.sources.columns import Request
    from lsq_cli.sources.opening import open_source

    source = open_source([at(server, "t.npy")], Request())
    asked = len(server.asked)
    handles = [pickle.loads(pickle.dumps(block)) for block in source.blocks()]

    assert len(server.asked) == asked
    assert sum(len(handle.read().b) for handle in handles) == ROWS
    assert len(server.asked) == asked + len(handles)
