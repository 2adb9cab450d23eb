"""Which edit makes which jobs again: exactly those whose product it can change, and those that come after them."""

import copy
from functools import reduce

import pytest

from pipeline import config, dependencies
from pipeline.config import Analysis, load_analysis
from pipeline.dependencies import MODULES, evaluate_settings, files_of, train_settings
from pipeline.learning.train import LEARNERS

ANALYSIS = {
    "title": "Toy",
    "processor": "toy",
    "selection": {"met_min_gev": 1.0},
    "energy_tev": 13,
    "lumi_inv_fb": 1.0,
    "seed": 1,
    "processes": {"sig": {"label": "S"}, "bkg": {"label": "B", "color": "red"}, "data": {"label": "D"}},
    "datasets": {
        "s": {"process": "sig", "xsec_pb": 1.0, "files": ["s.root"]},
        "b": {
            "process": "bkg",
            "xsec_pb": 2.0,
            "xsec_source": "here",
            "simulate": {"card": "tt_semi", "events": 250, "events_per_file": 100},
        },
        "d": {"process": "data", "is_mc": False, "fetch": {"package": "coffea==1.0", "members": ["d.root"]}},
    },
    "task": {"kind": "classification", "classes": {"b": ["bkg"], "s": ["sig"]}, "signal": "s"},
    "inputs": {
        "all": {"event": ["met", "met_phi"]},
        "more": {"jets": {"features": ["pt", "eta"], "max_objects": 4, "order_by": "pt"}},
    },
    "models": {
        "trees": {"architecture": "bdt", "inputs": "all", "training": {"epochs": 5}},
        "net": {"architecture": "dnn", "inputs": "all", "options": {"dropout": 0.1}, "label": "Net"},
    },
    "histograms": {"met": {"observable": "met", "label": "met", "bins": 10, "start": 0.0, "stop": 100.0}},
}
FLATTEN = {"variables": {"met": {"bins": 4, "start": 0.0, "stop": 100.0}}}

SIMULATE = {f"simulate b {index}" for index in range(3)}
TRAIN = {"train trees", "train net"}
SCORE = {"score s", "score b", "score d"}
ALL_BUT_SIMULATE = {"plan", "summarise", *TRAIN, *SCORE}


def analysis(edits=None):
    """The analysis with *edits*: by path, a new value, or None to remove the key."""
    content = copy.deepcopy(ANALYSIS)
    for path, value in (edits or {}).items():
        *parents, key = path.split("/")
        section = reduce(lambda part, name: part.setdefault(name, {}), parents, content)
        if value is None:
            del section[key]
        else:
            section[key] = value
    return Analysis.model_validate({"name": "toy", **content})


def jobs(analysis, *, size=1.0):
    """What each job depends on in the configuration, as the rules ask for it."""
    made = dependencies.events_by_file(analysis.datasets["b"], size=size)
    return {
        **{f"simulate b {i}": dependencies.simulate_settings(analysis, "b", i, size=size) for i in range(len(made))},
        "fetch d": dependencies.fetch_settings(analysis, "d"),
        **{f"tune {name}": dependencies.tune_settings(analysis, name) for name in analysis.tune},
        "plan": dependencies.plan_settings(analysis, size=size),
        "summarise": dependencies.summarise_settings(analysis),
        **{f"train {name}": dependencies.train_settings(analysis, name) for name in analysis.models},
        **{f"score {name}": dependencies.score_settings(analysis, name) for name in analysis.datasets},
        "evaluate": dependencies.evaluate_settings(analysis),
        "plot": dependencies.plot_settings(analysis),
    }


def changed(before, after):
    """Jobs that are new, or depend on something else than before."""
    return {name for name in after if before.get(name) != after[name]}


# The report takes the whole YAML as its input: every edit makes it again.
IMAGE = {"kind": "image", "of": "jets", "pixels": 25, "half_width": 1.0, "channels": ["pt"], "steps": ["centre"]}
IMAGE |= {"prong_radius": 0.2, "normalise": "l2", "max_pixels": 50}
TREE = {"kind": "tree", "of": "jets", "algorithm": "kt", "max_leaves": 9, "features": ["pt"], "frame": "detector"}

EDITS = [
    ({"title": "Other"}, set()),
    ({"processor": "other"}, set()),  # another input of the rules, and other code
    ({"energy_tev": 14}, {"plot"}),
    ({"lumi_inv_fb": 2.0}, {"evaluate", "plot"}),
    ({"seed": 2}, {*SIMULATE, *TRAIN, *SCORE}),
    ({"folds": 3}, {"summarise", *TRAIN, *SCORE}),
    ({"selection": {"met_min_gev": 2.0}}, ALL_BUT_SIMULATE),
    ({"bootstrap_replicas": 50}, SCORE),
    ({"scoring": "keras"}, SCORE),
    ({"scale": {"kind": "sync"}}, set()),
    ({"tune": {"net": {"search": {"options.dropout": {"uniform": [0.0, 0.5]}}}}}, {"tune net"}),
    ({"reading": {"range_entries": 1000}}, {"plan"}),
    ({"reading": {"allow_unreadable_files": 1}}, {"plan"}),
    ({"reading": {"max_opens_per_site": 4}}, set()),
    ({"processes/sig/label": "Signal"}, {"plot"}),
    ({"processes/sig/color": "blue"}, {"plot"}),
    ({"processes/new": {"label": "N"}}, {"evaluate", "plot"}),
    ({"datasets/b/xsec_source": "there"}, set()),
    ({"datasets/b/xsec_pb": 3.0}, {*TRAIN, "evaluate"}),
    ({"datasets/b/repeated_events": "keep"}, {"summarise"}),
    ({"datasets/b/weights_from": "genWeight"}, {"plan"}),
    ({"datasets/s/files": ["t.root"]}, {"plan"}),
    ({"datasets/d/fetch/members": ["e.root"]}, {"fetch d", "plan"}),
    ({"datasets/d/fetch/package": "coffea==2.0"}, {"fetch d", "plan"}),
    ({"datasets/b/simulate/events": 280}, {"simulate b 2", "plan"}),
    ({"datasets/b/simulate/events_per_file": 50}, {f"simulate b {i}" for i in (0, 1, 3, 4)} | {"plan"}),
    ({"datasets/b/simulate/card": "tt_dilep"}, SIMULATE),
    ({"datasets/b/simulate/pf_candidates": True}, SIMULATE),
    ({"processes/sig2": {"label": "2"}, "datasets/s/process": "sig2", "task/classes/s": ["sig", "sig2"]},
     {*TRAIN, *SCORE, "evaluate", "plot"}),
    ({"datasets/d": {"process": "bkg", "xsec_pb": 1.0, "fetch": ANALYSIS["datasets"]["d"]["fetch"]}},
     {"plan", "summarise", *TRAIN, "score d", "evaluate", "plot"}),
    ({"datasets/new": {"process": "sig", "xsec_pb": 1.0, "files": ["n.root"]}},
     {"plan", "summarise", *TRAIN, "score new", "evaluate", "plot"}),
    ({"task": {"kind": "classification", "classes": {"s": ["sig"], "b": ["bkg"]}, "signal": "s"}},
     {*TRAIN, *SCORE, "evaluate", "plot"}),
    ({"task/costs": "jets"}, {"evaluate", "plot"}),
    ({"task/against": {"met": {"edges": [0.0, 9.0]}}}, {*SCORE, "evaluate", "plot"}),
    ({"task/signal": "b"}, {*TRAIN, *SCORE, "evaluate", "plot"}),
    ({"inputs/all": {"event": ["met_phi", "met"]}}, {"summarise", *TRAIN, *SCORE}),
    ({"inputs/more/jets/max_objects": 5}, {"summarise", *SCORE}),
    ({"inputs/more/jets/order_by": "eta"}, {"summarise", *SCORE}),
    ({"inputs/more/jets/features": ["eta", "pt"]}, {"summarise", *SCORE}),
    ({"inputs/more/jets/of": "leptons"}, {"summarise", *SCORE}),
    ({"inputs/more/jets/kind": "padded"}, set()),
    ({"inputs/more/picture": IMAGE | {"pixels": 33}}, {"summarise", *SCORE}),
    ({"inputs/more/jet_tree": TREE}, {"summarise", *SCORE}),
    ({"inputs/new": {"event": ["met"]}}, {"summarise", *SCORE}),
    ({"models/net/options/dropout": 0.2}, {"train net"}),
    ({"models/net/architecture": "bdt", "models/net/options": {}}, {"train net"}),
    ({"models/net/heads": ["classes"]}, {"train net"}),
    ({"models/net/label": "Network"}, {"evaluate", "plot"}),
    ({"models/net/inputs": "more"}, {"train net", *SCORE}),
    ({"models/net/training": {"epochs": 7}}, {"train net"}),
    ({"models/net/training": {"validation_fraction": 0.3}}, {"summarise", "train net", *SCORE}),
    ({"models/new": {"architecture": "bdt", "inputs": "all"}}, {"train new", *SCORE, "evaluate", "plot"}),
    ({"models/net_2": {**ANALYSIS["models"]["net"], "again": "net"}}, {"train net_2", *SCORE, "evaluate", "plot"}),
    ({"models/net": None}, {*SCORE, "evaluate", "plot"}),
    ({"training/learning_rate": 0.1}, TRAIN),
    ({"training/optimizer": "sgd"}, TRAIN),
    ({"training/schedule": {"kind": "cosine"}}, TRAIN),
    ({"training/batch_size": 32}, TRAIN),
    ({"training/epochs": 3}, {"train net"}),
    ({"training/early_stopping": {"patience": 2}}, TRAIN),
    ({"training/early_stopping": {"patience": 10, "min_delta": 0.1}}, TRAIN),
    ({"training/class_balance": False}, TRAIN),
    ({"training/negative_weights": "zero"}, TRAIN),
    ({"training/shuffle_buffer_mb": 1.0}, TRAIN),
    ({"training/threads": 2}, TRAIN),
    ({"training/validation_fraction": 0.3}, {"summarise", *TRAIN, *SCORE}),
    ({"training/fraction": 0.5}, {"summarise", *TRAIN, *SCORE}),
    ({"learning_curve": {"models": ["net"], "percent": [10]}},
     {"summarise", "train net_10pct", *SCORE, "evaluate", "plot"}),
    ({"training/flatten": FLATTEN}, {"summarise", *TRAIN}),
    ({"histograms/met/bins": 20}, {*SCORE, "evaluate", "plot"}),
    ({"histograms/met/observable": "met_phi"}, {*SCORE, "evaluate", "plot"}),
    ({"histograms/met/label": "MET"}, {*SCORE, "evaluate", "plot"}),
    ({"histograms/met/unit": "GeV"}, {*SCORE, "evaluate", "plot"}),
    ({"histograms/met/start": 1.0}, {*SCORE, "evaluate", "plot"}),
    ({"histograms/met/stop": 90.0}, {*SCORE, "evaluate", "plot"}),
    ({"histograms/met": {"observable": "met", "label": "met", "edges": [0.0, 9.0]}}, {*SCORE, "evaluate", "plot"}),
    ({"histograms/met/log": True}, {"plot"}),
]  # fmt: skip


@pytest.mark.parametrize(("edits", "expected"), EDITS, ids=lambda value: ", ".join(value) if isinstance(value, dict) else "")
def test_an_edit_of_the_yaml_makes_exactly_these_jobs_again(edits, expected):
    assert changed(jobs(analysis()), jobs(analysis(edits))) == expected


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        ({"flatten": {**FLATTEN, "max_weight": 5.0}}, TRAIN),
        ({"flatten": {"variables": {"met": {"bins": 5, "start": 0.0, "stop": 100.0}}}}, {"summarise", *TRAIN}),
        ({"flatten": FLATTEN, "negative_weights": "zero"}, {"summarise", *TRAIN}),
    ],
    ids=["max_weight", "bins", "negative_weights"],
)
def test_an_edit_of_the_flattening_makes_the_spectra_again_only_if_they_change(training, expected):
    before = jobs(analysis({"training": {"flatten": FLATTEN}}))

    assert changed(before, jobs(analysis({"training": training}))) == expected


@pytest.mark.parametrize(
    ("size", "expected"), [(1.0, set()), (1.1, {"simulate b 2", "plan"}), (0.5, {"simulate b 1", "plan"})], ids=str
)
def test_another_size_makes_again_only_the_files_that_change(size, expected):
    # 100, 100 and 50 events become 100, 100 and 75, or 100 and 25.
    assert changed(jobs(analysis()), jobs(analysis(), size=size)) == expected


def test_every_key_of_the_configuration_stands_in_the_table():
    keys = {part for edits, _ in EDITS for path, value in edits.items() for part in (*path.split("/"), *_keys(value))}
    records = (config.Process, config.Simulate, config.Fetch, config.Dataset, config.Sequence, config.EarlyStopping)
    records += (config.Image, config.Tree, config.Training, config.Model, config.Axis, config.Reading, config.Analysis)

    assert {key for record in records for key in record.model_fields} - keys - {"name", "is_mc"} == set()


def _keys(value):
    return [key for name, inner in value.items() for key in (name, *_keys(inner))] if isinstance(value, dict) else []


def test_the_order_of_what_is_given_by_name_is_kept():
    """The order of classes, models and inputs is that of the network's ends, and of columns."""
    for section in ("datasets", "models", "inputs", "histograms", "processes"):
        other = {**ANALYSIS[section], "new": next(iter(ANALYSIS[section].values()))}
        first, second = (analysis({section: dict(items)}) for items in (other.items(), reversed(other.items())))

        assert changed(jobs(first), jobs(second)), section


SEARCH = {"tune/net": {"search": {"options.dropout": {"uniform": [0.0, 0.5]}}, "trials": 5}}


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ({"tune/net/trials": 6}, True),
        ({"tune/net/search/options.dropout": {"uniform": [0.0, 0.4]}}, True),
        ({"tune/net/reduction": 4}, True),
        ({"models/net/options": {"dropout": 0.1, "units": [4]}}, True),
        ({"training": {"epochs": 40}}, True),
        ({"models/net/options": {"dropout": 0.3}}, False),
        ({"models/net/label": "another"}, False),
        ({"models/trees/training": {"epochs": 6}}, False),
        ({"bootstrap_replicas": 50}, False),
    ],
    ids=str,
)
def test_a_search_depends_on_what_its_trials_depend_on_and_not_on_what_the_model_has_of_it_now(edits, expected):
    before, after = (dependencies.tune_settings(analysis({"tune": {}, **SEARCH, **more}), "net") for more in ({}, edits))

    assert (before != after) == expected


# Which stages an edit of a file makes again, in hh_bbww; `train` stands for a network, `trees` for boosted trees.
TRAINING = {"train", "trees"}
SELECTING = {"summarise", "score", *TRAINING}
CODE = [
    ("pipeline/config.py", set()),
    ("pipeline/files.py", set()),
    ("pipeline/scale/ordered.py", set()),
    ("pipeline/progress.py", set()),
    ("pipeline/stream/training_stream.py", TRAINING),
    ("pipeline/stream/cache.py", {"summarise", *TRAINING}),
    ("pipeline/stream/shuffle.py", TRAINING),
    ("pipeline/stream/order.py", TRAINING),
    ("pipeline/stream/weights.py", {"summarise", *TRAINING, "evaluate"}),
    ("pipeline/stream/chunk.py", SELECTING),
    ("pipeline/stream/padding.py", SELECTING),
    ("pipeline/stream/select.py", SELECTING),
    ("pipeline/events/reading.py", SELECTING),
    ("pipeline/events/planning.py", {"plan", "summarise"}),
    ("pipeline/events/fetch.py", {"fetch"}),
    ("pipeline/statistics/moments.py", {"summarise"}),
    ("pipeline/learning/summarise.py", {"summarise"}),
    ("pipeline/learning/train.py", TRAINING),
    ("pipeline/learning/cost.py", TRAINING),
    ("pipeline/learning/keras_learner.py", {"train"}),
    ("pipeline/learning/xgboost_learner.py", {"trees"}),
    ("pipeline/learning/score.py", {"score"}),
    ("pipeline/results/friend_tree.py", {"score"}),
    ("pipeline/tasks/classification.py", {*TRAINING, "score", "evaluate"}),
    ("pipeline/tasks/score_counts.py", {"score", "evaluate"}),
    ("pipeline/tasks/classification_results.py", {"evaluate"}),
    ("pipeline/results/normalisation.py", {"evaluate"}),
    ("pipeline/results/costs.py", {"evaluate"}),
    ("pipeline/results/flatness.py", {"evaluate"}),
    ("pipeline/results/figures/stack.py", {"plot"}),
    ("pipeline/results/report_tables.py", {"report"}),
    ("pipeline/results/report.html.j2", {"report"}),
    ("pipeline/physics/mt2.py", SELECTING),
    ("processors/hh_bbww.py", SELECTING),
    ("pipeline/simulation/detector.py", {"simulate"}),
    ("pipeline/simulation/detector.yaml", {"simulate"}),
    ("pipeline/simulation/cards/tt_dilep.yaml", set()),  # the input of its own files
]


@pytest.fixture(scope="module")
def stages(pytestconfig):
    """By stage of hh_bbww, the files whose edit makes it again."""
    root = pytestconfig.rootpath
    hh_bbww = load_analysis(root / "config/hh_bbww.yaml")
    files = {stage: files_of(stage, hh_bbww, root=root) for stage in set(MODULES) - {"tune", "train"}}
    files |= {"train": files_of("train", hh_bbww, model="dnn", root=root)}
    files |= {"trees": files_of("train", hh_bbww, model="bdt", root=root)}
    return {stage: {path.relative_to(root).as_posix() for path in paths} for stage, paths in files.items()}


@pytest.mark.parametrize(("path", "expected"), CODE, ids=[path for path, _ in CODE])
def test_an_edit_of_the_code_makes_exactly_these_stages_again(path, expected, stages, pytestconfig):
    assert (pytestconfig.rootpath / path).is_file()
    assert {stage for stage, files in stages.items() if path in files} == expected


def test_a_search_is_made_again_with_the_training_of_its_model(pytestconfig):
    root = pytestconfig.rootpath
    hh_bbww = load_analysis(root / "config/hh_bbww.yaml")

    for model in ("dnn", "bdt"):
        train, tune = (files_of(stage, hh_bbww, model=model, root=root) for stage in ("train", "tune"))

        assert train < tune


def test_each_framework_has_a_learner_of_its_name():
    assert {name: f"pipeline.learning.{name}_learner" for name in LEARNERS} == LEARNERS


def test_the_code_of_a_model_is_digested_with_its_learner(pytestconfig):
    root = pytestconfig.rootpath
    hh_bbww = load_analysis(root / "config/hh_bbww.yaml")
    digests = [dependencies.code_of("train", hh_bbww, model=model, root=root) for model in ("dnn", "dnn_phi", "bdt")]

    assert digests[0] == digests[1] != digests[2]


def test_an_edit_of_what_an_architecture_imports_makes_its_training_again(tmp_path, pytestconfig):
    for name in ("models", "processors"):
        (tmp_path / name).mkdir()
    (tmp_path / "processors/toy.py").write_text("")
    for name in ("dnn", "bdt"):
        common = "from models.common import SIZE\n" if name == "dnn" else ""
        text = (pytestconfig.rootpath / f"models/{name}.py").read_text(encoding="utf-8")
        (tmp_path / f"models/{name}.py").write_text(text + common, encoding="utf-8")
    (tmp_path / "models/common.py").write_text("SIZE = 4")
    before = {name: dependencies.code_of("train", analysis(), model=name, root=tmp_path) for name in ANALYSIS["models"]}

    (tmp_path / "models/common.py").write_text("SIZE = 5")

    after = {name: dependencies.code_of("train", analysis(), model=name, root=tmp_path) for name in ANALYSIS["models"]}
    assert changed(before, after) == {"net"}


def test_an_edit_of_a_file_that_selection_names_makes_again_what_selects(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "golden.json").write_text("{}")
    edits = {"selection": {"lumi_mask": "golden.json"}}
    before = jobs(analysis(edits))

    (tmp_path / "golden.json").write_text('{"1": [[1, 2]]}')

    assert changed(before, jobs(analysis(edits))) == ALL_BUT_SIMULATE


def test_another_version_of_a_package_makes_again_what_selects(pytestconfig, monkeypatch):
    root = pytestconfig.rootpath
    hh_bbww = load_analysis(root / "config/hh_bbww.yaml")
    before = {stage: dependencies.code_of(stage, hh_bbww, model="bdt", root=root) for stage in MODULES}

    monkeypatch.setattr("pipeline.digest._version", lambda name: "99")

    after = {stage: dependencies.code_of(stage, hh_bbww, model="bdt", root=root) for stage in MODULES}
    assert changed(before, after) == {"summarise", "tune", "train", "score"}


# The same in ttbar, where a method without a network is trained.
REGRESSION = [
    ("pipeline/stream/truth.py", {"summarise", "train", "score", "evaluate"}),
    ("pipeline/stream/augment.py", {"train"}),
    ("pipeline/tasks/regression.py", {"train", "score", "evaluate"}),
    ("pipeline/tasks/regression_loss.py", {"train", "score", "evaluate"}),
    ("pipeline/tasks/regression_answers.py", {"score"}),
    ("pipeline/tasks/regression_counts.py", {"score", "evaluate"}),
    ("pipeline/tasks/regression_results.py", {"evaluate"}),
    ("pipeline/tasks/score_counts.py", set()),
    ("pipeline/learning/baseline_learner.py", {"train"}),
    ("pipeline/learning/baseline_predictor.py", {"train", "score"}),  # its speed is measured with the training
    ("models/chi_square.py", {"train"}),  # whose product is an input of score
    ("pipeline/results/report_models.py", {"report"}),
]


@pytest.mark.parametrize(("path", "expected"), REGRESSION, ids=[path for path, _ in REGRESSION])
def test_an_edit_of_a_regression_makes_exactly_these_stages_again(path, expected, pytestconfig):
    root = pytestconfig.rootpath
    ttbar = load_analysis(root / "config/ttbar.yaml")
    stages = set(MODULES) - {"train", "tune"}
    files = {stage: files_of(stage, ttbar, root=root) for stage in stages}
    files["train"] = files_of("train", ttbar, model="chi2_tuned", root=root)

    assert {stage for stage, paths in files.items() if root / path in paths} == expected


@pytest.mark.parametrize(
    ("section", "trains"),
    [
        ({"reference": None}, False),
        ({"efficiency": {"delta_r": 0.2}}, False),
        ({"against": {}}, False),
        ({"costs": "events"}, False),
        ({"on_shell": []}, False),
        ({"assignment": {"top_mass_gev": 170}}, False),
        ({"assignment": {"weight": 2.0}}, True),
        ({"objects": {"top_had": {"mass_gev": 172.5, "label": "top"}}}, False),
        ({"objects": {"top_had": {"mass_gev": 173.0}}}, True),
        ({"augment": []}, True),
    ],
    ids=str,
)
def test_what_is_only_evaluated_trains_nothing_again(section, trains, pytestconfig):
    ttbar = load_analysis(pytestconfig.rootpath / "config/ttbar.yaml")
    task = ttbar.task.model_dump()
    changed = {key: {**task[key], **value} if isinstance(value, dict) and value else value for key, value in section.items()}
    other = ttbar.model_copy(update={"task": type(ttbar.task).model_validate({**task, **changed})})

    assert (train_settings(ttbar, "chi2_tuned") != train_settings(other, "chi2_tuned")) == trains
    assert evaluate_settings(ttbar) != evaluate_settings(other)
