from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from pipeline.config import load_analysis
from pipeline.errors import InputError
from pipeline.files import read_json, write_json
from pipeline.results.figures.products import read_products
from pipeline.results.plot import list_drawings, plot, save

NAMES = [
    *("roc", "roc_linear", "dnn_overtraining", "bdt_overtraining", "mass", "pt", "dnn_score", "bdt_score"),
    *("mass_shape", "pt_shape", "dnn_loss", "bdt_loss"),
]


def test_every_figure_is_written_twice_and_listed(analysis, results_dir):
    steps = []
    folder = plot(analysis, results_dir, progress=lambda done, total: steps.append((done, total)))

    files = {f"{name}.{end}" for name in NAMES for end in ("pdf", "png")}
    assert {path.name for path in folder.iterdir()} == {*files, "index.json"}
    rows = read_json(folder / "index.json", made_by="plot")
    assert [row["name"] for row in rows] == NAMES
    assert all(set(row) == {"name", "group", "caption"} and all(row.values()) for row in rows)
    assert steps == [(done, len(NAMES)) for done in range(1, len(NAMES) + 1)]
    assert plt.get_fignums() == []


def test_the_same_products_give_the_same_bytes(analysis, results_dir, tmp_path):
    for drawing in list_drawings(read_products(analysis, results_dir))[::4]:
        for copy in ("first", "second"):
            save(drawing.draw(), tmp_path / copy)
        for suffix in ("png", "pdf"):
            assert (tmp_path / f"first.{suffix}").read_bytes() == (tmp_path / f"second.{suffix}").read_bytes(), drawing.name


def test_figures_of_an_older_configuration_do_not_stay(analysis, results_dir):
    old = results_dir / "figures" / "old.png"
    old.parent.mkdir()
    old.touch()
    write_json(results_dir / "histograms.json", {})
    plot(analysis, results_dir)
    index = read_json(results_dir / "figures" / "index.json", made_by="plot")

    assert {path.name for path in old.parent.iterdir()} == {
        *(f"{drawing['name']}.{end}" for drawing in index for end in ("pdf", "png")),
        "index.json",
    }
    assert {"bdt_loss", "dnn_loss"} <= {drawing["name"] for drawing in index}


def test_metrics_of_other_models_are_named(analysis, results_dir):
    """As of a run without its studies."""
    metrics = read_json(results_dir / "metrics.json", made_by="evaluate")
    write_json(results_dir / "metrics.json", {"dnn": metrics["dnn"]})

    with pytest.raises(InputError, match=r"metrics\.json has no model 'bdt', which config/toy\.yaml names\."):
        plot(analysis, results_dir)


def test_a_failure_leaves_the_older_figures_as_they_were(analysis, results_dir):
    old = results_dir / "figures" / "old.png"
    old.parent.mkdir()
    old.touch()

    def interrupted(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plot(analysis, results_dir, progress=interrupted)

    assert [path.name for path in old.parent.iterdir()] == ["old.png"]
    assert not list(results_dir.glob(".figures*"))


@pytest.mark.parametrize("name", ["histograms", "roc", "metrics", "yields"])
def test_a_missing_product_names_the_stage_that_makes_it(analysis, results_dir, name):
    (results_dir / f"{name}.json").unlink()

    with pytest.raises(InputError, match=rf"No .*{name}\.json\. The stage 'evaluate' writes it"):
        plot(analysis, results_dir)


def test_two_figures_with_one_name_are_an_error(analysis, results_dir):
    products = read_products(analysis, results_dir)
    histograms = {**analysis.histograms, "mass_shape": analysis.histograms["mass"]}
    filled = {**products.histograms, "mc/mass_shape": products.histograms["mc/mass"]}
    filled["processes/z/mass_shape"] = filled["processes/z/mass"]
    clash = replace(products, analysis=analysis.model_copy(update={"histograms": histograms}), histograms=filled)

    with pytest.raises(InputError, match=r"Two figures of analysis 'toy' are called 'mass_shape'\..*Rename"):
        list_drawings(clash)


def test_entries_are_not_called_events(analysis, results_dir):
    products = read_products(analysis, results_dir)

    assert products.counted("mass") == "Events"
    assert products.counted("pt") == "Entries"


def test_the_signal_is_kept_apart_from_the_backgrounds(analysis, results_dir):
    signals, backgrounds = read_products(analysis, results_dir).processes("mass")

    assert [layer.label for layer in signals] == [r"$H \to \mu\mu$"]
    assert [layer.color for layer in backgrounds] == ["#ffa90e"]


def test_an_analysis_without_task_has_only_its_distributions(config_path, results_dir):
    lines = config_path.read_text(encoding="utf-8").splitlines()
    learned = ("task:", "inputs:", "models:", "  dnn:", "  bdt:")
    config_path.write_text("\n".join(line for line in lines if not line.startswith(learned)), encoding="utf-8")
    for name in ("roc", "metrics"):
        write_json(results_dir / f"{name}.json", {})
    plain = load_analysis(config_path)

    assert [drawing.name for drawing in list_drawings(read_products(plain, results_dir))] == ["mass", "pt"]


def test_an_empty_entry_of_a_history_is_not_known(analysis, results_dir):
    history = read_products(analysis, results_dir).histories["dnn"][1]

    assert history.epoch.tolist() == [1, 2]
    assert history.val_loss[0] == 0.71
    assert history.val_loss[1] != history.val_loss[1]


@pytest.mark.parametrize("path", sorted(Path("config").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_label_can_be_written(path):
    """A glyph that the fonts do not have is a warning, and warnings are errors."""
    from pipeline.results.figures.style import Header, one_panel, stamp, styled

    analysis = load_analysis(path)
    labels = [axis.label for axis in analysis.histograms.values()]
    labels += [process.label for process in analysis.processes.values()]
    labels += [model.label or name for name, model in analysis.models.items()]

    @styled
    def draw():
        figure, axes = one_panel()
        for label in labels:
            axes.plot([0, 1], [0, 1], label=label)
        axes.legend()
        stamp(axes, Header(analysis.energy_tev, analysis.lumi_inv_fb))
        figure.canvas.draw()
        return len(axes.get_legend().get_texts())

    assert len(labels) == draw()
