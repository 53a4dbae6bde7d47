#!/bin/sh
# Writes the configuration from the platform's own mail settings, then becomes Alertmanager. --check only checks it.
#   ALERT_EMAIL_TO  who gets the alerts
#   EMAIL_FROM      the sender, as of all mail of the platform
#   SMTP_URL        smtp://[user:password@]host[:port] or smtps://…; SMTP_URL_FILE where it holds a password
#   SMTP_USER       beside a URL without a user, with SMTP_PASSWORD_FILE; empty: no login
set -eu
umask 077
fail() { echo "alertmanager: $1" >&2; exit 64; }

if [ -n "${SMTP_URL_FILE:-}" ]; then SMTP_URL=$(cat "$SMTP_URL_FILE") || fail "SMTP_URL_FILE can't be read"; fi
: "${ALERT_EMAIL_TO:?is the address that gets the alerts}" "${EMAIL_FROM:?is the sender}" "${SMTP_URL:?is smtp://host:port}"

# A YAML string in single quotes.
quoted() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/''/g")"; }
# %40 becomes @: printf's own \ooo, as not every sh knows \xhh.
decoded() { printf '%b' "$(printf '%s' "$1" | sed 's/\\/\\\\/g' | awk '{
  while (match($0, /%[0-9A-Fa-f][0-9A-Fa-f]/)) {
    hex = toupper(substr($0, RSTART + 1, 2)); digits = "0123456789ABCDEF"
    code = (index(digits, substr(hex, 1, 1)) - 1) * 16 + index(digits, substr(hex, 2, 1)) - 1
    printf "%s\\0%03o", substr($0, 1, RSTART - 1), code
    $0 = substr($0, RSTART + 3)
  }
  printf "%s", $0 }')"; }

case "$SMTP_URL" in
  smtp://*) port=25 ;;
  # Alertmanager speaks TLS from the first byte on this port, and only there.
  smtps://*) port=465 ;;
  *) fail 'SMTP_URL must start with smtp:// or smtps://' ;;
esac
rest=${SMTP_URL#*://}
rest=${rest%%[/?]*}
user='' password=''
case "$rest" in
  *@*)
    login=${rest%@*} rest=${rest##*@}
    user=$(decoded "${login%%:*}")
    case "$login" in *:*) password=$(decoded "${login#*:}") ;; esac
    ;;
esac
if [ -z "$user" ] && [ -n "${SMTP_USER:-}" ]; then
  user=$SMTP_USER
  password=$(cat "${SMTP_PASSWORD_FILE:?is the file with the password of SMTP_USER}") || fail "SMTP_PASSWORD_FILE can't be read"
fi
case "$rest" in *:*) host=$rest ;; *) host=$rest:$port ;; esac
# A password never travels in the clear; a server that asks for none (maildev, a relay on this network) may have no TLS.
if [ -n "$user" ]; then require_tls=true; else require_tls=false; fi

cat >/tmp/alertmanager.yml <<YAML
global:
  smtp_smarthost: $(quoted "$host")
  smtp_from: $(quoted "$EMAIL_FROM")
  smtp_require_tls: $require_tls
$([ -z "$user" ] || printf '  smtp_auth_username: %s\n  smtp_auth_password: %s\n' "$(quoted "$user")" "$(quoted "$password")")
  resolve_timeout: 5m

route:
  receiver: administrator
  group_by: [alertname]
  # Time for what belongs together to come together, and for a known alert not to be mailed over and over.
  group_wait: 15s
  group_interval: 5m
  repeat_interval: 12h

receivers:
  - name: administrator
    email_configs:
      - to: $(quoted "$ALERT_EMAIL_TO")
        send_resolved: true
YAML

if [ "${1:-}" = --check ]; then exec amtool check-config /tmp/alertmanager.yml; fi
# One instance: no cluster, so no gossip port.
exec /bin/alertmanager --config.file=/tmp/alertmanager.yml --storage.path=/alertmanager --cluster.listen-address= \
  --web.listen-address=:9093 --log.level=warn "$@"
