#!/bin/sh
# Writes the configuration from the settings, then becomes Alertmanager. --check only checks it.
#   ALERT_RECEIVERS       who is told of warnings and worse: email, slack, pagerduty, webhook, separated by commas
#   ALERT_INFO_RECEIVERS  who is told of what is only information; blank: nobody, it stands on the web page
#   ALERT_EMAIL_TO        who gets the mails
#   ALERT_SLACK_CHANNEL   blank: the channel of the webhook
#   EMAIL_FROM            the sender, as of all mail of the platform
#   SMTP_URL              smtp://[user:password@]host[:port] or smtps://…; SMTP_URL_FILE where it holds a password
#   SMTP_USER             beside a URL without a user, with SMTP_PASSWORD_FILE; empty: no login
# Addresses and keys of the others are secrets, which Alertmanager reads from their files whenever it sends: alert_slack_url,
# alert_pagerduty_key, alert_webhook_url.
set -eu
umask 077
fail() { echo "alertmanager: $1" >&2; exit 64; }
secrets=${SECRETS_PATH:-/run/secrets} settings=${ALERTMANAGER_SETTINGS:-/etc/sv-alertmanager}

# The names of a list, checked: each is known, and has what it needs. names_of SETTING LIST
names_of() {
  for name in $(printf '%s' "$2" | tr , ' '); do
    case $name in
      email) secret='' ;;
      slack) secret=alert_slack_url ;;
      pagerduty) secret=alert_pagerduty_key ;;
      webhook) secret=alert_webhook_url ;;
      *) fail "$1: email, slack, pagerduty and webhook are known, \"$name\" is not" ;;
    esac
    [ -z "$secret" ] || [ -s "$secrets/$secret" ] || fail "$1 names $name: put its address or key into the secret $secret"
    printf '%s ' "$name"
  done
}
receivers=$(names_of ALERT_RECEIVERS "${ALERT_RECEIVERS:-email}") || exit
info_receivers=$(names_of ALERT_INFO_RECEIVERS "${ALERT_INFO_RECEIVERS-}") || exit

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

# A pager is for what can't wait.
without_pager() { printf '%s' "$1" | tr ' ' '\n' | grep -v '^pagerduty$' | tr '\n' ' '; }

# What a message looks like, as fields of a receiver: message FILE
message() { sed 's/^/    /' "$settings/$1.yml"; }

# receiver NAME "email slack …"; without any it tells nobody
receiver() {
  printf -- '- name: %s\n' "$1"
  for name in $2; do
    case $name in
      email)
        printf '  email_configs:\n  - to: %s\n    send_resolved: true\n' "$(quoted "$ALERT_EMAIL_TO")"
        ;;
      slack)
        printf '  slack_configs:\n  - api_url_file: %s\n    send_resolved: true\n' "$secrets/alert_slack_url"
        [ -z "${ALERT_SLACK_CHANNEL-}" ] || printf '    channel: %s\n' "$(quoted "$ALERT_SLACK_CHANNEL")"
        message slack
        ;;
      pagerduty)
        printf '  pagerduty_configs:\n  - routing_key_file: %s\n    send_resolved: true\n' "$secrets/alert_pagerduty_key"
        message pagerduty
        ;;
      webhook)
        printf '  webhook_configs:\n  - url_file: %s\n    send_resolved: true\n' "$secrets/alert_webhook_url"
        ;;
    esac
  done
}

cat >/tmp/alertmanager.yml <<YAML
global:
  smtp_smarthost: $(quoted "$host")
  smtp_from: $(quoted "$EMAIL_FROM")
  smtp_require_tls: $require_tls
$([ -z "$user" ] || printf '  smtp_auth_username: %s\n  smtp_auth_password: %s\n' "$(quoted "$user")" "$(quoted "$password")")
  resolve_timeout: 5m

$(sed -n '/^route:/,$p' "$settings/routes.yml")

receivers:
$(receiver everybody "$receivers")
$(receiver without-pager "$(without_pager "$receivers")")
$(receiver whom-it-interests "$info_receivers")
YAML

if [ "${1:-}" = --check ]; then exec amtool check-config /tmp/alertmanager.yml; fi
# For test-alert.sh.
printf '%s\n' "$receivers" >/tmp/receivers
# One instance: no cluster, so no gossip port.
# The world reaches its page under a path of DOMAIN, where OPERATORS_PAGES says so, and nginx cuts that off; Prometheus asks it
# without.
url=${LOCAL_URL:-http://localhost:9093}
[ "${OPERATORS_PAGES:-off}" = off ] || url=https://$DOMAIN/admin/alertmanager
exec /bin/alertmanager --config.file=/tmp/alertmanager.yml --storage.path=/alertmanager --cluster.listen-address= \
  --web.listen-address=:9093 --web.external-url="$url" --web.route-prefix=/ --log.level=warn "$@"
