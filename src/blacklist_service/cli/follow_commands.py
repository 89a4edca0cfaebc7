"""`follow` and related commands: this installation applies another one's list."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from blacklist_service.cli import following
from blacklist_service.cli.asking import AddressRefusedError, ServiceAddress
from blacklist_service.cli.environment import load_settings, opened, operator, refusing, run, stop
from blacklist_service.cli.options import DataDir
from blacklist_service.ledger.notes import NoteError, VerifierKey
from blacklist_service.listings.following.applying import FollowingRefusedError
from blacklist_service.listings.following.sealing import load_private_key, public_text, read_public_key
from blacklist_service.members.operations import register_follower

KEY_FILE = "follower.key"
REFUSED, UNREACHED = 1, 3


def add_to(app: typer.Typer) -> None:
    app.command("follow")(follow)
    app.command("follower-key")(follower_key)
    app.command("register-follower")(register)


def follow(
    url: Annotated[
        str, typer.Argument(help="the installation to follow, such as https://list.example; http: only on this machine")
    ],
    vkey: Annotated[
        Path,
        typer.Option(
            exists=True, dir_okay=False, help="its log's public keys, obtained from somewhere other than itself"
        ),
    ],
    key: Annotated[
        str, typer.Option(help="the API key with the role follower; @ and a file's name; BLACKLIST_API_KEY")
    ] = "",
    every: Annotated[float, typer.Option(min=0, help="seconds between requests; 0: once")] = 30.0,
    anew: Annotated[
        bool, typer.Option("--anew", help="start from the beginning; listings that are not found again are removed")
    ] = False,
    proxy: Annotated[
        str, typer.Option(help="a proxy, as http://HOST:PORT; proxies from the environment are ignored")
    ] = "",
    data_dir: DataDir = None,
) -> None:
    """Apply another installation's list as listings of this one. Exits with 1 if the list contradicts itself or this copy,
    and with 3 if the other installation cannot be reached.
    """
    settings = load_settings(data_dir)
    with refusing():
        keys = _keys_of(vkey)
        private_key = load_private_key(settings.data_dir / KEY_FILE)
        upstream = following.Upstream(_service(url, _api_key(key), proxy), keys, private_key)
    with opened(settings) as workplace:
        try:
            run(following.follow_for_ever(workplace, upstream, every_seconds=every, is_anew=anew, say=_say))
        except FollowingRefusedError as error:
            stop(str(error), status=REFUSED)
        except following.Unreachable as error:
            stop(str(error), status=UNREACHED)


def follower_key(data_dir: DataDir = None) -> None:
    """Print the public key with which this installation is registered at the one it follows; the private half stays in the
    data directory.
    """
    with refusing():
        print(public_text(load_private_key(load_settings(data_dir).data_dir / KEY_FILE)))


def register(
    code: Annotated[str, typer.Argument(help="the member that runs the following installation")],
    public_key: Annotated[str, typer.Option(help="as 'blacklist-service follower-key' printed it there")],
    data_dir: DataDir = None,
) -> None:
    """Give a member's installation the whole list, sealed for this key; the installation also needs an API key with the role
    follower.
    """
    try:
        content = read_public_key(public_key)
    except ValueError as error:
        stop(str(error))
    with opened(load_settings(data_dir)) as workplace:

        async def act() -> None:
            async with workplace.connected() as connection, connection.transaction():
                await register_follower(connection, code, content, actor=operator(), secrecy=workplace.secrecy)

        run(act())
    print(f"{code} registered")


def _service(url: str, api_key: str, proxy: str) -> ServiceAddress:
    seconds, most = following.TIMEOUT_SECONDS, following.MOST_BYTES
    try:
        return ServiceAddress(url, api_key, proxy=proxy, timeout_seconds=seconds, most_bytes=most)
    except AddressRefusedError as error:
        stop(str(error))


def _keys_of(path: Path) -> tuple[VerifierKey, ...]:
    try:
        keys = tuple(VerifierKey.parse(line) for line in path.read_text("utf-8").splitlines() if line.strip())
    except (NoteError, UnicodeDecodeError) as error:
        stop(f"{path} does not hold a log's public keys: {error}")
    if not keys or len({one.name for one in keys}) != 1:
        stop(f"{path} does not hold the public keys of one log")
    return keys


def _api_key(given: str) -> str:
    text = given or os.environ.get("BLACKLIST_API_KEY", "")
    return Path(text[1:]).read_text("utf-8").strip() if text.startswith("@") else text


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
