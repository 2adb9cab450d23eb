import base64
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from markupsafe import Markup

from pipeline.errors import InputError
from pipeline.files import read_json, write_json
from pipeline.results.report import report
from pipeline.results.report_labels import html_label
from pipeline.results.report_runs import package_versions, runs_table
from pipeline.results.report_tables import (
    cutflow_table,
    efficiency,
    leaders,
    metrics_table,
    overtraining_table,
    paired_table,
)

BENCHMARK = "s\th:m:s\tmax_rss\tmax_vms\n{seconds}\t0:00:12\t{memory}\t-\n"


class Page(HTMLParser):
    """Every tag with its attributes, and whether all that was opened is closed."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag


@pytest.fixture
def logs_dir(tmp_path):
    folder = tmp_path / "logs"
    for stage, job, seconds, memory in (
        ("train", "dnn_0", 70, 500),
        ("train", "dnn_1", 130.5, 812.4),
        ("plan", "plan", 2, "-"),
    ):
        path = folder / stage / "toy" / f"{job}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(BENCHMARK.format(seconds=seconds, memory=memory), encoding="utf-8")
    return folder


@pytest.fixture
def figures(results_dir):
    """What `plot` leaves, without its pictures: two figures of one kind and one of another."""
    rows = [("roc", "ROC", "Rejection."), ("mass", "Distributions", "Events."), ("pt", "Distributions", "Events.")]
    write_json(
        results_dir / "figures" / "index.json", [dict(zip(("name", "group", "caption"), row, strict=True)) for row in rows]
    )
    for name, _, _ in rows:
        (results_dir / "figures" / f"{name}.png").write_bytes(name.encode())


@pytest.fixture
def page(analysis, results_dir, figures, config_path, logs_dir):
    out = results_dir / "report.html"
    report(analysis, results_dir, config_path=config_path, logs_dir=logs_dir, out=out, code_digest="c0de")
    return out.read_text(encoding="utf-8")


def test_the_page_needs_nothing_but_itself(page):
    links = [value for _, attrs in Page(page).tags for key, value in attrs.items() if key in {"href", "src"}]

    assert len(links) > 10
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in links)
    assert "url(" not in page
    assert "@import" not in page


def test_every_link_of_the_page_has_its_place(page):
    tags = Page(page).tags
    places = [attrs["id"] for _, attrs in tags if "id" in attrs]

    assert len(places) == len(set(places))
    assert {attrs["href"].removeprefix("#") for tag, attrs in tags if tag == "a"} <= set(places)


def test_the_page_is_closed_where_it_is_opened(page):
    assert Page(page).open == []


def test_every_figure_is_in_the_page(page, results_dir):
    images = {attrs["alt"]: attrs["src"] for tag, attrs in Page(page).tags if tag == "img"}
    contents = {name: base64.b64decode(source.partition(",")[2]) for name, source in images.items()}

    assert contents == {path.stem: path.read_bytes() for path in (results_dir / "figures").glob("*.png")}


def test_a_caption_that_figures_share_is_written_once(page):
    assert page.count("Events.") == 1


def test_text_of_the_user_is_escaped(page):
    assert "two &lt;muons&gt;" in page
    assert "H → μμ &lt;against&gt; Z" in page
    assert "<muons>" not in page
    assert "<against>" not in page


@pytest.mark.parametrize(
    "text",
    [
        "0.900 ± 0.011",  # an AUC
        "&gt; 512",  # a rejection that is only bounded
        "−0.020 ± 0.005",  # a paired difference
        "0.0099",  # a p-value
        "z_broken.root: It is truncated.",  # what was skipped, and why
        "c0de",  # the digest of the code
        "5e1ec7ed",  # and of that which selected the events
        "edges: [0, 20, 50, 200]",  # the configuration
        "500 pb<sup>−1</sup>",  # the luminosity
        "3 min 20 s",  # time of the training
        "812 MB",
        "12,345",  # parameters
        "25 ± 7",  # an efficiency in per cent
    ],
)
def test_the_page_tells(page, text):
    assert text in page


def test_the_same_products_give_the_same_page(analysis, results_dir, config_path, logs_dir, page):
    out = results_dir / "again.html"
    report(analysis, results_dir, config_path=config_path, logs_dir=logs_dir, out=out, code_digest="c0de")

    assert page == out.read_text(encoding="utf-8")


def test_without_benchmarks_the_page_has_no_table_of_times(analysis, results_dir, figures, config_path, tmp_path):
    out = tmp_path / "report.html"
    report(analysis, results_dir, config_path=config_path, logs_dir=tmp_path / "none", out=out, code_digest="c0de")

    assert "Time and memory" not in out.read_text(encoding="utf-8")


def test_without_figures_the_message_names_the_stage(analysis, results_dir, config_path, tmp_path):
    with pytest.raises(InputError, match="The stage 'plot' writes it"):
        report(analysis, results_dir, config_path=config_path, logs_dir=tmp_path, out=tmp_path / "r.html", code_digest="")


def entry(auc, **paired):
    differences = {model: {"auc": {"value": value, "stat": stat}} for model, (value, stat) in paired.items()}
    return {"auc": {"value": auc, "stat": 0.01}, "paired": differences}


def test_models_within_two_errors_of_the_best_lead_with_it():
    metrics = {
        "best": entry(0.95, near=(0.01, 0.006), far=(0.02, 0.009)),
        "near": entry(0.94, best=(-0.01, 0.006), far=(0.01, 0.01)),
        "far": entry(0.93, best=(-0.02, 0.009), near=(-0.01, 0.01)),
        "unknown": entry(None),
    }

    assert leaders(metrics) == {"best", "near"}
    assert leaders({}) == set()


def test_the_table_of_metrics_marks_the_best(analysis, results_dir):
    metrics = read_json(results_dir / "metrics.json", made_by="evaluate")
    table = metrics_table(analysis, metrics)

    assert [row.marked for row in table.rows] == [True, False]
    assert table.columns == ("Model", "AUC", "Accuracy", "Rejection at 30%", "Rejection at 50%", "Test events")
    assert [row.cells for row in paired_table(analysis, metrics).rows] == [("", "0.020 ± 0.005"), ("−0.020 ± 0.005", "")]


def test_efficiencies_of_the_cutflow_are_those_of_a_loop():
    weights = [(2.0, True, True), (1.0, True, False), (-1.0, True, True), (3.0, False, False), (1.0, False, False)]
    left = [[w for w, *c in weights if all(c[:n])] for n in range(3)]
    cuts = [{"cut": "", "n_events": len(ws), "sumw": sum(ws), "sumw2": sum(w * w for w in ws)} for ws in left]
    eff = 2.0 / 6.0
    variance = sum((w * (int(first) - eff)) ** 2 for w, first, _ in weights) / 36.0
    shown, error = efficiency(cuts[1], cuts[0]).removesuffix(" %").split(" ± ")

    assert float(shown) == pytest.approx(100 * eff, abs=5)
    assert float(error) == pytest.approx(100 * variance**0.5, rel=0.15)
    assert cutflow_table(cuts).rows[0].cells[2] == ""


def test_an_efficiency_of_nothing_is_not_known():
    nothing = {"sumw": 0.0, "sumw2": 0.0}

    assert efficiency(dict(nothing), nothing) == "–"


def test_stages_come_in_the_order_in_which_they_run(logs_dir):
    rows = runs_table(logs_dir, "toy").rows

    assert [row.head for row in rows] == ["plan", "train"]
    assert rows[0].cells == ("1", "2.0 s", "2.0 s", "–")
    assert rows[1].cells == ("2", "3 min 20 s", "2 min 10 s", "812 MB")
    assert runs_table(logs_dir, "other").rows == ()


def test_versions_are_told_without_importing_the_packages():
    code = "import sys; from pipeline.results.report import report; print([m for m in sys.modules if m in sys.argv])"
    heavy = ["matplotlib", "tensorflow", "keras", "coffea", "xgboost", "uproot"]
    loaded = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True).stdout

    assert loaded.strip() == "[]"
    assert re.fullmatch(r"\d+\.\d+.*", package_versions()["numpy"])


@pytest.mark.parametrize(
    ("label", "html"),
    [
        ("HH → bbWW", "HH → bbWW"),
        ("a < b & c", "a &lt; b &amp; c"),
        (
            r"$m_{T2}(bb, p_T^{\ell\ell} + p_T^{miss})$",
            "m<sub>T2</sub>(bb, p<sub>T</sub><sup>ℓℓ</sup> + p<sub>T</sub><sup>miss</sup>)",
        ),
        (r"$\Delta R_{bb}$", "ΔR<sub>bb</sub>"),
        (r"$|\Delta\phi_{bb,\ell\ell}|$ [rad]", "|Δφ<sub>bb,ℓℓ</sub>| [rad]"),
        (r"$H \to \mu\mu$", "H → μμ"),
        (r"$<b>$", "&lt;b&gt;"),
        (r"$\mathrm{fb}^{-1}$", "fb<sup>−1</sup>"),
        (r"$\unknown_1$", "unknown<sub>1</sub>"),
    ],
)
def test_labels_become_html(label, html):
    assert Markup(html) == html_label(label)


def test_overtraining_is_judged_by_the_p_value_of_shared_events(analysis, results_dir):
    metrics = read_json(results_dir / "metrics.json", made_by="evaluate")
    table = overtraining_table(analysis, metrics)

    assert table.columns[-2:] == ("p (bkg)", "p (sig)")
    assert table.rows[0].cells[-2:] == ("0.51", "0.0099")
    assert "share events" in table.caption


def test_a_model_without_a_comparison_has_dashes(analysis, results_dir):
    metrics = read_json(results_dir / "metrics.json", made_by="evaluate")
    table = overtraining_table(analysis, {"dnn": metrics["dnn"] | {"overtraining": None}})

    assert table.rows[0].cells == ("–",) * 5
