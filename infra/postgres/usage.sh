# shellcheck shell=sh
# shellcheck disable=SC2154 # node is in common.sh
# Sourced by the entrypoint: what this container uses of its CPU and memory, and what it may use, for Prometheus. The kernel
# shows each container its own group's figures, so nobody needs Docker's socket for them. node-exporter serves the file.

# Both of the kernel's interfaces: version 2 has cpu.stat at the top, version 1 a folder for each kind.
cgroup=${CGROUP_PATH:-/sys/fs/cgroup}
usage_path=${USAGE_PATH:-/var/lib/sv-backup-status}

# Without a program for it: this runs every few seconds. value_of FILE NAME
value_of() {
  while read -r name value; do
    if [ "$name" = "$2" ]; then printf '%s' "$value"; return; fi
  done <"$1"
}

# metric NAME TYPE HELP VALUE; nothing without a value
metric() {
  [ -n "$4" ] || return 0
  printf '# HELP %s %s\n# TYPE %s %s\n%s{node="%s"} %s\n' "$1" "$3" "$1" "$2" "$1" "$node" "$4"
}

# thousandths NUMBER DIVISOR: as a decimal, which the shell's own arithmetic has not
thousandths() { printf '%d.%03d' "$(($1 / $2))" "$(($1 % $2 * 1000 / $2))"; }

read_usage() {
  if [ -r "$cgroup/cpu.stat" ]; then
    cpu_seconds=$(thousandths "$(value_of "$cgroup/cpu.stat" usage_usec)" 1000000)
    read -r quota period <"$cgroup/cpu.max"
    read -r memory_limit <"$cgroup/memory.max"
    stat=$cgroup/memory.stat programs=anon
  elif [ -r "$cgroup/cpuacct/cpuacct.usage" ]; then
    read -r nanoseconds <"$cgroup/cpuacct/cpuacct.usage"
    cpu_seconds=$(thousandths "$nanoseconds" 1000000000)
    read -r quota <"$cgroup/cpu/cpu.cfs_quota_us"
    read -r period <"$cgroup/cpu/cpu.cfs_period_us"
    read -r memory_limit <"$cgroup/memory/memory.limit_in_bytes"
    stat=$cgroup/memory/memory.stat programs=rss
  else
    return 1
  fi
  # "max", or a number below 1 or beyond every machine's memory: there is no limit, and so no share of it.
  case $quota in *[!0-9]*) cpu_limit='' ;; *) cpu_limit=$(thousandths "$quota" "$period") ;; esac
  case $memory_limit in *[!0-9]* | ????????????????*) memory_limit='' ;; esac
  # What can't be given back: the memory of programs, and what they share (shared_buffers). Not the cache of files.
  memory_used=$(($(value_of "$stat" $programs) + $(value_of "$stat" shmem)))
}

# Whole or not at all. A fault here is no reason to do anything about Postgres.
write_usage() {
  [ -w "$usage_path" ] || return 0
  read_usage || return 0
  {
    metric sv_database_cpu_seconds_total counter 'CPU time that the container of a database node has used.' "$cpu_seconds"
    metric sv_database_cpu_limit_cores gauge 'CPU that it may use.' "$cpu_limit"
    metric sv_database_memory_used_bytes gauge 'Memory that it uses and that can not be given back.' "$memory_used"
    metric sv_database_memory_limit_bytes gauge 'Memory that it may use.' "$memory_limit"
    metric sv_database_usage_timestamp_seconds gauge 'When these figures were taken.' "$(date +%s)"
  } >"$usage_path/.usage-$node" && mv "$usage_path/.usage-$node" "$usage_path/usage-$node.prom"
}
