"""The style of the pages behind links, in the tenant's colour, and the policy that admits it."""

import base64
import hashlib
from functools import lru_cache
from pathlib import Path

from answerable.definition.color import lightened

FILES = Path(__file__).parent / "page_files"
_DARK_GROUND = "#14181d"  # style.css's --paper where dark is preferred


@lru_cache(maxsize=256)
def page_style(color: str | None) -> str:
    """color: of buttons and of what is focused; None: as in style.css."""
    style = (FILES / "style.css").read_text(encoding="utf-8")
    if color is None:
        return style
    dark = lightened(color, _DARK_GROUND)
    return (
        f"{style}:root{{--strong:{color}}}"
        f"@media (prefers-color-scheme:dark){{:root{{--strong:{dark}}}}}\n"
    )


@lru_cache(maxsize=256)
def page_policy(color: str | None) -> str:
    """The Content-Security-Policy: this style, forms to this site, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(page_style(color).encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
