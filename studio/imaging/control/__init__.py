"""What a ControlNet reads: control images, made from whatever picture there is."""
