"""Gradient-boosted decision trees on flat inputs, by xgboost."""

from __future__ import annotations

import xgboost


def build(
    inputs,
    outputs,
    *,
    max_depth=4,
    min_child_weight=1.0,
    subsample=1.0,
    colsample=1.0,
    l2=1.0,
    max_bins=256,
) -> xgboost.Booster:
    """An untrained booster; the number of rounds and the learning rate are those of the training.

    Input shape: (batch, n_features) for each of *inputs*. Output shape: (batch, n_outputs).

    Args:
        inputs: by name, the tensors (`pipeline.stream.spec.InputSpec`); trees need no scales.
        outputs: names of the outputs (`pipeline.stream.spec.OutputSpec`).
        max_depth: of a tree.
        min_child_weight: smallest sum of weights in a leaf.
        subsample: fraction of the events that a round sees.
        colsample: fraction of the features that a tree sees.
        l2: penalty on the squared leaf values.
        max_bins: number of bins into which each feature is cut.

    Raises:
        ValueError: an input is a padded collection, or xgboost does not take a value.

    Source: Chen and Guestrin, arXiv:1603.02754; https://xgboost.readthedocs.io/en/stable/parameter.html
    """
    for spec in inputs.values():
        if spec.kind != "flat":
            raise ValueError(f"bdt takes flat inputs, {spec.name!r} is a {spec.kind} collection; give it flat features")
    booster = xgboost.Booster(
        {
            "tree_method": "hist",
            "max_depth": max_depth,
            "min_child_weight": min_child_weight,
            "subsample": subsample,
            "colsample_bytree": colsample,
            "reg_lambda": l2,
            "max_bin": max_bins,
            "num_class": outputs.size,
            "num_feature": sum(len(spec.features) for spec in inputs.values()),
        }
    )
    booster.save_config()  # xgboost looks at its parameters late: a wrong one is to show here
    return booster
