# Each target is one or two commands that a person could type.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One interpreter for maturin, cargo and clippy, or everything is rebuilt at each change of hands.
export PYO3_PYTHON := $(abspath $(BIN)/python)
export VIRTUAL_ENV := $(abspath $(VENV))
TARGET = $(shell rustc -vV | sed -n 's/^host: //p')
SOURCES := Cargo.toml Cargo.lock build.rs pyproject.toml $(shell find src -name '*.rs')

.PHONY: help demo test test-torch test-jax lint bench figures fuzz sanitize wheel clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

demo: $(VENV)/.built $(VENV)/.demo  ## build, and compare the two sets of predictions that ship with klrs
	$(BIN)/python -m klrs demo

test: $(VENV)/.built $(VENV)/.test  ## build, and run every test
	cargo test --release --no-default-features
	$(BIN)/python -m pytest

test-torch: $(VENV)/.built .venv-torch/.torch  ## the tests of torch's tensors, in an environment that has torch
	PYTHONPATH=python .venv-torch/bin/python -m pytest tests/test_torch.py

test-jax: $(VENV)/.built .venv-jax/.jax  ## the tests of JAX's arrays, in an environment that has JAX
	PYTHONPATH=python .venv-jax/bin/python -m pytest tests/test_jax.py

lint: $(VENV)/.built $(VENV)/.test $(VENV)/.lint  ## formats, lints and types
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo clippy --all-targets --no-default-features -- -D warnings
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest klrs._klrs

bench: $(VENV)/.built .venv-bench/.bench  ## klrs beside its peers: times, ratios and errors, also in the README
	PYTHONPATH=python .venv-bench/bin/python benches/compare.py --update-readme

figures: $(VENV)/.built $(VENV)/.figures  ## the README's figures
	$(BIN)/python tools/make_figure.py docs/directions.svg docs/apart.svg

fuzz: $(VENV)/.built $(VENV)/.test  ## ten minutes of random calls: no panic, no crash, no half-written result
	KLRS_FUZZ_SECONDS=600 $(BIN)/python -m pytest tests/test_fuzz.py

sanitize:  ## the core's tests under ThreadSanitizer; needs rustup's nightly toolchain with rust-src
	RUSTFLAGS=-Zsanitizer=thread cargo +nightly test -Zbuild-std --target $(TARGET) --no-default-features --test threads

wheel: $(VENV)/.venv  ## a wheel and a source distribution in dist/
	rm -rf dist
	$(BIN)/maturin build --release --quiet --out dist
	$(BIN)/maturin sdist --out dist

clean:  ## what the other targets made
	rm -rf $(VENV) .venv-torch .venv-jax .venv-bench target dist

$(VENV)/.venv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1' 'maturin>=1.16,<2'
	@touch $@

$(VENV)/.built: $(VENV)/.venv $(SOURCES)
	$(BIN)/maturin develop --release --quiet
	@touch $@

$(VENV)/.demo $(VENV)/.test $(VENV)/.lint $(VENV)/.figures: $(VENV)/.venv pyproject.toml
	$(BIN)/python -m pip install --quiet --group $(subst .,,$(notdir $@))
	@touch $@

.venv-torch/.torch .venv-jax/.jax .venv-bench/.bench: pyproject.toml
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(@D)/bin/python -m pip install --quiet --group $(subst .,,$(@F))
	@touch $@
