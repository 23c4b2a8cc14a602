"""Every number that a configuration of training takes: odd values are refused before any work."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from morphsim._commands import evaluate_encoder, score
from morphsim.agents import AgentConfig, EvaluationConfig, PPOConfig, SACConfig
from morphsim.agents.environment import EnvironmentSpec
from morphsim.agents.model import check_memory
from morphsim.demo import DemoConfig
from morphsim.encoder import ObjectiveConfig, TrainingConfig
from morphsim.encoder.networks import ARCHITECTURES, CVAEConfig, parse_network
from morphsim.encoder.tuning import TuningConfig
from morphsim.errors import InputError
from morphsim.simulator import AnnealingRecipe

ODD = (
    -1,
    0,
    2**31,
    2**63,
    10**18,
    10**400,
    -(10**400),
    math.nan,
    math.inf,
    -math.inf,
    1e308,
    1e-320,
    -1e-320,
)
SPEC = EnvironmentSpec(
    env="annealing",
    recipe=AnnealingRecipe().to_dict(),
    knobs=("temperature",),
    shape=(16, 32),
    cells=(16, 32),
    steps=4,
    reward="progress",
)

MAY_BE_NONE = {("AgentConfig", "shape"), ("AgentConfig", "cells"), ("DemoConfig", "cells")}

CONFIGS: dict[str, Callable[..., Any]] = {
    "TrainingConfig": lambda **values: TrainingConfig(frames=Path("f.h5"), **values),
    "ObjectiveConfig": ObjectiveConfig,
    **ARCHITECTURES,
    "TuningConfig": lambda **values: TuningConfig(frames=Path("f.h5"), **values),
    "AgentConfig": lambda **values: AgentConfig(encoder="default", target="t.h5", **values),
    "PPOConfig": PPOConfig,
    "SACConfig": SACConfig,
    "EnvironmentSpec": lambda **values: dataclasses.replace(SPEC, **values),
    "EvaluationConfig": lambda **values: EvaluationConfig(agent=Path("agent"), **values),
    "DemoConfig": DemoConfig,
}
KINDS: dict[str, type[Any]] = {
    "TrainingConfig": TrainingConfig,
    "ObjectiveConfig": ObjectiveConfig,
    **ARCHITECTURES,
    "TuningConfig": TuningConfig,
    "AgentConfig": AgentConfig,
    "PPOConfig": PPOConfig,
    "SACConfig": SACConfig,
    "EnvironmentSpec": EnvironmentSpec,
    "EvaluationConfig": EvaluationConfig,
    "DemoConfig": DemoConfig,
}


def numbers(kind: type[Any]) -> Iterator[tuple[str, bool, int | None]]:
    """Each field of numbers: its name, whether it takes fractions, and of a tuple how many (0: any)."""
    for name, hint in get_type_hints(kind).items():
        if name not in {field.name for field in dataclasses.fields(kind)}:
            continue
        options = get_args(hint) if hint not in (int, float) else ()
        for each in (hint, *options):
            if each in (int, float) and each is not bool:
                inside = getattr(hint, "__origin__", None) is tuple
                count = (0 if Ellipsis in options else len(options)) if inside else None
                yield name, each is float, count
                break
            parts = get_args(each)
            if getattr(each, "__origin__", None) is tuple and parts[0] in (int, float):
                yield name, parts[0] is float, 0 if Ellipsis in parts else len(parts)
                break


FIELDS = [
    pytest.param(config, name, fraction, count, id=f"{config}.{name}")
    for config, kind in KINDS.items()
    for name, fraction, count in numbers(kind)
]


def test_the_fields_are_found() -> None:
    names = {str(each.id) for each in FIELDS}
    assert len(names) > 60
    assert {"AgentConfig.hidden", "AgentConfig.shape", "cvae.channels", "SACConfig.tau"} <= names
    assert {"DemoConfig.rates", "TuningConfig.trials", "split.dropout", "ObjectiveConfig.kl"} <= names


@pytest.mark.parametrize(("config", "name", "fraction", "count"), FIELDS)
def test_an_odd_number_is_accepted_or_refused_in_one_line(
    config: str, name: str, fraction: bool, count: int | None
) -> None:
    refused = 0
    given = [value if count is None else (value,) * (count or 1) for value in ODD]
    given += [] if count is None else [(1,) * 1_000_000, ()]
    for value in given:
        try:
            CONFIGS[config](**{name: value})
        except InputError as error:
            refused += 1
            assert "\n" not in str(error) and len(str(error)) < 600
    # Whatever a number means, those that are none or that no float can hold are refused.
    assert refused >= 5


@pytest.mark.parametrize("value", ["many", None, True, [1], {}])
@pytest.mark.parametrize(("config", "name", "fraction", "count"), FIELDS)
def test_what_is_no_number_is_refused_in_one_line(
    config: str, name: str, fraction: bool, count: int | None, value: object
) -> None:
    if value is None and (config, name) in MAY_BE_NONE:
        return
    with pytest.raises(InputError):
        CONFIGS[config](**{name: value})


@pytest.mark.parametrize(
    ("config", "values", "complaint"),
    [
        ("AgentConfig", {"hidden": (10**9,)}, "no layer may have over 8192 units"),
        (
            "AgentConfig",
            {"hidden": (8,) * 10**6},
            "hidden is a list of 1000000; it must be the units of at most 32 layers",
        ),
        ("AgentConfig", {"hidden": (8192,) * 3}, "134,217,728 weights in a network, but at most 70,000,000"),
        ("AgentConfig", {"n_envs": 10**6}, "n_envs is 1000000; it must be a whole number of at most 256"),
        ("AgentConfig", {"total_steps": 10**12}, "total_steps is 1000000000000; .* at most 1000000000"),
        ("AgentConfig", {"seed": 2**63}, "seed is 9223372036854775808; it must be a whole number of at most"),
        ("AgentConfig", {"learning_rate": 1e308}, r"learning_rate is 1e\+308; .* at most 1000"),
        ("AgentConfig", {"learning_rate": 1e-320}, r"learning_rate is 1e-320; .* at least 1e-12"),
        ("AgentConfig", {"threads": 100_000}, "threads is 100000; .* at most 1024"),
        ("SACConfig", {"buffer_size": 10**12}, "buffer_size is 1000000000000; .* at most 100000000"),
        ("TrainingConfig", {"epochs": 10**12}, "epochs is 1000000000000; .* at most 1000000000"),
        ("TrainingConfig", {"seed": 2**63}, "seed is 9223372036854775808"),
        ("TuningConfig", {"trials": 10**18}, "trials is 1000000000000000000; .* at most 100000"),
        ("ObjectiveConfig", {"kl": 1e308}, r"objective kl is 1e\+308; .* at most 1e\+09"),
        ("autoencoder", {"channels": (8,) * 10**6}, "channels"),
        ("EvaluationConfig", {"seeds": 2**31}, "seeds is 2147483648; .* at most 100000"),
        ("DemoConfig", {"seed": 2**63}, "seed is 9223372036854775808"),
        ("DemoConfig", {"rates": (math.nan,)}, "evaporation is nan"),
    ],
)
def test_what_is_allowed_is_said(config: str, values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        CONFIGS[config](**values)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (evaluate_encoder, "most"),
        (evaluate_encoder, "seed"),
        (evaluate_encoder, "threads"),
        (score, "top"),
        (score, "threads"),
    ],
)
def test_the_numbers_of_commands_are_checked_before_any_file_is_read(module: Any, name: str) -> None:
    for value in (-1, 10**18, 2**63):
        given = {"frames": Path("missing.h5"), "target": "missing.h5", name: value}
        known = {field.name for field in dataclasses.fields(module.Options)}
        options = module.Options(**{key: each for key, each in given.items() if key in known})
        if name == "seed" and value == 10**18:
            options.check()
            continue
        with pytest.raises(InputError, match=f"--{name} is"):
            options.run()


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_a_network_of_too_many_weights_is_refused_before_it_is_built(architecture: str) -> None:
    sizes = {"cvae": "hidden=65536", "autoencoder": "latent_size=65536", "split": "hidden=65536"}[
        architecture
    ]
    network = parse_network(architecture, [sizes, "kernel_size=63"])
    with pytest.raises(InputError, match=r"the network would have [\d,]+ weights for frames of 512 x 512"):
        network.build_on_meta((512, 512))
    network = parse_network(architecture, [sizes, "kernel_size=65535"])
    with pytest.raises(InputError, match="weights for frames of 65536 x 65536"):
        network.build_on_meta((65_536, 65_536), channels=65_536)


def test_the_smallest_frames_are_checked_alike() -> None:
    assert CVAEConfig(latent_size=4).build_on_meta((8, 8)).latent_size == 4


def test_what_an_agent_remembers_must_fit_into_memory() -> None:
    config = AgentConfig(
        encoder="default", target="t.h5", algorithm="sac", sac=SACConfig(buffer_size=100_000_000)
    )
    check_memory(config, 16, 2)
    with pytest.raises(InputError, match=r"sac.buffer_size is 100000000: 374 GiB .* at most 16 GiB"):
        check_memory(config, 500, 2)
    config = dataclasses.replace(
        config, algorithm="ppo", ppo=PPOConfig(rollout_steps=100_000_000, batch_size=100)
    )
    with pytest.raises(InputError, match=r"ppo.rollout_steps is 100000000: 188 GiB"):
        check_memory(config, 497, 2)
