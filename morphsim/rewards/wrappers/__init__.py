"""Wrappers for single environments."""

from __future__ import annotations
