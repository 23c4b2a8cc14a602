"""The ruler: a distance between binary frames that is independent of every learned reward."""

from morphsim.similarity.ruler.families import FAMILIES, FamilyName, RulerDescriptors, ruler_descriptors
from morphsim.similarity.ruler.ruler import Ruler

__all__ = ["FAMILIES", "FamilyName", "Ruler", "RulerDescriptors", "ruler_descriptors"]
