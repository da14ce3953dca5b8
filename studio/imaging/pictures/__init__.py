"""Files and pixels: opened, brought to a size, stored."""
