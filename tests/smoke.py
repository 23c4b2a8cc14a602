"""Is an installed morphsim complete? Run by itself, in a folder of its own, against the installed wheel."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np

import morphsim

LARGEST_ENCODER = 8 * 2**20
SMALLEST_ENCODER = 2 * 2**20


def check_package() -> None:
    """The package is the installed one, and brings the encoder that it names `default`."""
    package = Path(morphsim.__file__).resolve().parent
    repository = Path(__file__).resolve().parents[1]
    assert repository not in package.parents, f"{package} is the checkout, not the installed package"
    assert (package / "py.typed").is_file()
    size = sum(file.stat().st_size for file in (package / "assets" / "default").rglob("*") if file.is_file())
    assert SMALLEST_ENCODER <= size <= LARGEST_ENCODER, f"the default encoder takes {size} bytes"


def check_encoder_and_environment() -> None:
    """A wrapped environment steps, and the default encoder codes what it shows."""
    encoder = morphsim.load_encoder("default", device="cpu")
    target = np.zeros(encoder.frame_shape, np.uint8)
    latents = encoder.encode(target[None])
    assert latents.shape == (1, encoder.latent_size)
    assert np.isfinite(latents).all()
    env = gym.make("morphsim:morphsim/Drying-v0", shape=encoder.frame_shape, steps=4)
    env = morphsim.LatentRewardWrapper(env, encoder, target=target)
    observation, _ = env.reset(seed=0)
    assert observation.shape == (1, *encoder.frame_shape)
    _, reward, _, _, info = env.step(env.action_space.sample())
    assert np.isfinite(reward)
    assert info["latent"].shape == (encoder.latent_size,)
    env.close()


def check_readme() -> None:
    """What the README shows of the interface runs as it is printed."""
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert blocks
    rewards = []
    for block in blocks:
        names: dict[str, object] = {}
        exec(compile(block, "README.md", "exec"), names)
        rewards += [names[name] for name in ("reward",) if name in names]
    assert rewards
    assert np.isfinite(rewards).all()


def check_command() -> None:
    """The command is installed and makes a film."""
    command = str(Path(sys.executable).with_name("morphsim"))

    def run(*words: str) -> str:
        return subprocess.run([command, *words], check=True, capture_output=True, text=True).stdout

    assert "simulate" in run("--help")
    film = ("--process", "annealing", "--frames", "2", "--shape", "16", "64")
    report = json.loads(run("simulate", *film, "--out", "film", "--json"))
    assert report["frames"] == 2
    for name in report["files"]:
        assert (Path("film") / name).stat().st_size > 0


if __name__ == "__main__":
    check_package()
    check_encoder_and_environment()
    check_readme()
    check_command()
    sys.stdout.write(f"morphsim {morphsim.__version__} is installed and works\n")
