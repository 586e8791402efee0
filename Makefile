# Everything a fresh machine with Python 3.11+ and make needs. `make help` lists the targets.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.installed
LOWEST := $(VENV)/lowest
NNUNET := $(VENV)/nnunet
OUTPUT ?= output/demo
WEIGHTS_OUTPUT ?= output/liver_phantom
# Its own dependencies are for networks that are not offered here, and pull in another torch.
NNUNET_NETWORKS := dynamic-network-architectures==0.4.4
# nnU-Net, and what it imports of images' networks. This torchvision is the last without code that only the torch of its
# own build can load: beside a CPU build it lacks operators that nobody here uses. It is for Python 3.11.
NNUNET_ITSELF := nnunetv2==2.8.1 timm==1.0.22 torchvision==0.15.2 $(NNUNET_NETWORKS)

.DEFAULT_GOAL := help
.PHONY: types help install demo gallery liver-phantom test test-integration test-random test-lowest test-nnunet package fuzz kill-test check docs format table table-quick table-drive table-drive-quick figures-ircadb radius-table benchmark-preprocessing gpu-check clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-26s %s\n", $$1, $$2}'

install: $(READY) ## Make .venv with everything in it

$(READY): requirements.txt requirements-dev.txt
	$(PYTHON) -c 'import sys; sys.exit("Ramify needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --upgrade pip
	$(RUN) -m pip install --quiet -r requirements.txt -r requirements-dev.txt
	$(RUN) -m pip install --quiet --no-deps $(NNUNET_NETWORKS)
	$(RUN) -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## Phantoms from raw CT to evaluated segmentation, in minutes on two cores
	$(RUN) demo.py --output $(OUTPUT)

liver-phantom: $(READY) ## Train weights for liver vessels on phantoms alone: an hour and a half of one core, gone on with when stopped
	$(RUN) synthesise.py --config configs/synthesis/liver.yaml --output $(WEIGHTS_OUTPUT)/cases
	$(RUN) train.py --config configs/weights/liver_phantom.yaml --cases $(WEIGHTS_OUTPUT)/cases \
		--output $(WEIGHTS_OUTPUT)/run --resume
	$(RUN) export.py --checkpoint $(WEIGHTS_OUTPUT)/run --slim $(WEIGHTS_OUTPUT)/liver-phantom.pt

gallery: $(READY) ## Draw the pictures of README and docs afresh from the demo's output, after make demo
	$(RUN) docs/gallery.py --demo $(OUTPUT)

test: $(READY) ## Pass the tests
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n 2 --dist worksteal -p no:randomly -m "not integration"

test-integration: $(READY) ## Pass those that take many seconds each: trainings, whole commands one after another
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n 2 --dist worksteal -p no:randomly -m integration

test-random: $(READY) ## All tests in a random order, whose seed is printed
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n 2 --dist worksteal

fuzz: $(READY) ## Read 10,000 damaged files: each is read, or refused in one line
	OMP_NUM_THREADS=1 $(RUN) -m tests.fuzzing --count 10000

kill-test: $(READY) ## Kill every command at any moment, 100 times in all, and see that nothing is lost
	$(RUN) -m tests.killing --kills 100

test-lowest: ## Pass the tests with the oldest packages that pyproject.toml allows: 7 GB, for torch comes with CUDA
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet uv
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct \
		-r pyproject.toml -r requirements-dev.txt
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python --no-deps $(NNUNET_NETWORKS)
	OMP_NUM_THREADS=1 $(LOWEST)/bin/python -m pytest -n 2 --dist worksteal -p no:randomly

test-nnunet: $(NNUNET)/.installed ## Pass the tests inside nnU-Net, in an environment of its own: ten minutes on two cores
	OMP_NUM_THREADS=1 $(NNUNET)/bin/python -m pytest -p no:cacheprovider tests/nnunet tests/transforms tests/data/augmentations/test_batchgeneratorsv2.py

$(NNUNET)/.installed: requirements.txt requirements-nnunet.txt
	$(PYTHON) -m venv $(NNUNET)
	$(NNUNET)/bin/python -m pip install --quiet --upgrade pip
	$(NNUNET)/bin/python -m pip install --quiet -r requirements.txt
	$(NNUNET)/bin/python -m pip install --quiet -r requirements-nnunet.txt $$(grep -E '^(pytest|hypothesis)==' requirements-dev.txt)
	$(NNUNET)/bin/python -m pip install --quiet --no-deps $(NNUNET_ITSELF)
	@touch $@

package: $(READY) ## Build wheel and sdist, install the wheel elsewhere, and use every command of it
	$(RUN) -m tests.packaging

check: $(READY) types ## Lint, format and types
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

# Type checkers do not run ramify/__init__.py, which finds the rooms beside it: they are shown ramify/ROOM.
ROOMS := $(filter-out benchmarks,$(patsubst %/__init__.py,%,$(wildcard */__init__.py)))
types:
	rm -rf .types && mkdir -p .types/ramify
	ln -s $(addprefix ../../,$(filter-out ramify,$(ROOMS)) $(wildcard *.py ramify/*)) .types/ramify

docs: $(READY) types ## Build the pages and those of the public names into output/site; a broken link ends it
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict
	@echo "output/site/index.html; with its search: python3 -m http.server --directory output/site"

format: $(READY) ## Rewrite the code in the project's format
	$(RUN) -m ruff format .
	$(RUN) -m ruff check --fix .

table: $(READY) ## Table 1 of the paper on phantoms, with verdicts: less than an hour on two cores, goes on if interrupted
	$(RUN) experiment.py configs/experiments/sam_table1.yaml --workers 2

table-quick: $(READY) ## The same in about two minutes: it shows that everything runs, and nothing else
	$(RUN) experiment.py configs/experiments/sam_table1.yaml configs/experiments/quick.yaml --workers 2

table-drive: $(READY) ## Losses and networks on DRIVE's test set, with the second observer: make table-drive DATA=folder with training and test
	@test -n "$(DATA)" || { echo "error: say where DRIVE is: make table-drive DATA=folder with training/ and test/" >&2; exit 2; }
	$(RUN) experiment.py configs/experiments/table_drive.yaml --root $(DATA) --workers 2

table-drive-quick: $(READY) ## The same with networks that learn nothing: it shows that everything runs
	@test -n "$(DATA)" || { echo "error: say where DRIVE is: make table-drive-quick DATA=folder with training/ and test/" >&2; exit 2; }
	$(RUN) experiment.py configs/experiments/table_drive.yaml configs/experiments/quick_2d.yaml --root $(DATA) --workers 2

figures-ircadb: $(READY) ## Letter-value plot of branch radii: make figures-ircadb DATA=folder of 3D-IRCADb masks
	@test -n "$(DATA)" || { echo "error: say where the masks are: make figures-ircadb DATA=folder" >&2; exit 2; }
	$(RUN) -m benchmarks.branch_radii --masks $(DATA) --output output/ircadb_radii.png

radius-table: $(READY) ## Compare the radius estimators on phantoms with known radii
	$(RUN) -m benchmarks.radius_estimators

benchmark-preprocessing: $(READY) ## Time and memory of preprocessing beside a plain script
	$(RUN) -m benchmarks.preprocessing

gpu-check: $(READY) ## Is a GPU right, how fast, how much memory: minutes on one; figures in output/gpu
	$(RUN) -m benchmarks.gpu --output output/gpu

clean: ## Remove the environment and the demo's output
	rm -rf $(VENV) output
