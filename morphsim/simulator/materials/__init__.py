"""Materials by name, with the sources of their parameters and what is known of their films."""

from morphsim.simulator.materials.material import Material, Source
from morphsim.simulator.materials.morphology import Finding, measure_film, onset_of_demixing
from morphsim.simulator.materials.table import MATERIALS, material

__all__ = ["MATERIALS", "Finding", "Material", "Source", "material", "measure_film", "onset_of_demixing"]
