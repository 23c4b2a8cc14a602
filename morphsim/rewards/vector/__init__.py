"""Wrappers for vector environments; each gives what the wrapper of the same name in `wrappers` gives."""

from __future__ import annotations
