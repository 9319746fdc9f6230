# `make help` lists the targets. Everything runs in .venv, installed from requirements.txt.
PYTHON ?= python3
VENV ?= .venv
export PATH := $(abspath $(VENV))/bin:$(PATH)
.DEFAULT_GOAL := help
PARTS = extraction training kernels disk memory overhead scale
REV ?= main
# The stages whose files are small or slow to make; `dvc pull` fetches these.
LIGHT = decode find_duplicates split summarize time_training inspect_network draw gram train tune fuse \
	tune_fusion softmax knn learning_curve similarity pca
# For `make repro QUIET=1`: no progress bars.
export TQDM_DISABLE := $(if $(QUIET),1,$(TQDM_DISABLE))
OPTIONAL = solver precision left_out duplicates tweaks
.PHONY: help demo repro pull-kernels experiments compare test lint format memory bench bench-optional faults clean clean-partial

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# An environment of another Python is made anew.
$(VENV)/.made: requirements.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("expected Python 3.11 or newer; \
	found %d.%d. Next: make PYTHON=<a newer python> ..." % v[:2])'
	@test "$$($(VENV)/bin/python -V 2>&1)" = "$$($(PYTHON) -V)" || rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --requirement requirements.txt
	touch $@

demo: $(VENV)/.made ## run the whole pipeline on generated scenes, in build/demo; needs the package index only
	tests/support/scratch.sh build/demo params.demo.yaml
	cd build/demo && python -m stages.check --names && dvc repro --quiet
	@echo 'In this folder: build/demo/results/report.html'

repro: $(VENV)/.made ## run the study; stages whose weights are unavailable do not stop the others; QUIET=1
	python -m stages.check --names
	python -m stages.forecast
	dvc repro --keep-going $(if $(QUIET),--quiet) || { dvc repro --single-item similarity report; exit 1; }

pull-kernels: $(VENV)/.made ## pull all but images, weights and features: enough for another svm.C
	dvc pull $(LIGHT)
	dvc pull $$(grep -o 'data/timings/extract/[^ ]*\.json' dvc.lock | sort -u) # DVC mixes no files with stages

experiments: $(VENV)/.made ## what differs between this folder, the last commit and experiments, on one screen
	dvc exp show --only-changed --no-pager --drop '(data|stages)/.*|results/summary/(?!best).*'

compare: $(VENV)/.made ## compare the results with those of another branch, with a test: make compare REV=main
	python -m stages.compare $(REV)

test: $(VENV)/.made lint ## run all checks
	pytest

lint: $(VENV)/.made ## run ruff and mypy
	ruff check . && ruff format --check . && mypy

format: $(VENV)/.made ## format the code and apply ruff's fixes
	ruff check --fix . && ruff format .

faults: $(VENV)/.made ## test kills, full disks, hostile files and servers; ten minutes
	pytest -m faults tests/faults

memory: $(VENV)/.made ## measure peak memory on the widest layer; ten minutes, needs SCENE15=<copy of 15 Scene>
	tests/support/scratch.sh build/memory tests/support/params.memory.yaml
	cd build/memory && SCENE15=$(abspath $(SCENE15)) dvc repro

bench: $(VENV)/.made ## benchmarks/README.md anew, after `make repro` on an idle machine; 25 minutes
	test -e build/demo/dvc.lock || $(MAKE) demo
	set -e; for part in $(PARTS); do python -m benchmarks.parts.$$part; done
	python -m benchmarks.harness.page

bench-optional: $(VENV)/.made ## the other benchmarks; 100 minutes, a C++ compiler, 6.7 GB for thingsvision
	python -m benchmarks.harness.thingsvision
	set -e; for part in extraction $(OPTIONAL); do python -m benchmarks.parts.$$part; done
	python -m benchmarks.harness.page

clean-partial: ## remove the partial work of interrupted extractions
	rm -rf data/partial

clean: ## remove build results and tool caches; keep DVC's cache and the environment
	rm -rf build dvc_plots .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
