"""The equations and the scheme.

The parts of a model (grid, energies, mobilities, substrate, evaporation) import nothing of `backends`, which
computes with them. The model, its noise and the time steps stand above, and call the model's backend.
"""
