# Every verb; plain `make` lists them. The host needs Docker and make, nothing else.
# COMPOSE_PROJECT_NAME, SV_ENV_FILE and SECRETS_DIR in the environment name another stack than this checkout's own.
HOST := infra/host
COMPOSE := $(HOST)/compose.sh
.DEFAULT_GOAL := help
.PHONY: help up down reset ps logs scale advise load deploy rollback failover rejoin backup restore restore-drill test test-long test-unit lint sdk client

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## set up what is missing, start, wait until healthy; PHASE=2: the guide's phase (DRY_RUN=1 only tells)
	@$(HOST)/up.sh

down: ## stop and remove the containers; data stays
	@$(COMPOSE) down --remove-orphans

reset: ## down, and wipe the data (asks; YES=1 does not)
	@$(HOST)/reset.sh

ps: ## what runs, and how it feels
	@$(COMPOSE) ps --all --format "table {{.Name}}\t{{.Status}}"

logs: ## follow the logs; SERVICE=app for one service
	@$(COMPOSE) logs --follow --tail 100 $(SERVICE)

scale: ## APP=5 WORKER=10: change how many run
	@$(HOST)/scale.sh

advise: ## which of the scaling guide's triggers fire, and what to run
	@$(COMPOSE) --progress quiet run --rm --no-deps $(if $(shell test -t 0 && echo 1),,-T) sdk advise

load: ## k6: 100 users for 5 minutes; VUS=20 DURATION=30s, or SCENARIO=mixed RATE=200
	@$(HOST)/load.sh

deploy: ## the checkout's version in place of the one that runs, no request failing; VERSION=… names it
	@$(HOST)/deploy.sh

rollback: ## the version before, by the same way; TO=… chooses
	@$(HOST)/rollback.sh

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

test-long: ## deploys and the autoscaler under load, end to end
	@LONG=1 $(HOST)/test.sh

test-unit: ## the tests that need no server
	@$(HOST)/test.sh pnpm exec vitest run --project unit

lint: ## format, lint and type checks
	@$(HOST)/test.sh sh -c 'pnpm run lint && pnpm run typecheck && shellcheck -x infra/host/*.sh'

client: ## generate the API client's types anew from the routes
	@$(HOST)/test.sh pnpm run generate:client

sdk: ## the command line: ARGS="health"
	@$(COMPOSE) --progress quiet run --rm --no-deps $(if $(shell test -t 0 && echo 1),,-T) sdk $(ARGS)
