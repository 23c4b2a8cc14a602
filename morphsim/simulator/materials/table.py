"""The table of materials: parameters of blends, with their sources and estimates."""

from __future__ import annotations

from morphsim.errors import InputError
from morphsim.simulator.materials.material import Material, Source
from morphsim.simulator.units import Units
from morphsim.suggest import did_you_mean


def material(name: str) -> Material:
    """The material called `name`; `MATERIALS` lists them.

    Raises:
        InputError: no material has this name.

    >>> material("pdpp5t-pcbm").drying_recipe(spin_speed=1500).evaporation
    0.0033
    """
    if not isinstance(name, str) or name not in MATERIALS:
        raise InputError(f"there is no material {name!r}; {did_you_mean(name, MATERIALS)}")
    return MATERIALS[name]


_WODO = "Wodo and Ganapathysubramanian, Comput. Mater. Sci. 55 (2012) 113"
_WODO_DOI = "10.1016/j.commatsci.2011.12.012"
_NEGI = "Negi, Wodo, van Franeker, Janssen and Bobbert, ACS Appl. Energy Mater. 1 (2018) 725"
_NEGI_DOI = "10.1021/acsaem.7b00189"
_CHLOROFORM, _CHLOROBENZENE = 80.7, 101.7
"""Molar volumes [cm³/mol]."""
_DEPTH = Source(
    parameters="depth_nm",
    basis="estimate",
    citation="half the wavelength that grows fastest while the film dries, `represented_depth`",
)
_DEFAULT_TEMPERATURE_LAWS = (
    "The temperature dependence of chi, mobility and evaporation is the recipes' default, not measured for "
    "this material."
)


def _molar_volume(substance: str, molar_mass: str, density: str) -> Source:
    return Source(
        parameters="molar_volume",
        basis="estimate",
        citation=f"{substance}: {molar_mass} g/mol over {density} g/cm³",
    )


def _wodo(name: str, n_donor: float, kappa: float, depth_nm: float) -> Material:
    """A member of the published series of chain lengths."""
    return Material(
        name=name,
        description=f"model polymer of {n_donor:g} units, fullerene of 5, solvent",
        process="drying",
        blend_ratio=0.5,
        n_donor=n_donor,
        n_acceptor=5.0,
        chi=1.0,
        chi_donor_solvent=0.3,
        chi_acceptor_solvent=0.3,
        kappa=kappa,
        barrier=1e-3,
        mobility="wodo",
        solvent=0.75,
        width=2.5,
        evaporation=0.3,
        duration=400.0,
        reference_temperature=300.0,
        units=Units(length_nm=240.0, diffusivity=1e-9),
        molar_volume=_CHLOROFORM,
        depth_nm=depth_nm,
        sources=(
            Source(
                parameters="chain lengths, chi, mobility closure, kappa, barrier, blend_ratio, solvent, "
                "width, evaporation",
                basis="secondary",
                citation=_WODO + " (arXiv:1109.3239), as implemented by others",
                doi=_WODO_DOI,
            ),
            Source(
                parameters="units",
                basis="estimate",
                citation="h0 = √(ε²/(kappa RT/V_s)) with the published ε² = 3.57e-10 J/m, chloroform's "
                "V_s = 80.7 cm³/mol and 300 K; D_s is a typical diffusivity in a liquid",
            ),
            _molar_volume("chloroform", "119.38", "1.479"),
            _DEPTH,
        ),
        remark="A model, not a real substance. kappa is proportional to the published ε² of 3.57, 2.62 and "
        "2.05e-10 J/m for 5, 20 and 100 units. Biot numbers of 0.03 to 3 were studied. "
        + _DEFAULT_TEMPERATURE_LAWS,
    )


_TABLE = (
    _wodo("wodo-model", 5.0, 2e-4, 24.5),
    _wodo("wodo-model-n20", 20.0, 1.468e-4, 18.0),
    _wodo("wodo-model-n100", 100.0, 1.148e-4, 15.4),
    Material(
        name="pdpp5t-pcbm",
        description="PDPP5T and PC71BM, 1:2 by volume, in chloroform",
        process="drying",
        blend_ratio=1.0 / 3.0,
        n_donor=87.0,
        n_acceptor=5.0,
        chi=1.0,
        chi_donor_solvent=0.1,
        chi_acceptor_solvent=0.9,
        kappa=2e-5,
        published_kappa=3.2e-6,
        barrier=1e-4,
        mobility="negi",
        solvent=0.9,
        width=1.0,
        evaporation=0.0033,
        spin_speeds=((500.0, 0.0019), (1500.0, 0.0033), (3000.0, 0.0051), (6000.0, 0.0073)),
        duration=5000.0,
        reference_temperature=300.0,
        units=Units(length_nm=1000.0, diffusivity=1e-9),
        molar_volume=_CHLOROFORM,
        depth_nm=23.4,
        sources=(
            Source(
                parameters="chain lengths, chi, published_kappa, barrier, mobility closure and its "
                "diffusivities, solvent, spin_speeds, h0",
                basis="secondary",
                citation=_NEGI + ", and its Supporting Information, as implemented by others",
                doi=_NEGI_DOI,
            ),
            Source(
                parameters="blend_ratio",
                basis="estimate",
                citation="the blend's 1:2 taken by volume",
            ),
            Source(
                parameters="kappa, width",
                basis="estimate",
                citation="chosen so that the interface of the dry film is four cells wide at 400 x 100 "
                "cells, and two and a half on the default ones",
            ),
            Source(
                parameters="diffusivity of the unit of time",
                basis="estimate",
                citation="a typical diffusivity in a liquid",
            ),
            _molar_volume("chloroform", "119.38", "1.479"),
            _DEPTH,
        ),
        remark="The published kappa, 3.2e-6, gives an interface of 0.0043 h0. At 400 x 100 cells that is "
        "thinner than a cell of any film wider than 1.7 h0, and thinner than a row until the film has shrunk "
        "to 0.43 h0. The table uses 2e-5, whose interfaces and wavelengths are 2.5 times as large; at width "
        "0.5 and 400 x 200 cells the published value resolves an interface with three cells and two rows. "
        "The published Biot numbers scale with the spin speed to the power 0.55, and the film starts with "
        "h0 = 1 µm at every speed. " + _DEFAULT_TEMPERATURE_LAWS,
    ),
    Material(
        name="p3ht-pcbm",
        description="P3HT and PC61BM, 1:1 by volume, in chlorobenzene",
        process="drying",
        blend_ratio=0.5,
        n_donor=180.0,
        n_acceptor=6.0,
        chi=0.86,
        chi_donor_solvent=0.4,
        chi_acceptor_solvent=0.3,
        kappa=1e-4,
        barrier=1e-3,
        mobility="wodo",
        solvent=0.8,
        width=2.0,
        evaporation=0.03,
        duration=2000.0,
        reference_temperature=298.15,
        units=Units(length_nm=500.0, diffusivity=1e-9),
        molar_volume=_CHLOROBENZENE,
        depth_nm=32.0,
        sources=(
            Source(
                parameters="chi",
                basis="secondary",
                citation="Kozub, Vakhshouri, Orme, Wang, Hexemer and Gomez, Macromolecules 44 (2011) 5722",
                doi="10.1021/ma200855r",
            ),
            Source(
                parameters="chi_donor_solvent, chi_acceptor_solvent",
                basis="secondary",
                citation="values used in simulations of this blend, known only in order of magnitude",
            ),
            Source(
                parameters="n_donor, n_acceptor",
                basis="estimate",
                citation="molar volumes over chlorobenzene's 101.7 cm³/mol: 20 kg/mol at 1.1 g/cm³, and "
                "911 g/mol at 1.5 g/cm³",
            ),
            Source(
                parameters="kappa, barrier, evaporation, solvent, width, units",
                basis="estimate",
                citation="similar to the other materials' values, resolved at 400 x 100 cells",
            ),
            _molar_volume("chlorobenzene", "112.56", "1.107"),
            _DEPTH,
        ),
        remark="Amorphous liquid-liquid separation only: both substances crystallise, which is not "
        "simulated. The chain length corresponds to a molar mass of 20 kg/mol. The Biot number is a choice: "
        "that of chloroform on a spin coater is ten times smaller (see pdpp5t-pcbm), and chlorobenzene is "
        "less volatile. " + _DEFAULT_TEMPERATURE_LAWS,
    ),
    Material(
        name="opv-frames",
        description="dry donor/acceptor blend of the published organic photovoltaic frames",
        process="annealing",
        blend_ratio=0.53,
        chi=3.4,
        kappa=4e-4,
        width=4.0,
        boundary="no-flux",
        duration=0.1,
        reference_temperature=373.15,
        units=Units(length_nm=100.0, diffusivity=1e-17),
        sources=(
            Source(
                parameters="blend_ratio, chi, width",
                basis="published",
                citation="frames and process parameters of the GraSPI repository (owodolab/pygraspi), "
                "which names this paper",
                doi="10.1016/j.commatsci.2021.110409",
            ),
            Source(
                parameters="kappa",
                basis="estimate",
                citation="4 px² at 100 px per thickness, which reproduces the interface length of the "
                "frames with chi 3.4 and 3.8 within some 15 %",
            ),
            Source(
                parameters="boundary",
                basis="estimate",
                citation="the first and last columns of the frames differ, as between walls",
            ),
            Source(
                parameters="duration, reference_temperature, units",
                basis="estimate",
                citation="the recipe's and the units' defaults: the frames carry no physical scales",
            ),
        ),
        remark="Frames exist for blend ratios of 0.514 to 0.558 and chi of 2.4, 2.8, 3.4 and 3.8. Those of "
        "chi 2.4 and 2.8 are from another campaign, whose lengths correspond to a kappa near 1.6e-3.",
    ),
)

MATERIALS: dict[str, Material] = {entry.name: entry for entry in _TABLE}
"""All materials by name."""
