"""The folder of an encoder: its files, and how they are written and read."""
