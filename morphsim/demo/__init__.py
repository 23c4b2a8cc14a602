"""The whole path in a few minutes: films, encoder, agent, comparison, and a page that shows them."""

from morphsim.demo.config import DemoConfig
from morphsim.demo.run import DemoResult, run_demo

__all__ = ["DemoConfig", "DemoResult", "run_demo"]
