"""Frames of a vector environment as latents, all coded at once; and which of its rows begin or go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from numpy.typing import NDArray

from morphsim.encoder import EncodedFrames, Encoder
from morphsim.errors import InputError
from morphsim.frames.binarisation import Binarisation
from morphsim.rewards.coder import FrameCoder, TargetGenerator, find_frames
from morphsim.rewards.source import FrameSource, check_boundary
from morphsim.rewards.watch import FrameWatch

if TYPE_CHECKING:
    AnyVectorWrapper = VectorWrapper[Any, Any, Any, Any, Any]
else:
    # Gymnasium 1.2's is not generic.
    AnyVectorWrapper = VectorWrapper


@dataclass(frozen=True, eq=False, kw_only=True)
class Coded:
    """Frames of some environments, coded together."""

    frames: NDArray[Any]
    """(M, H, W)."""
    codes: EncodedFrames
    """M rows."""
    current: Mapping[int, int]
    """By environment, the row of the frame that it shows now."""
    final: Mapping[int, int]
    """By environment whose episode has just ended, the row of its last frame."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Rows:
    """What a step of a vector environment was to each of its environments."""

    stepped: list[int]
    """Made a step."""
    started: list[int]
    """Began an episode."""
    ended: list[int]
    """Ended one within this step, so that their last frame is the final one."""


class VectorCoder(FrameCoder):
    """Encodes the frames of a vector environment. For its arguments see `Coder`.

    Raises:
        InputError: no known autoreset mode, or frames that are gone when an episode has ended.
    """

    def __init__(
        self,
        envs: VectorEnv[Any, Any, Any],
        encoder: Encoder,
        frame: FrameSource,
        *,
        reconstruct: bool,
        binarisation: Binarisation,
    ) -> None:
        self.encoder, self.source, self.reconstruct = encoder, frame, reconstruct
        self.binarisation = binarisation
        self._envs = envs
        self._inner, self._reader = find_frames(
            envs, envs.single_observation_space, encoder, frame, binarisation, VectorCoder
        )
        self._watch = FrameWatch()
        if (
            self._reader is not None
            and self._reader.rendered
            and autoreset_mode(envs) is AutoresetMode.SAME_STEP
        ):
            raise InputError(
                "frame is 'render', but with autoreset in the same step the last picture of an episode "
                "is gone; use autoreset_mode NEXT_STEP, or wrap the single environments"
            )
        self.latest: Coded | None = None

    def code(
        self,
        observations: Any,
        infos: dict[str, Any],
        *,
        rows: Sequence[int],
        ended: Sequence[int] = (),
        started: Sequence[int] = (),
    ) -> Coded:
        """Code the frames that the environments `rows` show, and the last ones of those that `ended`."""
        for row in started:
            check_boundary(info_of(infos, row), self.encoder)
        inner = self._inner.latest if self._inner is not None else None
        frames = self._frames(observations, infos, rows, ended) if self._reader is not None else None
        if inner is not None and (frames is None or _are(inner, frames, rows, ended)):
            coded = inner
            if self.reconstruct and coded.codes.reconstruction is None:
                codes = self.encoder.encode_all(coded.frames, reconstruct=True)
                coded = Coded(frames=coded.frames, codes=codes, current=coded.current, final=coded.final)
        else:
            assert frames is not None
            assert self._reader is not None
            current = {env: row for row, env in enumerate(rows)}
            final = {env: len(rows) + row for row, env in enumerate(ended)}
            if self._watch.looks:
                # Each frame that a step has led to.
                stepped = {env: row for env, row in current.items() if env not in started} | final
                self._watch.see(frames[list(stepped.values())], list(stepped), self._reader)
            codes = self.encoder.encode_all(frames, reconstruct=self.reconstruct)
            coded = Coded(frames=frames, codes=codes, current=current, final=final)
        self.latest = coded
        return coded

    def _frames(
        self, observations: Any, infos: dict[str, Any], rows: Sequence[int], ended: Sequence[int]
    ) -> NDArray[Any]:
        reader = self._reader
        assert reader is not None
        pictures: Any = self._envs.render() if reader.rendered else None
        frames = [
            reader.one(
                observation_of(observations, row),
                info_of(infos, row),
                lambda row=row: None if pictures is None else pictures[row],  # type: ignore[misc]
            )
            for row in rows
        ]
        for row in ended:
            final_info = info_of(infos.get("final_info", {}), row)
            frames.append(reader.one(infos["final_obs"][row], final_info, lambda: None))
        shapes = {frame.shape for frame in frames}
        if len(shapes) > 1:
            raise InputError(f"the environments show frames of different shapes, {sorted(shapes)}")
        return np.stack(frames)


class VectorEpisodes:
    """Follows which environments begin, go on and end, in every autoreset mode of Gymnasium."""

    def __init__(self, envs: VectorEnv[Any, Any, Any]) -> None:
        self.mode = autoreset_mode(envs)
        self.count = envs.num_envs
        self._over = np.zeros(self.count, np.bool_)

    def reset(self, options: Mapping[str, Any] | None) -> list[int]:
        """The environments that a reset with these options begins."""
        mask = None if options is None else options.get("reset_mask")
        chosen = np.ones(self.count, np.bool_) if mask is None else np.asarray(mask)
        self._over[chosen] = False
        return [int(row) for row in np.flatnonzero(chosen)]

    def step(self, terminated: NDArray[Any], truncated: NDArray[Any]) -> Rows:
        """What the step was to each environment."""
        over = np.asarray(terminated, np.bool_) | np.asarray(truncated, np.bool_)
        everyone = list(range(self.count))
        done = [int(row) for row in np.flatnonzero(over)]
        if self.mode is AutoresetMode.SAME_STEP:
            return Rows(stepped=everyone, started=done, ended=done)
        begun = np.zeros(self.count, np.bool_)
        if self.mode is AutoresetMode.NEXT_STEP:
            begun, self._over = self._over.copy(), over
        started = [row for row in everyone if begun[row]]
        return Rows(stepped=[row for row in everyone if not begun[row]], started=started, ended=[])


class VectorTargetGenerators:
    """A `TargetGenerator` for each environment, so that each draws what it would draw alone."""

    def __init__(self, count: int) -> None:
        self._each = [TargetGenerator() for _ in range(count)]

    def after_reset(
        self, rows: Sequence[int], seed: Any, envs: VectorEnv[Any, Any, Any]
    ) -> list[np.random.Generator]:
        """The generators of some environments, after a reset with `seed`."""
        count = len(self._each)
        if seed is None:
            seeds: list[int | None] = [None] * count
        elif isinstance(seed, int | np.integer):
            seeds = [int(seed) + number for number in range(count)]
        else:
            seeds = list(seed)
        own: Any = None
        if any(seeds[row] is None and self._each[row].generator is None for row in rows):
            own = envs.unwrapped.np_random_seed
        found = own if isinstance(own, tuple | list) and len(own) == count else [None] * count
        return [self._each[row].after_reset(seeds[row], found[row]) for row in rows]

    def later(self, rows: Sequence[int]) -> list[np.random.Generator]:
        """The generators of some environments that begin another episode by themselves."""
        return [self._each[row].after_reset(None, None) for row in rows]


def _are(coded: Coded, frames: NDArray[Any], rows: Sequence[int], ended: Sequence[int]) -> bool:
    """Whether what was coded are these very frames, of the same environments."""
    same = list(coded.current) == list(rows) and list(coded.final) == list(ended)
    return same and np.array_equal(coded.frames, frames)


def autoreset_mode(envs: VectorEnv[Any, Any, Any]) -> AutoresetMode:
    """The autoreset mode of a vector environment.

    Raises:
        InputError: it tells none.
    """
    mode = envs.metadata.get("autoreset_mode")
    if not isinstance(mode, AutoresetMode):
        raise InputError(
            f"the vector environment's metadata has no autoreset_mode (it is {mode!r}); set it to one of "
            "gymnasium.vector.AutoresetMode"
        )
    return mode


def observation_of(observations: Any, row: int) -> Any:
    """The observation of one environment of a batch."""
    if isinstance(observations, Mapping):
        return {key: observation_of(value, row) for key, value in observations.items()}
    if isinstance(observations, tuple):
        return tuple(observation_of(part, row) for part in observations)
    return observations[row]


def info_of(infos: Mapping[str, Any], row: int) -> dict[str, Any]:
    """The info of one environment of a batch, as it gave it; entries without a mask are in every info."""
    info: dict[str, Any] = {}
    for key, value in infos.items():
        if key.startswith("_") and key[1:] in infos:
            continue
        mask = infos.get(f"_{key}")
        if mask is not None and not mask[row]:
            continue
        if isinstance(value, Mapping):
            info[key] = info_of(value, row)
        elif mask is None and np.ndim(value) == 0:
            info[key] = value
        else:
            entry = value[row]
            # A copy: who keeps an info must not see the next step written into it.
            entry = entry.copy() if isinstance(entry, np.ndarray) else entry
            info[key] = entry.item() if isinstance(entry, np.generic) else entry
    return info
