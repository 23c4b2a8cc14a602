"""The table of materials: parameters of blends, with their sources and estimates."""

from __future__ import annotations

from morphsim.errors import InputError
from morphsim.simulator.materials.material import Material, Source
from morphsim.simulator.materials.morphology import Finding
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
_KOUIJZER = "Kouijzer et al., J. Am. Chem. Soc. 135 (2013) 12057"
_KOUIJZER_DOI = "10.1021/ja405493j"
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
    layered = n_donor > 5.0
    return Material(
        name=name,
        findings=(
            Finding(
                quantity="upright share",
                low=0.0 if layered else 1.0 / 3.0,
                high=1.0 / 3.0 if layered else 2.0 / 3.0,
                found="layers" if layered else "a percolated network at Bi 0.3",
                citation=_WODO + " (arXiv:1109.3239)",
                doi=_WODO_DOI,
                basis="secondary",
            ),
        ),
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
        findings=(
            Finding(
                quantity="onset",
                low=0.15,
                high=0.25,
                found="liquid-liquid demixing at some 20 vol% solids without a co-solvent",
                citation="van Franeker, Turbiez, Li, Wienk and Janssen, Nat. Commun. 6 (2015) 6229",
                doi="10.1038/ncomms7229",
            ),
            Finding(
                quantity="spacing",
                low=60.0,
                high=500.0,
                found="large fullerene-rich domains, the larger the longer the film dries",
                citation=_KOUIJZER + "; van Franeker et al. (2015)",
                doi=_KOUIJZER_DOI,
                basis="estimate",
            ),
            Finding(
                quantity="lateral share",
                low=0.4,
                high=1.0,
                found="domains of spinodal demixing, rather than flat layers",
                citation=_KOUIJZER,
                doi=_KOUIJZER_DOI,
                basis="estimate",
            ),
        ),
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
        description="P3HT and PC61BM, 1:1 by volume, in chlorobenzene, on a substrate that PCBM wets",
        process="drying",
        blend_ratio=0.5,
        n_donor=180.0,
        n_acceptor=6.0,
        chi=0.25,
        chi_donor_solvent=0.4,
        chi_acceptor_solvent=0.3,
        kappa=1e-5,
        barrier=1e-4,
        mobility="fast-mode",
        solid_diffusivity=1e-5,
        diffusivity_exponent=1.0,
        substrate_strength=1e-4,
        substrate_donor=0.2,
        solvent=0.8,
        width=1.5,
        evaporation=6.6e-5,
        duration=1e5,
        reference_temperature=298.15,
        units=Units(length_nm=500.0, diffusivity=1.7e-9),
        molar_volume=_CHLOROBENZENE,
        depth_nm=35.3,
        findings=(
            Finding(
                quantity="surface excess",
                low=0.05,
                high=1.0,
                found="as cast, P3HT is enriched at the air and PCBM at the substrate",
                citation="Xu et al., Adv. Funct. Mater. 19 (2009) 1227; Parnell et al., Adv. Mater. 22 "
                "(2010) 2444, doi 10.1002/adma.200903971; Campoy-Quiles et al., Nat. Mater. 7 (2008) 158. "
                "What lies at the substrate depends on its surface energy, the air's side does not: Germack "
                "et al., Macromolecules 43 (2010) 3828, doi 10.1021/ma100027b",
                doi="10.1002/adfm.200801286",
            ),
            Finding(
                quantity="acceptor in donor phase",
                low=0.05,
                high=0.5,
                found="amorphous P3HT holds dissolved PCBM: 5 % by mass in films with crystals (Long et "
                "al.), miscible while disordered (Treat et al.), one glass transition in blends of all "
                "compositions (Zhao et al.)",
                citation="Long, Ward, Ruseckas and Samuel, Synth. Met. 216 (2016) 23; Treat et al., Adv. "
                "Energy Mater. 1 (2011) 82; Zhao et al., J. Phys. Chem. B 113 (2009) 1587",
                doi="10.1021/jp804151a",
                basis="estimate",
            ),
            Finding(
                quantity="lateral share",
                low=0.3,
                high=1.0,
                found="a bulk heterojunction, not a bilayer",
                citation="Campoy-Quiles et al., Nat. Mater. 7 (2008) 158",
                doi="10.1038/nmat2102",
                basis="estimate",
            ),
            Finding(
                quantity="spacing",
                low=15.0,
                high=50.0,
                found="a length of 25 nm in scattering of drop-cast blends, which annealing hardly changes",
                citation="Parnell, Cadby, Mykhaylyk, Dunbar, Hopkinson, Donald and Jones, Macromolecules 44 "
                "(2011)",
                basis="secondary",
                shown=False,
                reason="crystals of P3HT set this length, and the model has no crystals; liquid phases are "
                "some four times as far apart",
            ),
        ),
        sources=(
            Source(
                parameters="chi",
                basis="estimate",
                citation="so that the donor-rich phase of a dry film holds 15 vol% of PCBM, between 5 % and "
                "the full miscibility that have been reported. The 0.86 from melting points (Kozub et al., "
                "Macromolecules 44 (2011) 5722, doi 10.1021/ma200855r) is read as per volume of one PCBM, "
                "0.14 for one chlorobenzene, the unit here: that makes the two miscible up to 48 %, while "
                "0.86 per chlorobenzene would make them immiscible and demix a film with 80 % of solvent",
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
                parameters="mobility",
                basis="secondary",
                citation="Kramer, Green and Palmstrøm, Polymer 25 (1984) 473, as in Ronsin and Harting's "
                "simulations of this blend (arXiv:2206.10196)",
                doi="10.1016/0032-3861(84)90205-2",
            ),
            Source(
                parameters="evaporation",
                basis="estimate",
                citation="k_e = 0.23 µm/s: that of chloroform at 1500 rpm (see pdpp5t-pcbm) times the ratios "
                "of vapour pressures, 1.6 to 26 kPa, molar volumes, 101.7 to 80.7, and gas diffusivities, "
                "(0.075/0.089)^⅔",
            ),
            Source(
                parameters="diffusivity of the unit of time, solid_diffusivity, diffusivity_exponent",
                basis="estimate",
                citation="self-diffusion of chlorobenzene at 25 °C, 1.7e-9 m²/s; a solid in which PCBM is "
                "three to five orders of magnitude slower than in solution; Rouse chains",
            ),
            Source(
                parameters="substrate_strength, substrate_donor",
                basis="estimate",
                citation="12 N/m h: a PCBM-rich phase is 0.5 mN/m cheaper at the substrate than a P3HT-rich "
                "one (surfaces of PCBM and P3HT differ by some 10 mN/m)",
            ),
            Source(
                parameters="kappa, barrier, solvent, width, h0",
                basis="estimate",
                citation="√kappa = 1.6 nm, near the width of the interfaces; a dry film of 111 nm",
            ),
            _molar_volume("chlorobenzene", "112.56", "1.107"),
            _DEPTH,
        ),
        remark="Amorphous liquid-liquid separation only: both substances crystallise, which is not "
        "simulated, and the surface has no energy of its own. P3HT gets to the air because it is the slower "
        "solute and because PCBM wets the substrate. The chain length is that of 20 kg/mol. "
        + _DEFAULT_TEMPERATURE_LAWS,
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
        "chi 2.4 and 2.8 are from another campaign, whose lengths correspond to a kappa near 1.6e-3. "
        "benchmarks/published_frames.py measures how well the interface lengths of all frames are met.",
    ),
)

MATERIALS: dict[str, Material] = {entry.name: entry for entry in _TABLE}
"""All materials by name."""
