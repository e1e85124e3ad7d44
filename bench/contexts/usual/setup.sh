#!/usr/bin/env bash
# The software of docker/postgresql, installed as most Dockerfiles do it.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends \
  postgresql-15 libnss-wrapper patroni pgbackrest postgresql-15-decoderbufs
rm -rf /var/lib/apt/lists/*
