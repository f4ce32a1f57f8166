# `make demo` and `make test` do all of their set-up themselves.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
DEMO := demo-output
# Python compiles what it imports; compiling all that is installed takes minutes.
export PIP_NO_COMPILE := 1
# So it must be allowed to keep what it compiled, or each process would do it again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint clean

demo: $(VENV)/.demo-ready
	$(BIN)/napari-stego run sample_data/images --project $(DEMO)/reef.stego --out $(DEMO) -k 12
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname)" = Darwin ]; then \
		$(BIN)/python -m napari_stego.gui $(DEMO)/reef.stego; \
	else \
		echo "There is no display, so napari is not opened. The pictures are in $(DEMO)/overlays,"; \
		echo "the masks in $(DEMO)/masks, and the project that napari would open in $(DEMO)/reef.stego."; \
	fi

test: $(VENV)/.test-ready
	@.ci/system-packages xvfb
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(TESTS)

lint: $(VENV)/.test-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/npe2 validate napari-stego

clean:
	rm -rf $(VENV) $(DEMO)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "napari-stego needs Python 3.11 or newer; name one with PYTHON=..."; exit 1; }
	@.ci/system-packages python $(PYTHON)
	$(PYTHON) -m venv $(VENV)

# Everything in one call, which is quicker, and without the dense CRF where that cannot be built.
install = $(BIN)/python -m pip install -e ".[$(1),crf]" || { \
	echo "The dense CRF could not be built (is there a C++ compiler?); going on without it."; \
	$(BIN)/python -m pip install -e ".[$(1)]"; }

$(VENV)/.system-ready: $(VENV)/bin/python
	@.ci/system-packages compiler $(PYTHON)
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ]; then .ci/system-packages window; fi
	@touch $@

$(VENV)/.demo-ready: $(VENV)/.system-ready pyproject.toml
	$(call install,qt)
	@touch $@

$(VENV)/.test-ready: $(VENV)/.system-ready pyproject.toml
	$(call install,test)
	@touch $@ $(VENV)/.demo-ready
