"""`blacklist-service keys`: API keys, and the log's signing key."""

import json
from typing import Annotated, Any

import typer

from blacklist_service.access.scopes import Role
from blacklist_service.cli import logkeeping
from blacklist_service.cli.environment import load_settings, opened, operator, run
from blacklist_service.cli.options import AsJson, DataDir
from blacklist_service.members.operations import create_key, revoke_key
from blacklist_service.members.queries import get_member, list_keys
from blacklist_service.members.rules import LONGEST_KEY_DAYS

app = typer.Typer(no_args_is_help=True, help="API keys: create, list, revoke; rotate the key that signs the log.")


@app.command("create")
def keys_create(
    member: Annotated[str, typer.Option()],
    role: Annotated[Role, typer.Option()],
    matters: Annotated[str | None, typer.Option(help="comma-separated; default: every matter known today")] = None,
    days: Annotated[int, typer.Option()] = LONGEST_KEY_DAYS,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Create an API key; its secret is shown this once."""
    wanted = None if matters is None else [matter.strip() for matter in matters.split(",") if matter.strip()]
    settings = load_settings(data_dir)
    with opened(settings) as workplace:

        async def create() -> dict[str, str]:
            async with workplace.connected() as connection, connection.transaction():
                key = await create_key(
                    connection,
                    member_code=member,
                    role=role,
                    matters=wanted,
                    days=days,
                    environment=settings.key_environment,
                    actor=operator(),
                    secrecy=workplace.secrecy,
                )
                return {"key_id": key.key_id, "key": key.text}

        made = run(create())
    print(json.dumps(made) if as_json else f"key id  {made['key_id']}\nkey     {made['key']}\n(it is not shown again)")


@app.command("list")
def keys_list(
    member: Annotated[str, typer.Option(help="whose")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List a member's API keys, newest first, without their secrets."""
    with opened(load_settings(data_dir)) as workplace:

        async def read() -> list[dict[str, Any]]:
            async with workplace.connected() as connection:
                await get_member(connection, member)
                return [dict(row) for row in await list_keys(connection, member)]

        found = run(read())
    if as_json:
        print(json.dumps({"items": found}, ensure_ascii=False, default=str))
        return
    for key in found:
        end = f"revoked {key['revoked_at']:%Y-%m-%d}" if key["revoked_at"] else f"until {key['expires_at']:%Y-%m-%d}"
        print(f"{key['key_id']}  {key['role']:8} {end:18}  {', '.join(key['matters']) or '-'}")


@app.command("revoke")
def keys_revoke(key_id: str, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Revoke an API key at once, in every process."""
    with opened(load_settings(data_dir)) as workplace:

        async def revoke() -> None:
            async with workplace.connected() as connection, connection.transaction():
                await revoke_key(connection, key_id, actor=operator(), secrecy=workplace.secrecy)

        run(revoke())
    print(json.dumps({"key_id": key_id, "revoked": True}) if as_json else f"{key_id} revoked")


@app.command("rotate-signing")
def keys_rotate_signing(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Add a new signing key of the log beside the old one; publish its vkey to everybody who verifies."""
    with opened(load_settings(data_dir)) as workplace:
        vkey = logkeeping.rotate(workplace)
    print(json.dumps({"vkey": vkey}) if as_json else vkey)
