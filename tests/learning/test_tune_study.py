"""The journal of a search: proposals by seed, pruning, and what a kill may leave in it."""

import json
from itertools import pairwise

import pytest

from pipeline.errors import PipelineError
from pipeline.learning.tune_study import Study
from pipeline.tuning import Tune

SEARCH = {
    "options.units": {"choices": [[4], [8, 8], "wide"]},
    "options.dropout": {"uniform": [0.0, 0.5]},
    "training.learning_rate": {"log": [1e-4, 1e-1]},
    "options.blocks": {"integers": [1, 4]},
    "training.batch_size": {"log_integers": [16, 1024]},
}


@pytest.fixture
def make_study(tmp_path):
    """Function that makes a search with some settings, in a journal of its own or in that of *name*."""

    def make(name="a", *, seed=1, epochs=4, **settings):
        (tmp_path / name).mkdir(exist_ok=True)
        tune = Tune(search=SEARCH, reduction=2, **settings)
        return Study(tmp_path / name / "journal.jsonl", "toy/m", tune, epochs, seed)

    return make


def loss_of(values):
    """Something to be found: 1e-2 is the best learning rate, and dropout harms."""
    return abs(values["training.learning_rate"] - 1e-2) + values["options.dropout"]


def run(study, number, *, stop_after=99):
    """Report a loss that falls from epoch to epoch, until the trial is complete or pruned, or was stopped after an epoch."""
    running, found = study.resume(number), loss_of(study.trials()[number].values)
    if study.is_pruned(number):
        running.prune()
        return
    for epoch in range(1, study.epochs + 1):
        is_worse = running.is_worse(epoch, found + 1 / epoch)
        if epoch == stop_after:
            return
        if is_worse:
            running.prune()
            return
    running.complete(found, {"best_epoch": study.epochs})


def search(study, n_trials):
    for _ in range(n_trials):
        run(study, study.propose())
    return study.trials()


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_the_same_seed_proposes_the_same_trials(sampler, make_study):
    first, again, other = (
        search(make_study(name, seed=seed, sampler=sampler), 12) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )

    assert first == again
    assert [trial.values for trial in first] != [trial.values for trial in other]


def test_proposals_lie_in_what_is_searched(make_study):
    for trial in search(make_study(epochs=1), 15):
        values = trial.values
        assert values["options.units"] in ([4], [8, 8], "wide")
        assert 0 <= values["options.dropout"] <= 0.5
        assert 1e-4 <= values["training.learning_rate"] <= 1e-1
        assert isinstance(values["options.blocks"], int)
        assert 1 <= values["options.blocks"] <= 4
        assert isinstance(values["training.batch_size"], int)
        assert 16 <= values["training.batch_size"] <= 1024


def test_most_trials_end_early_and_the_better_ones_go_on(make_study):
    trials = search(make_study(sampler="random"), 20)

    epochs = {state: [len(t.losses) for t in trials if t.state == state] for state in ("complete", "pruned")}
    assert set(epochs["complete"]) == {4}
    assert set(epochs["pruned"]) == {1, 2}, "rungs of Hyperband with a reduction by 2"
    assert sum(epochs["complete"] + epochs["pruned"]) < 0.75 * 4 * len(trials)
    best = min(trials, key=lambda trial: loss_of(trial.values))
    assert best.state == "complete"


def test_what_is_proposed_learns_from_the_trials_before(make_study):
    """After ten random ones, proposals are better than dice."""
    learned = [loss_of(trial.values) for trial in search(make_study("a", epochs=1), 30)[10:]]
    thrown = [loss_of(trial.values) for trial in search(make_study("b", epochs=1, sampler="random"), 30)[10:]]

    assert sum(learned) < 0.8 * sum(thrown)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_search_that_is_opened_again_goes_on_as_if_it_had_not_been_closed(sampler, make_study):
    alone = search(make_study("alone", sampler=sampler), 12)

    for _ in range(12):  # each time another process, as it were
        search(make_study("again", sampler=sampler), 1)

    assert make_study("again", sampler=sampler).trials() == alone


@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_a_trial_that_was_killed_goes_on_to_the_same_end(stop_after, make_study):
    """A kill may also come between the report of an epoch and the note that the trial is pruned."""
    alone = search(make_study("alone"), 12)

    killed = make_study("killed")
    for _ in range(12):
        number = killed.propose()
        run(killed, number, stop_after=stop_after)
        if killed.trials()[number].state == "running":
            run(make_study("killed"), number)

    assert killed.trials() == alone


def test_a_line_that_was_not_written_to_its_end_is_cut_off(make_study):
    study = make_study()
    before = search(study, 3)
    with study.journal.open("a", encoding="utf-8") as file:
        file.write('{"op_code":4,"worker_id":"x"')

    with study.alone():
        after = search(make_study(), 1)

    assert after[:3] == before
    assert len(after) == 4


def test_a_lock_of_a_killed_process_is_taken_away(make_study):
    study = make_study()
    search(study, 1)
    study.journal.with_name("journal.jsonl.lock").symlink_to(study.journal)

    with study.alone():
        assert len(search(make_study(), 1)) == 2


def test_two_processes_do_not_lead_one_search(make_study):
    with (
        make_study().alone(),
        pytest.raises(
            PipelineError, match=r"Another process leads the search in .*a. Two would run .* Wait for it, or end it"
        ),
        make_study().alone(),
    ):
        pytest.fail("both lead")


def test_a_failed_trial_says_why_and_teaches_nothing(make_study):
    study = make_study()
    study.resume(study.propose()).fail("Epoch 1 has loss nan")

    (trial,) = study.trials()

    assert (trial.state, trial.val_loss, trial.about) == ("failed", None, {"reason": "Epoch 1 has loss nan"})


def test_the_journal_is_json_line_by_line(make_study):
    study = make_study()
    search(study, 4)

    lines = study.journal.read_text(encoding="utf-8").splitlines()

    assert len(lines) > 4
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert all(first.number + 1 == second.number for first, second in pairwise(study.trials()))
