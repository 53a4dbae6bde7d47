# shellcheck shell=bash
# Sourced: the bundled Postgres servers, and which of them is the primary.

# Every Postgres service of the stack, whatever its role is now.
postgres_services() { docker compose config --services | grep -E '^postgres(-replica(-?[0-9]+)?)?$' | sort; }

# Asks a running server; nothing where it doesn't answer. ask_server SERVICE SQL
ask_server() {
  docker compose exec -T "$1" sh -c \
    "PGPASSWORD=\$(cat /run/secrets/postgres_password) psql -h /tmp -U postgres -d postgres -XAtqc \"\$0\"" "$2" 2>/dev/null </dev/null
}

# The service whose server takes writes; fails when none answers.
running_primary() {
  local service
  for service in $(postgres_services); do
    if [ "$(ask_server "$service" 'select pg_is_in_recovery()')" = f ]; then
      printf '%s' "$service"
      return 0
    fi
  done
  return 1
}
