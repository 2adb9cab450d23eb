"""The products of two runs, for a comparison byte for byte; of files that hold the time, of all else in them."""

import json
import re
import zipfile

import uproot

# Where an object was in memory.
ADDRESS = re.compile(rb'"shared_object_id": \d+')
# Of cost.json, beside the number of parameters.
TIMES = ("train_seconds", "rows_per_second")


def products(folder):
    """By path below *folder*, the content of every file; for `==`."""
    return {str(path.relative_to(folder)): content(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def content(path):
    """What is in a file, without when and where in memory it was written."""
    if path.suffix == ".root":
        return _objects(path)
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            return {name: ADDRESS.sub(b"", archive.read(name)) for name in archive.namelist() if name != "metadata.json"}
    if path.name == "cost.json":
        return {key: value for key, value in json.loads(path.read_text(encoding="utf-8")).items() if key not in TIMES}
    return _onnx(path) if path.suffix == ".onnx" else path.read_bytes()


def _onnx(path):
    import onnx

    model = onnx.load(path)
    # The number of a function in the process that wrote it.
    model.graph.ClearField("doc_string")
    return model.SerializeToString(deterministic=True)


def _objects(path):
    """Every number of trees and histograms, as bytes."""
    with uproot.open(path) as file:
        items = [(key, item) for key, item in file.items() if not isinstance(item, uproot.ReadOnlyDirectory)]
        return {key: _tree(item) if hasattr(item, "arrays") else _histogram(item) for key, item in items}


def _tree(tree):
    return {name: (str(array.dtype), array.tobytes()) for name, array in tree.arrays(library="np").items()}


def _histogram(histogram):
    return histogram.values(flow=True).tobytes(), histogram.variances(flow=True).tobytes()
