"""`make fuzz`: one call after another for some minutes. A finding prints its number and leaves the body in a file.

`python -m tests.fuzz --from FOLDER` also starts from the calls and Bundles of a folder; `--seed N --count 1` looks at one again.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from pathlib import Path

from tests.fuzz.bodies import call, real
from tests.fuzz.judge import content, judge

SLOW_SECONDS = 2.0
"""A call that takes longer to judge (it is read seven times) is named: a pattern may go over a text again and again."""


def main() -> int:
    """Fuzz for the time that is asked for. Returns 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--count", type=int, default=sys.maxsize, help="stop after so many calls")
    parser.add_argument("--seed", type=int, default=0, help="the number of the first call")
    parser.add_argument("--from", dest="folder", type=Path, help="a folder with calls, prefetch objects or Bundles as JSON")
    parser.add_argument("--to", type=Path, default=Path("fuzz-findings"), help="where the bodies of findings are written")
    asked = parser.parse_args()
    content()
    others, ends = real(asked.folder), time.monotonic() + asked.minutes * 60
    seed, found, slow = asked.seed, 0, 0
    while time.monotonic() < ends and seed - asked.seed < asked.count:
        sent, began = call(seed, others), time.monotonic()
        try:
            judge(sent)
        except Exception:  # whatever it is, it is a finding; it is printed and counted
            found += 1
            asked.to.mkdir(parents=True, exist_ok=True)
            path = asked.to / f"{seed}.{sent.hook}.json"
            path.write_bytes(sent.body)
            print(f"seed {seed}, {sent.hook}, body in {path}", traceback.format_exc(), sep="\n", flush=True)
        if (took := time.monotonic() - began) > SLOW_SECONDS:
            slow += 1
            print(f"seed {seed}, {sent.hook}: {took:.1f} s for {len(sent.body):,} bytes", flush=True)
        seed += 1
    print(f"{seed - asked.seed} calls from seed {asked.seed}: {found} findings, {slow} slow")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
