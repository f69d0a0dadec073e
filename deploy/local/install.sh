#!/usr/bin/env bash
# Install what this machine lacks: uv (kept in .local/uv), the locked packages (with them mongod), RabbitMQ.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() { echo "setup: $*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif sudo -n true 2>/dev/null; then sudo -n "$@"; else return 1; fi
}

install_package() {
    command -v apt-get >/dev/null && as_root true || return 1
    echo "setup: installing $1"
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
    as_root "${apt[@]}" install -y --no-install-recommends "$1" >/dev/null 2>&1 ||
        { as_root "${apt[@]}" update && as_root "${apt[@]}" install -y --no-install-recommends "$1" >/dev/null; }
}

uv=$(command -v uv || echo .local/uv/bin/uv)
if [ ! -x "$uv" ]; then
    python3 -m pip --version >/dev/null 2>&1 || install_package python3-pip ||
        fail "uv is missing and so is pip: install either (apt-get install -y python3-pip)."
    echo "setup: installing uv into .local/uv"
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .local/uv uv
fi
"$uv" sync --frozen --quiet

if [ -z "${SUITE_MONGO_URL:-}" ] && ! ldconfig -p | grep 'libcurl\.so\.4 ' >/dev/null && ! docker info >/dev/null 2>&1; then
    install_package libcurl4 ||
        fail "mongod needs libcurl and installing it needs root: run 'apt-get install -y libcurl4' as root," \
            "start Docker, or set SUITE_MONGO_URL to a replica set you have."
fi

if [ -z "${SUITE_RABBIT_URLS:-}" ] && [ ! -x /usr/lib/rabbitmq/bin/rabbitmq-server ] &&
    ! docker info >/dev/null 2>&1; then
    install_package rabbitmq-server ||
        fail "RabbitMQ is missing and installing it needs root: run 'apt-get install -y rabbitmq-server' as root," \
            "start Docker, or set SUITE_RABBIT_URLS to a broker you have."
fi
