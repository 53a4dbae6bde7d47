# Postgres of a release, with the programs of the one before it beside its own, for pg_upgrade. Both are images of this host.
ARG OLD
ARG NEW
FROM ${OLD} AS old
FROM ${NEW}
COPY --from=old /usr/lib/postgresql/ /usr/lib/postgresql/
COPY --from=old /usr/share/postgresql/ /usr/share/postgresql/
