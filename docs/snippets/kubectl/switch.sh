#!/usr/bin/env bash
# Switches a Service from the blue Deployment to the green one, which runs VERSION already, and announces it.
set -euo pipefail
export ROLLBACKD_NATS="${ROLLBACKD_NATS:-nats://rollbackd.rollbackd:4222}"

kubectl --namespace shop rollout status deployment/checkout-green --timeout 10m
kubectl --namespace shop patch service checkout --patch '{"spec":{"selector":{"colour":"green"}}}'

rollbackctl emit --env production --namespace shop --workload checkout-green --version "$VERSION" \
  --strategy blue-green --service checkout --selector-key colour --from blue --to green --wait 5s
