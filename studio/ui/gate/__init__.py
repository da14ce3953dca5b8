"""What every request passes: who may come through which door, with what, and how it is refused."""
