"""Dry a film, swell it in vapour, and heat it on a hot plate: domains and thickness after each process."""

import argparse

from morphsim.simulator import record_chain
from morphsim.simulator.analysis import domain_size

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--shape", type=int, nargs=2, default=(64, 256), help="height and width of the frames")
height, width = parser.parse_args().shape

dry = {"process": "drying", "evaporation": 3.0, "solvent": 0.6, "width": 2.0}
swell = {"process": "vapour-annealing", "ambient_vapour": 0.4, "duration": "5 ms"}
heat = {
    "process": "annealing",
    "duration": "5 min",
    "temperature": {"time_s": [0, 60], "value_C": [25, 140], "ramp": True},
}
for stage, moment in record_chain([dry, swell, heat], seed=0, frames=1, shape=(height, width)):
    about = {"width": stage.recipe.width, "thickness": moment.thickness, "boundary": stage.recipe.boundary}
    size = stage.units.length_nm * float(domain_size(moment.share, **about))
    print(
        f"{stage.recipe.process}: {stage.time_s(moment):.3g} s, {stage.thickness_nm(moment):.0f} nm thick, "
        f"domains of {size:.0f} nm"
    )
