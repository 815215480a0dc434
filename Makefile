# make run    builds and scores a generated wallet with attacks in it
# make test   builds and tests Rust, C and Python; needs Rust, a C compiler and Python 3.11 or later
# make test-interleavings   has a model checker choose how threads take turns
# make bench  measures, with the peers beside
# make compare BASE=commit   measures the working tree beside a commit
# make check POLICY=file.toml   checks a policy

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
POLICY ?= examples/policies/wallet.toml
BASE ?= HEAD

.PHONY: run test test-rust test-interleavings test-python lint bench compare check clean

run:
	cargo run --release -p sekisho-examples --bin wallet

test: lint test-rust test-interleavings test-python
	@echo "all tests of Rust, C and Python passed"

lint:
	@if cargo fmt --version >/dev/null 2>&1; then cargo fmt --all --check && rustfmt --check --edition 2024 benches/compare/*.rs; else echo "NOTICE: no rustfmt"; fi
	@if cargo clippy --version >/dev/null 2>&1; then cargo clippy --workspace --all-targets -- -D warnings; else echo "NOTICE: no clippy"; fi

# The C programs are compiled and run by the tests of sekisho-ffi, the peers of the benches agree or fail.
test-rust:
	cargo test
	cargo test -p sekisho-benches
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps -p sekisho -p sekisho-ffi

# Built apart: the locks are the checker's.
test-interleavings:
	CARGO_TARGET_DIR=target/shuttle RUSTFLAGS="--cfg shuttle" cargo test -p sekisho --test interleavings

$(BIN)/maturin: python/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet 'maturin>=1.9,<2'
	touch $@

test-python: $(BIN)/maturin
	cd python && VIRTUAL_ENV=$(CURDIR)/$(VENV) ../$(BIN)/maturin develop --release --quiet --extras test
	cd python && ../$(BIN)/python -m pytest -q

bench:
	cargo bench -p sekisho-benches

compare:
	benches/compare/run.sh $(BASE)

check:
	@cargo run --quiet -p sekisho-examples --bin check -- $(POLICY)

clean:
	cargo clean
	rm -rf $(VENV)
