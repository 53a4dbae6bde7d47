# shellcheck shell=bash
# Sourced by up.sh: `make up ENV=production DOMAIN=… ACME_EMAIL=…`, which the settings then say (docs/operations/production.md).

PRODUCTION_FILE=docker-compose.prod.yml

# Puts what was asked for into the settings file, so that plain `docker compose` agrees, and a later `make up` needs none of it.
apply_production() {
  local name value files domain port url
  files=$(setting COMPOSE_FILE docker-compose.yml)
  case ":$files:" in *:"$PRODUCTION_FILE":*) ;; *) files=$files:$PRODUCTION_FILE ;; esac
  domain=$(setting DOMAIN) port=$(setting PUBLIC_HTTPS_PORT 443)
  url=https://$domain
  [ "$port" = 443 ] || url=$url:$port
  for name in "COMPOSE_FILE=$files" SV_ENV=production "DOMAIN=$domain" "ACME_EMAIL=$(setting ACME_EMAIL)" "BETTER_AUTH_URL=$url"; do
    value=${name#*=} name=${name%%=*}
    if ! grep -qxF "$name=$value" "$SV_ENV_FILE"; then
      put_setting "$SV_ENV_FILE" "$name" "$value"
      say "$name=$value"
    fi
  done
  # The environment goes before the file.
  export COMPOSE_FILE="$files" SV_ENV=production BETTER_AUTH_URL="$url"
}
