#!/bin/sh
# Puts the settings into the configuration, then becomes nginx; `entrypoint.sh render` prints it. The template is no part of
# the image (docker-compose.yml mounts it), so that a change of it needs a reload, and no other container.
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
# Four bytes of base64 for three, and 1 MB for the rest of the emails: what the app takes (routes/emails/create.ts).
base64_groups=$(((EMAIL_ATTACHMENTS_MAX_BYTES + 2) / 3))
emails_body_bytes=$((1048576 + base64_groups * 4))
render() {
  sed -e "s/@RESOLVER@/$RESOLVER/" -e "s/@VERSION@/$SV_VERSION/" -e "s/@EMAILS_BODY_BYTES@/$emails_body_bytes/" \
    /etc/nginx/sv/nginx.conf.template
}
if [ "${1:-}" = render ]; then
  render
  exit
fi
render >/tmp/nginx.conf
exec nginx -c /tmp/nginx.conf -e stderr -g 'daemon off;' "$@"
