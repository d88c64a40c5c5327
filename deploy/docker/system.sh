#!/bin/sh
# What the image needs of Debian 13, and the user that it runs as.
set -eu
apt-get update -q
apt-get install -y -q --no-install-recommends ca-certificates python3 python3-venv
rm -rf /var/lib/apt/lists/*
getent passwd 10001 >/dev/null || useradd --uid 10001 --user-group --create-home trueserve
