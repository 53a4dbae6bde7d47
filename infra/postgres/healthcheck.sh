#!/bin/sh
# Over TCP: during the first start a server runs that only listens on a socket, and must not count as healthy.
exec pg_isready --quiet --host=127.0.0.1 --port=5432 --username=postgres --dbname=postgres
