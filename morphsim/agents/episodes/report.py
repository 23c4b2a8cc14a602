"""What a recording of episodes reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from morphsim.agents.episodes.episode import RecordedEpisode


@dataclass(frozen=True, kw_only=True)
class PolicySummary:
    """The episodes of a policy."""

    policy: str
    """Its name."""
    episodes: int
    """Number of episodes."""
    steps: int
    """Number of steps in all episodes."""
    mean_return: float
    """Mean sum of rewards."""
    mean_distance: float
    """Mean distance of the last frame from the target."""
    success_rate: float
    """Share of episodes whose last frame is a success."""
    truncated: int
    """Episodes whose film could not be advanced to its end."""


@dataclass(frozen=True, kw_only=True)
class EpisodesReport:
    """A data set that was recorded."""

    dataset_id: str
    """Minari's id."""
    folder: Path
    """Folder of the data set."""
    policies: tuple[PolicySummary, ...]
    """The policies in the data set."""
    ref_min_score: float
    """Mean return of random schedules."""
    ref_max_score: float
    """Mean return of the targets' own schedules."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            **asdict(self),
            "folder": str(self.folder),
            "policies": [asdict(each) for each in self.policies],
        }

    def render(self) -> str:
        """Return the report as text."""
        width = max(len(each.policy) for each in self.policies)
        episodes, steps = (sum(getattr(each, key) for each in self.policies) for key in ("episodes", "steps"))
        lines = [f"{self.dataset_id}: {episodes} episodes, {steps} steps, in {self.folder}"]
        for each in self.policies:
            cut = f", {each.truncated} cut off" if each.truncated else ""
            lines.append(
                f"  {each.policy:<{width}}  mean return {each.mean_return:.4f}, final distance "
                f"{each.mean_distance:.4f}, success {100 * each.success_rate:.0f} %{cut}"
            )
        lines.append(
            f"reference scores: {self.ref_min_score:.4f} for random schedules, {self.ref_max_score:.4f} for "
            "the targets' own"
        )
        return "\n".join(lines)


def summarise(policy: str, episodes: Sequence[RecordedEpisode]) -> PolicySummary:
    """Summarise the episodes of a policy, one or more."""
    return PolicySummary(
        policy=policy,
        episodes=len(episodes),
        steps=sum(each.steps for each in episodes),
        mean_return=float(np.mean([each.total for each in episodes])),
        mean_distance=float(np.mean([each.infos["distance"][-1] for each in episodes])),
        success_rate=float(np.mean([each.infos["success"][-1] for each in episodes])),
        truncated=sum(not each.terminated for each in episodes),
    )
