#!/bin/sh
# Is there a certificate that has not ended?
set -eu
openssl x509 -noout -checkend 0 -in "/certificates/$DOMAIN.pem"
