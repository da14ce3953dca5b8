"""LoRAs and textual inversions in folders, and how they come from the hub."""
