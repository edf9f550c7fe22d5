# Every command of Page Tracker, once. README, CONTRIBUTING and CI call these targets.

PYTHON ?= python3
export PYTHON
# The programs in .venv come first. An activated environment is ignored.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
unexport VIRTUAL_ENV PYTHONPATH

ifneq ($(PYTHON),python3)
ifeq ($(shell command -v "$(PYTHON)"),)
$(error There is no $(PYTHON) here: name another, for example make PYTHON=python3.13)
endif
endif

# MEASURED=yes measures coverage, which doubles the time of the unit tests: make ci does so.
MEASURED ?=
pytest = $(if $(MEASURED),coverage run -m )pytest

report = --junit-xml='$(CURDIR)/reports/junit/$(1).xml'

# For tests in containers: PAGE_TRACKER_IMAGE, or one that is built first.
IMAGE_TO_TEST = [ -n "$$PAGE_TRACKER_IMAGE" ] || \
	PAGE_TRACKER_IMAGE=page-tracker:e2e PAGE_TRACKER_TEST_IMAGE=page-tracker:e2e-test .ci/image
TESTED_IMAGE = --image="$${PAGE_TRACKER_IMAGE:-page-tracker:e2e}"

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# pip installs into one folder.
.NOTPARALLEL:
# Every target but the files of .venv and node_modules.
.PHONY: FORCE $(shell sed -n 's/^\([a-z0-9-]*\):.*\#\# .*/\1/p' Makefile)

# The targets that `make` shows; `make help-all` shows all.
DAILY = run up down check test format lint unit integration e2e-docker image smoke production deploy rollback

help: ## Show the daily targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / && index(" $(DAILY) ", " " $$1 " ") { says[$$1] = $$2 } \
		END { split("$(DAILY)", names, " "); \
		for (n = 1; n in names; n++) printf "  make %-12s %s\n", names[n], says[names[n]] }' Makefile
	@echo "  make help-all     Show all targets"

help-all: ## Show all targets
	@awk -F ':.*## ' '/^##@ / { print "\n" substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

##@ Serve

run: system .venv/production ## Serve Page Tracker on http://127.0.0.1:8000 for a try, with its own Redis
	@PAGE_TRACKER_PROFILE=$${PAGE_TRACKER_PROFILE:-development} exec page-tracker serve

up: ## Build and start the Compose stack on http://localhost
	@deploy/up

down: ## Stop the Compose stack and deployed versions; the counts stay
	@.ci/need docker engine
	@docker compose --profile '*' down

remove: ## Remove the Compose stack and all its counts, after asking
	@deploy/remove

smoke: $(if $(URL),,system) .venv/production ## Check every route of the instance at URL without counting; starts one if URL is unset
	@.ci/smoke

logs: ## Print the lines of request ID, or of all services SINCE (10m) from LEVEL on
	@.ci/need docker engine python
	@"$$PYTHON" deploy/logs $${ID:+"$$ID"} $${SINCE:+--since "$$SINCE"} $${LEVEL:+--level "$$LEVEL"}

secrets: ## Write missing secrets into ./secrets (PAGE_TRACKER_SECRETS); TOKEN=- reads the token
	@deploy/secrets

production: ## Start a production stack of PAGE_TRACKER_IMAGE, or list everything that is missing
	@deploy/production

recover: ## Bring the stack back on an empty machine, from the newest backup at URL
	@deploy/recover "$$URL"

system: ## Install missing programs (as root or with sudo), or print what to install
	@.ci/need python venv redis

##@ Develop

check: .venv/development ## Run the package's linters and unit tests
	@.ci/summary unit lint-code

test: system .venv/pipeline .venv/release .venv/browser .venv/storage .venv/api .venv/monitoring web/node_modules/.package-lock.json ## Run all linters and all tests, and print one summary
	@.ci/need git openssl chromium
	@rm -rf reports
	@cd web && coverage erase
	@.ci/summary "unit integration api-test e2e browser$(if $(MEASURED), coverage)" tooling lint

ci: ## Run make test as CI does, with coverage; reports/ holds JUnit and coverage
	@MEASURED=yes $(MAKE) --no-print-directory test

verdict: ## Fail unless every job in RESULTS ended with success
	@[ -n "$$RESULTS" ] || { echo "RESULTS is not set: for example RESULTS='success failure'"; exit 2; }
	@for result in $$RESULTS; do [ "$$result" = success ] || { echo "Not all passed: $$RESULTS"; exit 1; }; done

lint: ## Run all linters
	@status=0; $(MAKE) --no-print-directory lint-code || status=1; \
	$(MAKE) --no-print-directory lint-pipeline || status=1; exit $$status

lint-code: .venv/development ## Run black, isort, flake8, bandit, mypy and pylint
	@web/lint || { echo "(make format fixes what black and isort find)"; exit 1; }

lint-pipeline: .venv/pipeline web/node_modules/.package-lock.json ## Check workflows, image, stack, shell scripts and web/tracker
	@.ci/need git
	@.ci/lint-pipeline

format: .venv/pipeline web/node_modules/.package-lock.json ## Format the code with isort, black and biome
	@cd web && isort src test && black src test && node_modules/.bin/biome check --write
	@for house in .ci deploy; do (cd $$house && isort . && black .) || exit; done
	@cd deploy && black deploy logs

tracker: web/node_modules/.package-lock.json ## Build the scripts that browsers get, from web/tracker
	@web/tracker/build tracker --outfile=../src/page_tracker/collecting/tracker/1.js
	@web/tracker/build drop_in --outfile=../src/page_tracker/collecting/clients/drop_in.js
	@web/tracker/build goatcounter --outfile=../src/page_tracker/collecting/clients/goatcounter.js

translations: .venv/development ## Collect the texts of pages into web/src/page_tracker/translations
	@web/translations

pictures: system .venv/browser ## Draw the pictures of README: a dashboard and a report of invented numbers
	@.ci/need chromium
	@cd web/test && python -m sample.pictures ../../docs

sample-data: system .venv/development ## Fill Redis with the invented SITE (PAGES, DAYS, VIEWS, SEED) to look at and to measure
	@PYTHONPATH=web/test python -m sample '$(or $(SITE),sample.example)' $(if $(PAGES),--pages='$(PAGES)') \
		$(if $(DAYS),--days='$(DAYS)') $(if $(VIEWS),--views='$(VIEWS)') $(if $(SEED),--seed='$(SEED)')

lists: web/node_modules/.package-lock.json ## Write lists and Swagger UI into the package, from the locked releases
	@web/lists/write

lock: .venv/release ## Update constraints.txt and package-lock.json to releases that are a week old
	@cd web && uv pip compile --quiet --universal --upgrade --python-version=3.11 --generate-hashes \
		--all-extras --group=api --group=browser --group=binary --group=pipeline --group=release --group=storage --output-file=constraints.txt pyproject.toml
	@cd web && npm_config_min_release_age=$${npm_config_min_release_age:-7} npm update --save
	@$(MAKE) --no-print-directory lists

bench: system .venv/development ## Compare the speed with a minimal application, and with commit BEFORE, in docs/performance.md
	@.ci/need wrk
	@cd web/test && python -m load.bench $(if $(BEFORE),--before='$(BEFORE)')
	@$(MAKE) --no-print-directory bench-clients bench-dashboard

bench-clients: system .venv/development ## Measure a view by each way in of another counter, in docs/performance.md
	@.ci/need wrk
	@cd web/test && python -m load.clients

bench-dashboard: system .venv/development ## Measure the dashboard and the API over 10 million views, in docs/performance.md
	@.ci/need wrk
	@cd web/test && python -m load.dashboard

bench-imports: system .venv/development ## Measure the import of access logs, in docs/importing.md
	@cd web/test && python -m load.imports

clean: ## Remove everything that make created; the counts in page-tracker-data stay
	@rm -rf .venv web/node_modules web/dist web/.coverage* web/.hypothesis reports dist
	@find . \( -name __pycache__ -o -name .pytest_cache -o -name .mypy_cache \) -not -path './.venv/*' -prune -exec rm -rf {} +

##@ Test

unit: .venv/development ## Run the unit tests
	@cd web && $(pytest) $(call report,unit) test/unit

tooling: system .venv/pipeline .venv/release .venv/monitoring web/node_modules/.package-lock.json ## Run the tests of pipelines and deployment that need no Docker
	@.ci/need git openssl
	@pytest --numprocesses 2 $(call report,ci) --ignore=.ci/test/binary .ci/test
	@pytest --numprocesses 2 --dist loadfile $(call report,deploy) deploy/test/unit

integration: system .venv/storage ## Run the tests that need a real Redis (they start their own)
	@cd web && $(pytest) --numprocesses 4 $(call report,integration) test/integration

odd: system .venv/development ## Send 10,000 odd requests to each way in of another counter (20 minutes)
	@cd web && ODD_REQUESTS=10000 pytest --numprocesses 2 --timeout 3600 $(call report,odd) test/integration/test_arbitrary_clients.py test/integration/test_arbitrary_requests.py

api-test: system .venv/api ## Send the API what its description allows, and what it does not, by schemathesis
	@cd web && pytest $(call report,api) test/api

e2e: system .venv/development ## Run the tests of a running server (they start one)
	@cd web && $(pytest) $(call report,e2e) test/e2e

browser: system .venv/browser ## Run the tests of script and pages in a real Chromium
	@.ci/need chromium
	@cd web && pytest --numprocesses 2 $(call report,browser) test/browser

coverage: .venv/development ## Report the coverage of tests run with MEASURED=yes, and fail below the limit
	@cd web && if ls .coverage.* >/dev/null 2>&1; then coverage combine --quiet --append; fi
	@cd web && coverage xml --quiet -o ../reports/coverage.xml
	@cd web && coverage report

redis-test: system .venv/development ## Run the tests against a Redis Cluster, and with Sentinels (3 minutes)
	@cd web && pytest --numprocesses 2 --cluster $(call report,cluster) test/integration test/clusters/test_cluster.py
	@cd web && pytest --numprocesses 2 $(call report,sentinels) test/clusters/test_sentinels.py

chaos: system .venv/development ## Break the running system under load, and look up every view, in docs/reliability.md (FAULT, ROUNDS, SEED)
	@.ci/need gcc
	@cd web/test && python -m chaos.run $(if $(FAULT),--fault='$(FAULT)') $(if $(ROUNDS),--rounds='$(ROUNDS)') $(if $(SEED),--seed='$(SEED)')

soak: system .venv/development ## Count for minutes: with an attacker, held connections, and 200,000 pages
	@cd web && pytest --capture no test/soak

##@ Build, with Docker

image: ## Build the image and the image of its tests, and print their digests
	@.ci/image

e2e-docker: ## Run the end-to-end tests against PAGE_TRACKER_IMAGE in a stack; builds the image if it is unset
	@.ci/e2e-docker

scan-image: ## Scan PAGE_TRACKER_IMAGE for known vulnerabilities, by grype in a container
	@.ci/scans/scan-image

publish: ## Push the tested PAGE_TRACKER_IMAGE to REPOSITORIES, as the commit's hash and latest
	@.ci/publish

##@ Deploy

deploy: $(if $(DEPLOY_URL),.venv/production) ## Deploy IMAGE, named by digest or live, and roll back if it fails
	@deploy/reach "$$PYTHON" deploy/deploy deploy "$$IMAGE"

rollback: ## Roll back to the image that was live before
	@deploy/reach "$$PYTHON" deploy/deploy rollback

deployments: ## Show the last deployments: when, by whom, and with which outcome
	@deploy/reach "$$PYTHON" deploy/deploy history

swarm: ## Start deploy/stack.yml on this swarm, or update it to IMAGE and new settings
	@deploy/swarm "$$IMAGE"

##@ Test stacks and deployments, with Docker (half an hour)

proxy-test: .venv/development ## Test the proxy in front of PAGE_TRACKER_IMAGE; builds the image if it is unset
	@.ci/need docker engine openssl
	@$(IMAGE_TO_TEST)
	@pytest $(call report,proxy) $(TESTED_IMAGE) deploy/test/proxy

production-test: .venv/development ## Test a production stack of PAGE_TRACKER_IMAGE; builds the image if it is unset
	@.ci/need docker engine openssl
	@$(IMAGE_TO_TEST)
	@pytest $(call report,production) $(TESTED_IMAGE) deploy/test/production

logging-test: .venv/development ## Test that logs stay, and that a request is found by its id; builds the image if it is unset
	@.ci/need docker engine
	@$(IMAGE_TO_TEST)
	@pytest $(call report,logging) $(TESTED_IMAGE) deploy/test/logging

deployment-test: system .venv/development ## Test the deployment with a real engine
	@.ci/need docker engine openssl ssh
	@$(IMAGE_TO_TEST)
	@pytest $(call report,deployment) $(TESTED_IMAGE) deploy/test/deployment

swarm-test: .venv/development ## Test deploy/stack.yml on a swarm that is made for it
	@.ci/need docker engine openssl
	@$(IMAGE_TO_TEST)
	@pytest $(call report,swarm) $(TESTED_IMAGE) deploy/test/swarm

recovery-drill: .venv/storage ## Lose a production, bring it back from its backup, and compare every number
	@.ci/need docker engine openssl git
	@$(IMAGE_TO_TEST)
	@pytest --capture=no $(call report,recovery) $(TESTED_IMAGE) deploy/test/recovery

manual-test: .venv/storage ## Run every command of docs/backup.md, upgrading.md and secrets.md under load
	@.ci/need docker engine openssl git
	@$(IMAGE_TO_TEST)
	@pytest $(call report,manual) $(TESTED_IMAGE) deploy/test/manual

deploy-drill: .venv/development ## Deploy good and bad images under load, and check that no request fails
	@.ci/need docker engine
	@$(IMAGE_TO_TEST)
	@pytest --capture=no $(call report,drill) $(TESTED_IMAGE) deploy/test/drill

alerts-drill: .venv/development ## Cause each alert in a stack with monitoring, and wait for its message and its end
	@.ci/need docker engine
	@$(IMAGE_TO_TEST)
	@pytest --capture=no $(call report,alerts) $(TESTED_IMAGE) deploy/test/monitoring

##@ Release

scan: .venv/release ## Scan the dependencies for known vulnerabilities, and the history for secrets
	@.ci/scans/scan

package: .venv/release ## Build wheel, sdist and their SBOM into dist/, and check them
	@.ci/package

binary: ## Build one executable that needs no Python: dist/page-tracker-linux-amd64
	@.ci/binary

binary-test: system .venv/development ## Test the executable in containers without Python, and that a second build has the same bytes
	@ls dist/page-tracker-*-*64 >/dev/null 2>&1 || $(MAKE) --no-print-directory binary
	@pytest $(call report,binary) .ci/test/binary

release-check: ## Check that TAG (v1.2.3) can be released from this commit
	@.ci/releases/check

release-images: ## Join the tested IMAGES of all architectures, and push them to REPOSITORIES as TAGS
	@.ci/releases/release-images

sign: ## Sign dist/ and PAGE_TRACKER_IMAGE, and attach its SBOMs
	@.ci/releases/sign

verify: ## Verify dist/ and PAGE_TRACKER_IMAGE with the commands of docs/releasing.md
	@.ci/releases/verify

release-drill: ## Try a release on this machine, and check that a changed one fails to verify
	@.ci/releases/drill

# A virtual environment contains the paths of its folder and its Python. It is made again
# after a move, a copy, an upgrade of Python, with another PYTHON, or if an interruption left
# it incomplete: its pip could install elsewhere.
.venv/place: FORCE
	@[ "$$(cat $@ 2>/dev/null)" = "$(CURDIR) $(PYTHON)" ] && \
	.venv/bin/python -c 'import pip, sys; sys.exit(sys.prefix == sys.base_prefix)' 2>/dev/null || { \
	.ci/need python venv && rm -rf .venv && "$(PYTHON)" -m venv .venv && \
	echo "$(CURDIR) $(PYTHON)" > $@; }

# The dependencies of users, then of developers; the rest are dependency groups.
.venv/production: .venv/place web/dependencies web/pyproject.toml web/constraints.txt
	@echo "Installing Page Tracker into .venv …"
	@web/dependencies installer | .ci/install --requirement /dev/stdin
	@.ci/install flit_core
	@web/dependencies | .ci/install --requirement /dev/stdin
	@python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable web
	@touch $@

.venv/development: .venv/production
	@echo "Installing the development tools into .venv …"
	@web/dependencies dev backup tracing notify | .ci/install --requirement /dev/stdin
	@touch $@

.venv/pipeline: .venv/development
	@echo "Installing the pipeline's tools into .venv …"
	@.ci/install --group web/pyproject.toml:pipeline
	@touch $@

.venv/release: .venv/development
	@echo "Installing the tools that scan and release into .venv …"
	@.ci/install --group web/pyproject.toml:release
	@touch $@

.venv/storage: .venv/development
	@echo "Installing a server of object storage into .venv …"
	@.ci/install --group web/pyproject.toml:storage
	@touch $@

.venv/api: .venv/development
	@echo "Installing the tester of the API into .venv …"
	@.ci/install --group web/pyproject.toml:api
	@touch $@

.venv/monitoring: .venv/place
	@echo "Unpacking Prometheus into .venv …"
	@.ci/monitoring-tools .venv/bin
	@touch $@

.venv/browser: .venv/development
	@echo "Installing the browser's driver into .venv …"
	@.ci/install --group web/pyproject.toml:browser
	@touch $@

web/node_modules/.package-lock.json: web/package.json web/package-lock.json | .venv/pipeline
	@cd web && npm ci --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@
