"""`blacklist-client listen`: the office's events as they happen, one JSON object a line."""

import argparse
import dataclasses
import json
import sys
import time

from blacklist_client.answers import reasons_of
from blacklist_client.client import Blacklist
from blacklist_client.errors import NoAnswer
from blacklist_client.models import EventResponse
from blacklist_client.patience import Waits
from blacklist_client.reading import write

RECEIPT_SECONDS = 60.0

EPILOG = """
Prints each event once, in order, as one JSON object a line; after an interruption it goes on after the last event that
was acknowledged. Events hold no name and no number: with --answers, the answer that each event is about is fetched
(which is on record) and its reasons are printed beside it. Where BLACKLIST_VKEY is set, the receipt of that answer is
verified and its place in the log printed; null where there is none within a minute. A receipt that proves nothing ends it.
"""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "listen",
        help="follow what the office is told",
        description="Follow the watch events of the key's member.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--after", type=int, metavar="SEQUENCE", help="default: after the last that was acknowledged")
    parser.add_argument("--acknowledge", action="store_true", help="say of each event, once printed, that it was told")
    parser.add_argument("--answers", action="store_true", help="fetch what each event is about")
    parser.add_argument("--count", type=int, metavar="EVENTS", help="end after so many; default: never")
    parser.set_defaults(run=run)


def run(typed: argparse.Namespace) -> int:
    with Blacklist.from_environment() as service:
        for number, event in enumerate(service.follow_events(typed.after), 1):
            sys.stdout.write(json.dumps(_shown(service, event, typed.answers), ensure_ascii=False) + "\n")
            sys.stdout.flush()
            if typed.acknowledge:
                service.acknowledge_events(event.sequence)
            if number == typed.count:
                break
    return 0


def _proved(service: Blacklist, event: EventResponse) -> dict[str, object] | None:
    waits, until = Waits(longest_seconds=5.0), time.monotonic() + RECEIPT_SECONDS
    while time.monotonic() < until:
        try:
            receipt = service.receipt(event.check_id)
        except NoAnswer:  # not sealed yet
            time.sleep(waits.next_seconds())
        else:
            return {"index": receipt.index, "size": receipt.size}
    return None


def _shown(service: Blacklist, event: EventResponse, with_answers: bool) -> dict[str, object]:
    shown: dict[str, object] = {name: write(value) for name, value in dataclasses.asdict(event).items()}
    if service.vkey is not None:
        shown["receipt"] = _proved(service, event)
    if with_answers:
        recorded = service.recorded(event.check_id)
        shown["reasons"] = reasons_of(recorded.subjects)
    return shown
