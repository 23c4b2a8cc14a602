"""Materials by name, with the sources of their parameters."""

from morphsim.simulator.materials.material import Material, Source
from morphsim.simulator.materials.table import MATERIALS, material

__all__ = ["MATERIALS", "Material", "Source", "material"]
