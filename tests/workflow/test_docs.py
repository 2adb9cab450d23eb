"""What the documentation shows runs as it stands there."""

import re

import numpy as np
import pytest
import yaml

from pipeline import plugins
from pipeline.checks import check_tune
from pipeline.config import Training, load_analysis
from pipeline.stream.spec import InputSpec, OutputSpec


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


@pytest.mark.samples
def test_the_analysis_of_the_documentation_runs(new_project, cms_samples, pytestconfig):
    text = (pytestconfig.rootpath / "docs/adding.md").read_text(encoding="utf-8")
    project = new_project()
    (project.folder / "processors/zpt.py").write_text(blocks(text, "python")[0], encoding="utf-8")
    # The same file, already fetched for the other tests.
    analysis = re.sub(r"fetch: \{.*\}", f"files: [{cms_samples}/nano_dimuon.root]", blocks(text, "yaml")[0])
    (project.folder / "config/zpt.yaml").write_text(analysis, encoding="utf-8")

    assert "is in order" in project.run("pipeline", "check", "config/zpt.yaml")
    project.run("snakemake", "--cores", "2", "results/zpt/report.html")

    assert (project.folder / "results/zpt/figures/pt.png").stat().st_size > 1000


def test_the_model_of_the_documentation_builds(pytestconfig, tmp_path):
    text = (pytestconfig.rootpath / "docs/adding.md").read_text(encoding="utf-8")
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "residual.py").write_text(blocks(text, "python")[1], encoding="utf-8")
    spec = InputSpec("event", ("a", "b"), np.zeros(2, np.float32), np.ones(2, np.float32))

    model = plugins.load("models", "residual", root=tmp_path).build(
        {"event": spec}, OutputSpec(("x", "y"), "softmax"), width=8
    )

    assert plugins.options_of(folder / "residual.py") == ("width", "blocks")
    assert plugins.framework_of(folder / "residual.py") == "keras"
    assert model.output_shape == (None, 2)


def test_the_flattening_of_the_documentation_is_valid(pytestconfig):
    text = (pytestconfig.rootpath / "docs/adding.md").read_text(encoding="utf-8")

    flatten = Training.model_validate(yaml.safe_load(blocks(text, "yaml")[1])["training"]).flatten

    assert [binned.n_bins for binned in flatten.variables.values()] == [7, 10]


def test_the_search_of_the_documentation_is_valid(pytestconfig, tmp_path):
    root = pytestconfig.rootpath
    text = (root / "docs/adding.md").read_text(encoding="utf-8")
    (given,) = [block for block in blocks(text, "yaml") if block.startswith("tune:")]
    content = yaml.safe_load((root / "config/hh_bbww.yaml").read_text(encoding="utf-8"))
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**content, **yaml.safe_load(given)}), encoding="utf-8")
    analysis = load_analysis(path)

    check_tune(analysis, root)

    assert set(analysis.tune["dnn"].options()) == {"units", "dropout"}


def test_the_yaml_of_the_readme_is_valid(pytestconfig, tmp_path):
    text = (pytestconfig.rootpath / "README.md").read_text(encoding="utf-8")
    datasets = yaml.safe_load(blocks(text, "yaml")[0])["datasets"]
    processes = {name: {"label": name} for name in ("tt", "data")}
    content = {"title": "t", "processor": "dimuon", "energy_tev": 13, "lumi_inv_fb": 1.0}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**content, "datasets": datasets, "processes": processes}), encoding="utf-8")

    assert set(load_analysis(path).datasets) == {"ttbar", "data"}
