"""The equations and the scheme: grid, energies, mobilities, model and time steps."""
