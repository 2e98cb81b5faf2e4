"""Discovery, a call and feedback with httpx: `python examples/call.py [BASE]`."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx

base = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
request = json.loads((Path(__file__).parent / "hooks" / "patient-view.request.json").read_text(encoding="utf-8"))

with httpx.Client(base_url=base, timeout=10) as client:
    services = client.get("/cds-services").raise_for_status().json()["services"]
    service = next(entry["id"] for entry in services if entry["hook"] == request["hook"])
    answer = client.post(f"/cds-services/{service}", json=request)
    if answer.status_code != 200:
        sys.exit(f"{answer.status_code}: {answer.json()['issue'][0]['details']['text']}")
    cards = answer.json()["cards"]
    for card in cards:
        print(f"[{card['indicator']}] {card['summary']}")
    entry = {"card": cards[0]["uuid"], "outcome": "overridden", "outcomeTimestamp": datetime.now(UTC).isoformat(timespec="seconds")}
    print("feedback:", client.post(f"/cds-services/{service}/feedback", json={"feedback": [entry]}).status_code)
