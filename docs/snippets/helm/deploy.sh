#!/usr/bin/env bash
# Upgrades a release by Helm and announces the two ends of it under one ID. It needs VERSION, and ROLLBACKD_NATS_USER with its
# password. If the upgrade fails, so does the script, and what was announced at the start is told to have failed.
set -euo pipefail
export ROLLBACKD_NATS="${ROLLBACKD_NATS:-nats://rollbackd.rollbackd:4222}"

announce() { # status
  rollbackctl emit --env production --namespace shop --workload checkout --version "$VERSION" \
    --id "$id" --operator "${USER:-unknown}" --status "$1"
}

id="helm-checkout-$VERSION-$(date -u +%Y%m%dT%H%M%SZ)"
announce started
if ! helm upgrade --install checkout ./chart --namespace shop --set "image.tag=$VERSION" --wait --timeout 10m; then
  announce failed
  exit 1
fi
announce success
