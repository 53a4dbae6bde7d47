# Every verb; plain `make` lists them. The host needs Docker and make, nothing else.
# COMPOSE_PROJECT_NAME, SV_ENV_FILE and SECRETS_DIR in the environment name another stack than this checkout's own.
HOST := infra/host
COMPOSE := $(HOST)/compose.sh
.DEFAULT_GOAL := help
.PHONY: help up down reset ps logs alert-test scale advise doctor rotate prune bundle support sbom profile heap-snapshot load bench bench-quick deploy rollback upgrade failover rejoin backup restore restore-drill test test-long test-unit lint sdk client dashboards

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## set up what is missing, start, wait until healthy; PHASE=2: the guide's phase (DRY_RUN=1 only tells); ENV=production DOMAIN=… ACME_EMAIL=…
	@$(HOST)/up.sh

down: ## stop and remove the containers; data stays
	@$(COMPOSE) down --remove-orphans

reset: ## down, and wipe the data (asks; YES=1 does not)
	@$(HOST)/reset.sh

ps: ## what runs, and how it feels
	@$(COMPOSE) ps --all --format "table {{.Name}}\t{{.Status}}"

logs: ## follow the logs, for people; SERVICE=app for one service, TAIL=1000, FOLLOW=0, RAW=1
	@$(HOST)/logs.sh

alert-test: ## send one alert by every way that the settings name, and say whether it went out
	@$(HOST)/alert-test.sh

scale: ## APP=5 WORKER=10: change how many run
	@$(HOST)/scale.sh

advise: ## which of the scaling guide's triggers fire, and what to run
	@$(COMPOSE) --progress quiet run --rm --no-deps $(if $(shell test -t 0 && echo 1),,-T) sdk advise

doctor: ## slow, full, or out of connections? what was found, the evidence, the next command
	@$(COMPOSE) --progress quiet run --rm --no-deps $(if $(shell test -t 0 && echo 1),,-T) sdk doctor $(ARGS)

rotate: ## SECRET=db_app_password: another value for a secret, no request failing; docs/operations/secrets.md
	@$(HOST)/rotate.sh

prune: ## old images, build cache, backups beyond retention: says what it would remove; YES=1 does it
	@$(HOST)/prune.sh

bundle: ## one file with the project and every image, for a host without network; TO=folder
	@$(HOST)/bundle.sh

support: ## one archive for somebody who helps, without secrets and personal data; TAIL=2000 TO=folder
	@$(HOST)/support.sh

sbom: ## what this release is made of: packages, licences, images; in sbom-RELEASE/
	@$(HOST)/sbom.sh

profile: ## 30 s of a running process' processor time; SERVICE=worker INSTANCE=2 SECONDS_LONG=60
	@$(HOST)/inspect.sh profile

heap-snapshot: ## what a running process' heap holds; SERVICE=worker INSTANCE=2
	@$(HOST)/inspect.sh heap-snapshot

load: ## k6: 100 users for 5 minutes; VUS=20 DURATION=30s, or SCENARIO=mixed RATE=200 (SCENARIO=list: which there are)
	@$(HOST)/load.sh

bench: ## everything measured on a stack of its own, which takes hours; writes bench/REPORT.md
	@$(HOST)/bench.sh

bench-quick: ## the same in short rounds, without what takes long
	@$(HOST)/bench.sh --quick

deploy: ## the checkout's version in place of the one that runs, no request failing; VERSION=… names it
	@$(HOST)/deploy.sh

rollback: ## the version before, by the same way; TO=… chooses; DATA=1: the data from before make upgrade, too
	@$(HOST)/rollback.sh

upgrade: ## the stack becomes the checkout's release: checks, backup, deploy; DRY_RUN=1 only tells
	@$(HOST)/upgrade.sh

failover: ## promote the standby, fence the primary; TO=… chooses, FORCE=1 accepts the loss that it tells of
	@$(HOST)/failover.sh

rejoin: ## bring a fenced node back as a standby
	@$(HOST)/rejoin.sh

backup: ## a physical backup of the database now; TYPE=full, diff or incr
	@$(HOST)/backup.sh

restore: ## the database as it was, latest or TO="2026-11-23 12:00:00" (asks; YES=1 does not); UNDO=1
	@$(HOST)/restore.sh

restore-drill: ## rehearse a restore beside the stack, and compare
	@$(HOST)/restore-drill.sh

test: ## everything, on real servers in a stack of its own
	@$(HOST)/test.sh

test-long: ## deploys and the autoscaler under load, every alert by its cause
	@LONG=1 $(HOST)/test.sh

test-unit: ## the tests that need no server
	@$(HOST)/test.sh pnpm exec vitest run --project unit

lint: ## format, lint and type checks
	@$(HOST)/test.sh sh -c 'pnpm run lint && pnpm run typecheck && shellcheck -x infra/host/*.sh'

client: ## generate the API client's types anew from the routes
	@$(HOST)/test.sh pnpm run generate:client

dashboards: ## generate Grafana's dashboards anew from infra/grafana/src
	@$(HOST)/test.sh pnpm run generate:dashboards

sdk: ## the command line: ARGS="health"
	@$(COMPOSE) --progress quiet run --rm --no-deps $(if $(shell test -t 0 && echo 1),,-T) sdk $(ARGS)
