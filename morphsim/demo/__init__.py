"""The whole workflow in a few minutes: films, encoder, agent, comparison, and a page with the results."""

from morphsim.demo.config import DemoConfig
from morphsim.demo.run import DemoResult, run_demo

__all__ = ["DemoConfig", "DemoResult", "run_demo"]
