"""The console's own style sheet and script, under names that contain their hash, so that a browser never uses an old one."""

import hashlib
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from blacklist_service.problems import NotFound

FOLDER = files("blacklist_service.console") / "static"
MEDIA_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
NAMES = ("console.css", "console.js", "icon.svg")
FOR_EVER = "public, max-age=31536000, immutable"


@cache
def hashed_name(name: str) -> str:
    stem, _, ending = name.rpartition(".")
    return f"{stem}.{hashlib.sha256(content_of(name)).hexdigest()[:12]}.{ending}"


@cache
def content_of(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


async def serve_asset(request: Request) -> Response:
    asked = request.path_params["name"]
    for name in NAMES:
        if hashed_name(name) == asked:
            media_type = MEDIA_TYPES[name.rpartition(".")[2]]
            headers = {"Cache-Control": FOR_EVER}
            return Response(content_of(name), media_type=media_type, headers=headers)
    raise NotFound
