"""Where the studio is hosted, as far as that changes how requests run."""
