# Each target sets up .venv from requirements.lock by itself, once; nothing outside this folder is touched.

PYTHON ?= python3
CORES ?= $(shell $(PYTHON) -c "import os; print(len(os.sched_getaffinity(0)))")
# Factor on the number of simulated events: 0.1 for a quick look, 10 for a study.
SIZE ?= 1
# Names of files in config/, separated by commas; an empty one for all of them.
ANALYSES ?= hh_bbww,dimuon
# no: without learning curves and without further trainings of the same model, for a quick look.
STUDIES ?= $(or $(NANOLOOM_STUDIES),yes)
# At most so many for each training, to see that all works; as the analyses say where it is empty.
EPOCHS ?= $(NANOLOOM_EPOCHS)
READY := .venv/.ready
RUN := . .venv/bin/activate &&

.PHONY: run test test-all lint bench demo-htcondor format clean help

help:
	@echo "make run    simulate, train, score and report (ANALYSES=$(ANALYSES), SIZE=$(SIZE), CORES=$(CORES))"
	@echo "make test   the test suite          make test-all   with the slow tests"
	@echo "make lint   all checks of the code  make format     mend what can be mended"
	@echo "make bench  the benchmarks          make clean      remove products, logs and scratch"
	@echo "make demo-htcondor   hh_bbww at small size on a real HTCondor pool of this machine, compared with a local run (root, Debian)"

run: $(READY)
	$(RUN) NANOLOOM_STUDIES=$(STUDIES) NANOLOOM_EPOCHS=$(EPOCHS) snakemake --cores $(CORES) --workflow-profile snakemake/profiles/local --config size=$(SIZE) analyses=$(ANALYSES)

test: $(READY)
	$(RUN) python -m pytest -m "not slow" $(ARGS)

test-all: $(READY)
	$(RUN) python -m pytest $(ARGS)

lint: $(READY)
	$(RUN) ruff check . && ruff format --check . && mypy && codespell
	$(RUN) snakefmt --check Snakefile snakemake && snakemake --lint

format: $(READY)
	$(RUN) ruff check --fix . ; ruff format . ; snakefmt Snakefile snakemake

bench: $(READY)
	$(RUN) python -m benchmarks

demo-htcondor: $(READY)
	$(RUN) CORES=$(CORES) tests/cluster/demo_htcondor.sh

clean:
	rm -rf results logs .scratch .snakemake

# --no-compile, then all files at once on every core: three times faster than pip's own compiling.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { echo "error: Python 3.11 or newer is needed, this is $$($(PYTHON) -V). Run make PYTHON=python3.11."; exit 2; }
	@echo "Setting up .venv from requirements.lock; this is done once."
	$(PYTHON) -m venv .venv
	$(RUN) python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps -r requirements.lock
	$(RUN) python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	$(RUN) python -m compileall -q -j 0 .venv/lib > .venv/compileall.log || true
	@touch $(READY)
