#!/bin/sh
# Installs trueserve from the sources in $1 into /opt/trueserve: every package pinned, with its hash; then compiles
# what the first run would compile. What was compiled is beside the sources, belongs to root, and is only read later.
set -eu
cd "$1"
python3 -m constraints.install --into=/opt/trueserve
/opt/trueserve/bin/trueserve warm_up
/opt/trueserve/bin/trueserve warm_up --check
