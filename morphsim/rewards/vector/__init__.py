"""Wrappers for vector environments, the twins of those in `morphsim.rewards.wrappers`."""

from __future__ import annotations
