"""Every mistake in a configuration is told with its place, what is nearest, and what to do."""

import json
import subprocess
import sys
from copy import deepcopy

import jsonschema
import pytest
import yaml

from pipeline.config import check_plugins, load_analysis
from pipeline.config_schema import json_schema
from pipeline.errors import InputError
from tests.toy_analysis import ANALYSIS

WHOLE = {
    **ANALYSIS,
    "inputs": {"all": {"event": ["met"], "jets": {"features": ["pt"], "max_objects": 3, "order_by": "pt"}}},
    "training": {"schedule": {"kind": "cosine"}, "early_stopping": {"patience": 3}},
    "reading": {"range_entries": 100},
}
REMOVED = object()


@pytest.fixture
def write(tmp_path):
    """Function that writes a good configuration with one value changed at a path, and returns its path."""

    def write(place="", value=None, *, name="toy"):
        content = deepcopy(WHOLE)
        *parents, last = place.split(".")
        section = content
        for key in parents:
            section = section[key]
        if value is REMOVED:
            del section[last]
        elif place:
            section[last] = value
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return path

    return write


def load_text(tmp_path, text):
    path = tmp_path / "toy.yaml"
    path.write_text(text, encoding="utf-8")
    return load_analysis(path)


def test_an_analysis_has_the_name_of_its_file(write):
    assert load_analysis(write(name="mine")).name == "mine"


@pytest.mark.parametrize(
    ("place", "value", "nearest"),
    [
        ("tittel", "x", "title"),
        ("processes.sig.labell", "x", "label"),
        ("datasets.s.xsec", 1.0, "xsec_pb"),
        ("datasets.s.simulate", {"card": "a", "events": 3, "event_per_file": 3}, "events_per_file"),
        ("datasets.s.fetch", {"package": "a==1", "members": ["a"], "member": "a"}, "members"),
        ("histograms.met.bin", 10, "bins"),
        ("inputs.all.jets.order", "pt", "order_by"),
        ("task.signl", "s", "signal"),
        ("models.m.architektur", "bdt", "architecture"),
        ("models.m.training", {"lerning_rate": 1.0}, "learning_rate"),
        ("models.m.training", {"early_stopping": {"patience": 1, "min_dleta": 0.1}}, "min_delta"),
        ("training.lerning_rate", 1.0, "learning_rate"),
        ("training.early_stopping.patients", 3, "patience"),
        ("training.schedule.finl", 0.1, "final"),
        ("training.schedule", {"kind": "step", "epochs": 1, "factr": 0.1, "factor": 0.5}, "factor"),
        ("training.schedule", {"kind": "exponential", "factor": 0.5, "factr": 0.1}, "factor"),
        ("training.schedule", {"kind": "constant", "kin": 1}, "kind"),
        ("training.flatten", {"variable": {}, "max_weight": 2.0}, "variables"),
        ("training.flatten", {"variables": {"met": {"bin": 2, "bins": 2, "start": 0.0, "stop": 1.0}}}, "bins"),
        ("reading.range_entrys", 10, "range_entries"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_misspelt_key_is_told_with_its_place_and_the_nearest(place, value, nearest, write):
    with pytest.raises(InputError) as caught:
        load_analysis(write(place, value))

    message = str(caught.value)
    told = next(part for part in message.split("; ") if "is no key of this section" in part)
    assert place in told
    assert f"Nearest: '{nearest}'" in told
    assert told.endswith("Correct or remove it.")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("datasets.s.files", REMOVED, r"datasets\.s: has no source; give exactly one of files, simulate, fetch"),
        (
            "datasets.s.simulate",
            {"card": "a", "events": 3},
            r"datasets\.s: has \['files', 'simulate'\]; give exactly one of files, simulate, fetch",
        ),
        ("datasets.s.xsec_pb", REMOVED, r"datasets\.s: is simulation without a cross section; add xsec_pb, or say is_mc"),
        ("datasets.s.is_mc", False, r"datasets\.s: is data \(is_mc: false\) with a cross section; remove xsec_pb"),
        ("datasets.s.files", [["root://a//x.root"]], r"datasets\.s\.files\.0\.replicas: Tuple should have at least 2 items"),
        ("datasets.s.files", ["a.root", 3], r"datasets\.s\.files\.1\.replicas: Input should be a valid tuple"),
        ("reading", {"max_opens_per_site": 0}, r"reading\.max_opens_per_site: Input should be greater than 0"),
        ("datasets.s.xsec_pb", -1.0, r"datasets\.s\.xsec_pb: Input should be greater than 0"),
        ("datasets.s.process", "sgi", r"datasets\.s\.process: 'sgi' is not defined\. Nearest: 'sig'\."),
        ("datasets", {}, r"datasets: is empty\. Expected at least one entry"),
        ("processes", {"a b": {"label": "x"}}, r"processes\.a b\.\[key\]: String should match pattern"),
        ("models.m.inputs", "al", r"models\.m\.inputs: 'al' is not defined\. Nearest: 'all'\."),
        ("models.m.training", {"batch_size": 0}, r"models\.m\.training\.batch_size: Input should be greater than 0"),
        ("histograms.met.stop", REMOVED, r"histograms\.met: needs either bins, start and stop, or edges"),
        ("histograms.met.edges", [0.0, 1.0], r"histograms\.met: needs either bins, start and stop, or edges"),
        ("histograms.met", {"observable": "met", "label": "x", "bins": 2, "edges": [0, 1]}, r"needs either bins, start and"),
        ("histograms.met.stop", 0.0, r"histograms\.met: start 0\.0 must be below stop 0\.0"),
        (
            "histograms.met",
            {"observable": "met", "label": "x", "edges": [0, 2, 1]},
            r"histograms\.met: edges must be at least two and rise",
        ),
        (
            "histograms.met",
            {"observable": "met", "label": "x", "edges": [0, 1, 1]},
            r"histograms\.met: edges must be at least two and rise",
        ),
        ("histograms.met", {"observable": "met", "label": "x", "edges": [0]}, r"edges must be at least two and rise"),
        ("task", REMOVED, r"models are given, but no task; add task: \{kind: classification"),
        ("task", 3, r"task: needs a `kind`, the name of a module of pipeline/tasks"),
        ("task.kind", "classificationn", r"No task 'classificationn' in pipeline/tasks\. Nearest: 'classification'\."),
        ("task.kind", "score_counts", r"No task 'score_counts' in pipeline/tasks\. Known: 'classification', 'regression'\."),
        ("task.signal", "xyz", r"task\.signal: 'xyz' is no class\. Known: 'b', 's'\."),
        ("task.classes", {"b": ["bkg"]}, r"task\.classes: Dictionary should have at least 2 items"),
        ("task.classes", {"b": ["bgk"], "s": ["sig"]}, r"task\.classes: 'bgk' is no process\. Nearest: 'bkg'\."),
        ("task.classes", {"b": ["bkg"], "s": ["sig", "bkg"]}, r"task\.classes: process 'bkg' is listed twice"),
        ("task.classes", {"b": ["bkg"], "s": ["sig"], "c": []}, r"task\.classes: class 'c' has no simulated dataset"),
        ("training.schedule", {"kind": "cosin"}, r"training\.schedule: .*'constant', 'step', 'exponential', 'cosine'"),
        ("training.schedule", {"final": 0.1}, r"training\.schedule: needs a kind"),
        ("training.flatten", {"variables": {}}, r"training\.flatten\.variables: is empty\. Expected at least one"),
        (
            "training.flatten",
            {"variables": {name: {"edges": [0, 1]} for name in "abc"}},
            r"training\.flatten\.variables: Dictionary should have at most 2 items",
        ),
        ("training.flatten", {"variables": {"met": {"bins": 3}}}, r"flatten\.variables\.met: needs either bins, start and"),
        ("training.flatten", {"variables": {"met": {"edges": [0, 1]}}, "max_weight": 1.0}, r"max_weight: .* greater than 1"),
        (
            "training.flatten",
            {"variables": {name: {"bins": 101, "start": 0, "stop": 1} for name in ("met", "jets.pt")}},
            r"training\.flatten: has 10201 bins; use at most 10000, each with many events of every class",
        ),
        ("inputs.all.jets.kind", "padedd", r"toy\.yaml: inputs\.all\.jets: is of kind 'padedd'\. Nearest: 'padded'\."),
        (
            "inputs.all",
            {},
            r"toy\.yaml: inputs\.all: is empty\. Expected at least one entry\. Add one, or remove the key\.$",
        ),
        ("inputs.all.event", [], r"toy\.yaml: inputs\.all\.event: is empty\. Expected at least one entry\."),
        ("inputs.all.jets.features", [], r"toy\.yaml: inputs\.all\.jets\.features: is empty\."),
        ("inputs.all.jets", {"features": ["pt"]}, r"toy\.yaml: inputs\.all\.jets\.max_objects: Field required$"),
        ("folds", 1, r"folds: Input should be greater than or equal to 2"),
        ("name", "other", r"name: is no key of this section\. An analysis is called as its file\. Remove it\."),
    ],
    ids=str,
)
def test_a_wrong_value_is_told_with_its_place(place, value, message, write):
    with pytest.raises(InputError, match=message):
        load_analysis(write(place, value))


def test_a_class_whose_only_dataset_is_data_has_no_simulated_dataset(write):
    data = {"process": "sig", "files": ["s.root"], "is_mc": False}

    with pytest.raises(InputError, match=r"task\.classes: class 's' has no simulated dataset"):
        load_analysis(write("datasets.s", data))


def test_all_mistakes_are_told_at_once(tmp_path):
    text = yaml.safe_dump({**WHOLE, "tittel": "x", "lumi_inv_fb": -1.0})

    with pytest.raises(InputError, match=r"lumi_inv_fb: .*; tittel: "):
        load_text(tmp_path, text)


def test_a_missing_file_is_told_with_the_nearest(write):
    path = write()

    with pytest.raises(InputError, match=r"toyy\.yaml\. Nearest: 'toy'\. To add an analysis, write that file\."):
        load_analysis(path.with_name("toyy.yaml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: [", r"toy\.yaml is not valid YAML: .*line 1, column 9"),
        ("- a", r"toy\.yaml holds list\. Expected keys such as title and datasets\."),
        ("", r"toy\.yaml holds NoneType\. Expected keys"),
        ("title: a\ntitle: b", r"toy\.yaml is not valid YAML: the key 'title' is given twice .*line 2, column 1"),
        ("a:\n  b: 1\n  c: 2\n  b: 3", r"the key 'b' is given twice .*line 4, column 3"),
    ],
    ids=["unclosed", "a list", "empty", "a key twice", "an inner key twice"],
)
def test_a_file_that_is_no_configuration_is_refused(text, message, tmp_path):
    with pytest.raises(InputError, match=f"(?s){message}"):
        load_text(tmp_path, text)


def test_a_file_of_bytes_is_refused(tmp_path):
    path = tmp_path / "toy.yaml"
    path.write_bytes(b"title: \xff\xfe\x00")

    with pytest.raises(InputError, match=r"toy\.yaml is not valid YAML"):
        load_analysis(path)


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "1.0e-3", "0.001", "+1e-03"])
def test_every_way_to_write_a_number_gives_a_number(text, tmp_path):
    content = yaml.safe_dump(WHOLE).replace("architecture: bdt", f"architecture: bdt\n    options: {{l2: {text}}}")

    analysis = load_text(tmp_path, content)

    assert analysis.models["m"].options == {"l2": 0.001}


def test_text_that_only_looks_like_a_number_stays_text(tmp_path):
    text = yaml.safe_dump(WHOLE).replace("title: Toy", "title: 1e-3 and more")

    assert load_text(tmp_path, text).title == "1e-3 and more"


def test_a_merged_key_may_be_overridden(tmp_path):
    text = yaml.safe_dump({**WHOLE, "models": {}}).replace(
        "models: {}",
        "models:\n  a: &a {architecture: bdt, inputs: all, label: A}\n  b:\n    <<: *a\n    label: B",
    )

    models = load_text(tmp_path, text).models

    assert [(model.architecture, model.label) for model in models.values()] == [("bdt", "A"), ("bdt", "B")]


def test_a_section_in_a_models_training_replaces_the_common_one(write):
    analysis = load_analysis(write("models.m.training", {"epochs": 7, "schedule": {"kind": "constant"}}))

    assert analysis.training_of("m").epochs == 7
    assert analysis.training_of("m").schedule.kind == "constant"
    assert analysis.training_of("m").early_stopping == analysis.training.early_stopping


def test_data_is_not_trained_on(write):
    analysis = load_analysis(write("datasets.d", {"process": "sig", "files": ["d.root"], "is_mc": False}))

    assert analysis.trained_datasets() == ("s", "b")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("processor", "dimoun", r"No processors/dimoun\.py\. Nearest: 'dimuon'"),
        ("models.m.architecture", "bdtt", r"No models/bdtt\.py\. Nearest: 'bdt'"),
        ("models.m.options", {"max_deep": 3}, r"models\.m\.options\.max_deep of config/toy\.yaml .* Nearest: 'max_depth'"),
    ],
    ids=str,
)
def test_a_plugin_or_option_that_does_not_exist_is_told(place, value, message, write, pytestconfig):
    path = write("processor", "dimuon")
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    *parents, last = place.split(".")
    section = content
    for key in parents:
        section = section[key]
    section[last] = value
    path.write_text(yaml.safe_dump(content), encoding="utf-8")

    with pytest.raises(InputError, match=message):
        check_plugins(load_analysis(path), pytestconfig.rootpath)


def shipped(config):
    return sorted((config.rootpath / "config").glob("*.yaml"))


def test_every_shipped_configuration_loads_and_fits_its_plugins_and_the_schema(pytestconfig):
    schema = json.loads((pytestconfig.rootpath / "config/schema.json").read_text(encoding="utf-8"))
    assert shipped(pytestconfig)
    for path in shipped(pytestconfig):
        analysis = load_analysis(path)
        check_plugins(analysis, pytestconfig.rootpath)
        jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), schema)


def test_the_exported_schema_is_in_step(pytestconfig):
    exported = json.loads((pytestconfig.rootpath / "config/schema.json").read_text(encoding="utf-8"))

    assert exported == json_schema(), "run python -m pipeline schema > config/schema.json"


def test_the_schema_tells_a_mistake_in_the_task():
    jsonschema.validate(WHOLE, json_schema())

    with pytest.raises(jsonschema.ValidationError, match="task"):
        jsonschema.validate({**WHOLE, "task": {**WHOLE["task"], "signl": "s"}}, json_schema())


def test_the_configuration_imports_nothing_heavy(pytestconfig):
    code = (
        "import sys; from pipeline.config import load_analysis; load_analysis('config/hh_bbww.yaml');"
        "print({'awkward', 'coffea', 'dask', 'keras', 'numba', 'tensorflow', 'uproot', 'xgboost'} & set(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=pytestconfig.rootpath, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "set()"


def test_an_edge_that_is_not_finite_is_refused(write):
    axis = {"observable": "met", "label": "x", "edges": [0.0, 50.0, float("inf")]}

    with pytest.raises(InputError, match="finite number"):
        load_analysis(write("histograms.met", axis))
