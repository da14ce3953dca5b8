"""The entry for `python app.py`, `uv run app.py` and Hugging Face Spaces."""

from studio.errors import StudioError
from studio.studio import Studio
from studio.ui.app import serve

if __name__ == "__main__":
    try:
        with Studio() as studio:
            serve(studio)
    except StudioError as error:
        raise SystemExit(error.explain()) from error
