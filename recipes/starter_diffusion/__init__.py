"""The starter diffusion family: its data, its training and its evaluation."""
