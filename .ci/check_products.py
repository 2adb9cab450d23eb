"""Checks the products of `make run`: they are there, they agree with each other, and the physics came out."""

import json
import sys
from functools import partial
from math import hypot, sqrt
from pathlib import Path

import uproot

from pipeline.config import load_analysis
from pipeline.sizes import smaller_models

# Of each class in each fold: fewer are those of a quick look, on which networks learn nothing yet.
FEW_JETS = 2000
FILES = (
    "metrics.json",
    "roc.json",
    "yields.json",
    "histograms.root",
    "histograms.json",
    "report.html",
    "plan.json",
    "summary.json",
)


def check_files(folder: Path) -> None:
    """Every product is there and holds something."""
    for name in FILES:
        assert (folder / name).stat().st_size > 1, f"{folder / name} is empty"
    figures = {path.suffix: path for path in (folder / "figures").iterdir()}
    assert {".pdf", ".png"} <= set(figures), f"{folder}/figures lacks figures"


def check_yields(folder: Path) -> None:
    """The sum of each histogram of one number an event is the yield, cross section times luminosity times efficiency."""
    analysis = load_analysis(f"config/{folder.name}.yaml")
    yields = json.loads((folder / "yields.json").read_text(encoding="utf-8"))["datasets"]
    jagged = {"dimuon": {"mass", "muon_pt"}}.get(folder.name, set())
    with uproot.open(folder / "histograms.root") as file:
        for dataset, row in yields.items():
            if row["xsec_pb"] is not None:
                expected = row["xsec_pb"] * 1000 * analysis.lumi_inv_fb * row["efficiency"]
                assert abs(row["yield"] / expected - 1) < 1e-9, (dataset, row["yield"], expected)
            for name in set(analysis.histograms) - jagged:
                total = file[f"datasets/{dataset}/{name}"].values(flow=True).sum()
                assert abs(total / row["yield"] - 1) < 1e-9, (dataset, name, total, row["yield"])


def check_hh_bbww(metrics: dict) -> None:
    """Relative φ helps by more than the error, and no model is worse than a coin."""
    check_auc(metrics)
    gain = metrics["dnn_phi"]["paired"]["bdt"]["auc"]
    print(f"dnn_phi - bdt: {gain['value']:.4f} ± {gain['stat']:.4f}")
    assert gain["value"] > gain["stat"], gain


def check_auc(metrics: dict) -> None:
    """No model is worse than a coin."""
    for model, values in metrics.items():
        assert values["auc"]["value"] > 0.5 + 5 * values["auc"]["stat"], (model, values["auc"])
        print(f"{model:16} AUC {values['auc']['value']:.4f} ± {values['auc']['stat']:.4f}")


def check_jets(name: str, metrics: dict) -> None:
    """No model is worse than a coin, flattening leaves pt nothing to tell, and costs are told.

    After one epoch on some hundred jets, networks but the best one say only that they run.
    """
    models, smaller = load_analysis(f"config/{name}.yaml").models, smaller_models(load_analysis(f"config/{name}.yaml"))
    whole = {model: values for model, values in metrics.items() if model not in smaller}
    folds = next(iter(whole.values()))["n_train"]
    n_of_class = min(next(iter(whole.values()))["n_test_by_class"].values()) / len(folds)
    networks = sorted(
        (model for model in whole if models[model].architecture != "bdt"), key=lambda model: whole[model]["auc"]["value"]
    )
    left_out = networks[:-1] if n_of_class < FEW_JETS else []
    check_auc({model: values for model, values in whole.items() if model not in left_out})
    for model, values in metrics.items():
        speed = values.get("jets_per_second") or values["events_per_second"]
        costs = values["parameters"], values["train_seconds"]["value"], speed["value"]
        print(f"{model:23} AUC {values['auc']['value']:.4f}; {costs[0]} parameters, {costs[1]:.1f} s, {costs[2]:.0f}/s")
        assert min(costs) > 0, (model, costs)
    # Three standard deviations of the area of so many events that know nothing: 1/√(6 n) for n of either class.
    bound = 3 / sqrt(6 * n_of_class) if n_of_class < FEW_JETS else 0.01
    for model, values in whole.items():
        for variable, alone in values["flattening"].items():
            assert all(abs(auc - 0.5) < bound for auc in alone["after"]), (model, variable, alone, bound)


def check_qg_images(metrics: dict) -> None:
    """As of other jets; what colours give is told, since so few jets do not tell it from nothing."""
    check_jets("qg_images", metrics)
    gain = metrics["colour"]["paired"]["grey"]["auc"]
    print(f"colour - grey: {gain['value']:.4f} ± {gain['stat']:.4f}")


def check_ttbar(metrics: dict) -> None:
    """Measured peaks and the network of permutations are better than nominal masses; every method of momenta has errors."""
    for method, values in metrics.items():
        found, width = values["efficiency"]["top_had"], values["sigma68"]["top_had_pt"]
        print(f"{method:16} hadronic t found {found['value']:.3f} ± {found['stat']:.3f}, σ68 of its pt {width['value']:.3f}")
        assert width["stat"] > 0, (method, width)
    gain = metrics["chi2_nominal"]["paired"]["chi2_tuned"]["assignment"]["event"]
    print(f"chi2_nominal - chi2_tuned: {gain['value']:.3f} ± {gain['stat']:.3f}")
    assert gain["value"] < -5 * gain["stat"], gain
    nominal, network = (
        metrics[method]["classes"]["full"]["assignment"]["event"] for method in ("chi2_nominal", "permutations")
    )
    print(f"full events: chi2_nominal {nominal['value']:.3f}, permutations {network['value']:.3f} ± {network['stat']:.3f}")
    # A few hundred events teach it that; to beat measured peaks it needs tens of thousands (docs/top_pairs.md).
    assert network["value"] - nominal["value"] > 2 * hypot(network["stat"], nominal["stat"]), (network, nominal)


CHECKS = {
    "hh_bbww": check_hh_bbww,
    "qg_images": check_qg_images,
    "ttbar": check_ttbar,
    **{name: partial(check_jets, name) for name in ("jet_events", "jet_trees", "top_tagging", "w_images")},
}


def main() -> None:
    """Check each analysis below the folder that is given."""
    results = Path(sys.argv[1])
    for folder in sorted(path for path in results.iterdir() if (path / "plan.json").is_file()):
        check_files(folder)
        check_yields(folder)
        if folder.name in CHECKS:
            CHECKS[folder.name](json.loads((folder / "metrics.json").read_text(encoding="utf-8")))
        print(f"{folder.name}: products in order")


if __name__ == "__main__":
    main()
