"""Descriptors of binary morphologies that do not depend on the place of the pattern."""

from morphsim.similarity.descriptors.area import area_fraction
from morphsim.similarity.descriptors.baseline import THREE_DESCRIPTORS, three_descriptors
from morphsim.similarity.descriptors.chords import ChordLengths, chord_lengths
from morphsim.similarity.descriptors.connectivity import Components, components, connected_share
from morphsim.similarity.descriptors.exciton import (
    interface_distance,
    interface_distance_map,
    near_interface_share,
)
from morphsim.similarity.descriptors.frames import PHASE_ELECTRODES
from morphsim.similarity.descriptors.graspi import graspi_descriptors
from morphsim.similarity.descriptors.interface import interface_components, interface_length
from morphsim.similarity.descriptors.profile import composition_profile
from morphsim.similarity.descriptors.spectrum import power_spectrum
from morphsim.similarity.descriptors.table import DescriptorTable, describe
from morphsim.similarity.descriptors.tortuosity import Paths, path_lengths, shortest_paths, tortuosity
from morphsim.similarity.descriptors.two_point import two_point_statistics
from morphsim.similarity.descriptors.wavenumber import fundamental_wavenumber, mean_wavenumber

__all__ = [
    "PHASE_ELECTRODES",
    "THREE_DESCRIPTORS",
    "ChordLengths",
    "Components",
    "DescriptorTable",
    "Paths",
    "area_fraction",
    "chord_lengths",
    "components",
    "composition_profile",
    "connected_share",
    "describe",
    "fundamental_wavenumber",
    "graspi_descriptors",
    "interface_components",
    "interface_distance",
    "interface_distance_map",
    "interface_length",
    "mean_wavenumber",
    "near_interface_share",
    "path_lengths",
    "power_spectrum",
    "shortest_paths",
    "three_descriptors",
    "tortuosity",
    "two_point_statistics",
]
