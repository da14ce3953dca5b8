"""Pictures made larger by upscaler models, tile by tile."""
