import io
import tarfile

import pytest

from pipeline.errors import InputError
from pipeline.events.fetch import download_source, fetch


def archive_of(files, folder):
    path = folder / "toy-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as content:
        for name, data in files.items():
            item = tarfile.TarInfo(name)
            item.size = len(data)
            content.addfile(item, io.BytesIO(data))
    return path


def downloading(files):
    return lambda package, folder: archive_of(files, folder)


def test_members_are_written_from_one_download(tmp_path):
    calls = []

    def download(package, folder):
        calls.append(package)
        return archive_of({"toy-1.0/a/x.root": b"xx", "toy-1.0/y.root": b"y"}, folder)

    fetch("toy==1.0", {"a/x.root": tmp_path / "in" / "x.root", "y.root": tmp_path / "y.root"}, download=download)

    assert calls == ["toy==1.0"]
    assert (tmp_path / "in" / "x.root").read_bytes() == b"xx"
    assert (tmp_path / "y.root").read_bytes() == b"y"
    assert {"in", "y.root"} == {path.name for path in tmp_path.iterdir()}


def test_a_missing_member_is_named_with_the_nearest_and_nothing_is_written(tmp_path):
    download = downloading({"toy-1.0/nano_dy.root": b"x"})

    with pytest.raises(InputError, match=r"toy==1.0 has no file 'nano_dz.root'. Nearest: 'nano_dy.root'"):
        fetch("toy==1.0", {"nano_dy.root": tmp_path / "a", "nano_dz.root": tmp_path / "b"}, download=download)
    assert list(tmp_path.iterdir()) == []


def test_paths_of_the_archive_lead_nowhere(tmp_path):
    inside = tmp_path / "inside"
    download = downloading({"../../evil.root": b"x", "toy-1.0/../../evil2.root": b"x", "toy-1.0/good.root": b"x"})

    fetch("toy==1.0", {"good.root": inside / "good.root"}, download=download)

    assert [path.name for path in tmp_path.iterdir()] == ["inside"]


def test_what_is_no_archive_is_an_error(tmp_path):
    def download(package, folder):
        (folder / "toy-1.0.tar.gz").write_bytes(b"garbage")
        return folder / "toy-1.0.tar.gz"

    with pytest.raises(InputError, match=r"toy-1\.0\.tar\.gz of toy==1\.0 is no readable archive"):
        fetch("toy==1.0", {"x": tmp_path / "x"}, download=download)


def test_an_unreachable_index_says_what_to_do(tmp_path, monkeypatch):
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(InputError, match=r"nanoloom-none==9 could not be downloaded: .*list them under `files`"):
        download_source("nanoloom-none==9", tmp_path)


@pytest.mark.samples
def test_real_files_come_whole(cms_samples):
    assert (cms_samples / "nano_dy.root").stat().st_size == 352599
    assert (cms_samples / "nano_tt_v15.root").stat().st_size == 2876917
