# shellcheck shell=bash
# Sourced by deploy.sh, rollback.sh and rotate.sh: replaces the containers of the platform's processes, one after another. A new one
# is made beside the old ones by Compose, so that it is what a plain `docker compose up` would make; starting, waiting and
# stopping go through the engine, by id. The old containers are only stopped until all is done: to go back is to start them.

# From its start until a new instance says that it is ready, and until ready-dns has seen it.
READY_LIMIT_SECONDS=${READY_LIMIT_SECONDS:-120}
SEEN_LIMIT_SECONDS=15
# An instance that has ended so often on its own has a fault that waiting doesn't mend.
MOST_RESTARTS=3
ROLLED='app worker ready-dns nginx-log-exporter'
# Of these the address has room for one: the old one goes first.
IN_PLACE='ready-dns nginx-log-exporter'
ROLL_LOG=$DEPLOYS/log
is_changing='' scaler=''

number=0
next() {
  number=$((number + 1))
  step "$number. $*"
}

# Ids of a service's containers, those in one of the states that are named: containers_of app exited dead
containers_of() {
  local service=$1 states='' state
  shift
  for state in "$@"; do states="$states --filter status=$state"; done
  # shellcheck disable=SC2086
  docker ps --all --quiet --no-trunc $states --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" \
    --filter "label=com.docker.compose.service=$service" --filter label=com.docker.compose.oneoff=False
}
running() { containers_of "$1" running restarting; }
count() { grep -c . || :; }
# Reads on to the end, unlike head: whoever writes to it must not fail.
first() { sed -n 1p; }

name_of() { docker inspect --format '{{.Name}}' "$1" | sed 's,^/,,'; }

# What containers were made from: their settings, as Compose hashes them, and their image. A line each: FORM ID. One that is
# gone meanwhile has none.
forms_of() { docker inspect --format '{{index .Config.Labels "com.docker.compose.config-hash"}}/{{.Image}} {{.Id}}' "$@" 2>/dev/null || :; }
form_of() { forms_of "$1" | cut -d ' ' -f 1; }

# Of the containers on stdin those of that form, or of another: of_form is FORM, of_form other FORM
of_form() {
  local ids
  mapfile -t ids
  [ "${#ids[@]}" -eq 0 ] || forms_of "${ids[@]}" | awk -v of="$1" -v form="$2" '($1 == form) == (of == "is") { print $2 }'
}

# Makes one more container of a service and doesn't start it; its id is in $fresh. Neither what is there nor what it depends
# on is touched. (Not --no-deps: Compose before 2.29 hashes the dependencies, too, and would find it changed later.)
create_beside() {
  local service=$1 before
  before=$(containers_of "$service")
  docker compose --progress plain up --no-start --no-recreate --no-build \
    --scale "$service=$(($(printf '%s' "$before" | count) + 1))" "$service" >>"$ROLL_LOG" 2>&1 || return 1
  fresh=$(containers_of "$service" created | grep -vxF "${before:--}" | first)
  [ -n "$fresh" ]
}

# Until a container is healthy by its own check; fails past the limit, or when it keeps ending.
until_ready() {
  local deadline=$((SECONDS + READY_LIMIT_SECONDS)) state restarts
  while [ "$SECONDS" -lt "$deadline" ]; do
    read -r state restarts < <(docker inspect --format '{{.State.Status}}/{{.State.Health.Status}} {{.RestartCount}}' "$1") || return 1
    if [ "$state" = running/healthy ]; then return 0; fi
    if [ "$restarts" -ge "$MOST_RESTARTS" ]; then return 1; fi
    sleep 0.3
  done
  return 1
}

# Until ready-dns tells nginx of an app: only then may another one go.
until_seen() {
  local deadline=$((SECONDS + SEEN_LIMIT_SECONDS)) ready_dns address answer=''
  ready_dns=$(running ready-dns | first)
  address=$(docker inspect --format "{{(index .NetworkSettings.Networks \"${COMPOSE_PROJECT_NAME}_web\").IPAddress}}" "$1")
  while [ "$SECONDS" -lt "$deadline" ]; do
    answer=$(docker exec "${ready_dns:--}" node -e "$ASK_READY_DNS" 2>&1) || :
    if printf '%s\n' "$answer" | grep -qxF "$address"; then return 0; fi
    sleep 0.2
  done
  printf '   ready-dns does not tell of %s, but says: %s\n' "$address" "$answer" >&2
  return 1
}
# shellcheck disable=SC2016
ASK_READY_DNS='const { Resolver } = require("node:dns/promises"); const asked = new Resolver({ tries: 1, timeout: 1000 });
asked.setServers(["127.0.0.1:5353"]); asked.resolve4("app").then((found) => console.log(found.join("\n")), (error) => console.log(error.code));'

# Starts a container and waits until it serves; of one that doesn't, tells its last lines. bring_up SERVICE ID
bring_up() {
  local service=$1 id=$2 started=$SECONDS name
  name=$(name_of "$id")
  docker start "$id" >/dev/null
  if until_ready "$id" && { [ "$service" != app ] || until_seen "$id"; }; then
    say "$name is ready after $((SECONDS - started)) s"
    return 0
  fi
  {
    printf '%s%s did not become ready within %d s. Its last lines:%s\n' "$RED" "$name" "$((SECONDS - started))" "$PLAIN"
    docker logs --tail 15 "$id" 2>&1 | sed 's/^/   /'
  } >&2
  return 1
}

# Ends a container in peace: an app is not ready at once, serves on until nginx knows, then finishes what it has.
drain() {
  local started=$SECONDS
  docker stop "$1" >/dev/null
  say "$(name_of "$1") is gone after $((SECONDS - started)) s"
}

# Those of a form that were made or stopped before, and have only to be started: prepared SERVICE FORM
prepared() { containers_of "$1" created exited | of_form is "$2"; }

is_in_place() { case " $IN_PLACE " in *" $1 "*) ;; *) return 1 ;; esac; }

# Replaces what runs of a service by COUNT containers of how Compose would make it now. roll SERVICE COUNT
roll() {
  local service=$1 count=$2 wanted old
  create_beside "$service" || { tail -n 5 "$ROLL_LOG" >&2; return 1; }
  wanted=$(form_of "$fresh")
  while old=$(running "$service" | of_form other "$wanted" | first) && [ -n "$old" ]; do
    ! is_in_place "$service" || drain "$old"
    add_wanted "$service" "$wanted" || return 1
    is_in_place "$service" || drain_and_prepare "$service" "$old" "$wanted"
  done
  # An interrupted deploy leaves one more or, where it was replaced in place, none.
  while [ "$(running "$service" | count)" -lt "$count" ]; do add_wanted "$service" "$wanted" || return 1; done
  while [ "$(running "$service" | count)" -gt "$count" ]; do drain "$(running "$service" | first)"; done
}

# Ends an old one, and meanwhile makes the one that comes for the next. It is started by add_wanted, once the old one has
# given its connections back: there is room for one more, not for two. drain_and_prepare SERVICE OLD FORM
drain_and_prepare() {
  local service=$1 old=$2 draining
  drain "$old" &
  draining=$!
  # Where it can't be made now, add_wanted tries again, and tells.
  if [ -n "$(running "$service" | grep -vxF "$old" | of_form other "$3")" ] &&
    [ -z "$(prepared "$service" "$3")" ]; then
    create_beside "$service" || :
  fi
  wait "$draining"
}

# One more of a form: one that was made or stopped before, else a new one.
add_wanted() {
  local id
  id=$(prepared "$1" "$2" | first)
  if [ -z "$id" ]; then
    create_beside "$1" || return 1
    id=$fresh
  fi
  bring_up "$1" "$id"
}

# Schema, partitions and seeds of the version that PLATFORM_VERSION names. The last run's container goes first: Compose would
# take one of two away as soon as it makes an app, which depends on one.
run_migrate() {
  local code id
  for id in $(containers_of migrate); do docker rm --force "$id" >/dev/null; done
  create_beside migrate || { tail -n 5 "$ROLL_LOG" >&2; return 1; }
  docker start "$fresh" >/dev/null
  code=$(docker wait "$fresh")
  docker logs "$fresh" 2>&1 | tail -n "$([ "$code" = 0 ] && echo 1 || echo 15)" | sed 's/^/   /'
  [ "$code" = 0 ] || say "migrate ended with $code" >&2
  [ "$code" = 0 ]
}

# Everything that a version consists of, in the order in which it may change. Needs: apps, workers (how many of each).
replace_all() {
  next 'Migrate'
  run_migrate
  next "Apps: $apps, one after another"
  roll app "$apps"
  next "Workers: $workers, one after another"
  roll worker "$workers"
  next 'ready-dns (nginx goes on with what it last knew)'
  roll ready-dns 1
  next 'nginx-log-exporter (what nginx logs meanwhile is not counted)'
  # It only counts: no deploy fails by it, nor a rollback to a version that had none.
  roll nginx-log-exporter 1 || say 'nginx-log-exporter is not ready: nobody counts what nginx logs'
  next 'nginx'
  say "$(docker exec "$(running nginx | first)" reload.sh)"
}

# As it was before: those of $originals that were stopped are started again, each before one that came in its place ends.
# Fails where one of them doesn't come back; what serves then is left alone.
go_back() {
  local service id
  for service in ready-dns nginx-log-exporter app worker; do
    for id in $(running "$service" | without_originals); do
      # In place, the new one goes first here; and whoever is not ready serves nobody.
      if is_in_place "$service" || ! is_healthy "$id"; then docker rm --force "$id" >/dev/null || :; fi
    done
    for id in $(containers_of "$service" exited dead | only_originals); do
      bring_up "$service" "$id" || return 1
      drain_one_that_is_new "$service"
    done
    while [ -n "$(running "$service" | without_originals)" ]; do drain_one_that_is_new "$service"; done
  done
  for service in $ROLLED; do
    for id in $(containers_of "$service" | without_originals); do docker rm --force "$id" >/dev/null || :; done
  done
  # So that the next `docker compose up` finds this one, too, as it would make it. A schema that is ahead of it stays.
  export PLATFORM_VERSION=$from
  run_migrate || :
}
only_originals() { grep -xF "$originals" || :; }
without_originals() { grep -vxF "$originals" || :; }
is_healthy() { [ "$(docker inspect --format '{{.State.Health.Status}}' "$1")" = healthy ]; }
drain_one_that_is_new() {
  local id
  id=$(running "$1" | without_originals | first)
  [ -z "$id" ] || drain "$id"
}

# All is replaced: what was stopped for it is removed.
remove_replaced() {
  local service id
  for service in $ROLLED; do
    for id in $(containers_of "$service" created exited dead); do docker rm --force "$id" >/dev/null; done
  done
}

# Takes the lock, and fills from (the version), apps and workers: what is there before anything is changed. Of a deploy that
# was interrupted it is what that one began with. look_at_what_runs TO
look_at_what_runs() {
  lock_deploys "make $(basename "$0" .sh)"
  trap leave EXIT
  trap 'exit 130' INT TERM HUP
  from=$(running_version)
  apps=$(containers_of app running restarting exited dead | count)
  workers=$(containers_of worker running restarting exited dead | count)
  interrupted_from=''
  if [ -f "$DEPLOY_UNFINISHED" ]; then
    say "A deploy $(describe_unfinished) was interrupted; this one goes on from what it left"
    interrupted_from=$(unfinished FROM) apps=$(unfinished APPS) workers=$(unfinished WORKERS)
  fi
}

check_nginx() {
  local state
  state=$(docker exec "$(running nginx | first)" reload.sh check) ||
    die 'Refused: nginx does not take infra/nginx/nginx.conf.template (above). Nothing was changed.'
  say "nginx: $state"
}

# One instance more than runs, on PgBouncer as it is: that many are there at a time.
# Whatever production refuses is not looked at: a deploy has asked for that, and make rotate is what mends a weak secret,
# whose standard input holds the new value.
check_connections() {
  local allowed
  allowed=$(setting PGBOUNCER_MAX_CLIENT_CONN "$(sed -n 's/^PLANNED_PGBOUNCER_MAX_CLIENT_CONN=//p' "$BUILD_DIR/plan-$COMPOSE_PROJECT_NAME/pgbouncer.env" 2>/dev/null)")
  run_once -e SV_ENV=development -e "APP_INSTANCES=$((apps + 1))" -e "WORKER_INSTANCES=$((workers + 1))" \
    ${allowed:+-e "PGBOUNCER_MAX_CLIENT_CONN=$allowed"} sdk config plan </dev/null >/dev/null || die 'Refused: there is no room for one more instance (above). Nothing was changed.'
}

# The autoscaler would copy instances of either version meanwhile.
rest_autoscaler() {
  scaler=$(running autoscaler | first)
  [ -z "$scaler" ] || {
    docker stop "$scaler" >/dev/null
    say 'The autoscaler rests meanwhile'
  }
}
wake_autoscaler() {
  [ -z "$scaler" ] || docker compose --progress plain up -d --no-build --no-deps autoscaler >>"$ROLL_LOG" 2>&1 ||
    say 'The autoscaler did not start again; make up does it'
}

# From here on whatever ends this script leads back to what runs now.
begin_change() {
  local service
  : >"$ROLL_LOG"
  originals=$(for service in $ROLLED; do containers_of "$service" running restarting exited dead; done)
  # shellcheck disable=SC2154 # to: of who sources this
  printf 'FROM=%s\nTO=%s\nAPPS=%s\nWORKERS=%s\n' "${interrupted_from:-$from}" "$to" "$apps" "$workers" >"$DEPLOY_UNFINISHED"
  is_changing=yes
  rest_autoscaler
}

# The new version runs, and is the one that the settings name. From its first line on there is no way back any more.
end_change() {
  is_changing=''
  write_version "$to"
  clear_up
}
clear_up() {
  remove_replaced
  rm -f "$DEPLOY_UNFINISHED"
  wake_autoscaler
}

leave() {
  local code=$?
  trap - EXIT
  trap '' INT TERM HUP
  if [ -n "$is_changing" ]; then
    printf '%sIt failed: back to what ran before.%s\n' "$RED" "$PLAIN" >&2
    [ -z "$scaler" ] || docker start "$scaler" >/dev/null || :
    if go_back; then
      rm -f "$DEPLOY_UNFINISHED"
      printf '%s%s%s\n' "$RED" "${after_going_back:-Nothing is deployed. $from serves, $SV_ENV_FILE is as it was; of the schema, what was migrated stays.}" "$PLAIN" >&2
    else
      printf '%sSome instances of %s did not come back (above); what is ready serves on. make ps, then make rollback TO=%s.%s\n' "$RED" "$from" "$from" "$PLAIN" >&2
    fi
    [ "$code" -ne 0 ] || code=1
  fi
  unlock_deploys
  exit "$code"
}

# Services that the next `make up` would make anew, because their settings are others now. (With --no-start, or Compose's
# dry run would wait for what it doesn't start.)
still_outdated() {
  docker compose --dry-run --progress plain up --no-start --no-build 2>&1 |
    sed -n "s/.*Container $COMPOSE_PROJECT_NAME-\(.*\)-[0-9]*  Recreated\$/\1/p"
}

# summary WHAT: and what a deploy doesn't touch, though it is another one by now. Needs: outdated
summary() {
  outdated=$({ still_outdated; printf '%s\n' "$outdated" | tr ' ' '\n'; } | sort -u | xargs)
  [ -z "$outdated" ] || printf '\nLeft as they are, though their settings or images have changed: %s.\nReplace them where a break of seconds is no matter: make up (docs/operations/deploy.md).\n' "$outdated"
  printf '\n%s%s in %d s: %s apps, %s workers.%s Back: make rollback\n' "$BOLD" "$1" "$SECONDS" "$apps" "$workers" "$PLAIN"
}
