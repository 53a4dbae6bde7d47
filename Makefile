# Every verb; plain `make` lists them. The host needs Docker and make, nothing else.
# COMPOSE_PROJECT_NAME, SV_ENV_FILE and SECRETS_DIR in the environment name another stack than this checkout's own.
HOST := infra/host
COMPOSE := $(HOST)/compose.sh
.DEFAULT_GOAL := help
.PHONY: help up down reset ps logs scale load failover rejoin backup restore restore-drill test test-unit lint sdk client

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## set up what is missing, start, wait until healthy
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

load: ## k6: 100 users for 5 minutes; VUS=20 DURATION=30s, or SCENARIO=mixed RATE=200
	@$(HOST)/load.sh

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

test-unit: ## the tests that need no server
	@$(HOST)/test.sh pnpm exec vitest run --project unit

lint: ## format, lint and type checks
	@$(HOST)/test.sh sh -c 'pnpm run lint && pnpm run typecheck && shellcheck -x infra/host/*.sh'

client: ## generate the API client's types anew from the routes
	@$(HOST)/test.sh pnpm run generate:client

sdk: ## the command line: ARGS="health"
	@$(COMPOSE) --progress quiet run --rm --no-deps $(if $(shell test -t 0 && echo 1),,-T) sdk $(ARGS)
