"""How the hot loops are computed."""
