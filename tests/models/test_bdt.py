"""Boosted trees: each option reaches xgboost, a seed fixes them, and they are the same after saving."""

import json
from itertools import pairwise

import numpy as np
import pytest
import xgboost

from pipeline import plugins
from pipeline.learning.predictor import XgboostPredictor
from pipeline.stream.spec import OutputSpec

OBJECTIVE = {"objective": "multi:softprob", "eval_metric": "mlogloss", "learning_rate": 0.3}


@pytest.fixture
def build(inputs, outputs):
    """Function that makes a booster with some options."""

    def build(*, given=inputs, gives=outputs, **options):
        return plugins.load("models", "bdt").build(given, gives, **options)

    return build


@pytest.fixture
def table(batch):
    """Forty events as xgboost takes them, with noise so that trees differ."""
    tensors, labels = batch
    rows = np.concatenate(list(tensors.values()), axis=1)
    noise = np.random.default_rng(6).normal(size=(40, rows.shape[1])).astype(np.float32)
    labels = np.tile(labels, 5)
    return np.tile(rows, (5, 1)) + noise + labels[:, np.newaxis].astype(np.float32), labels


def trained(booster, table, *, seed=1, rounds=5):
    booster.set_param({**OBJECTIVE, "seed": seed, "nthread": 1})
    data = xgboost.DMatrix(table[0], label=table[1])
    for number in range(rounds):
        booster.update(data, number)
    return booster


def loss(booster, table):
    return float(booster.eval(xgboost.DMatrix(table[0], label=table[1])).rpartition(":")[2])


def depth(node):
    return 1 + max(map(depth, node["children"])) if "children" in node else 0


def trees(booster):
    return [json.loads(dump) for dump in booster.get_dump(dump_format="json")]


def test_outputs_are_probabilities(build, table):
    scores = trained(build(), table).inplace_predict(table[0])

    assert scores.shape == (40, 2)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)


def test_every_round_lowers_the_loss(build, table):
    booster = build(min_child_weight=0.1)

    losses = [loss(trained(booster, table, rounds=1), table) for _ in range(5)]

    assert all(later < earlier for earlier, later in pairwise(losses))


@pytest.mark.parametrize("max_depth", [1, 2, 3])
def test_no_tree_is_deeper_than_max_depth(max_depth, build, table):
    noise = (table[0], np.random.default_rng(7).integers(0, 2, 40))  # needs deep trees
    booster = trained(build(max_depth=max_depth, min_child_weight=0.0), noise)

    assert max(map(depth, trees(booster))) == max_depth


@pytest.mark.parametrize(
    ("option", "value", "key", "section"),
    [
        ("max_depth", 7, "max_depth", "tree_train_param"),
        ("min_child_weight", 3.5, "min_child_weight", "tree_train_param"),
        ("subsample", 0.5, "subsample", "tree_train_param"),
        ("colsample", 0.25, "colsample_bytree", "tree_train_param"),
        ("l2", 2.5, "lambda", "tree_train_param"),
        ("max_bins", 64, "max_bin", "tree_train_param"),
    ],
    ids=lambda value: str(value),
)
def test_each_option_reaches_xgboost(option, value, key, section, build):
    config = json.loads(build(**{option: value}).save_config())

    assert float(config["learner"]["gradient_booster"][section][key]) == value
    assert option in plugins.options_of(plugins.find("models", "bdt"))


@pytest.mark.parametrize(
    "options",
    [{"min_child_weight": 5.0}, {"subsample": 0.5}, {"colsample": 0.4}, {"l2": 10.0}, {"max_bins": 4}],
    ids=lambda options: next(iter(options)),
)
def test_each_option_changes_the_trees(options, build, table):
    assert trees(trained(build(**options), table)) != trees(trained(build(), table))


def test_the_same_seed_gives_the_same_trees(build, table):
    first, again, other = (trees(trained(build(subsample=0.5), table, seed=seed)) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_a_saved_booster_answers_the_same(build, table, inputs, tmp_path):
    booster = trained(build(), table)
    booster.save_model(tmp_path / "model.ubj")
    sizes = np.cumsum([len(spec.features) for spec in inputs.values()])[:-1]
    tensors = dict(zip(inputs, np.split(table[0], sizes, axis=1), strict=True))

    scores = XgboostPredictor(tmp_path / "model.ubj").predict(tensors)

    np.testing.assert_array_equal(booster.inplace_predict(table[0]), scores)


def test_the_scale_of_an_input_does_not_matter(build, table):
    """Trees compare; 1024 is a power of two, so that no digit is lost."""
    scaled = (table[0] * np.float32(1024), table[1])

    np.testing.assert_array_equal(
        trained(build(), table).inplace_predict(table[0]), trained(build(), scaled).inplace_predict(scaled[0])
    )


def test_as_many_classes_as_outputs_are_told_apart(build, table):
    booster = trained(build(gives=OutputSpec(("x", "y", "z"), "softmax")), (table[0], np.arange(40) % 3))

    assert booster.inplace_predict(table[0]).shape == (40, 3)


def test_another_number_of_features_is_refused(build, table):
    with pytest.raises(xgboost.core.XGBoostError, match="Number of columns"):
        trained(build(), (table[0][:, :4], table[1]))


def test_a_padded_input_is_refused(build, padded):
    with pytest.raises(ValueError, match="bdt takes flat inputs, 'jets' is a padded collection; give it flat features"):
        build(given=padded)
