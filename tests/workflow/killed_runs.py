"""The kinds of runs that `test_kill.py` kills: what is started, who of it may be killed, and what is said then."""

import json
import time

import psutil

from tests.workflow.kill import Run, finish, python

ON_LOOPBACK = ("--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0")


class Stage(Run):
    """A stage with two workers on this machine; killed is the stage."""

    def start(self):
        return python(self.folder, "-m", "pipeline", *self.stage, "--config", "config/toy.yaml", "--workers", "2")


class Worker(Stage):
    """The same; killed is a worker."""

    def victims(self, family):
        return workers_among(family)

    def check_failure(self, said):
        assert "error: A worker (on this machine) died over " in said or "error: The 2 workers on this machine have" in said


class Scheduler(Run):
    """A stage that works for a scheduler of dask, which runs already with two workers; killed is the scheduler."""

    def __enter__(self):
        where = ("--scheduler-file", "scheduler.json")
        scheduler = python(self.folder, "-m", "distributed.cli.dask_scheduler", "--port", "0", *ON_LOOPBACK, *where)
        workers = python(self.folder, "-m", "distributed.cli.dask_worker", "--nworkers", "2", "--nthreads", "1", *where)
        self.farm = [scheduler, workers]
        return self

    def __exit__(self, *_):
        """Workers of a scheduler that is gone would wait for a new one."""
        for process in self.farm:
            for one in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
                one.kill()
            process.kill()
            process.communicate()
        (self.folder / "scheduler.json").unlink(missing_ok=True)

    def start(self):
        return python(self.folder, "-m", "pipeline", *self.stage, "--config", "config/toy.yaml", "--scale", self.address())

    def start_again(self):
        self.__exit__()
        return self.__enter__().start()

    def address(self):
        """Of the scheduler, once it has written it."""
        while True:
            try:
                return json.loads((self.folder / "scheduler.json").read_text(encoding="utf-8"))["address"]
            except (FileNotFoundError, ValueError):
                time.sleep(0.05)

    def victims(self, family):
        # From when the stage has found it: one that is not there at all is another fault, and takes 30 s to be told.
        port = int(self.address().rpartition(":")[2])
        return self.farm_victims() if any(has_connection(process, port) for process in family[:1]) else []

    def farm_victims(self):
        """Who of those that run already."""
        return [psutil.Process(self.farm[0].pid)]

    def check_failure(self, said):
        assert "error: The connection to the workers (of tcp://" in said or "error: The scheduler tcp://" in said


class FarmWorker(Scheduler):
    """The same; killed is one of its workers, which is started again by those who started it: the stage ends well."""

    def farm_victims(self):
        return workers_among(psutil.Process(self.farm[1].pid).children(recursive=True))

    def check_failure(self, said):
        raise AssertionError(said)


class Snakemake(Run):
    """The whole chain up to the metrics; killed is Snakemake, twice."""

    n_kills = 2

    def start(self, *options):
        chosen = ("--cores", "2", *options, "--config", "analyses=toy", "--", "results/toy/metrics.json")
        return python(self.folder, "-m", "snakemake", *chosen)

    def start_again(self):
        finish(python(self.folder, "-m", "snakemake", "--unlock", "--config", "analyses=toy"))
        return self.start("--rerun-incomplete")


class Training(Run):
    """A training; killed twice, each time after it was kept."""

    n_kills = 2

    def __init__(self, *given):
        super().__init__(*given)
        (model,) = (word for word in self.stage if word in ("dnn", "bdt"))
        self.checkpoint = self.folder / f"results/toy/checkpoints/{model}/fold0.npz"
        self.before, self.n_kept = 0, 0

    def start(self):
        self.before = self.written()
        return super().start()

    def start_again(self):
        self.n_kept += self.checkpoint.exists()  # else it was killed when it was complete
        return self.start()

    def written(self):
        """When the training was last kept."""
        try:
            return self.checkpoint.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def victims(self, family):
        return family[:1] if self.written() > self.before else []

    def check_end(self, said):
        assert said.count("Going on after") == self.n_kept


def workers_among(family: list[psutil.Process]) -> list[psutil.Process]:
    """The processes that do the work of dask's workers."""
    found = []
    for process in family:
        try:
            found += [process] if "spawn_main" in " ".join(process.cmdline()) else []
        except psutil.NoSuchProcess:
            continue
    return found


def has_connection(process: psutil.Process, port: int) -> bool:
    """Whether it has one to a port."""
    try:
        return any(each.raddr and each.raddr.port == port for each in process.net_connections(kind="tcp"))
    except psutil.NoSuchProcess:
        return False
