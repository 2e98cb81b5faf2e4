#!/bin/sh
# Discovery, a call and feedback with curl. Usage: examples/call.sh [BASE]
set -eu
base="${1:-http://127.0.0.1:8000}"
here="$(dirname "$0")"

curl -fsS "$base/cds-services"
echo
answer="$(curl -fsS -X POST -H 'Content-Type: application/json' --data-binary "@$here/hooks/patient-view.request.json" "$base/cds-services/ms-patient-view")"
echo "$answer"
card="$(echo "$answer" | grep -oE '"uuid":"[0-9a-f-]{36}"' | head -n 1 | cut -d '"' -f 4)"
curl -fsS -o /dev/null -w 'feedback: %{http_code}\n' -X POST -H 'Content-Type: application/json' \
  --data "{\"feedback\":[{\"card\":\"$card\",\"outcome\":\"overridden\",\"outcomeTimestamp\":\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"}]}" \
  "$base/cds-services/ms-patient-view/feedback"
