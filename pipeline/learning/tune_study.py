"""The trials of a search, kept in a journal from which a search that was killed goes on.

The journal is one JSON record a line, written by optuna: nothing is unpickled from it, several processes write to it, and it
needs no database, which few shared file systems carry.
"""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError, PipelineError
from pipeline.statistics.hashing import number_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.tuning import Domain, Tune

try:
    import optuna
    from optuna.storages.journal import JournalFileBackend
except ImportError as missing:
    raise InputError(
        "The stage 'tune' needs the package optuna, which is not installed. Expected the extra `tune` of nanoloom."
        " Type pip install nanoloom[tune], or pip install -e .[tune] in the repository."
    ) from missing

optuna.logging.set_verbosity(optuna.logging.ERROR)

STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running"}


@dataclass(frozen=True, slots=True)
class Trial:
    """What is known of one trial.

    Args:
        number: counted from 0.
        state: `running`, `complete`, `pruned` (others were better after as many epochs) or `failed`.
        values: by setting, what was tried.
        losses: by epoch, counted from 1, the validation loss.
        val_loss: of a complete trial, at the epoch whose weights are kept; else None.
        about: `best_epoch` and `n_parameters` of a complete trial, `reason` of one that failed.
    """

    number: int
    state: str
    values: dict[str, Any]
    losses: dict[int, float]
    val_loss: float | None
    about: dict[str, Any]


@dataclass(frozen=True)
class Study:
    """A search whose trials are in *journal*.

    Args:
        journal: its file; made if it is not there.
        name: of the search; Hyperband divides trials among its brackets by it and their number.
        tune: what is searched.
        epochs: the most that a trial has.
        seed: of what is proposed.
    """

    journal: Path
    name: str
    tune: Tune
    epochs: int
    seed: int

    def trials(self) -> list[Trial]:
        """All trials, in the order of their numbers."""
        return [_trial(frozen) for frozen in self._open().trials]

    def propose(self) -> int:
        """Begin a trial; its number. What it tries depends on the trials before and on the seed.

        It is drawn in a copy of the search and written at once, so that no kill leaves half of it.
        """
        study = self._open()
        copy = self._copy(study.trials)
        copy.sampler = self._sampler(len(study.trials))
        drawn = copy.ask({setting: _distribution(domain) for setting, domain in self.tune.search.items()})
        study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.RUNNING, params=drawn.params, distributions=drawn.distributions
            )
        )
        return int(drawn.number)

    def resume(self, number: int) -> Running:
        """The trial *number*, which is to run or had begun to."""
        return Running(self._open(), number, self.epochs)

    def is_pruned(self, number: int) -> bool:
        """Whether trial *number*, after the losses that it has reported, is to go on no longer.

        A kill may have come between this decision and the note of it, so it is made again, in a copy of the search.
        """
        trials = self._open().trials
        again = optuna.trial.create_trial(
            state=optuna.trial.TrialState.RUNNING, params=trials[number].params, distributions=trials[number].distributions
        )
        copy = Running(self._copy([*trials[:number], again, *trials[number + 1 :]]), number, self.epochs)
        return any(copy.is_worse(epoch, loss) for epoch, loss in sorted(trials[number].intermediate_values.items()))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other process may lead this search meanwhile; what a killed one left half written is cut off.

        Raises:
            PipelineError: another process does.
        """
        self.journal.parent.mkdir(parents=True, exist_ok=True)
        with self.journal.with_suffix(".leader").open("w", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise PipelineError(
                    f"Another process leads the search in {self.journal.parent}. Two would run the same trials twice."
                    " Wait for it, or end it."
                ) from error
            except OSError:  # a file system without locks
                pass
            self.journal.with_name(f"{self.journal.name}.lock").unlink(missing_ok=True)
            _cut_half_line(self.journal)
            yield

    def _open(self) -> Any:
        backend = JournalFileBackend(str(self.journal))
        return self._study(optuna.storages.JournalStorage(backend), load_if_exists=True)

    def _copy(self, trials: list[Any]) -> Any:
        """A search in memory with these *trials*."""
        copy = self._study(optuna.storages.InMemoryStorage(), load_if_exists=False)
        copy.add_trials(trials)
        return copy

    def _study(self, storage: Any, *, load_if_exists: bool) -> Any:
        return optuna.create_study(
            storage=storage,
            study_name=self.name,
            load_if_exists=load_if_exists,
            direction="minimize",
            sampler=optuna.samplers.RandomSampler(seed=self.seed),
            pruner=optuna.pruners.HyperbandPruner(self.tune.min_epochs, self.epochs, self.tune.reduction),
        )

    def _sampler(self, number: int) -> Any:
        """What proposes trial *number*: made anew for each, so that a search that goes on proposes what it would have."""
        seed = number_of(f"{self.seed}:{number}") % 2**32
        kinds = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}
        return kinds[self.tune.sampler](seed=seed)


class Running:
    """A trial that runs: what it reports decides whether it goes on."""

    def __init__(self, study: Any, number: int, epochs: int) -> None:
        self._study, self.number, self._epochs = study, number, epochs
        frozen = study.trials[number]
        self.known: dict[int, float] = dict(frozen.intermediate_values)
        # Its number in the file: optuna has no other way to go on with a trial.
        self._trial = optuna.trial.Trial(study, frozen._trial_id)

    def is_worse(self, epoch: int, loss: float) -> bool:
        """Note the validation *loss* after *epoch*; whether the trial is to end here, as others were better."""
        if epoch not in self.known:
            self.known[epoch] = loss
            self._trial.report(loss, epoch)
        return epoch < self._epochs and bool(self._trial.should_prune())

    def complete(self, val_loss: float, about: dict[str, Any]) -> None:
        """The trial has come to its end."""
        self._note(about)
        self._study.tell(self.number, val_loss)

    def prune(self) -> None:
        """The trial ends because others were better."""
        self._study.tell(self.number, state=optuna.trial.TrialState.PRUNED)

    def fail(self, reason: str) -> None:
        """Its settings cannot be trained with."""
        self._note({"reason": reason})
        self._study.tell(self.number, state=optuna.trial.TrialState.FAIL)

    def _note(self, about: dict[str, Any]) -> None:
        for key, value in about.items():
            self._trial.set_user_attr(key, value)


def _trial(frozen: Any) -> Trial:
    return Trial(
        number=frozen.number,
        state=STATES[frozen.state.name],
        values={name: _value(value, frozen.distributions[name]) for name, value in frozen.params.items()},
        losses=dict(sorted(frozen.intermediate_values.items())),
        val_loss=frozen.value if frozen.state == optuna.trial.TrialState.COMPLETE else None,
        about=dict(frozen.user_attrs),
    )


def _distribution(domain: Domain) -> Any:
    if domain.choices is not None:
        # As text, since optuna takes no lists.
        return optuna.distributions.CategoricalDistribution([json.dumps(choice) for choice in domain.choices])
    low, high = domain.ends
    if domain.integers is not None or domain.log_integers is not None:
        return optuna.distributions.IntDistribution(low, high, log=domain.log_integers is not None)
    return optuna.distributions.FloatDistribution(low, high, log=domain.log is not None)


def _value(drawn: Any, distribution: Any) -> Any:
    return json.loads(drawn) if isinstance(distribution, optuna.distributions.CategoricalDistribution) else drawn


def _cut_half_line(path: Path) -> None:
    """Remove what stands behind the last end of a line in *path*: a record that was not written to its end."""
    with suppress(FileNotFoundError), path.open("rb+") as file:
        file.truncate(file.read().rfind(b"\n") + 1)
