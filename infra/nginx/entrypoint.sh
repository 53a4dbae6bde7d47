#!/bin/sh
# Puts the settings into the configuration, then becomes nginx.
set -eu
fail() { echo "nginx: $1" >&2; exit 64; }
case ${RESOLVER:-} in
  '' | *[!0-9.]*) fail "RESOLVER must be the IPv4 address of ready-dns" ;;
esac
case ${SV_VERSION:=dev} in
  *[!A-Za-z0-9._+-]*) fail "SV_VERSION may hold letters, digits, dot, underscore, plus and hyphen" ;;
esac
sed -e "s/@RESOLVER@/$RESOLVER/" -e "s/@VERSION@/$SV_VERSION/" /etc/nginx/nginx.conf.template >/tmp/nginx.conf
exec nginx -c /tmp/nginx.conf -e stderr -g 'daemon off;' "$@"
