import http.server
import re
import struct
import threading
from pathlib import Path

import numpy as np
import pytest

from pipeline.events.inspection import inspect_file
from pipeline.events.opening import cause_of, open_root
from pipeline.events.pool import pool
from pipeline.events.reading import open_events


class RangesOfFiles(http.server.BaseHTTPRequestHandler):
    """Serves the parts of files that are asked for; Python's own server gives whole files only."""

    protocol_version = "HTTP/1.1"
    folder: Path

    def log_message(self, *args):
        """Keep the test's output clean."""

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def answer(self, *, with_body):
        path = self.folder / self.path.strip("/")
        content = path.read_bytes() if path.is_file() else b""
        wanted = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first = int(wanted[1]) if wanted else 0
        last = min(int((wanted and wanted[2]) or len(content)), len(content) - 1)
        self.send_response(404 if not path.is_file() else 416 if first > last else 206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.send_header("Content-Length", str(max(last + 1 - first, 0)))
        self.end_headers()
        if with_body:
            self.wfile.write(content[first : last + 1])


@pytest.fixture
def url(tmp_path):
    """Address under which the files of `tmp_path` are served, on this machine only."""
    pytest.importorskip("aiohttp", reason="reading over HTTP needs the extra 'https'")
    handler = type("Handler", (RangesOfFiles,), {"folder": tmp_path})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    pool().close()
    server.shutdown()
    thread.join()
    server.server_close()


def look(path):
    return inspect_file(path, is_mc=True, reads=["Muon_pt"], range_entries=500)


def test_a_file_on_a_server_is_read_as_one_on_disk(make_nano, tmp_path, url):
    path = make_nano(tmp_path / "a.root", 1200, cluster_entries=400)
    here, there = look(str(path)), look(f"{url}/a.root")
    assert (there.uuid, there.edges, there.size_bytes, there.sumw) == (here.uuid, here.edges, here.size_bytes, here.sumw)
    events = np.concatenate([open_events(part).event for part in there.ranges("dy")])
    assert events.tolist() == list(range(1200))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda content: content[: len(content) // 2], "is truncated: "),
        (lambda content: b"<html>" * 200, "cannot be opened as a ROOT file: ValueError: not a ROOT file"),
        (lambda content: b"", "cannot be opened as a ROOT file: "),
    ],
    ids=["truncated", "not ROOT", "empty"],
)
def test_a_bad_file_on_a_server_is_told(make_nano, tmp_path, url, change, problem):
    path = make_nano(tmp_path / "a.root", 1200)
    path.write_bytes(change(path.read_bytes()))
    (found,) = look(f"{url}/a.root").problems
    assert found.startswith(f"{url}/a.root {problem}")


def test_a_file_that_is_not_on_the_server_is_told(url):
    (found,) = look(f"{url}/none.root").problems
    assert found.startswith(f"{url}/none.root cannot be opened as a ROOT file: FileNotFoundError")


def test_a_file_beyond_two_gigabytes_states_its_size_in_eight_bytes(tmp_path):
    header = struct.pack(">4siiqq", b"root", 1_062_400, 100, 3_000_000_000, 2_999_999_000)
    (tmp_path / "a.root").write_bytes(header + bytes(1000))
    (found,) = look(str(tmp_path / "a.root")).problems
    assert found.endswith(f"is truncated: {len(header) + 1000} of 3000000000 bytes.")


def test_uproot_keeps_no_arrays_of_an_open_file(make_nano, tmp_path):
    with open_root(str(make_nano(tmp_path / "a.root"))) as file:
        assert file.file.array_cache is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("not a ROOT file\nin file x.root"), "ValueError: not a ROOT file"),
        (KeyError(), "KeyError"),
        (struct.error("short"), "struct.error: short"),
    ],
)
def test_a_cause_is_one_line_with_its_kind(error, expected):
    assert cause_of(error) == expected
