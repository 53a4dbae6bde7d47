# The bases of every image here, from Debian's packages, for a host that reaches no image registry (images.sh builds them).
# They bring the programs only, at the same paths or names as the official images' binaries; entrypoint, configuration and
# health check are in infra/<service>/Dockerfile and the same for both.
# The mirror comes as a build secret and stays in no layer: apt's lists live in the stage `lists` alone.

ARG ROOTFS=sv-sdk/debian-base:forky

FROM ${ROOTFS} AS lists
# A mirror can lag behind its Release file's validity: images.sh passes -o Acquire::Check-Valid-Until=false where the
# host's own apt has it so.
ARG APT_OPTIONS=""
# Any change fetches the lists anew, as packages that old lists name are gone from the mirror.
ARG LISTS_DAY=""
RUN --mount=type=secret,id=apt_sources,target=/etc/apt/sources.list \
    --mount=type=secret,id=host_ca,target=/run/host-ca.pem \
    : "${LISTS_DAY}" && apt-get ${APT_OPTIONS} update -qq

FROM ${ROOTFS} AS base
ENV DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8
ARG APT_OPTIONS=""
# No service starts while it is installed, manuals stay out, dpkg need not sync (a layer is whole or absent), and one
# short verb serves all stages.
RUN printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d \
 && printf 'path-exclude=%s\n' '/usr/share/doc/*' '/usr/share/man/*' '/usr/share/locale/*' >/etc/dpkg/dpkg.cfg.d/slim \
 && echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/no-sync \
 && printf '#!/bin/sh\nexec apt-get %s install -y -qq --no-install-recommends "$@"\n' "${APT_OPTIONS}" >/usr/local/sbin/install-packages \
 && chmod +x /usr/sbin/policy-rc.d /usr/local/sbin/install-packages

# Debian builds its nodejs without the stripping of types (process.features.typescript is undefined), and the sources
# run as they are. Node's own binaries come from npm, checked against the lock file's digest; Debian's npm (391 packages)
# fetches them and pnpm, and stays here.
FROM base AS npm
RUN --mount=type=secret,id=apt_sources,target=/etc/apt/sources.list \
    --mount=type=secret,id=host_ca,target=/run/host-ca.pem \
    --mount=type=bind,from=lists,source=/var/lib/apt/lists,target=/var/lib/apt/lists \
    --mount=type=tmpfs,target=/var/cache/apt \
    install-packages npm
WORKDIR /node
COPY node/package.json node/package-lock.json ./
ARG PNPM_VERSION=12.21.0
RUN --mount=type=secret,id=host_ca,target=/run/host-ca.pem \
    --mount=type=secret,id=npmrc,target=/root/.npmrc \
    if [ -s /run/host-ca.pem ]; then export NODE_EXTRA_CA_CERTS=/run/host-ca.pem; fi \
 && npm ci --ignore-scripts --no-fund --no-audit --no-update-notifier \
 && ln node_modules/node-linux-*/bin/node /usr/local/bin/node \
 && npm install --global --prefix /opt/pnpm --allow-scripts=pnpm --no-fund --no-audit --no-update-notifier "pnpm@${PNPM_VERSION}"

FROM base AS node
COPY --from=npm /usr/local/bin/node /usr/local/bin/node

FROM node AS node-build
COPY --from=npm /opt/pnpm /opt/pnpm
ENV PATH=/opt/pnpm/bin:$PATH

FROM base AS postgres
# postgresql-common would create and start a cluster at installation; ours is made by our own entrypoint.
RUN --mount=type=secret,id=apt_sources,target=/etc/apt/sources.list \
    --mount=type=secret,id=host_ca,target=/run/host-ca.pem \
    --mount=type=bind,from=lists,source=/var/lib/apt/lists,target=/var/lib/apt/lists \
    --mount=type=tmpfs,target=/var/cache/apt \
    mkdir -p /etc/postgresql-common/createcluster.d \
 && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/none.conf \
 && install-packages postgresql-18 pgbackrest
ENV PATH=/usr/lib/postgresql/18/bin:$PATH

FROM base AS pgbouncer
RUN --mount=type=secret,id=apt_sources,target=/etc/apt/sources.list \
    --mount=type=secret,id=host_ca,target=/run/host-ca.pem \
    --mount=type=bind,from=lists,source=/var/lib/apt/lists,target=/var/lib/apt/lists \
    --mount=type=tmpfs,target=/var/cache/apt \
    install-packages pgbouncer \
 && ln -sf /usr/sbin/pgbouncer /usr/bin/pgbouncer

FROM base AS redis
RUN --mount=type=secret,id=apt_sources,target=/etc/apt/sources.list \
    --mount=type=secret,id=host_ca,target=/run/host-ca.pem \
    --mount=type=bind,from=lists,source=/var/lib/apt/lists,target=/var/lib/apt/lists \
    --mount=type=tmpfs,target=/var/cache/apt \
    install-packages redis-server redis-tools

FROM base AS nginx
RUN --mount=type=secret,id=apt_sources,target=/etc/apt/sources.list \
    --mount=type=secret,id=host_ca,target=/run/host-ca.pem \
    --mount=type=bind,from=lists,source=/var/lib/apt/lists,target=/var/lib/apt/lists \
    --mount=type=tmpfs,target=/var/cache/apt \
    install-packages nginx libnginx-mod-http-brotli-filter libnginx-mod-http-brotli-static

FROM base AS acme
RUN --mount=type=secret,id=apt_sources,target=/etc/apt/sources.list \
    --mount=type=secret,id=host_ca,target=/run/host-ca.pem \
    --mount=type=bind,from=lists,source=/var/lib/apt/lists,target=/var/lib/apt/lists \
    --mount=type=tmpfs,target=/var/cache/apt \
    install-packages certbot

FROM base AS prometheus
RUN --mount=type=secret,id=apt_sources,target=/etc/apt/sources.list \
    --mount=type=secret,id=host_ca,target=/run/host-ca.pem \
    --mount=type=bind,from=lists,source=/var/lib/apt/lists,target=/var/lib/apt/lists \
    --mount=type=tmpfs,target=/var/cache/apt \
    install-packages prometheus

FROM base AS alertmanager
RUN --mount=type=secret,id=apt_sources,target=/etc/apt/sources.list \
    --mount=type=secret,id=host_ca,target=/run/host-ca.pem \
    --mount=type=bind,from=lists,source=/var/lib/apt/lists,target=/var/lib/apt/lists \
    --mount=type=tmpfs,target=/var/cache/apt \
    install-packages prometheus-alertmanager \
 && ln -s prometheus-alertmanager /usr/bin/alertmanager

FROM base AS exporters
# The paths are those of the official images' binaries (/bin is /usr/bin here).
RUN --mount=type=secret,id=apt_sources,target=/etc/apt/sources.list \
    --mount=type=secret,id=host_ca,target=/run/host-ca.pem \
    --mount=type=bind,from=lists,source=/var/lib/apt/lists,target=/var/lib/apt/lists \
    --mount=type=tmpfs,target=/var/cache/apt \
    install-packages prometheus-postgres-exporter prometheus-redis-exporter prometheus-pgbouncer-exporter \
      prometheus-nginx-exporter prometheus-node-exporter \
 && cd /usr/bin \
 && for name in postgres redis pgbouncer node; do ln -s "prometheus-$name-exporter" "${name}_exporter"; done \
 && ln -s prometheus-nginx-exporter nginx-prometheus-exporter \
 && ln -s usr/bin/prometheus-redis-exporter /redis_exporter
