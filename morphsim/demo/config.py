"""Size of the demo, and the configuration of each of its stages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from morphsim.agents import AgentConfig, EvaluationConfig, SACConfig
from morphsim.checks import check_frame_shape, check_tuple, check_whole
from morphsim.encoder import CVAEConfig, TrainingConfig
from morphsim.frames import DatasetConfig
from morphsim.simulator import DryingRecipe

# The film at the start: without control it dries to three layers. Cells are coarser than the default, so the
# interfaces are wider to be resolved.
RECIPE = DryingRecipe(kappa=4e-4, thermal_noise=1e-9, substrate_strength=0.0)
# Dried ten times more slowly it forms a bilayer with the acceptor on top: the target. Chain lengths and rate
# determine the layers, not chance, so the target can be reached with any noise.
TARGET_EVAPORATION = 0.03
TARGET_SEED = 12345

_MOST_VALUES = 100


@dataclass(frozen=True, kw_only=True)
class DemoConfig:
    """Size of the demo.

    Raises:
        InputError: a value is out of range.
    """

    out: Path = Path("runs/demo")
    """Folder for all results; a demo that was stopped resumes where it was."""
    shape: tuple[int, int] = (48, 192)
    """Height and width of the frames [pixels]."""
    cells: tuple[int, int] | None = None
    """Height and width of the solver's grid (default: that of the process for this shape)."""
    rates: tuple[float, ...] = (0.03, 0.06, 0.12, 0.25, 0.5, 1.0, 2.0, 3.0)
    """Evaporation rates of the films that the encoder is trained on."""
    blends: tuple[float, ...] = (0.4, 0.45, 0.5, 0.55, 0.6)
    """Blend ratios of those films."""
    chains: tuple[float, ...] = (5.0, 10.0, 20.0)
    """Chain lengths of their donor: short chains give columns, long chains layers."""
    frames: int = 12
    """Frames of each film."""
    epochs: int = 40
    """Epochs of the encoder."""
    agent_steps: int = 5000
    """Environment steps of the agent's training."""
    seeds: int = 12
    """Number of unseen films for the comparison of policies."""
    workers: int = 2
    """Number of processes."""
    seed: int = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        for name in ("frames", "epochs", "agent_steps", "seeds", "workers"):
            check_whole(name, getattr(self, name), 1)
        for name in ("rates", "blends", "chains"):
            check_tuple(name, getattr(self, name), 1, _MOST_VALUES, f"1 to {_MOST_VALUES} numbers")
        check_frame_shape("shape", self.shape)
        if self.cells is not None:
            check_frame_shape("cells", self.cells)
        # The configurations of the stages check the rest.
        self.dataset().plan()
        self.training(self.out)
        self.agent_training("target", self.out)
        self.comparison()

    def dataset(self) -> DatasetConfig:
        """Build the configuration of the films."""
        return DatasetConfig(
            out=self.out / "films.h5",
            process=RECIPE.process,
            set=(f"kappa={RECIPE.kappa}",),
            grid=(
                "evaporation=" + ",".join(map(str, self.rates)),
                "blend_ratio=" + ",".join(map(str, self.blends)),
                "n_donor=" + ",".join(map(str, self.chains)),
            ),
            frames=self.frames,
            shape=self.shape,
            cells=self.cells,
            seed=self.seed,
            workers=self.workers,
        )

    def training(self, films: Path) -> TrainingConfig:
        """Build the configuration of the encoder's training on the file `films`."""
        return TrainingConfig(
            frames=films,
            out=self.out / "encoder",
            epochs=self.epochs,
            batch_size=32,
            seed=self.seed,
            device="cpu",
            resume=True,
            network=CVAEConfig(latent_size=8),
        )

    def agent_training(self, target: str, recipe: Path) -> AgentConfig:
        """Build the configuration of the agent's training for a target, with the recipe of a file."""
        return AgentConfig(
            encoder=str(self.out / "encoder"),
            target=target,
            out=self.out / "agent",
            recipe=recipe,
            knobs=("evaporation", "temperature"),
            cells=self.cells,
            steps=10,
            total_steps=self.agent_steps,
            n_envs=self.workers,
            seed=self.seed,
            device="cpu",
            resume=True,
            algorithm="sac",
            gamma=0.99,
            sac=SACConfig(learning_starts=min(300, self.agent_steps // 4), batch_size=128, gradient_steps=2),
        )

    def comparison(self) -> EvaluationConfig:
        """Build the configuration of the comparison with baselines."""
        return EvaluationConfig(
            agent=self.out / "agent",
            seeds=self.seeds,
            own_set=(f"evaporation={TARGET_EVAPORATION}",),
            workers=self.workers,
            device="cpu",
        )
