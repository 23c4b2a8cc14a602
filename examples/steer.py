"""A shipped agent steers a film of unknown material to a target, in one go."""

from __future__ import annotations

from morphsim.agents import load_agent

agent = load_agent("default")
env = agent.make_env(split="goals")
observation, info = env.reset(seed=3, options={"target": "columns"})
memory, over = None, False
while not over:
    action, memory = agent.predict(observation, memory)
    observation, reward, terminated, truncated, info = env.step(action)
    over = terminated or truncated
print(f"distance {info['distance']:.2f} from the target; material taken for", end=" ")
print({name: round(float(value[0]), 2) for name, value in agent.hidden_parameters(memory).items()})
