"""The products of two runs, for a comparison byte for byte; of files that hold the time, of all else in them."""

import zipfile

import uproot


def products(folder):
    """By path below *folder*, the content of every file; for `==`."""
    return {str(path.relative_to(folder)): content(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def content(path):
    """What is in a file, without when it was written."""
    if path.suffix == ".root":
        with uproot.open(path) as file:
            return {key: content_of_object(item) for key, item in file.items()}
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist() if name != "metadata.json"}
    return path.read_bytes()


def content_of_object(item):
    """Every number of a tree or a histogram, as bytes."""
    if hasattr(item, "arrays"):
        return {name: (str(array.dtype), array.tobytes()) for name, array in item.arrays(library="np").items()}
    return item.values(flow=True).tobytes(), item.variances(flow=True).tobytes()
