#!/usr/bin/env bash
# `make bench`: the benchmark in the tests' image, on a stack of its own. bench.sh [--quick] [--only list,email]
# shellcheck source=infra/host/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

"$HOST_DIR/engine.sh"
"$HOST_DIR/images.sh"
# Also for what has servers of its own, without the stack; test.sh builds its own image.
PLATFORM_VERSION=$(setting SV_VERSION dev) "$HOST_DIR/build.sh" stack
exec "$HOST_DIR/test.sh" node bench/run.ts "$@"
