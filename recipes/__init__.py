"""How the weights in assets/ were made, so that they can be made again."""
