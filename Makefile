# Needs only Python >= 3.11 with venv, make and a package index.
PYTHON ?= python3
BIN := .venv/bin
RUN := $(BIN)/python -m blacklist_service
CLUSTER_TRIAL := $(BIN)/python benchmarks/cluster/trial.py

.PHONY: install demo example test check lint types contracts drift tests tests-together tests-heavy tests-alone soak axe pictures format lock migration schema openapi client bench audit clean cluster cluster-check

install: .venv/installed

# The lock file holds versions and hashes; the project itself is laid over it without asking for anything more.
.venv/installed: requirements/locked.txt pyproject.toml clients/python/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("blacklist-service needs Python 3.11 or newer, found %d.%d" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing locked packages into .venv (about half a minute with a warm cache)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/locked.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . -e clients/python
	@touch $@

demo: install
	@exec $(RUN) demo

# An approval system that embeds the client, beside a running demo: http://127.0.0.1:8100
example: install
	@exec $(BIN)/python -m examples.approval_system

test: check

check: lint types contracts drift tests

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

contracts: install
	$(BIN)/lint-imports

# What is generated equals what is committed; the migrations, the models and schema.sql say the same.
drift: install
	$(RUN) openapi | diff -u openapi/openapi.json - > /dev/null || { echo "openapi/openapi.json is not what the code says: run 'make openapi'"; exit 1; }
	@$(BIN)/python migrations/drift.py
	@$(BIN)/python clients/python/generate.py --check

# Most of a test's time is waiting, so four run at once; then two of those that start many processes, and at last what needs the
# machine to itself (tests/conftest.py).
tests:
	@$(MAKE) --no-print-directory tests-together
	@$(MAKE) --no-print-directory tests-heavy
	@$(MAKE) --no-print-directory tests-alone

tests-together: install
	$(BIN)/python -m pytest -n 4 --dist worksteal -m "not alone and not heavy"

tests-heavy: install
	$(BIN)/python -m pytest -n 2 --dist worksteal -m heavy

tests-alone: install
	$(BIN)/python -m pytest -m alone

# The long forms of what CI tries briefly: kills, freshness, faults, a full disk, overload, retries, 20,000 cases of API fuzz,
# 100,000 generated decisions, 1,000 forgeries, 40,000 cells of courts, a cluster that is broken 33 times. Three hours.
soak: install
	BLACKLIST_SOAK=1 $(BIN)/python -m pytest tests/durability tests/attacks/test_hostile_rows.py tests/web/test_fuzz.py \
	    tests/checks/test_model.py tests/journeys/test_reachability.py \
	    tests/audit/test_exports.py tests/ledger/test_sequencer.py tests/client -s --timeout 3600
	$(CLUSTER_TRIAL) --passing --rounds 3

# What the browser tests look for faults of accessibility with: by version and hash, from the npm registry.
AXE_VERSION := 4.14.1
AXE_SHA512 := FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==
axe: .venv/axe.min.js
.venv/axe.min.js: .venv/installed
	@cd .venv && npm pack --silent axe-core@$(AXE_VERSION) > /dev/null
	@cd .venv && test "$$(openssl dgst -sha512 -binary axe-core-$(AXE_VERSION).tgz | base64 -w0)" = "$(AXE_SHA512)"
	@tar -xzOf .venv/axe-core-$(AXE_VERSION).tgz package/axe.min.js > $@ && rm .venv/axe-core-$(AXE_VERSION).tgz

# The pictures of docs/console.md, as the browser tests took them.
pictures: install
	$(BIN)/python -m pytest tests/console/browser -q
	@cd docs/pictures && for one in *.png; do cp ../../.pictures/$$one $$one; done

format: install
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

# The schema as the migrations make it, as text.
schema: install
	$(BIN)/python migrations/drift.py --write

# A new step of the schema, to be written: make migration OF="what it adds"
migration: install
	@test -n "$(OF)" || { echo 'say what it adds: make migration OF="watches over a listing"'; exit 1; }
	@$(BIN)/alembic revision --message "$(OF)" --rev-id "$$($(BIN)/python -c \
	    'from blacklist_service.database.revisions import newest_revision as newest; print(f"{int(newest()) + 1:04}")')"

openapi: install
	$(RUN) openapi > openapi/openapi.json

# The client's classes from openapi.json, and its blocking half from the awaited one.
client: install
	$(BIN)/python clients/python/generate.py
	$(BIN)/python -m tests.client.vectors

# Ours against a bare endpoint, the naive way and CrowdSec, on lists of up to ten million: half an hour and 20 GB of disk.
bench: install
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	$(BIN)/python benchmarks/checks.py

# The cluster of deploy/cluster in network namespaces of this machine, with the demo in it, until Ctrl-C (root; docs/cluster.md).
cluster: install
	@$(BIN)/python benchmarks/cluster/run.py

# Breaks such a cluster under load, and holds every acknowledgement against the database: at most five minutes, what fits into
# them. Fails where something was lost, doubled, altered, stale or forked; says so, and passes, where it cannot be tried: root,
# namespaces or a package is missing, or the machine is too slow. Nothing is left behind, whatever happens.
cluster-check: install
	@status=0; timeout --kill-after=15 295 $(CLUSTER_TRIAL) --passing --rounds 1 --within 275 \
	    --faults kill9,partition,switchover,roll || status=$$?; \
	 $(CLUSTER_TRIAL) --clean --passing; \
	 case $$status in 124|137) echo "*** NO VERDICT on the cluster: it did not end in time";; *) exit $$status;; esac

# The locked dependencies against published advisories; says so, and fails, where no source can be reached.
audit:
	@test -x .venv/audit/bin/python || $(PYTHON) -m venv .venv/audit
	@.venv/audit/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/audit.txt
	@.venv/audit/bin/python requirements/audit.py

# For the maintainer: new versions, then commit what changed.
lock: install
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade \
	    --extra embedded --group dev pyproject.toml -o requirements/locked.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    --constraint requirements/locked.txt pyproject.toml -o requirements/service.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    --constraint requirements/locked.txt --group bench -o requirements/bench.txt
	echo 'hatchling>=1.27' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-header --no-annotate --constraint requirements/locked.txt - -o requirements/build.txt
	echo pip-audit | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-header --no-annotate --constraint requirements/locked.txt - -o requirements/audit.txt
	echo 'patroni[etcd3,psycopg3]>=4.1' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header --no-annotate --constraint requirements/locked.txt - -o requirements/patroni.txt

clean:
	rm -rf .venv .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
