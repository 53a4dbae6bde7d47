# shellcheck shell=bash
# Sourced: IPv4 subnets, for the networks that are in a range of ours (docker-compose.yml, networks).

# Of what BALANCER_PREFIX begins, the half that they take.
# shellcheck disable=SC2034 # for those who source it
RANGE=0/25

# Every IPv4 subnet in use here: those of Docker's networks except ours, and the host's routes.
subnets_in_use() {
  local networks
  if docker info >/dev/null 2>&1; then
    networks=$(docker network ls -q)
    # shellcheck disable=SC2086
    docker network inspect --format '{{if ne (index .Labels "com.docker.compose.project") "'"$COMPOSE_PROJECT_NAME"'"}}{{range .IPAM.Config}}{{println .Subnet}}{{end}}{{end}}' $networks
  fi
  # Ours shows among the routes too, so bridges are left out: what Docker has is listed above.
  if command -v ip >/dev/null; then
    ip -4 route show | awk '$1 ~ /^[0-9]/ && !/ dev (br-|docker)/ { print $1 }'
  elif command -v netstat >/dev/null; then
    netstat -rn -f inet 2>/dev/null | awk '$1 ~ /^[0-9]/ { print $1 }'
  fi
}

# Prints the first subnet on stdin that overlaps $1; fails when there is none.
overlapping() {
  awk -v wanted="$1" '
    function number(address, part, count) { count = split(address, part, "."); return ((part[1] * 256 + part[2]) * 256 + part[3]) * 256 + part[4] }
    function bits(subnet, part) { return split(subnet, part, "/") == 2 ? part[2] : 8 * split(subnet, part, ".") }
    function size(subnet) { return 2 ^ (32 - bits(subnet)) }
    function start(subnet, part) { split(subnet, part, "/"); return number(part[1]) - number(part[1]) % size(subnet) }
    $1 ~ /^[0-9]+(\.[0-9]+)*(\/[0-9]+)?$/ && start($1) < start(wanted) + size(wanted) && start(wanted) < start($1) + size($1) { print $1; found = 1; exit }
    END { exit !found }'
}
