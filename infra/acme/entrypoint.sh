#!/bin/sh
# Gets a certificate for DOMAIN, and has it renewed in time: certbot decides when that is, and is asked twice a day. What
# nginx is to use is put into /certificates whole; nginx takes it from there within seconds (infra/nginx/certificate.sh).
#   DOMAIN              the name that the certificate is for; port 80 of it must lead to nginx
#   ACME_EMAIL          whom the authority may write to
#   ACME_SERVER         the directory of the authority
#   ACME_CHECK_SECONDS  between two looks
set -eu
umask 077
fail() { echo "acme: $1" >&2; exit 64; }
case ${DOMAIN:-} in
  '' | *[!a-z0-9.-]*) fail 'DOMAIN must be a host name, such as api.example.org' ;;
esac
case ${ACME_EMAIL:-} in ?*@?*) ;; *) fail 'ACME_EMAIL must be an email address' ;; esac
case ${ACME_SERVER:=https://acme-v02.api.letsencrypt.org/directory} in
  https://?*) ;;
  *) fail 'ACME_SERVER must start with https://' ;;
esac
case ${ACME_CHECK_SECONDS:=43200} in *[!0-9]* | 0*) fail 'ACME_CHECK_SECONDS must be a whole number from 1' ;; esac
# Four times an hour at the most: Let's Encrypt refuses a name for an hour after five failures.
RETRY_SECONDS=900
[ "$RETRY_SECONDS" -lt "$ACME_CHECK_SECONDS" ] || RETRY_SECONDS=$ACME_CHECK_SECONDS

# An authority of one's own is trusted by its CA.
ca=${SECRETS_PATH:-/run/secrets}/acme_ca
[ ! -s "$ca" ] || export REQUESTS_CA_BUNDLE="$ca"
# A folder for each authority: what one for trying out has issued is none of the other's.
authority=${ACME_SERVER#https://}
state=/var/lib/acme/$(printf '%s' "${authority%%/*}" | tr -c 'A-Za-z0-9.-' '-')

obtain() {
  certbot certonly --non-interactive --agree-tos --email "$ACME_EMAIL" --no-eff-email --server "$ACME_SERVER" \
    --webroot --webroot-path /challenges --domain "$DOMAIN" --cert-name "$DOMAIN" --keep-until-expiring \
    --config-dir "$state" --work-dir /tmp/certbot --logs-dir /tmp/certbot-logs --max-log-backups 1
}

# Key and chain are one file, so that nginx never sees one of each.
put_in_place() {
  cat "$state/live/$DOMAIN/fullchain.pem" "$state/live/$DOMAIN/privkey.pem" >/certificates/.new &&
    mv /certificates/.new "/certificates/$DOMAIN.pem"
}

while :; do
  if obtain && put_in_place; then
    wait_seconds=$ACME_CHECK_SECONDS
  else
    wait_seconds=$RETRY_SECONDS
    echo "acme: no certificate for $DOMAIN (the reason is above). The name must lead to this machine, and port 80 be open. Next try in $wait_seconds s" >&2
  fi
  sleep "$wait_seconds"
done
