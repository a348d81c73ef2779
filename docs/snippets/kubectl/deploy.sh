#!/usr/bin/env bash
# Rolls a new image out and announces it. It needs VERSION, and ROLLBACKD_NATS_USER with its password.
set -euo pipefail
export ROLLBACKD_NATS="${ROLLBACKD_NATS:-nats://rollbackd.rollbackd:4222}"

kubectl --namespace shop set image deployment/checkout "app=registry.example/shop/checkout:$VERSION"
kubectl --namespace shop rollout status deployment/checkout --timeout 10m

rollbackctl emit --env production --namespace shop --workload checkout \
  --version "$VERSION" --operator "${USER:-unknown}" --wait 5s
