"""Steering films to any target: a library of films, a surrogate, and policies for all targets of a task."""
