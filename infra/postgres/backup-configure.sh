#!/bin/sh
# Writes pgBackRest's configuration from the environment and the secrets; says which one is missing. The file holds
# secrets: memory only (/tmp), for this user alone.
set -eu
# shellcheck source=infra/postgres/backup-common.sh
. /usr/local/bin/backup-common.sh

# need NAME VALUE
need() { [ -n "$2" ] || die "$1 is missing; BACKUP_REPOSITORY=$repository needs it (docs/operations/backups.md)"; }
secret() { cat "$SECRETS_PATH/$1" 2>/dev/null || :; }

# Half of the processors, 4 at the most, and at least $1: for a restore, which has the machine to itself.
processes() {
  count=$(($(nproc) / 2))
  [ "$count" -ge "$1" ] || count=$1
  [ "$count" -le 4 ] || count=4
  echo "$count"
}

repository=${BACKUP_REPOSITORY:-off}
# pgBackRest can't encrypt a repository anew, so each key that was ever used (`make rotate`) has one of its own. The newest
# key stands first, the oldest, whose repository was there before there was another, last. BACKUP_KEY_NUMBER: an older one.
number=${BACKUP_KEY_NUMBER:-$(secret backup_encryption_key | grep -c .)} || :
encryption_key=$(secret backup_encryption_key | tail -n "$number" | head -n 1)
need 'the secret backup_encryption_key' "$encryption_key"
folder=''
[ "$number" -le 1 ] || folder=/key-$number

place() {
  case $repository in
    volume) echo "repo1-path=/var/lib/pgbackrest$folder" ;;
    s3)
      s3_secret=$(secret backup_s3_secret)
      need BACKUP_S3_ENDPOINT "${BACKUP_S3_ENDPOINT-}"
      need BACKUP_S3_BUCKET "${BACKUP_S3_BUCKET-}"
      need BACKUP_S3_REGION "${BACKUP_S3_REGION-}"
      need BACKUP_S3_KEY_ID "${BACKUP_S3_KEY_ID-}"
      need 'the secret backup_s3_secret' "$s3_secret"
      cat <<S3
repo1-type=s3
repo1-path=${BACKUP_S3_PREFIX:-/sv}$folder
repo1-s3-endpoint=$BACKUP_S3_ENDPOINT
repo1-s3-bucket=$BACKUP_S3_BUCKET
repo1-s3-region=$BACKUP_S3_REGION
repo1-s3-key=$BACKUP_S3_KEY_ID
repo1-s3-key-secret=$s3_secret
repo1-s3-uri-style=${BACKUP_S3_URI_STYLE:-host}
# A request takes tens of milliseconds, so WAL goes up in the background, several files at a time.
archive-async=y
S3
      # A server with a certificate of one's own; without it the system's authorities count.
      [ ! -s "$SECRETS_PATH/backup_s3_ca" ] || echo "repo1-storage-ca-file=$SECRETS_PATH/backup_s3_ca"
      ;;
    *) die "BACKUP_REPOSITORY=$repository: volume, s3 or off is expected" ;;
  esac
}

write() {
  cat <<CONFIGURATION
[global]
$(place)
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=$encryption_key
# Small files share one, and of a big one that changed only its changed blocks are stored.
repo1-bundle=y
repo1-block=y
# By time: what is older goes as soon as a full backup of that age is there, so that the whole time can be restored.
repo1-retention-full-type=time
repo1-retention-full=${BACKUP_RETENTION_DAYS:-14}
repo1-retention-history=${BACKUP_RETENTION_DAYS:-14}
compress-type=zst
compress-level=3
process-max=1
# No waiting for the next checkpoint, which is up to 10 minutes away.
start-fast=y
archive-timeout=2m
archive-push-queue-max=${BACKUP_WAL_QUEUE_MAX:-4GiB}
spool-path=/var/lib/postgresql/pgbackrest-spool
log-level-console=warn
log-level-file=off

[global:restore]
process-max=$(processes 2)

# Fetches ahead while Postgres replays: a start of pgBackRest for each 16 MB would take longer than the replay.
[global:archive-get]
archive-async=y
process-max=$(processes 2)

[$PGBACKREST_STANZA]
pg1-path=$PGDATA
pg1-socket-path=/tmp
pg1-user=postgres
CONFIGURATION
}

umask 077
# Whole or not at all: a running archive command reads it. In a command of its own, so that a fault ends the script.
configuration=$(write)
printf '%s\n' "$configuration" >"$PGBACKREST_CONFIG.new"
mv "$PGBACKREST_CONFIG.new" "$PGBACKREST_CONFIG"
printf '*:*:*:postgres:%s\n' "$(secret postgres_password)" >"$PGPASSFILE"
mkdir -p /var/lib/postgresql/pgbackrest-spool
