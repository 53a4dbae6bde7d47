#!/bin/sh
# The certificate that nginx uses, key and chain in one file. The service `acme` puts it into /certificates whole.
#   certificate.sh take    what is there; before the first, one that nginx signs itself, so that it can start
#   certificate.sh follow  takes a new one within 10 s, by a graceful reload; a faulty one is told of, and not taken
set -eu
umask 077
issued=/certificates/$DOMAIN.pem used=/tmp/tls/certificate.pem refused=/tmp/tls/refused.pem

# Valid for a day: nobody trusts it anyway, and CertificateEndsSoon tells where none follows.
placeholder() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj '/O=SV-SDK placeholder' \
    -addext "subjectAltName=DNS:$DOMAIN" -keyout /tmp/tls/key.pem -out /tmp/tls/chain.pem 2>/tmp/tls/openssl.log ||
    { cat /tmp/tls/openssl.log >&2; exit 1; }
  cat /tmp/tls/chain.pem /tmp/tls/key.pem >"$used"
  rm /tmp/tls/chain.pem /tmp/tls/key.pem
}

take() {
  mkdir -p /tmp/tls
  if [ -s "$issued" ]; then
    cp "$issued" "$used"
  else
    placeholder
    echo "nginx: no certificate for $DOMAIN yet, so one that nobody trusts is used until acme has one" >&2
  fi
}

# The configuration that runs, as it was rendered: a change of the template is for `make deploy` to check and to take.
look() {
  [ -s "$issued" ] || return 0
  ! cmp -s "$issued" "$used" || return 0
  # Told of once.
  ! cmp -s "$issued" "$refused" || return 0
  cp "$used" "$used.before" && cp "$issued" "$used.new" && mv "$used.new" "$used" || return
  if nginx -t -q -c /tmp/nginx.conf -e stderr; then
    nginx -s reload -c /tmp/nginx.conf -e stderr || return
    rm "$used.before"
    echo "nginx: the new certificate for $DOMAIN is in use" >&2
  else
    cp "$used" "$refused"
    mv "$used.before" "$used"
    echo "nginx: the new certificate for $DOMAIN is faulty; the one before stays in use" >&2
  fi
}

case ${1:-} in
  take) take ;;
  follow)
    while sleep 10; do
      look || echo "nginx: the certificate could not be renewed; trying again" >&2
    done
    ;;
  *)
    echo 'certificate.sh: take or follow is expected' >&2
    exit 64
    ;;
esac
