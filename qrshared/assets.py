"""Where the built page is: inside the installed package, or in the checkout's web/dist."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_PLACES = (_PACKAGE / "web", _PACKAGE.parent / "web" / "dist")


def built_page() -> Path | None:
    """The folder that holds `index.html` and `assets/`; None when the page was never built."""
    return next((place for place in _PLACES if (place / "index.html").is_file()), None)
