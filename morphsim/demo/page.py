"""The page of the demo: one HTML file with figures beside it, to be opened from disk."""

from __future__ import annotations

import html
import shutil
from collections.abc import Mapping
from pathlib import Path

from morphsim.agents import Agent, AgentEvaluation
from morphsim.agents.curves import read_curves
from morphsim.demo.config import RECIPE
from morphsim.demo.figures import LABELS, draw_comparison, draw_films, draw_learning, draw_schedules
from morphsim.demo.rollout import Rollout
from morphsim.encoder.io.layout import METRICS
from morphsim.files import read_sealed_json, write_text
from morphsim.frames.pictures import FilmPictures, draw_movie, draw_strip, held_settings, share_pictures
from morphsim.simulator import DRYING_UNITS

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222 }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
img { max-width: 100%; height: auto; display: block; margin: .5rem 0 }
table { border-collapse: collapse } td, th { padding: .25rem .9rem; text-align: right }
th:first-child, td:first-child { text-align: left } tr { border-bottom: 1px solid #ddd }
.verdict { font-weight: 600 } .note { color: #555 }
"""


def write_page(
    folder: Path, agent: Agent, evaluation: AgentEvaluation, rollouts: Mapping[str, Rollout]
) -> Path:
    """Draw the figures into `folder` and write `index.html` beside them.

    Args:
        folder: folder of the demo, with `encoder/` and `agent/`.
        agent: the trained agent.
        evaluation: evaluation of the agent and the baselines.
        rollouts: recorded films of `agent` and `recipe`.

    Returns:
        Path of the page.
    """
    draw_films(folder / "films.png", agent.setup.target, evaluation)
    draw_comparison(folder / "comparison.png", evaluation)
    draw_learning(folder / "learning.png", read_curves(folder / "agent"), evaluation)
    draw_schedules(folder / "schedules.png", rollouts)
    steered = _pictures(rollouts["agent"])
    draw_strip(folder / "strip.png", steered)
    draw_movie(folder / "agent.gif", steered, fps=3.0)
    for name in ("curves.png", "reconstructions.png"):
        shutil.copyfile(folder / "encoder" / name, folder / f"encoder-{name}")
    metrics = read_sealed_json(folder / "encoder" / METRICS)
    page = folder / "index.html"
    write_text(page, _html(evaluation, metrics))
    return page


def _pictures(rollout: Rollout) -> FilmPictures:
    return share_pictures(
        rollout.share,
        RECIPE,
        DRYING_UNITS,
        time_s=rollout.time_s,
        thickness_nm=rollout.thickness_nm,
        knobs=held_settings(rollout.knobs, DRYING_UNITS, rollout.time_s),
    )


def _html(evaluation: AgentEvaluation, metrics: Mapping[str, object]) -> str:
    rows = []
    for result in evaluation.results:
        regret = evaluation.regret(result.name)
        low, high = result.quartiles
        rows.append(
            f"<tr><td>{html.escape(LABELS.get(result.name, result.name))}</td><td>{result.median:.3f}</td>"
            f"<td>{low:.3f} to {high:.3f}</td><td>{'' if regret is None else f'{regret:.2f}'}</td></tr>"
        )
    verdict = (
        "The agent's films end nearer to the target than those of random knobs and of the untouched recipe."
        if evaluation.beats_baselines
        else "The agent is NOT better than both baselines here."
    )
    held_out = metrics.get("held_out")
    bound = held_out.get("negative_elbo") if isinstance(held_out, Mapping) else None
    fit = f" Held-out -ELBO: {bound:.0f} nats per frame." if isinstance(bound, float) else ""
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>morphsim demo</title><style>{_STYLE}</style></head>
<body>
<h1>Steering a drying film to a target morphology</h1>
<p>A donor/acceptor film dries. Without control it forms three layers; the target is the bilayer that the same
film forms when it dries slowly. The agent observes the latent vector of each frame and the dryness of the
film, and sets evaporation rate and temperature.</p>
<h2>Result on {len(evaluation.seeds)} unseen films</h2>
<p class="verdict">{verdict}</p>
<table>
<tr><th>policy</th><th>median final distance</th><th>quartiles</th><th>regret</th></tr>
{"".join(rows)}
</table>
<p class="note">Distance between latent means; 1 is the median distance of random pairs of training frames.
Regret: 0 is as good as repeating the target's own recipe with new noise, 1 is no better than random
knobs.</p>
<img src="comparison.png" alt="final distances by policy">
<h2>Target and final films</h2>
<img src="films.png" alt="target and final films of each policy">
<h2>What the agent does</h2>
<img src="schedules.png" alt="knobs and distance against dryness, agent and untouched recipe">
<img src="strip.png" alt="frames of a film that the agent dries">
<img src="agent.gif" alt="the same film as an animation">
<h2>Learning curve</h2>
<img src="learning.png" alt="final distance against steps of training">
<h2>Encoder</h2>
<p>A convolutional variational autoencoder, trained on films of many recipes, including that of the target
with other noise.{fit}</p>
<img src="encoder-curves.png" alt="-ELBO against epochs">
<img src="encoder-reconstructions.png" alt="held-out frames over their reconstructions">
</body>
</html>
"""
