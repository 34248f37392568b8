# The one entry. Each target makes its own set-up: a .venv here, packages by name. Only Python 3.11+ and make are needed.
#
#   make demo ARGS="--requests 1000"   ARGS goes to the program that runs
#   make test ARGS="tests/wire -x"
#   make test PYTHON=python3.13        PYTHON chooses the interpreter when .venv is made

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
NOX := $(BIN)/python -m nox --session
# What the set-up reads: the packages, and the part that is compiled.
SOURCES := pyproject.toml setup.py src/txnats/wire/_speedups.pyx

.DEFAULT_GOAL := help
.PHONY: help deps prepare-example demo test soak lint format types layers docs bench fuzz matrix clean

# ---------------------------------------------------------------------- set-up

# A stamp holds the folder that it was made in: a copied checkout, or a .venv whose Python is gone, is set up again.
$(foreach stamp,$(wildcard $(VENV)/.ready-*),\
	$(shell [ "$$(cat $(stamp))" = "$(CURDIR)" ] && $(BIN)/python -c '' 2>/dev/null || rm -f $(stamp)))

# One at a time: the lock is on this file. A .venv with a file .unfinished in it was interrupted, and is made anew.
# A pip that fails by itself, say without a network, leaves .venv as it was.
define SET_UP
import fcntl, pathlib, shutil, subprocess, sys

extra, stamps = sys.argv[1], [pathlib.Path(name) for name in sys.argv[2:]]
venv = pathlib.Path("$(VENV)")
unfinished, python = venv / ".unfinished", venv / "bin" / "python"

def works(*command, **options):
    try:
        return subprocess.run(command, check=False, **options).returncode == 0
    except KeyboardInterrupt:
        sys.exit("Interrupted: the next make starts the set-up again.")

def begin():
    venv.mkdir(exist_ok=True)
    unfinished.touch()

lock = open("Makefile")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("Another set-up of $(VENV) is running: waiting for it.", flush=True)
    fcntl.flock(lock, fcntl.LOCK_EX)
if stamps[0].exists() and all(stamps[0].stat().st_mtime >= pathlib.Path(name).stat().st_mtime for name in "$(SOURCES)".split()):
    sys.exit()
if unfinished.exists():
    print("The last set-up was interrupted: starting again.", flush=True)
    shutil.rmtree(venv)
begin()
print(f"Setting up $(VENV): txnats with its '{extra}' packages ...", flush=True)
if not (python.exists() and works(python, "-m", "pip", "--version", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)):
    shutil.rmtree(venv)
    begin()
    if not works(sys._base_executable, "-m", "venv", venv):
        shutil.rmtree(venv)
        sys.exit("'$(PYTHON) -m venv' failed. On Debian and Ubuntu it needs the package python3-venv.")
if not works(python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--editable", f".[{extra}]"):
    unfinished.unlink()
    sys.exit("The packages could not be installed; the lines above say why.")
for stamp in stamps:
    stamp.write_text("$(CURDIR)")
unfinished.unlink()
endef
export SET_UP

define check_python
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	found=$$($(PYTHON) --version 2>&1) || found=absent; \
	echo "txnats needs Python 3.11 or newer; '$(PYTHON)' is $$found. Name another: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
endef

$(VENV)/.ready-demo: $(SOURCES)
	$(check_python)
	@$(PYTHON) -c "$$SET_UP" demo $@

# dev holds all that demo does.
$(VENV)/.ready-dev: $(SOURCES)
	$(check_python)
	@$(PYTHON) -c "$$SET_UP" dev $@ $(VENV)/.ready-demo

deps: $(VENV)/.ready-dev ## set up .venv with all that development needs

prepare-example: $(VENV)/.ready-demo ## set up .venv for the examples, and say how to run them
	@echo "Ready. In each terminal '. $(BIN)/activate'; run nats-server in the first, then ./example/respond.py, ./example/sub_only.py and, last, ./example/nats_demo.py."

# ---------------------------------------------------------------------- look at it

demo: $(VENV)/.ready-demo ## a server, four responders, a subscriber and a requester at work
	@$(BIN)/python -m txnats.demo $(ARGS)

# ---------------------------------------------------------------------- check it

test: $(VENV)/.ready-dev ## run the tests, with branch coverage
	@$(NOX) test -- $(ARGS)

soak: $(VENV)/.ready-dev ## run the tests that take minutes
	@$(NOX) soak -- $(ARGS)

fuzz: $(VENV)/.ready-dev ## run the scripts in tests/fuzz
	@$(NOX) fuzz -- $(ARGS)

matrix: $(VENV)/.ready-dev ## run the tests on each Python from 3.11 to 3.14 that is present
	@$(NOX) matrix -- $(ARGS)

lint: $(VENV)/.ready-dev ## ruff: rules and format
	@$(NOX) lint

format: $(VENV)/.ready-dev ## let ruff rewrite the files
	@$(NOX) format

types: $(VENV)/.ready-dev ## mypy, strict, on src and tests
	@$(NOX) types

layers: $(VENV)/.ready-dev ## do all imports point down?
	@$(NOX) layers

docs: $(VENV)/.ready-dev ## build the documentation into build/docs
	@$(NOX) docs

bench: $(VENV)/.ready-dev ## measure, side by side with other clients
	@$(NOX) bench -- $(ARGS)

# ---------------------------------------------------------------------- the rest

clean: ## remove what was built and cached; .venv stays
	@rm -rf build dist htmlcov .nox .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find src tests example bench docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

help: ## show this list
	@echo "make TARGET [ARGS=...] [PYTHON=python3.X]"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | while IFS='|' read -r name words; do printf '%-18s %s\n' "$$name" "$$words"; done
