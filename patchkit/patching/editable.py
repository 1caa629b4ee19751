"""Editable installs: metadata in site-packages, code in a source tree of the user."""

import json
from pathlib import Path
from urllib.parse import unquote, urlsplit


def editable_source(info: Path) -> Path | None:
    """The source tree behind a metadata entry; None if the install is not editable."""
    try:
        if info.suffix == ".egg-link":
            return Path(info.read_text(encoding="utf-8").splitlines()[0])
        origin = json.loads((info / "direct_url.json").read_bytes())
        return Path(unquote(urlsplit(origin["url"]).path)) if origin["dir_info"]["editable"] else None
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None
