#!/bin/sh
# Puts the settings into the configuration, then becomes nginx; `entrypoint.sh render` prints it. The template and its parts
# are no part of the image (docker-compose.yml mounts them), so that a change of them needs a reload, and no other container.
#   DOMAIN           the name under which the world reaches it; blank: no TLS, as in development
#   HTTPS_PORT       the port that the world connects to, for the redirect and for HTTP/3
#   HTTP3            off, or on, where the build can
#   TRUSTED_PROXIES  ranges of a CDN's or another balancer's addresses, separated by commas: what they say of a client is true
#   OPERATORS_PAGES  on or off: whether the world reaches them, behind a login; only with a DOMAIN
set -eu
fail() { echo "nginx: $1" >&2; exit 64; }
case ${RESOLVER:-} in
  '' | *[!0-9.]*) fail "RESOLVER must be the IPv4 address of ready-dns" ;;
esac
case ${SV_VERSION:=dev} in
  *[!A-Za-z0-9._+-]*) fail "SV_VERSION may hold letters, digits, dot, underscore, plus and hyphen" ;;
esac
case ${EMAIL_ATTACHMENTS_MAX_BYTES:=2097152} in
  *[!0-9]* | ?????????*) fail "EMAIL_ATTACHMENTS_MAX_BYTES must be a whole number of at most 8 digits" ;;
esac
# Blank: nobody counts what is logged.
case ${REQUEST_LOG:=} in
  *[!A-Za-z0-9.:-]*) fail "REQUEST_LOG must be the address and the port of nginx-log-exporter" ;;
esac
case ${DOMAIN:=} in
  *[!a-z0-9.-]*) fail "DOMAIN must be a host name, such as api.example.org" ;;
esac
case ${HTTPS_PORT:=443} in
  *[!0-9]* | ??????*) fail "HTTPS_PORT must be a port" ;;
esac
case ${TRUSTED_PROXIES:=} in
  *[!0-9a-fA-F.:/,\ ]*) fail "TRUSTED_PROXIES must be ranges of addresses, such as 192.0.2.0/24,2001:db8::/32" ;;
esac
case ${HTTP3:=on} in on | off) ;; *) fail "HTTP3 must be on or off" ;; esac
case ${OPERATORS_PAGES:=off} in on | off) ;; *) fail "OPERATORS_PAGES must be on or off" ;; esac
export DOMAIN

request_log="$REQUEST_LOG"
[ -z "$request_log" ] || request_log="access_log syslog:server=$request_log,nohostname,tag=nginx figures;"
# Four bytes of base64 for three, and 1 MB for the rest of the emails: what the app takes (routes/emails/create.ts).
base64_groups=$(((EMAIL_ATTACHMENTS_MAX_BYTES + 2) / 3))
emails_body_bytes=$((1048576 + base64_groups * 4))

trusted_proxies=''
for range in $(printf '%s' "$TRUSTED_PROXIES" | tr , ' '); do
  trusted_proxies="$trusted_proxies set_real_ip_from $range;"
done
[ -z "$trusted_proxies" ] || trusted_proxies="${trusted_proxies# } real_ip_header X-Forwarded-For; real_ip_recursive on;"

public_port=''
[ "$HTTPS_PORT" = 443 ] || public_port=:$HTTPS_PORT
# A comment where it is not to be.
http3='# '
if [ "$HTTP3" = on ] && nginx -V 2>&1 | grep -q http_v3_module; then http3=''; fi

# The template, with the parts that a DOMAIN brings in the places that it leaves for them.
assembled() {
  source=/etc/nginx/sv
  if [ -z "$DOMAIN" ]; then
    cat "$source/nginx.conf.template"
  else
    sed -e "/# @TLS@/r $source/tls.conf" -e "/# @PAGES@/r $source/pages-$OPERATORS_PAGES.conf" \
      -e "/# @REDIRECT@/r $source/redirect.conf" -e "/# @REDIRECT@/r $source/pages.conf" "$source/nginx.conf.template"
  fi
}
render() {
  assembled | sed -e "s/@RESOLVER@/$RESOLVER/" -e "s/@VERSION@/$SV_VERSION/" -e "s/@EMAILS_BODY_BYTES@/$emails_body_bytes/" \
    -e "s/# @REQUEST_LOG@/$request_log/" -e "s|# @TRUSTED_PROXIES@|$trusted_proxies|" -e "s/@HTTP3@/$http3/" \
    -e "s/@DOMAIN@/$DOMAIN/" -e "s/@PUBLIC_PORT@/$public_port/" -e "s/@HTTPS_PORT@/$HTTPS_PORT/"
}
if [ "${1:-}" = render ]; then
  render
  exit
fi
render >/tmp/nginx.conf
if [ -n "$DOMAIN" ]; then
  certificate.sh take
  certificate.sh follow &
fi
exec nginx -c /tmp/nginx.conf -e stderr -g 'daemon off;' "$@"
