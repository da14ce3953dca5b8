"""How one picture comes about: planned, drawn in rounds, checked, kept."""
